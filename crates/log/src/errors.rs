//! Why a log did not do what it was asked.

use baton_protocol::Seq;

use crate::StoredReceipt;

/// What a backend's own library said.
pub type StorageFault = Box<dyn std::error::Error + Send + Sync>;

/// Why nothing was appended. In every case neither the events nor the receipt are in the log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// Somebody else appended in between: decide again on the newer state.
    #[error("the log's head is at {actual}, not where the writer expected it")]
    HeadMoved {
        /// Where it is.
        actual: Seq,
    },
    /// The log was to be created and is there.
    #[error("the log exists already")]
    AlreadyExists,
    /// The log was to be continued and is not there.
    #[error("there is no such log")]
    NotFound,
    /// The log was deleted, and its id is never used again.
    #[error("the log was deleted")]
    Deleted,
    /// A log begins with an event; a receipt alone cannot create one.
    #[error("a log cannot be created without an event")]
    NoFirstEvent,
    /// The command was answered before. The caller compares digests: the same one means "give this receipt again", another one is a conflict.
    #[error("command `{}` was answered before", .0.receipt.command)]
    CommandKnown(Box<StoredReceipt>),
    /// One event is larger than [`baton_protocol::limits::EVENT_BYTES_MAX`].
    #[error("an event has {bytes} bytes, more than a log keeps in one")]
    EventTooLarge {
        /// Its size as JSON.
        bytes: usize,
    },
    /// No space is left. Nothing was recorded, reads go on, and so do appends once there is space.
    #[error("the disk is full")]
    DiskFull,
    /// The storage refused before anything was committed. Nothing was recorded; the log goes on.
    #[error("the storage refused the append")]
    Unavailable(#[source] StorageFault),
    /// The log has stopped: a flush failed, and what the disk holds is not known until it is opened again.
    #[error("the log has stopped after a failure")]
    Failed,
}

/// Why a log was not deleted. It is as it was, unless the log has failed: then nobody knows until it is opened again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeleteError {
    /// No space is left, which a deletion needs for a moment, too.
    #[error("the disk is full")]
    DiskFull,
    /// The storage refused before anything was committed.
    #[error("the storage refused the deletion")]
    Unavailable(#[source] StorageFault),
    /// The log has stopped: see [`AppendError::Failed`].
    #[error("the log has stopped after a failure")]
    Failed,
}

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There is no such log.
    #[error("there is no such log")]
    NotFound,
    /// The reader claims to have seen what the log does not have: its cursor is from another incarnation or damaged.
    #[error("the cursor is ahead of the log's head at {head}")]
    AheadOfHead {
        /// The log's last seq.
        head: Seq,
    },
    /// A stored event or receipt does not decode.
    #[error("what is stored at {seq} does not decode")]
    Damaged {
        /// Where.
        seq: Seq,
        /// Why.
        source: StorageFault,
    },
    /// The storage could not be read now.
    #[error("the storage refused the read")]
    Unavailable(#[source] StorageFault),
    /// The log has stopped: see [`AppendError::Failed`].
    #[error("the log has stopped after a failure")]
    Failed,
}

/// Why no copy was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// This backend is copied by other means.
    #[error("this log cannot copy itself")]
    Unsupported,
    /// The copy could not be written, or the log not be read.
    #[error("the copy could not be made")]
    Storage(#[source] StorageFault),
    /// The log has stopped: see [`AppendError::Failed`].
    #[error("the log has stopped after a failure")]
    Failed,
}

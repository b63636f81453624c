//! Why a log refused a request.

use baton_protocol::Seq;

use crate::StoredReceipt;

/// The error of a backend's own library.
pub type StorageFault = Box<dyn std::error::Error + Send + Sync>;

/// Why nothing was appended. In every case, neither the events nor the receipt are in the log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// Another writer appended first: decide again on the newer state.
    #[error("the log's head is at {actual}, not where the writer expected it")]
    HeadMoved {
        /// The actual head.
        actual: Seq,
    },
    /// The request was to create the log, but the log exists.
    #[error("the log exists already")]
    AlreadyExists,
    /// The request was to continue the log, but there is no such log.
    #[error("there is no such log")]
    NotFound,
    /// The log was deleted, and its id is never used again.
    #[error("the log was deleted")]
    Deleted,
    /// A log begins with an event; a receipt alone cannot create one.
    #[error("a log cannot be created without an event")]
    NoFirstEvent,
    /// The command was already answered. The caller compares digests: an equal one means "give this receipt again", another one is a
    /// conflict.
    #[error("command `{}` was answered before", .0.receipt.command)]
    CommandKnown(Box<StoredReceipt>),
    /// One event is larger than [`baton_protocol::limits::EVENT_BYTES_MAX`].
    #[error("an event has {bytes} bytes, more than a log keeps in one")]
    EventTooLarge {
        /// Its size as JSON.
        bytes: usize,
    },
    /// No space is left. Nothing was recorded. Reads still work, and appends will work once there is space.
    #[error("the disk is full")]
    DiskFull,
    /// The storage refused before anything was committed. Nothing was recorded, and the log still works.
    #[error("the storage refused the append")]
    Unavailable(#[source] StorageFault),
    /// The log has stopped: a flush failed, and what the disk holds is unknown until the log is opened again.
    #[error("the log has stopped after a failure")]
    Failed,
}

/// Why a log was not deleted. It is unchanged, unless the log has failed: then its state is unknown until it is opened again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeleteError {
    /// No space is left, and a deletion temporarily needs some.
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
    /// The cursor is beyond the log's head: it comes from another incarnation, or is damaged.
    #[error("the cursor is ahead of the log's head at {head}")]
    AheadOfHead {
        /// The log's last seq.
        head: Seq,
    },
    /// A stored event or receipt does not decode.
    #[error("what is stored at {seq} does not decode")]
    Damaged {
        /// The seq of the event or of the receipt.
        seq: Seq,
        source: StorageFault,
    },
    /// The storage cannot be read at the moment.
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
    /// The copy could not be written, or the log could not be read.
    #[error("the copy could not be made")]
    Storage(#[source] StorageFault),
    /// The log has stopped: see [`AppendError::Failed`].
    #[error("the log has stopped after a failure")]
    Failed,
}

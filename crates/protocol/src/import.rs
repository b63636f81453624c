//! Moving a session from one hub to another: the log travels as the batches that any of its readers gets. See `docs/PROTOCOL.md`, "Moving".

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::payload::payload;
use crate::{AccountId, Batch, Incarnation, Seq};

payload! {
    /// Copies one batch of a session's log at another hub into the log that the command names. The first batch, with `after` 0, creates the
    /// session; the one with `upto == head` completes it. A batch that the session already has changes nothing.
    ImportBatchCommand {
        /// The name of the hub that the batch comes from, 1 to [`crate::limits::DEVICE_NAME_CHARS_MAX`] characters.
        from: String,
        /// As that hub, or a mirror of it, serves the batch.
        batch: Batch,
    }

    /// A batch of another hub's log precedes this event. Until `complete` is true the session takes no other command, starts no run and is
    /// in no list.
    BatchImportedEvent {
        /// The name of the hub that the batch comes from.
        from: String,
        /// The account that owns the session there.
        account: AccountId,
        /// The identity of the log there.
        incarnation: Incarnation,
        /// The session has everything up to this seq of that log.
        upto: Seq,
        /// Whether that is the whole log.
        complete: bool,
    }
}

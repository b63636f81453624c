//! Moving a session from one hub to another: the log travels as the batches that any reader of it gets. `docs/PROTOCOL.md`, "Moving".

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::payload::payload;
use crate::{AccountId, Batch, Incarnation, Seq};

payload! {
    /// Copies one batch of another hub's log of a session into the log that the command names. The first one, with `after` 0, creates the
    /// session; the one with `upto == head` completes it. A batch that the session has already changes nothing.
    ImportBatchCommand {
        /// The name of the hub that the batch comes from, 1 to [`crate::limits::DEVICE_NAME_CHARS_MAX`] characters.
        from: String,
        /// The batch, as that hub or a mirror gives it.
        batch: Batch,
    }

    /// A batch of another hub's log stands before this event. Until `complete` the session takes no other command, starts no run and is
    /// in no list.
    BatchImportedEvent {
        /// The name of the hub that the batch comes from.
        from: String,
        /// The account that owns the session there.
        account: AccountId,
        /// The identity of the log there.
        incarnation: Incarnation,
        /// Everything up to this seq of that log is here.
        upto: Seq,
        /// Whether that is all of it.
        complete: bool,
    }
}

//! The [`EventLog`] trait, its requests and its results.

use std::path::Path;

use async_trait::async_trait;
use baton_protocol::{
    Batch, CommandId, Event, Incarnation, LogId, Receipt, ReceiptOutcome, Seq, TimestampMs, limits,
};
use baton_session::NewEvent;

use crate::{AppendError, CopyError, DeleteError, ReadError};

/// Durable logs of events, one for each session and each account.
///
/// # Laws (each is a test of the conformance suite)
///
/// 1. **Atomic.** The events and the receipt of one request are recorded together or not at all.
/// 2. **Durable before acknowledged.** [`append`](Self::append) returns `Ok` only once a power cut cannot undo it, and no read shows the
///    events before that.
/// 3. **One order.** Seqs count from 1 without gaps. Of several writers that expect the same head, exactly one succeeds.
/// 4. **One answer to each command, permanently.** A second receipt for a command is refused with the first one, whatever else the
///    request expects; the caller compares digests.
/// 5. **The sealing law.** A log may replace a closed part's appends by one `PartSealed` at the close's seq, at any moment, and may join
///    appends in a batch. `fold(state at k, batch(k → m)) == state at m` for every k and every m at which it ends a batch.
///    So no batch ends inside a sealed part.
/// 6. **Identity.** A log keeps the incarnation that it was created with; no other log ever has it.
/// 7. **Saved states are shortcuts.** A recorded append's [`AppendRequest::state`] is kept with the log: of each kind
///    ([`STATE_FORMATS`]), the newest [`STATES_KEPT`] of one format. It is never ahead of the log, and the log is complete without it.
/// 8. **Deletion is final.** Once [`delete`](Self::delete) has returned `Ok`, the log with its receipts and saved states reads as if it
///    had never existed, also after a restart, and its id can never be used again: [`AppendError::Deleted`]. Other logs are unaffected.
///    The log's disk space may be freed later, in steps that a crash may interrupt anywhere.
///
/// Dropping the future of an append does not cancel it: it may still be recorded.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Records the events after `expected` and the receipt. Returns when both are durable.
    async fn append(&self, request: AppendRequest) -> Result<Appended, AppendError>;

    /// The events after `after`, as many as `limit` allows. At the head, the batch is empty and its `upto` is the head.
    async fn read(&self, log: LogId, after: Seq, limit: ReadLimit) -> Result<Batch, ReadError>;

    /// The log's identity and last seq; `None` if there is no such log.
    async fn head(&self, log: LogId) -> Result<Option<LogHead>, ReadError>;

    /// The receipt of a command; `None` if there is no such log, or the log has not answered the command.
    async fn receipt(
        &self,
        log: LogId,
        command: CommandId,
    ) -> Result<Option<StoredReceipt>, ReadError>;

    /// The newest saved state in this format at or below `upto`; `None` if the backend has not kept one.
    async fn saved_state(
        &self,
        log: LogId,
        format: u32,
        upto: Seq,
    ) -> Result<Option<SavedState>, ReadError> {
        let _ = (log, format, upto);
        Ok(None)
    }

    /// Deletes a log permanently, and returns when that is durable (law 8). Idempotent; if there is no such log, nothing is recorded.
    ///
    /// Dropping the future does not cancel it, as for an append.
    async fn delete(&self, log: LogId) -> Result<(), DeleteError>;

    /// All logs, in no particular order.
    async fn logs(&self) -> Result<Vec<LogId>, ReadError>;

    /// Writes a durable copy of all logs, as of one moment, into an empty directory from which the backend can open it. Appends and reads
    /// continue meanwhile. A backend that is copied by other means returns [`CopyError::Unsupported`].
    async fn copy_to(&self, directory: &Path) -> Result<(), CopyError> {
        let _ = directory;
        Err(CopyError::Unsupported)
    }

    /// Checks the whole storage and describes each problem in words for a hub's operator; empty means none. Reads everything.
    async fn examine(&self) -> Result<Vec<String>, ReadError> {
        Ok(Vec::new())
    }
}

/// A request that is recorded as a whole or not at all.
#[derive(Clone, PartialEq, Debug)]
pub struct AppendRequest {
    pub log: LogId,
    /// The head that the writer decided on.
    pub expected: ExpectedHead,
    /// By the hub's clock; for display only.
    pub recorded_at: TimestampMs,
    /// In order. May be empty if there is a receipt (a command that was refused or changed nothing).
    pub events: Vec<NewEvent>,
    /// The answer to the command that caused the events, if there was one.
    pub receipt: Option<NewReceipt>,
    /// The state at the expected head, kept with the log so that later readers need not fold from its start.
    pub state: Option<SavedState>,
}

/// Saved states kept of each format: the newest, and an older one from which a reader far behind can still start.
pub const STATES_KEPT: usize = 2;

/// Number of formats reserved for each kind of state: a kind's versions lie between one multiple of this number and the next. A newer
/// version replaces the older ones of its kind and leaves other kinds alone. Of two states at the same seq, only the later one is kept.
pub const STATE_FORMATS: u32 = 1_000;

/// A state that was folded from a log up to a seq.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SavedState {
    /// The last event folded into it.
    pub seq: Seq,
    /// The version of `json` and of the folding rules. A reader ignores formats that it does not know.
    pub format: u32,
    pub json: String,
}

/// The head that a writer expects.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ExpectedHead {
    /// The log does not exist: create it, with a new incarnation.
    Absent,
    /// The log's last seq.
    At(Seq),
}

/// A receipt to record. The log adds its seq and time.
#[derive(Clone, PartialEq, Debug)]
pub struct NewReceipt {
    pub command: CommandId,
    /// SHA-256 of the command's canonical JSON. Distinguishes a retry from a different command under the same id.
    pub digest: [u8; 32],
    pub outcome: ReceiptOutcome,
}

/// A receipt as recorded.
#[derive(Clone, PartialEq, Debug)]
pub struct StoredReceipt {
    /// What the device receives.
    pub receipt: Receipt,
    /// See [`NewReceipt::digest`].
    pub digest: [u8; 32],
}

/// What an append recorded.
#[derive(Clone, PartialEq, Debug)]
pub struct Appended {
    pub incarnation: Incarnation,
    /// The head before the append.
    pub after: Seq,
    pub events: Vec<Event>,
    pub receipt: Option<Receipt>,
}

impl Appended {
    /// The head right after the append.
    pub fn head(&self) -> Seq {
        self.events.last().map_or(self.after, |event| event.seq)
    }
}

/// A log's identity and last seq.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogHead {
    pub incarnation: Incarnation,
    /// The last seq of the log.
    pub seq: Seq,
}

/// Limits of one batch. A batch always holds at least one event. If it cannot end earlier it exceeds these limits, but never by more
/// than [`crate::batching::STRETCH_BYTES_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReadLimit {
    /// Number of events; joined appends count as one.
    pub events: usize,
    /// Bytes of event JSON.
    pub bytes: usize,
}

impl Default for ReadLimit {
    /// The limits of one frame.
    fn default() -> Self {
        Self {
            events: limits::BATCH_EVENTS_MAX,
            bytes: limits::BATCH_BYTES_TARGET,
        }
    }
}

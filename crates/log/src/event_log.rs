//! The trait and its words.

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
/// 2. **Durable before acknowledged.** [`append`](Self::append) returns `Ok` only when a power cut cannot take the events back, and
///    no read shows them before.
/// 3. **One order.** Positions count from 1 without gaps as they are assigned. Of several writers that expect the same head exactly
///    one succeeds.
/// 4. **One answer to a command, for ever.** A second receipt for a command is refused with the first one, whatever else the request
///    expects; digests are compared by the caller.
/// 5. **The sealing law.** A log may replace a closed part's appends by one `PartSealed` at the close's seq, at any moment, and may join
///    appends in a batch. `fold(state at k, batch(k → m)) == state at m` for every k and every m at which it ends a batch.
///    So no batch ends inside a sealed part.
/// 6. **Identity.** A log keeps the incarnation that it was created with; another log never has it.
/// 7. **Saved states are shortcuts.** What an append carried as [`AppendRequest::state`] is kept beside the log if the append was recorded,
///    the newest [`STATES_KEPT`] of one format of each kind ([`STATE_FORMATS`]). It is never ahead of the log, and a log without it is as good.
/// 8. **Deleted for ever.** Once [`delete`](Self::delete) returned `Ok`, the log with its receipts and saved states reads as one that
///    was never there, also after a restart, and its id is never a log again: [`AppendError::Deleted`]. Other logs are as they were.
///    What the log took on the disk may go later, in steps that a crash may interrupt anywhere.
///
/// Dropping the future of an append does not take it back: it may still be recorded.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Records the events behind `expected` and the receipt, and returns when both are durable.
    async fn append(&self, request: AppendRequest) -> Result<Appended, AppendError>;

    /// The stretch behind `after`, as much as `limit` allows. At the head it is empty, with `upto` at the head.
    async fn read(&self, log: LogId, after: Seq, limit: ReadLimit) -> Result<Batch, ReadError>;

    /// The log's identity and last seq; `None`: no such log.
    async fn head(&self, log: LogId) -> Result<Option<LogHead>, ReadError>;

    /// The receipt of a command; `None`: no such log, or the command was not answered in it.
    async fn receipt(
        &self,
        log: LogId,
        command: CommandId,
    ) -> Result<Option<StoredReceipt>, ReadError>;

    /// The newest saved state in this format at or below `upto`; `None`: there is none. A backend may keep none.
    async fn saved_state(
        &self,
        log: LogId,
        format: u32,
        upto: Seq,
    ) -> Result<Option<SavedState>, ReadError> {
        let _ = (log, format, upto);
        Ok(None)
    }

    /// Takes a log away for good, and returns when that is durable (law 8). Idempotent; where there is no such log nothing is recorded.
    ///
    /// Dropping the future does not call it off, as for an append.
    async fn delete(&self, log: LogId) -> Result<(), DeleteError>;

    /// Every log there is, in no particular order.
    async fn logs(&self) -> Result<Vec<LogId>, ReadError>;

    /// Writes a copy of everything as of one moment, durably, into an empty directory from which the backend can open it. Appends and
    /// reads go on meanwhile. A backend that is copied by other means has none.
    async fn copy_to(&self, directory: &Path) -> Result<(), CopyError> {
        let _ = directory;
        Err(CopyError::Unsupported)
    }

    /// What the storage finds when it checks all of itself, in words for a person who operates it; empty is well. Reads everything.
    async fn examine(&self) -> Result<Vec<String>, ReadError> {
        Ok(Vec::new())
    }
}

/// What is to be recorded as one.
#[derive(Clone, PartialEq, Debug)]
pub struct AppendRequest {
    /// Where.
    pub log: LogId,
    /// The head that the writer decided on.
    pub expected: ExpectedHead,
    /// By the hub's clock; for display.
    pub recorded_at: TimestampMs,
    /// What happened, in order. May be empty where there is a receipt (a refused or idle command).
    pub events: Vec<NewEvent>,
    /// The answer to the command that caused it, where one did.
    pub receipt: Option<NewReceipt>,
    /// The state at the expected head, to be kept beside the log so that nobody folds it from its beginning again.
    pub state: Option<SavedState>,
}

/// Saved states of a log that are kept: the newest, and one before it, behind which a reader who is far behind still finds some history.
pub const STATES_KEPT: usize = 2;

/// Formats of one kind of state: a kind's versions are the numbers from a multiple of this one to the next. A newer version takes the
/// place of the older ones; kinds are kept beside each other. Of two states at the same seq the later one is kept.
pub const STATE_FORMATS: u32 = 1_000;

/// A state that was folded from a log up to a seq.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SavedState {
    /// The head at which it was.
    pub seq: Seq,
    /// How `json` is to be read, and by which rules it was folded. Whoever knows another format takes no notice of it.
    pub format: u32,
    /// The state.
    pub json: String,
}

/// What a writer takes for the state of the log.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ExpectedHead {
    /// There is none: create it, with a new incarnation.
    Absent,
    /// Its last seq.
    At(Seq),
}

/// A receipt that is to be recorded. The log adds its seq and time.
#[derive(Clone, PartialEq, Debug)]
pub struct NewReceipt {
    /// The command.
    pub command: CommandId,
    /// SHA-256 of the command's canonical JSON: tells a retry from another command under the same id.
    pub digest: [u8; 32],
    /// The answer.
    pub outcome: ReceiptOutcome,
}

/// A receipt as recorded.
#[derive(Clone, PartialEq, Debug)]
pub struct StoredReceipt {
    /// What the device gets.
    pub receipt: Receipt,
    /// The command's digest, as [`NewReceipt::digest`].
    pub digest: [u8; 32],
}

/// What an append recorded.
#[derive(Clone, PartialEq, Debug)]
pub struct Appended {
    /// The log's identity.
    pub incarnation: Incarnation,
    /// The head before.
    pub after: Seq,
    /// The events as recorded.
    pub events: Vec<Event>,
    /// The receipt as recorded.
    pub receipt: Option<Receipt>,
}

impl Appended {
    /// The head right after.
    pub fn head(&self) -> Seq {
        self.events.last().map_or(self.after, |event| event.seq)
    }
}

/// A log's identity and end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogHead {
    /// Its identity.
    pub incarnation: Incarnation,
    /// Its last seq.
    pub seq: Seq,
}

/// How much one batch may hold. At least one event is always given, and a batch is longer than the limit where it could not end
/// earlier; never by more than [`crate::batching::STRETCH_BYTES_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReadLimit {
    /// Events, joined appends counted once.
    pub events: usize,
    /// Bytes of event JSON.
    pub bytes: usize,
}

impl Default for ReadLimit {
    /// What fits one frame.
    fn default() -> Self {
        Self {
            events: limits::BATCH_EVENTS_MAX,
            bytes: limits::BATCH_BYTES_TARGET,
        }
    }
}

//! The engine's inputs and outputs.

use baton_protocol::view::ConnectionPhase;
use baton_protocol::{
    AccountId, Batch, ClientFrame, Command, CommandId, Cursor, ErrorBody, HubFrame, Incarnation,
    LogId, Principal, Receipt, Seq, SessionId, TimestampMs,
};

/// The time of an input.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Now {
    /// Milliseconds of a clock that never goes back; it may stand still while the machine sleeps.
    pub mono_ms: u64,
    /// Milliseconds since the Unix epoch, for noticing sleep and for display.
    pub wall: TimestampMs,
}

/// What an engine knows at the start.
#[derive(Clone, Debug)]
pub struct SyncConfig {
    pub account: AccountId,
    /// Seeds the jitter.
    pub seed: u64,
    /// The mirror's cursor in each log that it has.
    pub cursors: Vec<(LogId, Cursor)>,
    /// The gap in each log that the mirror does not have whole.
    pub gaps: Vec<(LogId, Gap)>,
    /// Positions of the sessions, from the mirror's account log.
    pub sessions: Vec<SessionPosition>,
    /// Sessions that the mirror's account log says are deleted: the engine has them dropped at once if the mirror still has them.
    pub deleted: Vec<SessionId>,
    /// Unanswered intents, in the order in which they were queued.
    pub intents: Vec<PendingIntent>,
}

/// What a mirror lacks of a log: `(filled, floor]`. It has everything up to `filled`, and everything after `floor`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gap {
    pub filled: Seq,
    /// The seq of the saved state from which the mirror continued.
    pub floor: Seq,
}

/// A whole saved state that replaces a range of a log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    pub log: LogId,
    pub incarnation: Incarnation,
    /// The cursor that it continues from.
    pub after: Seq,
    /// The cursor after applying it.
    pub seq: Seq,
    /// The state as JSON.
    pub state: String,
}

/// An intent that waits for its receipt.
#[derive(Clone, PartialEq, Debug)]
pub struct PendingIntent {
    pub command: Command,
    /// Whether it was sent before and may be at the hub.
    pub maybe_sent: bool,
}

/// How far a session is, according to the sessions list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionPosition {
    pub session: SessionId,
    /// The head of its log, as far as the account's log knows.
    pub seq: Seq,
    /// Whether a run is active.
    pub running: bool,
    /// When something last happened; the newest sessions are fetched first.
    pub updated_at: TimestampMs,
}

/// Why there is no connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The error to show.
    pub error: ErrorBody,
    /// Whether another attempt can succeed without any change.
    pub retry: bool,
}

impl Problem {
    /// A problem that may be gone at the next attempt.
    pub fn passing(error: ErrorBody) -> Self {
        Self { error, retry: true }
    }

    /// A problem that stays until a person acts.
    pub fn lasting(error: ErrorBody) -> Self {
        Self {
            error,
            retry: false,
        }
    }
}

/// What happened.
#[derive(Clone, PartialEq, Debug)]
pub enum Input {
    /// Start to connect.
    Start,
    Connected,
    /// The socket could not be opened, or has closed.
    Disconnected(Problem),
    FrameReceived(Box<HubFrame>),
    /// A frame arrived that could not be read.
    FrameUnreadable,
    Tick,
    /// The network changed or the machine woke: reconnect at once.
    Nudge,
    /// An intent is durable in the outbox. A stop that goes ahead comes before its write ends
    /// ([`SyncEngine::goes_ahead`](super::SyncEngine::goes_ahead)).
    IntentQueued(PendingIntent),
    /// The mirror cannot use the hub's saved state of this log: from now on the engine asks for batches only.
    SnapshotUnfit(LogId),
    /// The mirror's gap in a log is not the one that the engine expected.
    GapMoved {
        log: LogId,
        /// `None` if there is no gap.
        gap: Option<Gap>,
    },
    /// The mirror could not write a batch of this log's history, so the engine pauses before it asks again.
    HistoryUnwritten(LogId),
    /// A reader wants the history in the gap of this log.
    WantHistory(LogId),
    /// A viewer of this log opened.
    Want(LogId),
    /// A viewer of this log closed.
    Unwant(LogId),
    /// The mirror was not at the cursor that the engine expected: another process wrote it, or the log was dropped.
    MirrorMoved {
        log: LogId,
        /// Where the mirror is now; `None` if it has nothing of the log.
        cursor: Option<Cursor>,
    },
    /// The mirror could not apply a batch: reconnect later, or only once a person has acted.
    MirrorFailed(Problem),
    /// A log could not be dropped: try again after [`MIRROR_RETRY_MS`](crate::limits::MIRROR_RETRY_MS).
    DropFailed(LogId),
    /// A refusal is durable: the intent has ended and is never sent again.
    RefusalNoted(CommandId),
    /// A refusal could not be made durable. Its caller has not been told, and the intent is sent again later.
    RefusalUnnoted(CommandId),
    /// A log that cannot be mirrored: leave it alone until the next start.
    Quarantine(LogId),
    /// Positions of sessions changed in the mirror's account log.
    Summaries(Vec<SessionPosition>),
    /// The account's log says that these sessions are deleted: drop their mirrors, whether or not a view is open.
    Deleted(Vec<SessionId>),
}

/// What the driver must do.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    /// Open a socket; abandon one that is open or being opened.
    Connect,
    /// Close the socket; no close frame is needed.
    Close,
    Send(ClientFrame),
    /// Record durably that these intents may be at the hub, before the following frames are written.
    MarkSent(Vec<CommandId>),
    /// Apply this to the mirror.
    ApplyBatch(Batch),
    /// Apply this to the mirror, which continues from there; the range that it replaces is a gap until it is filled.
    ApplySnapshot(Snapshot),
    /// Apply this to the mirror: it continues what comes before the gap.
    ApplyHistory(Batch),
    /// Drop the mirror of this log. If that fails, feed [`Input::DropFailed`].
    DropLog(LogId),
    /// The hub answered an intent.
    StoreReceipt(Receipt),
    /// An intent will never happen and has no receipt: the hub refused its frame, or refused what it depends on. Make the refusal durable,
    /// then tell the caller, then feed [`Input::RefusalNoted`] or [`Input::RefusalUnnoted`]. Without a durable refusal, a restart would
    /// find the intent unanswered and send it again, and it might happen.
    RefuseIntent {
        command: CommandId,
        error: ErrorBody,
    },
    /// The hub greeted.
    Welcomed {
        hub_name: String,
        /// The principal that the hub knows this device as.
        principal: Principal,
        /// How far the hub's wall clock is ahead of this device's, in milliseconds; `None` if the hub does not say.
        clock_offset_ms: Option<i64>,
    },
    /// The principals that are connected.
    Presence(Vec<Principal>),
    /// The state of the connection changed.
    Connection(ConnectionStatus),
    /// Whether a log is mirrored up to the hub's head.
    CaughtUp {
        log: LogId,
        caught_up: bool,
    },
}

/// The state of the connection, for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConnectionStatus {
    pub phase: ConnectionPhase,
    /// When the next attempt is due.
    pub retry_at: Option<TimestampMs>,
    /// Why there is no connection.
    pub problem: Option<ErrorBody>,
}

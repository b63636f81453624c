//! What goes into the engine and what comes out.

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

/// What an engine knows when it starts.
#[derive(Clone, Debug)]
pub struct SyncConfig {
    /// The account whose logs are followed.
    pub account: AccountId,
    /// Feeds the jitter.
    pub seed: u64,
    /// Where the mirror stands in each log that it has.
    pub cursors: Vec<(LogId, Cursor)>,
    /// What the mirror lacks of each log in front of what it has up to its cursor.
    pub gaps: Vec<(LogId, Gap)>,
    /// What the mirror's account log says of the sessions.
    pub sessions: Vec<SessionPosition>,
    /// Sessions that are deleted, as the mirror's account log says: what the mirror still has of them is forgotten at once.
    pub deleted: Vec<SessionId>,
    /// Intents without an answer, in their order.
    pub intents: Vec<PendingIntent>,
}

/// What a mirror lacks of a log: `(filled, floor]`. It has everything up to `filled`, and everything behind `floor`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gap {
    /// What it has up to here.
    pub filled: Seq,
    /// The seq of the saved state that it began anew with.
    pub floor: Seq,
}

/// A saved state that stands for a stretch of a log, whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// Which log.
    pub log: LogId,
    /// The log's identity.
    pub incarnation: Incarnation,
    /// The cursor that it continues.
    pub after: Seq,
    /// The cursor after it.
    pub seq: Seq,
    /// The state's JSON.
    pub state: String,
}

/// An intent that waits for its receipt.
#[derive(Clone, PartialEq, Debug)]
pub struct PendingIntent {
    /// What is wanted.
    pub command: Command,
    /// Whether it was given to a line before, and may be at the hub.
    pub maybe_sent: bool,
}

/// What the sessions list says about how far a session is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionPosition {
    /// Which session.
    pub session: SessionId,
    /// The head of its log, as far as the account's log knows.
    pub seq: Seq,
    /// Whether a run is on.
    pub running: bool,
    /// When something last happened: newer ones are fetched first.
    pub updated_at: TimestampMs,
}

/// Why there is no connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// For the person.
    pub error: ErrorBody,
    /// Whether another attempt makes sense without anything changing.
    pub retry: bool,
}

impl Problem {
    /// Something that may be over at the next attempt.
    pub fn passing(error: ErrorBody) -> Self {
        Self { error, retry: true }
    }

    /// Something that stays until a person acts.
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
    /// Begin.
    Start,
    /// The socket is open.
    Connected,
    /// The socket could not be opened, or is closed.
    Disconnected(Problem),
    /// The hub sent a frame.
    FrameReceived(Box<HubFrame>),
    /// A frame came that could not be read.
    FrameUnreadable,
    /// Time has passed.
    Tick,
    /// The network changed or the machine woke: try at once.
    Nudge,
    /// An intent is durable in the outbox.
    IntentQueued(PendingIntent),
    /// What the hub gave as a saved state of this log is no use to the mirror: it is asked for batches alone.
    SnapshotUnfit(LogId),
    /// The mirror's gap in a log is another one than the engine thought; absent: there is none.
    GapMoved {
        /// Which log.
        log: LogId,
        /// What it lacks.
        gap: Option<Gap>,
    },
    /// Somebody wants to see what lies in the gap of this log.
    WantHistory(LogId),
    /// Somebody looks at this log.
    Want(LogId),
    /// One of those who looked at it does so no longer.
    Unwant(LogId),
    /// The mirror did not stand where the engine thought: another process wrote it, or it was dropped.
    MirrorMoved {
        /// Which log.
        log: LogId,
        /// Where it stands; absent: it is empty.
        cursor: Option<Cursor>,
    },
    /// The mirror could not take a batch: start the line anew, later, or not before a person has acted.
    MirrorFailed(Problem),
    /// A log could not be forgotten: that is tried again in a while.
    DropFailed(LogId),
    /// A refusal is durable: the intent is over, and never sent again.
    RefusalNoted(CommandId),
    /// A refusal could not be made durable. Nobody was told of it, and the intent is sent again in a while.
    RefusalUnnoted(CommandId),
    /// A log that cannot be mirrored is left alone until the next start.
    Quarantine(LogId),
    /// The sessions list changed here.
    Summaries(Vec<SessionPosition>),
    /// These sessions are deleted, as the account's log says: what is mirrored of them is forgotten, whether or not anybody looks.
    Deleted(Vec<SessionId>),
}

/// What the driver must do.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    /// Open a socket; one that is open or being opened is given up.
    Connect,
    /// Close the socket, without a word if it takes none.
    Close,
    /// Write a frame.
    Send(ClientFrame),
    /// Note durably that these intents may be at the hub, before the frames that follow are written.
    MarkSent(Vec<CommandId>),
    /// Give this to the mirror.
    ApplyBatch(Batch),
    /// Give this to the mirror: it goes on from there, and what it stood for is a gap until it is filled.
    ApplySnapshot(Snapshot),
    /// Give this to the mirror: it continues what stands in front of the gap.
    ApplyHistory(Batch),
    /// Forget what is mirrored of this log. Where that fails, [`Input::DropFailed`].
    DropLog(LogId),
    /// The hub has answered an intent.
    StoreReceipt(Receipt),
    /// An intent will never be done, and has no receipt: the hub refused its frame, or what it builds on was refused. To be made
    /// durable, and then to be told: [`Input::RefusalNoted`] or [`Input::RefusalUnnoted`] follows. After a restart that finds it
    /// unanswered it would be sent again, and might be done.
    RefuseIntent {
        /// Which.
        command: CommandId,
        /// Why.
        error: ErrorBody,
    },
    /// The hub has greeted.
    Welcomed {
        /// Its name.
        hub_name: String,
        /// Who it takes this device for.
        principal: Principal,
        /// How far the hub's wall clock is ahead of this device's, in milliseconds; `None` where the hub does not say.
        clock_offset_ms: Option<i64>,
    },
    /// Who is connected.
    Presence(Vec<Principal>),
    /// The state of the line changed.
    Connection(ConnectionStatus),
    /// Whether a log is mirrored up to the hub's head.
    CaughtUp {
        /// Which log.
        log: LogId,
        /// Whether it is.
        caught_up: bool,
    },
}

/// The state of the line, for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConnectionStatus {
    /// Where it stands.
    pub phase: ConnectionPhase,
    /// When the next attempt will be made.
    pub retry_at: Option<TimestampMs>,
    /// Why there is none.
    pub problem: Option<ErrorBody>,
}

//! The contract between Rust and any screen: open a view, receive ordered patches with stable ids, act.
//!
//! It runs over the desktop's IPC today and over the hub's socket for a browser later, so it depends on neither. A screen holds only what
//! it receives: rows, a queue, a header. It folds no events.

mod lists;
mod rows;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

pub use lists::*;
pub use rows::*;

use crate::{
    CommandBody, CommandId, Delivery, ErrorBody, LogId, PauseReason, Principal, PromptId,
    RetryReason, RunId, RunnerId, Seq, SessionId, TimestampMs,
};

/// The id of an open view, chosen by the screen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, TS)]
#[serde(transparent)]
#[ts(export, type = "number")]
pub struct ViewId(pub u32);

/// What a screen asks for. Each is answered by one [`ViewResponse`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
#[ts(export)]
pub enum ViewRequest {
    /// Follow the sessions list.
    OpenSessions {
        /// A new id.
        view: ViewId,
    },
    /// Follow a session, starting with its newest rows.
    OpenSession {
        view: ViewId,
        session: SessionId,
        /// Number of rows to begin with.
        rows: u32,
    },
    /// Load older rows above the first one of a session's view.
    LoadOlder {
        view: ViewId,
        /// Number of rows to load.
        rows: u32,
    },
    /// Stop following a view.
    Close {
        /// It gets no further messages.
        view: ViewId,
    },
    /// Put an intent into the outbox. Answered when it is durable there, not when the hub has it.
    Act {
        log: LogId,
        body: CommandBody,
        /// For a prompt: the seq of the draft that it continues; that draft is emptied with it. This device's own draft is emptied in any
        /// case.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        draft: Option<Seq>,
    },
    /// Create a session and send its first prompt, as one step.
    StartSession {
        /// A new id, made by the screen.
        session: SessionId,
        agent: AgentDescriptionRef,
        /// The first prompt's text.
        text: String,
        /// The draft that becomes the prompt; it is emptied with it. The draft has an id of its own, not the new session's: two devices may
        /// send the same draft, and each creates a session.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        draft: Option<SentDraft>,
    },
    /// A person sees the end of a session: advance its read mark.
    MarkRead {
        session: SessionId,
        /// The last seq in view.
        seq: Seq,
    },
    /// Save the draft of a prompt, on this device at once and on the others when the hub has it. If another device has saved since, the hub
    /// refuses the draft, and the screen sees both texts.
    SaveDraft {
        /// May be a session that is not created yet.
        session: SessionId,
        /// Empty: discarded.
        text: String,
        /// The seq of the draft that the person saw; absent if they saw none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        seen: Option<Seq>,
    },
    /// Send an intent with an unknown outcome again.
    RetryIntent {
        /// The intent's command id.
        command: CommandId,
    },
    /// Take back an intent that the hub has not answered. Refused once it may have been sent and the hub could still accept it.
    CancelIntent {
        /// The intent's command id.
        command: CommandId,
    },
    /// Discard an intent of [`ViewMessage::OpaqueIntents`] permanently.
    DiscardOpaque {
        /// Its place in the outbox.
        #[ts(type = "number")]
        ordinal: i64,
    },
    /// Search the mirror.
    Search {
        /// Words, and phrases in quotes; all of them must be in a text.
        query: String,
        /// Maximum number of hits.
        limit: u32,
    },
}

/// A draft that is sent as a session's first prompt.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SentDraft {
    /// The session id under which the draft is saved.
    pub session: SessionId,
    /// The seq of the draft that the person saw; absent if the log had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub seen: Option<Seq>,
}

/// An agent, and the runner that must host it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct AgentDescriptionRef {
    pub agent: crate::AgentId,
    /// Absent: any runner that offers the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub runner: Option<RunnerId>,
}

/// The answer to a request.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
#[ts(export)]
pub enum ViewResponse {
    Done,
    /// The intent is in the outbox.
    Queued {
        /// The new intent's command id.
        command: CommandId,
    },
    /// Search hits, newest first.
    Found {
        hits: Vec<SearchHit>,
        /// What the person should know about the hits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        note: Option<SearchNote>,
    },
    Refused {
        error: ErrorBody,
    },
}

/// Why a search may find less than a person expects.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum SearchNote {
    /// The query has no letter, digit or sign to search for.
    NothingToLookFor,
    /// The query has only single letters of an alphabet.
    TooShort,
    /// Older messages are still being indexed; a search may miss some of them.
    StillIndexing,
}

/// One match of a search.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SearchHit {
    pub session: SessionId,
    /// The session's title.
    pub title: String,
    pub row: RowId,
    pub seq: Seq,
    /// The text around the match, which is enclosed in U+0002 and U+0003.
    pub excerpt: String,
}

/// Everything that changed since the last view frame; the screen gets at most one per display frame. Messages apply in order.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ViewFrame {
    pub messages: Vec<ViewMessage>,
}

/// One change to what a screen shows.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
#[ts(export)]
pub enum ViewMessage {
    /// The connection's state; sent at first and on each change.
    Connection {
        /// Replaces the previous state.
        connection: ConnectionView,
    },
    /// Names, agents and presence of the account; sent at first and on each change.
    Account {
        /// Replaces the previous state.
        account: AccountView,
    },
    /// All drafts that are not empty, or that this device is emptying. Sent on each change; not sent at first if there are none.
    Drafts {
        /// Replaces the previous list.
        drafts: Vec<DraftView>,
    },
    /// Intents in the outbox that this version cannot read and does not send. Sent on each change; not sent at first if there are none.
    OpaqueIntents {
        /// Replaces the previous list.
        intents: Vec<OpaqueIntentView>,
    },
    /// The sessions list; replaces the previous one.
    Sessions {
        view: ViewId,
        /// The whole list, in display order.
        rows: Vec<SessionRow>,
    },
    /// A session's header.
    Header {
        view: ViewId,
        /// Replaces the previous header.
        header: SessionHeader,
    },
    /// A session's queue.
    Queue {
        view: ViewId,
        /// Replaces the previous queue.
        queue: QueueView,
    },
    /// Changes to a session's rows.
    Rows {
        view: ViewId,
        /// The screen applies them in order.
        patches: Vec<RowPatch>,
    },
}

/// The header of a session's view.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SessionHeader {
    pub session: SessionId,
    /// The title, or the first words of the first prompt if the session is untitled.
    pub title: String,
    pub agent: crate::AgentId,
    /// The runner that must host the session; absent: any that offers the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub runner: Option<RunnerId>,
    /// The last seq that the mirror has.
    pub seq: Seq,
    /// Whether older rows can be loaded.
    pub has_older: bool,
    /// Whether the mirror has everything that the hub has, as far as the client knows.
    pub caught_up: bool,
    /// The active run, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub run: Option<RunningView>,
    /// The run that can be retried: the last one, if it did not complete and no run is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub retryable: Option<RunId>,
    /// Whether any device deleted the session. Nothing of it is left, and it accepts no commands.
    pub is_deleted: bool,
}

/// An active run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RunningView {
    pub run: RunId,
    /// The prompt that it answers.
    pub prompt: PromptId,
    pub runner: RunnerId,
    pub started_at: TimestampMs,
    /// Who sent its prompt.
    pub started_by: Principal,
    pub can_steer: bool,
    /// A stop from this device that the hub has not answered.
    pub stopping: StoppingState,
    /// The retry that the run waits for; absent once the model answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub retry: Option<RetryView>,
}

/// A model retry that a run waits for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RetryView {
    /// Number of the retry within the run, from 1.
    pub attempt: u32,
    /// When the runner asks the model again, by the hub's clock.
    pub until: TimestampMs,
    pub reason: RetryReason,
    /// The model server's message.
    pub message: String,
}

/// The progress of a stop that the hub has not answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum StoppingState {
    None,
    /// This device has a stop in its outbox, and is connected.
    Sending,
    /// This device has a stop in its outbox, and there is no connection.
    WaitingForHub,
}

/// The prompts that wait in a session.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct QueueView {
    /// Absent if the queue is not paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub paused: Option<PauseReason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub paused_by: Option<Principal>,
    /// Whether a runner that can answer is connected, as far as the client knows.
    pub runner_online: bool,
    /// Steers that no run has consumed yet, then the queue, then prompts that are only in the outbox.
    pub items: Vec<QueueItem>,
}

/// A prompt that waits.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct QueueItem {
    pub prompt: PromptId,
    pub text: String,
    pub by: Principal,
    pub at: TimestampMs,
    pub delivery: Delivery,
    pub state: PromptState,
}

/// The state of the connection to the hub.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ConnectionView {
    pub phase: ConnectionPhase,
    /// The time of the next attempt, while offline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub retry_at: Option<TimestampMs>,
    /// Why the connection is refused or offline, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub problem: Option<ErrorBody>,
    /// The hub's name, once known.
    pub hub_name: String,
    /// How far the hub's wall clock is ahead of this device's, in milliseconds. Screens need it to say how long ago something happened at
    /// the hub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub clock_offset_ms: Option<i64>,
    /// Number of intents that the hub has not answered, without read marks and drafts.
    pub outbox: u32,
}

/// The phase of the connection to the hub.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum ConnectionPhase {
    Connecting,
    /// Connected, and the mirror is behind.
    CatchingUp,
    /// Connected, and the mirror has everything.
    Live,
    /// The hub has been silent for a while.
    Stale,
    /// No connection; another attempt will be made.
    Reconnecting,
    /// The hub refuses this device: the client makes no further attempt on its own.
    Refused,
}

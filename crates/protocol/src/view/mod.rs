//! The contract between Rust and any screen: open a view, receive ordered patches with stable ids, act.
//!
//! It runs over the desktop's IPC today and over the hub's socket for a browser later, so nothing in it knows either. A screen holds
//! only what it was given: rows, a queue, a header. It folds no events.

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

/// Names an open view; made by the screen.
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
        /// The new view.
        view: ViewId,
    },
    /// Follow a session, from its last rows on.
    OpenSession {
        /// The new view.
        view: ViewId,
        /// Which session.
        session: SessionId,
        /// How many rows at first.
        rows: u32,
    },
    /// Put older rows before the first one of a session's view.
    LoadOlder {
        /// The view.
        view: ViewId,
        /// How many.
        rows: u32,
    },
    /// Follow no longer.
    Close {
        /// The view.
        view: ViewId,
    },
    /// Put an intent into the outbox. Answered when it is durable there, not when the hub has it.
    Act {
        /// The log that it is about.
        log: LogId,
        /// What is wanted.
        body: CommandBody,
        /// Of a prompt: the seq of the draft that it goes on from, which is emptied with it. What this device drafted is in any case.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        draft: Option<Seq>,
    },
    /// Begin a session and send its first prompt, as one step.
    StartSession {
        /// Its id, made by the screen.
        session: SessionId,
        /// The agent.
        agent: AgentDescriptionRef,
        /// The first prompt.
        text: String,
        /// The draft that it was, which is emptied with it. Its session is none: two devices may send one draft, and each begins its own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        draft: Option<SentDraft>,
    },
    /// The end of a session is in view of a person: move its read mark.
    MarkRead {
        /// Which session.
        session: SessionId,
        /// The last seq in view.
        seq: Seq,
    },
    /// Keep what a person has begun to write, on this device at once and on the others when the hub has it. Where another device has
    /// saved since, the hub refuses it, and the screen sees both texts.
    SaveDraft {
        /// Which session; it need not be begun.
        session: SessionId,
        /// The text; empty: given up.
        text: String,
        /// The seq of the draft that the person saw; absent: they saw none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        seen: Option<Seq>,
    },
    /// Try an intent with an unknown outcome again.
    RetryIntent {
        /// Which.
        command: CommandId,
    },
    /// Take back an intent that the hub has not answered. Refused once it may have been sent and could still be accepted.
    CancelIntent {
        /// Which.
        command: CommandId,
    },
    /// Discard an intent of [`ViewMessage::OpaqueIntents`] for good.
    DiscardOpaque {
        /// Its place in the outbox.
        #[ts(type = "number")]
        ordinal: i64,
    },
    /// Find text in the mirror.
    Search {
        /// Words, and phrases in quotes; all of them must be in a text.
        query: String,
        /// At most so many hits.
        limit: u32,
    },
}

/// A draft that is sent as a session's first prompt.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SentDraft {
    /// Under which it stands.
    pub session: SessionId,
    /// Its seq, where the person saw one that was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub seen: Option<Seq>,
}

/// Which agent of which runner.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct AgentDescriptionRef {
    /// The agent's id.
    pub agent: crate::AgentId,
    /// The runner; absent: any.
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
    /// Done.
    Done,
    /// The intent is in the outbox.
    Queued {
        /// Its id.
        command: CommandId,
    },
    /// What was found, newest first.
    Found {
        /// The hits.
        hits: Vec<SearchHit>,
        /// What the person should know beside them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        note: Option<SearchNote>,
    },
    /// Not done.
    Refused {
        /// Why.
        error: ErrorBody,
    },
}

/// Why a search may find less than a person expects.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum SearchNote {
    /// The query has no letter, digit or sign that could be looked for.
    NothingToLookFor,
    /// The query is single letters of an alphabet.
    TooShort,
    /// Older messages are still being taken into the index; some of them are not found yet.
    StillIndexing,
}

/// One place where a text was found.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SearchHit {
    /// In which session.
    pub session: SessionId,
    /// Its title.
    pub title: String,
    /// Which row.
    pub row: RowId,
    /// Where it stands.
    pub seq: Seq,
    /// The text around it; what matched is between U+0002 and U+0003.
    pub excerpt: String,
}

/// To the screen: everything that changed since the last one, at most one a frame. Messages apply in order.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ViewFrame {
    /// What changed.
    pub messages: Vec<ViewMessage>,
}

/// One change.
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
        /// What it is now.
        connection: ConnectionView,
    },
    /// Names, agents and presence of the account; sent at first and on each change.
    Account {
        /// What it is now.
        account: AccountView,
    },
    /// All drafts that are not empty, or that this device empties; sent on each change, nothing at first meaning none.
    Drafts {
        /// What they are now.
        drafts: Vec<DraftView>,
    },
    /// Intents in the outbox that this version cannot read, and does not send; sent on each change, nothing at first meaning none.
    OpaqueIntents {
        /// What they are now.
        intents: Vec<OpaqueIntentView>,
    },
    /// The sessions list, whole, in the order in which it is shown.
    Sessions {
        /// The view.
        view: ViewId,
        /// The rows.
        rows: Vec<SessionRow>,
    },
    /// A session's header; replaces the one before.
    Header {
        /// The view.
        view: ViewId,
        /// What it is now.
        header: SessionHeader,
    },
    /// A session's queue; replaces the one before.
    Queue {
        /// The view.
        view: ViewId,
        /// What it is now.
        queue: QueueView,
    },
    /// Changes to a session's rows.
    Rows {
        /// The view.
        view: ViewId,
        /// In order.
        patches: Vec<RowPatch>,
    },
}

/// The top of a session.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SessionHeader {
    /// Which session.
    pub session: SessionId,
    /// Its title; the first prompt's beginning where there is none.
    pub title: String,
    /// Which agent answers.
    pub agent: crate::AgentId,
    /// The runner that the session was begun for; absent: any that offers the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub runner: Option<RunnerId>,
    /// The last seq that the mirror has.
    pub seq: Seq,
    /// Whether older rows can be loaded.
    pub has_older: bool,
    /// Whether the mirror has everything that the hub has, as far as known.
    pub caught_up: bool,
    /// The run that is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub run: Option<RunningView>,
    /// The run that can be tried again: the last one, where it did not complete and none is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub retryable: Option<RunId>,
    /// Whether it was deleted, on whichever device: nothing of it is left, and nothing can be sent to it.
    pub is_deleted: bool,
}

/// A run that is on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RunningView {
    /// Which.
    pub run: RunId,
    /// The prompt that it answers.
    pub prompt: PromptId,
    /// Where.
    pub runner: RunnerId,
    /// Since when.
    pub started_at: TimestampMs,
    /// Who sent its prompt.
    pub started_by: Principal,
    /// Whether it can be steered.
    pub can_steer: bool,
    /// A stop from this device that the hub has not answered.
    pub stopping: StoppingState,
    /// The model gave nothing and is asked again; absent once it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub retry: Option<RetryView>,
}

/// A model that is asked again after a pause.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RetryView {
    /// Which repetition of the run it is, from 1.
    pub attempt: u32,
    /// When it is asked again, by the hub's clock.
    pub until: TimestampMs,
    /// Why it gave nothing.
    pub reason: RetryReason,
    /// What its server said.
    pub message: String,
}

/// A stop on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum StoppingState {
    /// None.
    None,
    /// Sent.
    Sending,
    /// Will be sent when the hub is back.
    WaitingForHub,
}

/// What waits in a session.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct QueueView {
    /// Why nothing starts, where it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub paused: Option<PauseReason>,
    /// Who paused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub paused_by: Option<Principal>,
    /// Whether a runner that can answer is connected, as far as known.
    pub runner_online: bool,
    /// Steers that no run has taken in yet, then the queue, then what stands only in the outbox.
    pub items: Vec<QueueItem>,
}

/// A prompt that waits.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct QueueItem {
    /// Which.
    pub prompt: PromptId,
    /// What it says.
    pub text: String,
    /// Who sent it.
    pub by: Principal,
    /// When.
    pub at: TimestampMs,
    /// How it will be delivered.
    pub delivery: Delivery,
    /// How far it is.
    pub state: PromptState,
}

/// The state of the line to the hub.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ConnectionView {
    /// Where it stands.
    pub phase: ConnectionPhase,
    /// When the next attempt will be made, while offline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub retry_at: Option<TimestampMs>,
    /// Why it is refused or offline, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub problem: Option<ErrorBody>,
    /// The hub's name, once known.
    pub hub_name: String,
    /// How far the hub's wall clock is ahead of this device's, in milliseconds: what happened "12 s ago" at the hub is counted with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub clock_offset_ms: Option<i64>,
    /// Intents that the hub has not answered.
    pub outbox: u32,
}

/// Where the line to the hub stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum ConnectionPhase {
    /// An attempt is being made.
    Connecting,
    /// Connected, and the mirror is behind.
    CatchingUp,
    /// Connected, and the mirror has everything.
    Live,
    /// Nothing was heard for a while.
    Stale,
    /// No connection; another attempt will be made.
    Reconnecting,
    /// The hub does not want this device: no further attempt is made by itself.
    Refused,
}

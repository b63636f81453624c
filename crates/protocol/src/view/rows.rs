//! The rows of a transcript, and how they change.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{
    ApprovalAnswer, ApprovalId, ApprovalScope, CallId, ErrorBody, FinishReason, PartEnd, Principal,
    PromptId, RunId, RunOutcome, Seq, TimestampMs, ToolUse, Usage,
};

/// A row's id, stable for ever: `<seq>` or `<seq>.<n>` of the event that made it, or `outbox:<command>` before there is one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, TS)]
#[serde(transparent)]
#[ts(export, type = "string")]
pub struct RowId(pub String);

/// A change to the rows of a transcript.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
#[ts(export)]
pub enum RowPatch {
    /// These rows and no others.
    Reset {
        /// In order.
        rows: Vec<TranscriptRow>,
    },
    /// A new row.
    Insert {
        /// The row.
        row: TranscriptRow,
        /// The row that it stands before; absent: at the end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        before: Option<RowId>,
    },
    /// The row with the same id has this content now.
    Update {
        /// The row.
        row: TranscriptRow,
    },
    /// A text or reasoning row grew.
    AppendText {
        /// Which row.
        id: RowId,
        /// What is added at its end.
        text: String,
    },
    /// The row is gone.
    Remove {
        /// Which.
        id: RowId,
    },
}

/// One row of a transcript.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct TranscriptRow {
    /// Stable.
    pub id: RowId,
    /// The seq of the event that made it; 0 for a row that only stands in the outbox.
    pub seq: Seq,
    /// When that was.
    pub at: TimestampMs,
    /// The run that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub run: Option<RunId>,
    /// The prompt of the turn that it belongs to: rows of turns that are not on the shown branch are not shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub turn: Option<PromptId>,
    /// What it shows.
    pub body: RowBody,
}

/// What a row shows.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
#[ts(export)]
pub enum RowBody {
    /// A prompt, where it took effect.
    Prompt {
        /// Which.
        prompt: PromptId,
        /// What the person wrote.
        text: String,
        /// Who.
        by: Principal,
        /// Whether it steered a run that was on.
        steered: bool,
        /// How far it is.
        state: PromptState,
        /// Where it stands among the branches that begin here; absent: there is one alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        branch: Option<BranchView>,
    },
    /// A piece of an answer, Markdown.
    Text {
        /// So far.
        text: String,
        /// Growing, whole or cut.
        state: PartState,
    },
    /// What the model thought.
    Reasoning {
        /// So far.
        text: String,
        /// Growing, whole or cut.
        state: PartState,
        /// How long it took, once it is over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "number")]
        duration_ms: Option<i64>,
    },
    /// A call of a tool.
    ToolCall {
        /// Names the call within the run.
        call: CallId,
        /// Which tool.
        tool: String,
        /// The arguments so far, as the model wrote them.
        text: String,
        /// Growing, whole or cut.
        state: PartState,
    },
    /// What a call of a tool gave.
    ToolResult {
        /// Which call.
        call: CallId,
        /// Whether it failed, was denied or was cancelled.
        is_error: bool,
        /// The output so far.
        text: String,
        /// Growing, whole or cut.
        state: PartState,
    },
    /// An agent waits, or waited, for a person's word.
    Approval {
        /// Which.
        approval: ApprovalId,
        /// The call within the run.
        call: CallId,
        /// What is wanted.
        wanted: ToolUse,
        /// Which calls an answer for longer covers.
        pattern: String,
        /// Where it would run.
        place: String,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        reason: Option<String>,
        /// What an answer names.
        digest: String,
        /// How far it is.
        state: ApprovalState,
    },
    /// A run is over. Absent for a run that is on.
    RunEnd {
        /// How.
        outcome: RunOutcome,
        /// How long it took.
        #[ts(type = "number")]
        duration_ms: i64,
        /// What it used.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        usage: Option<Usage>,
        /// Why the model stopped writing, where it had not said everything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        finish_reason: Option<FinishReason>,
        /// For a run that was stopped from outside: what its host says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        teardown: Option<Teardown>,
    },
    /// Something from a newer version.
    Unknown {
        /// What it calls itself.
        tag: String,
    },
}

/// How far a prompt is.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
#[ts(export)]
pub enum PromptState {
    /// In the outbox; not known to be at the hub.
    Sending,
    /// In the outbox, and there is no connection.
    WaitingForHub,
    /// It may or may not be at the hub: Retry or Cancel.
    Unknown,
    /// The hub refused it.
    Refused {
        /// Why.
        error: ErrorBody,
    },
    /// In the session, waiting.
    Accepted,
    /// A run took it.
    PickedUp,
}

/// The branches that begin at one place.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct BranchView {
    /// The first prompt of each, the oldest first, this one included.
    pub prompts: Vec<PromptId>,
}

/// How far an approval is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
#[ts(export)]
pub enum ApprovalState {
    /// It waits.
    Open,
    /// An answer from this device is on its way.
    Answering {
        /// Yes or no.
        answer: ApprovalAnswer,
    },
    /// It was answered.
    Answered {
        /// Yes or no.
        answer: ApprovalAnswer,
        /// How far it reaches.
        scope: ApprovalScope,
        /// Who.
        by: Principal,
        /// When.
        at: TimestampMs,
        /// What the agent was told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        reason: Option<String>,
    },
    /// The run is over.
    Cancelled,
}

/// How far a part is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum PartState {
    /// It may grow.
    Open,
    /// Whole.
    Complete,
    /// Cut.
    Interrupted,
}

impl From<PartEnd> for PartState {
    fn from(end: PartEnd) -> Self {
        match end {
            PartEnd::Complete => Self::Complete,
            PartEnd::Interrupted => Self::Interrupted,
        }
    }
}

/// What the host of a stopped run says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Teardown {
    /// Tool calls that were cancelled.
    pub tools_cancelled: u32,
    /// Tool calls that still run.
    pub still_running: Vec<String>,
}

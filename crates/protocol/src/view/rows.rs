//! The rows of a transcript, and how they change.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{
    ApprovalAnswer, ApprovalId, ApprovalScope, CallId, ErrorBody, FinishReason, PartEnd, Principal,
    PromptId, RunId, RunOutcome, Seq, TimestampMs, ToolUse, Usage,
};

/// A row's id, which never changes: `<seq>` or `<seq>.<n>` of the event that created it, or `outbox:<command>` before there is an
/// event.
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
    /// Replaces all rows.
    Reset {
        /// In order.
        rows: Vec<TranscriptRow>,
    },
    /// Adds a row.
    Insert {
        row: TranscriptRow,
        /// The row to insert before; absent: at the end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        before: Option<RowId>,
    },
    /// Replaces the content of the row with the same id.
    Update {
        /// The new content, with the row's id.
        row: TranscriptRow,
    },
    /// The text of a part's row grew.
    AppendText {
        id: RowId,
        /// What is added at the end.
        text: String,
    },
    Remove {
        id: RowId,
    },
}

/// One row of a transcript.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct TranscriptRow {
    pub id: RowId,
    /// The seq of the event that created it; 0 for a row that is only in the outbox.
    pub seq: Seq,
    /// When the row was created.
    pub at: TimestampMs,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub run: Option<RunId>,
    /// The prompt of the turn that the row belongs to. Rows of turns outside the shown branch are hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub turn: Option<PromptId>,
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
    /// A prompt, at the place where it took effect.
    Prompt {
        prompt: PromptId,
        text: String,
        by: Principal,
        /// Whether it steered an active run.
        steered: bool,
        state: PromptState,
        /// The branches that begin here; absent if there is only one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        branch: Option<BranchView>,
    },
    /// A piece of an answer, Markdown.
    Text {
        /// The text so far.
        text: String,
        state: PartState,
    },
    Reasoning {
        /// The text so far.
        text: String,
        state: PartState,
        /// How long it took; absent until it ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "number")]
        duration_ms: Option<i64>,
    },
    ToolCall {
        /// Names the call within the run.
        call: CallId,
        tool: String,
        /// The arguments so far, as the model wrote them.
        text: String,
        state: PartState,
    },
    ToolResult {
        call: CallId,
        /// Whether it failed, was denied or was cancelled.
        is_error: bool,
        /// The output so far.
        text: String,
        state: PartState,
    },
    /// An agent waits, or waited, for a person's approval.
    Approval {
        approval: ApprovalId,
        /// The call within the run.
        call: CallId,
        wanted: ToolUse,
        /// Decides which calls an answer with scope `session` or `always` covers.
        pattern: String,
        /// Where the tool would run.
        place: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        reason: Option<String>,
        /// The digest that an answer must name.
        digest: String,
        state: ApprovalState,
    },
    /// A run ended. An active run has no such row.
    RunEnd {
        outcome: RunOutcome,
        #[ts(type = "number")]
        duration_ms: i64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        usage: Option<Usage>,
        /// Why the model stopped early; absent if it had said everything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        finish_reason: Option<FinishReason>,
        /// For a run that was stopped from outside: its host's report.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        teardown: Option<Teardown>,
    },
    /// Something from a newer version.
    Unknown {
        /// The name of its kind.
        tag: String,
    },
}

/// The progress of a prompt.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
#[ts(export)]
pub enum PromptState {
    /// In the outbox; the hub is not known to have it.
    Sending,
    /// In the outbox, and there is no connection.
    WaitingForHub,
    /// The hub may or may not have it; the person can retry or cancel.
    Unknown,
    Refused {
        error: ErrorBody,
    },
    /// In the session, waiting.
    Accepted,
    /// A run has taken it.
    PickedUp,
}

/// The branches that begin at one place.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct BranchView {
    /// The first prompt of each branch, oldest first, this one included.
    pub prompts: Vec<PromptId>,
}

/// The progress of an approval.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
#[ts(export)]
pub enum ApprovalState {
    /// It waits for an answer.
    Open,
    /// An answer from this device is on its way.
    Answering {
        /// The answer that the hub has not confirmed.
        answer: ApprovalAnswer,
    },
    Answered {
        answer: ApprovalAnswer,
        scope: ApprovalScope,
        by: Principal,
        at: TimestampMs,
        /// What the agent was told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        reason: Option<String>,
    },
    /// The run ended before an answer.
    Cancelled,
}

/// The progress of a part.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum PartState {
    /// It may grow.
    Open,
    Complete,
    /// It was cut off.
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

/// What the host of a stopped run reports.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Teardown {
    /// Number of tool calls that were cancelled.
    pub tools_cancelled: u32,
    /// Names of tools whose calls still run.
    pub still_running: Vec<String>,
}

//! What a runner may write for a run that it holds.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{
    AgentId, ApprovalId, CallId, FinishReason, PartEnd, PartIndex, PartKind, ProducerSeq, PromptId,
    RetryReason, RunId, ToolUse, Usage,
};

/// One write of a runner. The session machine turns each write into events, or refuses the whole frame.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
#[ts(export)]
pub enum RunWrite {
    /// Begins a part; `part` is the next free index.
    OpenPart {
        part: PartIndex,
        kind: PartKind,
    },
    /// Adds text; `offset` is the part's length so far in UTF-8 bytes.
    AppendText {
        part: PartIndex,
        offset: u64,
        /// The text, at most [`crate::limits::APPEND_TEXT_BYTES_MAX`] bytes.
        text: String,
    },
    ClosePart {
        part: PartIndex,
        end: PartEnd,
    },
    /// Takes steering prompts into the run. If one of them does not wait, or no longer waits, the hub refuses the frame.
    ConsumeSteer {
        prompts: Vec<PromptId>,
    },
    /// Begins a sub-agent's run on the same runner, for a task of this run. The sub-agent writes its own events under its own lease.
    StartChild {
        /// The new run.
        run: RunId,
        /// The task's id as a prompt.
        prompt: PromptId,
        /// An agent of the same runner.
        agent: AgentId,
        /// The task's text, at most [`crate::limits::PROMPT_BYTES_MAX`] bytes.
        task: String,
    },
    /// Asks for a person's approval. The hub adds the digest; if an earlier answer for the session or for always covers the call, it
    /// answers at once.
    RequestApproval {
        /// A new id.
        approval: ApprovalId,
        /// The call within this run.
        call: CallId,
        wanted: ToolUse,
        /// Decides which calls an answer with scope `session` or `always` covers.
        pattern: String,
        /// Where the tool would run, for display.
        place: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        reason: Option<String>,
    },
    /// Ends the run. The hub closes open parts as interrupted.
    EndRun {
        /// A message for people about the failure; absent if the run completed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        failure: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        usage: Option<Usage>,
        /// Why the model of a completed run stopped early. Absent: it had said everything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        finish_reason: Option<FinishReason>,
    },
    /// The model returned nothing, and this host asks it again after a pause. Only while no part is open, and only to a hub with the
    /// capability [`crate::limits::MODEL_RETRY_CAPABILITY`].
    ReportRetry {
        /// One more than the run's previous retry, from 1 to [`crate::limits::MODEL_RETRIES_PER_RUN_MAX`].
        attempt: u32,
        /// The pause, at most [`crate::limits::MODEL_RETRY_DELAY_MS_MAX`].
        delay_ms: u32,
        reason: RetryReason,
        /// The model server's message, at most [`crate::limits::RETRY_MESSAGE_BYTES_MAX`] bytes, with secrets redacted.
        message: String,
    },
}

/// A write with the runner's own count.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RunWriteEntry {
    /// From 1 in each run, without gaps.
    pub producer: ProducerSeq,
    pub write: RunWrite,
}

//! What a runner may write for a run that it holds.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{
    AgentId, ApprovalId, CallId, FinishReason, PartEnd, PartIndex, PartKind, ProducerSeq, PromptId,
    RetryReason, RunId, ToolUse, Usage,
};

/// One write of a runner. The session machine turns each into events, or refuses all of a frame.
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
        /// Its place in the run.
        part: PartIndex,
        /// What it is.
        kind: PartKind,
    },
    /// Adds text; `offset` is the part's length so far in UTF-8 bytes.
    AppendText {
        /// The part.
        part: PartIndex,
        /// Where the text begins.
        offset: u64,
        /// The text, at most [`crate::limits::APPEND_TEXT_BYTES_MAX`] bytes.
        text: String,
    },
    /// Ends a part.
    ClosePart {
        /// The part.
        part: PartIndex,
        /// Whole or cut.
        end: PartEnd,
    },
    /// Takes steering prompts into the run. Ones that are not (or no longer) waiting make the frame fail.
    ConsumeSteer {
        /// Which.
        prompts: Vec<PromptId>,
    },
    /// Begins a sub-agent's run on the same runner, for a task of this run. The sub-agent writes its own events under its own lease.
    StartChild {
        /// The new run.
        run: RunId,
        /// Names the task as a prompt.
        prompt: PromptId,
        /// Which agent of the same runner.
        agent: AgentId,
        /// What is to be done, at most [`crate::limits::PROMPT_BYTES_MAX`] bytes.
        task: String,
    },
    /// Asks for a person's word. The hub adds the digest; an answer that stands already, for the session or for always, comes at once.
    RequestApproval {
        /// A new name.
        approval: ApprovalId,
        /// The call within this run.
        call: CallId,
        /// What is wanted.
        wanted: ToolUse,
        /// Which calls an answer for longer covers.
        pattern: String,
        /// Where it would run, for people.
        place: String,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        reason: Option<String>,
    },
    /// Ends the run. Parts that are open are closed as interrupted.
    EndRun {
        /// Absent: completed. Else what a person can read about the failure.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        failure: Option<String>,
        /// What it used.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        usage: Option<Usage>,
        /// Why the model stopped writing, of a run that completed. Absent: it had said everything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        finish_reason: Option<FinishReason>,
    },
    /// The model gave nothing, and this host asks it again after a pause. Only while no part is open, and only to a hub with the
    /// capability [`crate::limits::MODEL_RETRY_CAPABILITY`].
    ReportRetry {
        /// One more than the run's retry before it, from 1 to [`crate::limits::MODEL_RETRIES_PER_RUN_MAX`].
        attempt: u32,
        /// The pause, at most [`crate::limits::MODEL_RETRY_DELAY_MS_MAX`].
        delay_ms: u32,
        /// Why the model gave nothing.
        reason: RetryReason,
        /// What the model's server said, at most [`crate::limits::RETRY_MESSAGE_BYTES_MAX`] bytes, without keys.
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
    /// What is written.
    pub write: RunWrite,
}

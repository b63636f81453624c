//! Prompts that wait.

use baton_protocol::{Delivery, PauseReason, Principal, PromptId, RunId, TimestampMs};
use serde::{Deserialize, Serialize};

/// A prompt that no run has taken yet.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitingPrompt {
    pub prompt: PromptId,
    /// The current text, after any edits.
    pub text: String,
    pub by: Principal,
    /// When it was sent.
    pub at: TimestampMs,
    pub delivery: Delivery,
    /// The run that a steer is for.
    pub run: Option<RunId>,
    /// The run being retried. The transcript already has its prompt.
    pub retry_of: Option<RunId>,
    /// Whether the prompt starts although the queue is paused, because a person asked for exactly this one.
    pub bypasses_pause: bool,
    /// The prompt of which this one is an alternative branch.
    #[serde(default)]
    pub branch_of: Option<PromptId>,
    /// The device that edits it. No run takes the prompt meanwhile.
    #[serde(default)]
    pub edited_by: Option<Principal>,
}

impl WaitingPrompt {
    /// Whether `run` may take this steer: the steer is for that run, and no device edits it.
    pub fn may_be_taken_by(&self, run: RunId) -> bool {
        self.run == Some(run) && self.edited_by.is_none()
    }

    /// A copy without the text, for judging.
    pub(crate) fn without_text(&self) -> Self {
        Self {
            text: String::new(),
            by: self.by.clone(),
            edited_by: self.edited_by.clone(),
            ..*self
        }
    }
}

/// A paused queue.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueuePause {
    pub reason: PauseReason,
    pub by: Principal,
}

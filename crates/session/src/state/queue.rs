//! Prompts that wait.

use baton_protocol::{Delivery, PauseReason, Principal, PromptId, RunId, TimestampMs};
use serde::{Deserialize, Serialize};

/// A prompt that no run has taken.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitingPrompt {
    /// Which.
    pub prompt: PromptId,
    /// What it says now.
    pub text: String,
    /// Who sent it.
    pub by: Principal,
    /// When.
    pub at: TimestampMs,
    /// How it will be delivered.
    pub delivery: Delivery,
    /// The run that a steer is meant for.
    pub run: Option<RunId>,
    /// The run whose prompt is tried again: its prompt stands in the transcript already.
    pub retry_of: Option<RunId>,
    /// Whether it starts although the queue is paused: a person asked for it in particular.
    pub bypasses_pause: bool,
    /// The prompt beside which it begins a branch.
    #[serde(default)]
    pub branch_of: Option<PromptId>,
    /// The device that edits it: until then no run takes it.
    #[serde(default)]
    pub edited_by: Option<Principal>,
}

impl WaitingPrompt {
    /// Whether this run may take it in: it is meant for it, and no device edits it.
    pub fn may_be_taken_by(&self, run: RunId) -> bool {
        self.run == Some(run) && self.edited_by.is_none()
    }

    /// The same without what it says, for a copy that only judges.
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
    /// Why.
    pub reason: PauseReason,
    /// Who.
    pub by: Principal,
}

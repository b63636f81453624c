//! A session's control state: what [`crate::decide`] needs, without the text of closed parts.
//!
//! It holds only the texts of open parts and of waiting prompts. A hub's actor therefore costs the same at the first message and at the
//! ten-thousandth, except for one small record per run.

mod approvals;
mod import;
mod part_text;
mod queue;
mod run;
mod turns;

use std::collections::BTreeMap;

use baton_protocol::{
    ApprovalId, Epoch, Principal, PromptId, RunId, RunOutcome, RunWrite, RunWriteEntry, Seq,
    SessionActivity, SessionCreatedEvent, SessionSummary, TimestampMs, TitleSource,
};
use serde::{Deserialize, Serialize};

pub use approvals::{AnsweredApproval, OpenApproval, StandingApproval};
pub(crate) use import::Import;
pub use part_text::PartText;
pub use queue::{QueuePause, WaitingPrompt};
pub use run::{ActiveRun, PartProgress, RunRecord, RunRetry};
pub(crate) use turns::PathChange;
pub use turns::Turns;

/// The state of one session at one seq. Empty before `SessionCreated`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionState {
    pub(crate) head: Seq,
    pub(crate) created: Option<SessionCreatedEvent>,
    pub(crate) created_at: TimestampMs,
    pub(crate) updated_at: TimestampMs,
    pub(crate) title: Option<Title>,
    /// The beginning of the first prompt.
    pub(crate) preview: String,
    pub(crate) runs: BTreeMap<RunId, RunRecord>,
    /// In start order.
    pub(crate) active: Vec<ActiveRun>,
    pub(crate) steers: Vec<WaitingPrompt>,
    pub(crate) queue: Vec<WaitingPrompt>,
    pub(crate) pause: Option<QueuePause>,
    /// Prompts that no longer wait.
    pub(crate) fates: BTreeMap<PromptId, PromptFate>,
    /// The prompt of the last root run, kept in full for a retry.
    pub(crate) last_prompt: Option<WaitingPrompt>,
    pub(crate) last_root: Option<RunId>,
    /// The highest epoch handed out so far.
    pub(crate) epoch: Epoch,
    pub(crate) finished_seq: Seq,
    /// In the order in which runs asked for them.
    #[serde(default)]
    pub(crate) approvals: Vec<OpenApproval>,
    /// Approvals that no longer wait. `None`: cancelled.
    #[serde(default)]
    pub(crate) answered: BTreeMap<ApprovalId, Option<AnsweredApproval>>,
    /// This session's own standing approvals, keyed by the approval that was answered.
    #[serde(default)]
    pub(crate) standing: BTreeMap<ApprovalId, StandingApproval>,
    #[serde(default)]
    pub(crate) turns: Turns,
    /// Absent if the session began at this hub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) import: Option<Import>,
    /// Set by [`SessionState::without_past`]: the state knows nothing of what had ended by this seq.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) horizon: Option<Seq>,
}

/// What happened to a prompt that no longer waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(crate) enum PromptFate {
    Taken { run: RunId },
    Withdrawn,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Title {
    pub(crate) text: String,
    pub(crate) source: TitleSource,
}

impl SessionState {
    /// Version of this state's JSON and of its folding rules. A saved state of another version is discarded and folded anew from the log.
    /// Increase it with every change that makes a saved state differ from a folded one.
    pub const FORMAT: u32 = 2;

    /// The seq up to which this state is folded.
    pub fn head(&self) -> Seq {
        self.head
    }

    /// Moves the head to a batch's `upto`, which may lie beyond the batch's last event.
    pub fn set_head(&mut self, upto: Seq) {
        debug_assert!(upto >= self.head, "a log only grows");
        self.head = upto;
    }

    /// How the session began; `None` before `SessionCreated`.
    pub fn created(&self) -> Option<&SessionCreatedEvent> {
        self.created.as_ref()
    }

    /// The title, set by a person or automatically.
    pub fn title(&self) -> Option<&str> {
        self.title.as_ref().map(|title| title.text.as_str())
    }

    /// The beginning of the first prompt.
    pub fn preview(&self) -> &str {
        &self.preview
    }

    /// The run that answers the session's current prompt; there is at most one.
    pub fn root_run(&self) -> Option<&ActiveRun> {
        self.active.iter().find(|run| run.parent.is_none())
    }

    /// Every active run, in start order.
    pub fn active_runs(&self) -> impl Iterator<Item = &ActiveRun> {
        self.active.iter()
    }

    /// The run, if it is active.
    pub fn active_run(&self, run: RunId) -> Option<&ActiveRun> {
        self.active.iter().find(|active| active.run == run)
    }

    /// The run that a steer for `wanted` goes to; `None` stands for the root run. Returns `None` if that run is not active.
    pub fn steered_run(&self, wanted: Option<RunId>) -> Option<&ActiveRun> {
        wanted.map_or_else(|| self.root_run(), |run| self.active_run(run))
    }

    /// The record of a run, active or ended.
    pub fn run_record(&self, run: RunId) -> Option<&RunRecord> {
        self.runs.get(&run)
    }

    /// The last run that answered a queued prompt.
    pub fn last_root_run(&self) -> Option<RunId> {
        self.last_root
    }

    /// The root run that can be retried: the last one, if it did not complete and no root run is active.
    pub fn retryable_run(&self) -> Option<RunId> {
        let is_over = self.root_run().is_none() && self.last_prompt.is_some();
        self.last_root.filter(|_| is_over)
    }

    /// The prompt whose run may start now. There is one if no root run is active, no import is in progress, no device edits the first
    /// prompt, and the queue is not paused or that prompt bypasses the pause.
    pub fn next_prompt(&self) -> Option<&WaitingPrompt> {
        let head = self.queue.first()?;
        let may_start = self.root_run().is_none()
            && !self.is_importing()
            && head.edited_by.is_none()
            && (self.pause.is_none() || head.bypasses_pause);
        may_start.then_some(head)
    }

    /// Whether nothing runs and nothing waits.
    pub fn is_idle(&self) -> bool {
        self.active.is_empty() && self.queue.is_empty() && self.steers.is_empty()
    }

    /// Approvals that wait for a person, oldest first.
    pub fn open_approvals(&self) -> &[OpenApproval] {
        &self.approvals
    }

    /// This session's own standing approvals, keyed by the approval that was answered.
    pub fn standing_approvals(&self) -> &BTreeMap<ApprovalId, StandingApproval> {
        &self.standing
    }

    /// The answer to an approval that no longer waits. The inner `None` means that it was cancelled.
    pub fn answered_approval(&self, approval: ApprovalId) -> Option<&Option<AnsweredApproval>> {
        self.answered.get(&approval)
    }

    /// The tree of turns and its shown path.
    pub fn turns(&self) -> &Turns {
        &self.turns
    }

    /// Prompts that are being edited, each with the device that edits it.
    pub fn edits(&self) -> impl Iterator<Item = (PromptId, &Principal)> {
        let waiting = self.steers.iter().chain(&self.queue);
        waiting.filter_map(|waiting| Some((waiting.prompt, waiting.edited_by.as_ref()?)))
    }

    /// Prompts that wait for a run of their own, next one first.
    pub fn queue(&self) -> &[WaitingPrompt] {
        &self.queue
    }

    /// Prompts that wait for an active run to take them in.
    pub fn steers(&self) -> &[WaitingPrompt] {
        &self.steers
    }

    /// Why the queue is paused; `None` if it is not.
    pub fn pause(&self) -> Option<&QueuePause> {
        self.pause.as_ref()
    }

    /// The entry in the sessions list; `None` before the session is created and while it is being imported.
    pub fn summary(&self) -> Option<SessionSummary> {
        let created = self.created.as_ref().filter(|_| !self.is_importing())?;
        Some(SessionSummary {
            seq: self.head,
            title: self.title().map(str::to_owned),
            preview: self.preview.clone(),
            agent: created.agent.clone(),
            created_at: self.created_at,
            updated_at: self.updated_at,
            activity: self.activity(),
            finished_seq: self.finished_seq,
            queued: u32::try_from(self.queue.len() + self.steers.len()).unwrap_or(u32::MAX),
            open_approvals: u32::try_from(self.approvals.len()).unwrap_or(u32::MAX),
        })
    }

    fn activity(&self) -> SessionActivity {
        if let Some(run) = self.root_run() {
            return SessionActivity::Running {
                run: run.run,
                runner: run.runner,
                started_at: run.started_at,
            };
        }
        let last = self
            .last_root
            .and_then(|run| Some((run, self.runs.get(&run)?.outcome.as_ref()?)));
        match last {
            Some((run, RunOutcome::Failed { .. } | RunOutcome::Lost)) => {
                SessionActivity::Failed { run }
            }
            _ if !self.queue.is_empty() => SessionActivity::Waiting,
            _ => SessionActivity::Idle,
        }
    }

    /// The seq up to which ended runs, prompts and approvals are unknown here; `None` if the state was folded from the start of the log.
    pub fn horizon(&self) -> Option<Seq> {
        self.horizon
    }

    /// Number of records of runs, prompts and answered approvals: the part of the state that grows with the session.
    pub fn records(&self) -> usize {
        self.runs.len() + self.fates.len() + self.answered.len()
    }

    /// A copy without finished runs, prompts and approvals. Its size does not grow with the session, and folding continues from it. `None`
    /// while a run is active. An event that refers to what was left out fails to fold over it ([`FoldError::BehindHorizon`]).
    ///
    /// [`FoldError::BehindHorizon`]: crate::FoldError::BehindHorizon
    pub fn without_past(&self) -> Option<Self> {
        if !self.active.is_empty() {
            return None;
        }
        let last_prompt = self.last_prompt.as_ref().map(|prompt| WaitingPrompt {
            text: String::new(),
            ..prompt.clone()
        });
        Some(Self {
            head: self.head,
            created: self.created.clone(),
            created_at: self.created_at,
            updated_at: self.updated_at,
            title: self.title.clone(),
            preview: self.preview.clone(),
            steers: self.steers.clone(),
            queue: self.queue.clone(),
            pause: self.pause.clone(),
            last_prompt,
            last_root: self.last_root,
            epoch: self.epoch,
            finished_seq: self.finished_seq,
            turns: self.turns.without_past(),
            import: self.import.clone(),
            horizon: Some(self.horizon.unwrap_or_default().max(self.head)),
            ..Self::default()
        })
    }

    /// The part of the state that judging one run's writes needs, without the records of earlier runs.
    pub(crate) fn scratch(&self, run: &ActiveRun, entries: &[RunWriteEntry]) -> Self {
        // `EndRun` puts missed steers back into the queue with their text; no other write needs it.
        let ends = |entry: &RunWriteEntry| matches!(entry.write, RunWrite::EndRun { .. });
        let has_end = entries.iter().any(ends);
        let steers = self.steers.iter().map(|steer| match has_end {
            true => steer.clone(),
            false => steer.without_text(),
        });
        Self {
            head: self.head,
            created: self.created.clone(),
            title: self.title.clone(),
            preview: self.preview.clone(),
            active: vec![run.without_texts()],
            steers: steers.collect(),
            queue: self.queue.iter().map(WaitingPrompt::without_text).collect(),
            pause: self.pause.clone(),
            epoch: self.epoch,
            approvals: self.approvals.clone(),
            ..Self::default()
        }
    }

    /// A prompt that waits, in the queue or as a steer.
    pub(crate) fn waiting(&self, prompt: PromptId) -> Option<&WaitingPrompt> {
        self.steers
            .iter()
            .chain(&self.queue)
            .find(|waiting| waiting.prompt == prompt)
    }

    /// Removes a prompt from the queue or from the steers.
    pub(crate) fn take_waiting(&mut self, prompt: PromptId) -> Option<WaitingPrompt> {
        for list in [&mut self.steers, &mut self.queue] {
            if let Some(index) = list.iter().position(|waiting| waiting.prompt == prompt) {
                return Some(list.remove(index));
            }
        }
        None
    }
}

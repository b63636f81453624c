//! The facts of a session's state that its header and queue need, copied only when they change.

use baton_protocol::{AgentId, Principal, PromptId, RunId, RunnerId, Seq, TimestampMs};
use baton_session::{QueuePause, RunRetry, SessionState, WaitingPrompt};

/// A session as a screen needs it.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct SessionFacts {
    pub(super) head: Seq,
    pub(super) title: Option<String>,
    pub(super) preview: String,
    pub(super) agent: Option<AgentId>,
    pub(super) pinned_runner: Option<RunnerId>,
    pub(super) run: Option<RunFacts>,
    pub(super) retryable: Option<RunId>,
    pub(super) pause: Option<QueuePause>,
    pub(super) steers: Vec<WaitingPrompt>,
    pub(super) queue: Vec<WaitingPrompt>,
}

/// The current run.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct RunFacts {
    pub(super) run: RunId,
    pub(super) prompt: PromptId,
    pub(super) agent: AgentId,
    pub(super) runner: RunnerId,
    pub(super) started_at: TimestampMs,
    pub(super) started_by: Principal,
    pub(super) retries: u32,
    pub(super) retry: Option<RunRetry>,
}

impl SessionFacts {
    pub(super) fn of(state: &SessionState) -> Self {
        let mut facts = Self {
            head: Seq::ZERO,
            title: None,
            preview: String::new(),
            agent: None,
            pinned_runner: None,
            run: None,
            retryable: None,
            pause: None,
            steers: Vec::new(),
            queue: Vec::new(),
        };
        facts.follow(state);
        facts
    }

    /// Copies what changed. Prompts may be long, so they are copied only if they differ.
    pub(super) fn follow(&mut self, state: &SessionState) {
        self.head = state.head();
        if self.title.as_deref() != state.title() {
            self.title = state.title().map(str::to_owned);
        }
        if self.preview != state.preview() {
            state.preview().clone_into(&mut self.preview);
        }
        if let (None, Some(created)) = (&self.agent, state.created()) {
            self.agent = Some(created.agent.clone());
            self.pinned_runner = created.runner;
        }
        let run = state.root_run();
        if self.run.as_ref().map(|run| run.run) != run.map(|run| run.run) {
            self.run = run.map(|run| RunFacts {
                run: run.run,
                prompt: run.prompt,
                agent: run.agent.clone(),
                runner: run.runner,
                started_at: run.started_at,
                started_by: run.started_by.clone(),
                retries: 0,
                retry: None,
            });
        }
        if let (Some(known), Some(run)) = (&mut self.run, run)
            && known.retry != run.retry
        {
            known.retries = run.retries;
            known.retry.clone_from(&run.retry);
        }
        self.retryable = state.retryable_run();
        if self.pause.as_ref() != state.pause() {
            self.pause = state.pause().cloned();
        }
        if self.steers != state.steers() {
            self.steers = state.steers().to_vec();
        }
        if self.queue != state.queue() {
            self.queue = state.queue().to_vec();
        }
    }
}

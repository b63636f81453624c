//! What a session's actor does by itself: it starts runs, loses them with their hosts, and tells the list.

use std::sync::Arc;

use baton_protocol::{AccountId, HubFrame, PromptId, RunId, RunnerId};
use baton_session::{ActiveRun, NewEvent, expire_edit, lose_run, start_run};
use tokio::time::Instant;

use super::account::STORAGE_RETRY;
use super::attention::Need;
use super::session::SessionActor;
use super::session_actors::SessionActors;
use crate::frame_text::EncodedFrame;
use crate::leases::Verdict;
use crate::tasks::TaskGroup;

impl SessionActor {
    /// Brings about whatever follows from the state and from what is known of runners: lost runs, started runs, the list's summary.
    pub(super) async fn settle(&mut self) {
        if self.is_deleted {
            return;
        }
        if self.try_again_at.is_none_or(|at| at <= Instant::now()) {
            self.try_again_at = None;
            while self.broken.is_none()
                && (self.lose_one().await || self.expire_one().await || self.start_one().await)
            {
            }
        }
        let is_on: Vec<RunId> = self.state.active_runs().map(|run| run.run).collect();
        self.leases.retain(|run| is_on.contains(&run));
        self.begun.retain(|run, _| is_on.contains(run));
        self.keep_edits();
        let Some(account) = self.account() else {
            return;
        };
        self.leave_runners(account);
        let need = if !is_on.is_empty() {
            Need::GoOn
        } else if self.state.next_prompt().is_some() {
            Need::Begin
        } else {
            Need::Nothing
        };
        self.core.attention.note(self.session, account, need);
        if self.summary_without_seq() != self.told {
            self.tell_account();
        }
    }

    /// Ends one run whose lease is over. Whether there was one and it was recorded.
    async fn lose_one(&mut self) -> bool {
        let now = Instant::now();
        let lost = self.state.active_runs().find(|run| {
            self.leases.judge(run.run, self.core.runners.sign(run), now) == Verdict::Expired
        });
        let Some(run) = lost.map(|run| run.run) else {
            return false;
        };
        tracing::info!(session.id = %self.session, run.id = %run, "a run's host is lost");
        let lost = self.follow_up(lose_run(&self.state, run)).await;
        if lost {
            self.core.measures.runs_lost.increment(1);
        }
        lost
    }

    /// Ends one edit of which nothing was heard for too long. Whether there was one and it was recorded.
    async fn expire_one(&mut self) -> bool {
        let now = Instant::now();
        let expired = self.edits.iter().find(|(_, until)| **until <= now);
        let Some(prompt) = expired.map(|(prompt, _)| *prompt) else {
            return false;
        };
        self.edits.remove(&prompt);
        let ended = expire_edit(&self.state, prompt);
        !ended.is_empty() && self.follow_up(ended).await
    }

    /// Every prompt that is edited has an end of it: a full one where it is found without.
    fn keep_edits(&mut self) {
        let edited: Vec<PromptId> = self.state.edits().map(|(prompt, _)| prompt).collect();
        self.edits.retain(|prompt, _| edited.contains(prompt));
        for prompt in edited {
            self.edits
                .entry(prompt)
                .or_insert_with(|| Instant::now() + self.core.options.prompt_edit);
        }
    }

    /// Records what the hub itself decided. Whether it was recorded; if not, it is tried again in a moment.
    async fn follow_up(&mut self, events: Vec<NewEvent>) -> bool {
        let is_recorded = !events.is_empty() && self.commit(events, None).await.is_ok();
        if !is_recorded {
            self.try_again_at = Some(Instant::now() + STORAGE_RETRY);
        }
        is_recorded
    }

    /// Starts the next prompt's run where a runner can take it. Whether one was started.
    async fn start_one(&mut self) -> bool {
        let (Some(created), true) = (self.state.created(), self.state.next_prompt().is_some())
        else {
            return false;
        };
        let (account, wanted) = (created.account, created.runner);
        let choose = || {
            let runners = &self.core.runners;
            runners.choose(account, self.session, &created.agent, wanted)
        };
        // A runner that comes, or has room, between a look and the note of who waits would tell nobody: so it is looked at again.
        let chosen = choose().or_else(|| {
            let begin = Need::Begin;
            self.core.attention.note(self.session, account, begin);
            choose()
        });
        let Some(chosen) = chosen else {
            return false;
        };
        let run = RunId::mint();
        let events = start_run(
            &self.state,
            run,
            created.agent.clone(),
            chosen.runner,
            chosen.instance,
        );
        if !self.follow_up(events).await {
            return false;
        }
        self.leases.grant(run, Instant::now());
        if let Some(active) = self.state.active_run(run) {
            self.assign(active);
        }
        true
    }

    /// Where no run is on any more, another session may have the place.
    pub(super) fn leave_runners(&self, account: AccountId) {
        let is_host =
            |runner| !self.is_deleted && self.state.active_runs().any(|run| run.runner == runner);
        for runner in self.core.runners.release(self.session, is_host) {
            let core = Arc::clone(&self.core);
            let told = async move {
                SessionActors::runner_has_room(&core, account, runner).await;
            };
            self.core
                .tasks
                .spawn(TaskGroup::Sessions, "a runner has room again", told);
        }
    }

    pub(super) fn assign_again(&self, runner: RunnerId) {
        for run in self.state.active_runs().filter(|run| run.runner == runner) {
            self.assign(run);
        }
    }

    pub(super) fn assign(&self, run: &ActiveRun) {
        let seq = self.begun.get(&run.run).copied().unwrap_or_default();
        let frame = HubFrame::RunAssigned {
            session: self.session,
            run: run.run,
            epoch: run.epoch,
            seq,
        };
        self.core
            .runners
            .assign(run.runner, run.run, EncodedFrame::of(&frame));
        tracing::info!(
            command.id = %run.prompt.0,
            session.id = %self.session,
            run.id = %run.run,
            runner.id = %run.runner,
            %seq,
            "a run is assigned"
        );
    }

    /// When the state must be looked at again, whatever else happens.
    pub(super) fn next_look(&mut self) -> Option<Instant> {
        if self.try_again_at.is_some() {
            return self.try_again_at;
        }
        let now = Instant::now();
        let edits = self.edits.values().copied();
        let deadlines = self.state.active_runs().map(|run| {
            match self.leases.judge(run.run, self.core.runners.sign(run), now) {
                Verdict::HoldsUntil(deadline) => deadline,
                Verdict::Expired => now,
            }
        });
        deadlines.chain(edits).min()
    }
}

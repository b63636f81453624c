//! What an actor does for runs: as `actor::session_runs` and `actor::run_requests` in the hub.

use baton_hub::Verdict;
use baton_protocol::{
    Command, CommandBody, Epoch, ErrorBody, ErrorCode, HubFrame, ProducerSeq, PromptId, RunId,
    RunWriteEntry, RunnerId, limits,
};
use baton_session::{
    ActiveRun, NewEvent, decide_run_write, expire_edit, lose_run, report_teardown, start_run,
};

use super::actor::{Actor, Request, refusal};
use super::commit::CommitError;
use super::connection::Caller;
use super::process::Shared;
use crate::planted::Planted;
use crate::sim::Sim;

/// How long the hub waits before it asks a storage again that has just refused.
pub(super) const STORAGE_RETRY_MS: u64 = 1_000;

impl Actor {
    /// Brings about whatever follows from the state and from what is known of runners.
    pub(super) fn settle(&mut self, sim: &mut Sim, shared: &mut Shared) {
        if self.is_deleted {
            return;
        }
        if self.try_again_ms.is_none_or(|at| at <= sim.now_ms) {
            self.try_again_ms = None;
            while self.may_go_on(sim)
                && (self.lose_one(sim, shared)
                    || self.expire_one(sim, shared)
                    || self.start_one(sim, shared))
            {}
        }
        if sim.hub_crashed {
            return;
        }
        let is_on: Vec<RunId> = self.state.active_runs().map(|run| run.run).collect();
        self.leases.retain(|run| is_on.contains(&run));
        self.begun.retain(|run, _| is_on.contains(run));
        self.keep_edits(sim);
        self.leave_runners(shared);
        if self.state.created().is_none() {
            return;
        }
        if !is_on.is_empty() || self.state.next_prompt().is_some() {
            shared.attention.insert(self.session);
        } else {
            shared.attention.remove(&self.session);
        }
        if self.summary_without_seq() != self.told {
            self.tell_account(shared);
        }
    }

    /// Where no run is on any more, another session may have the place.
    pub(super) fn leave_runners(&self, shared: &mut Shared) {
        let is_host =
            |runner| !self.is_deleted && self.state.active_runs().any(|run| run.runner == runner);
        if shared.directory.release(self.session, is_host) {
            shared.has_room = true;
        }
    }

    fn lose_one(&mut self, sim: &mut Sim, shared: &mut Shared) -> bool {
        if sim.is_planted(Planted::HubKeepsLostRuns) {
            return false;
        }
        let now = sim.instant().into();
        let lost = self.state.active_runs().find(|run| {
            let sign = shared.directory.sign(run, sim.base);
            self.leases.judge(run.run, sign, now) == Verdict::Expired
        });
        let Some(run) = lost.map(|run| run.run) else {
            return false;
        };
        sim.note(format_args!("run {run} is lost"));
        self.follow_up(sim, shared, lose_run(&self.state, run))
    }

    fn expire_one(&mut self, sim: &mut Sim, shared: &mut Shared) -> bool {
        let expired = self.edits.iter().find(|(_, until)| **until <= sim.now_ms);
        let Some(prompt) = expired.map(|(prompt, _)| *prompt) else {
            return false;
        };
        self.edits.remove(&prompt);
        let ended = expire_edit(&self.state, prompt);
        !ended.is_empty() && self.follow_up(sim, shared, ended)
    }

    fn keep_edits(&mut self, sim: &Sim) {
        let edited: Vec<PromptId> = self.state.edits().map(|(prompt, _)| prompt).collect();
        self.edits.retain(|prompt, _| edited.contains(prompt));
        for prompt in edited {
            let until_ms = sim.now_ms + limits::PROMPT_EDIT_MS;
            self.edits.entry(prompt).or_insert(until_ms);
        }
    }

    /// What follows from an accepted command outside of the log.
    pub(super) fn follow_command(&mut self, sim: &Sim, command: &Command) {
        if let CommandBody::BeginPromptEdit(body) = &command.body {
            let until_ms = sim.now_ms + limits::PROMPT_EDIT_MS;
            self.edits.insert(body.prompt, until_ms);
        }
    }

    fn follow_up(&mut self, sim: &mut Sim, shared: &mut Shared, events: Vec<NewEvent>) -> bool {
        let is_recorded = !events.is_empty() && self.commit(sim, shared, events, None).is_ok();
        if !is_recorded {
            self.try_again_ms = Some(sim.now_ms + STORAGE_RETRY_MS);
        }
        is_recorded
    }

    fn start_one(&mut self, sim: &mut Sim, shared: &mut Shared) -> bool {
        let (Some(created), true) = (self.state.created(), self.state.next_prompt().is_some())
        else {
            return false;
        };
        let agent = created.agent.clone();
        let Some((runner, instance)) =
            shared
                .directory
                .choose(self.session, &agent, created.runner)
        else {
            return false;
        };
        let run = RunId::from_uuid(sim.ids.uuid());
        let events = start_run(&self.state, run, agent, runner, instance);
        if !self.follow_up(sim, shared, events) {
            return false;
        }
        self.leases.grant(run, sim.instant().into());
        if let Some(active) = self.state.active_run(run).cloned() {
            self.assign(sim, shared, &active);
        }
        true
    }

    pub(super) fn assign_again(&self, sim: &mut Sim, shared: &mut Shared, runner: RunnerId) {
        for run in self.state.active_runs().filter(|run| run.runner == runner) {
            self.assign(sim, shared, run);
        }
    }

    fn assign(&self, sim: &mut Sim, shared: &mut Shared, run: &ActiveRun) {
        let frame = HubFrame::RunAssigned {
            session: self.session,
            run: run.run,
            epoch: run.epoch,
            seq: self.begun.get(&run.run).copied().unwrap_or_default(),
        };
        if let Some(line) = shared.directory.line(run.runner) {
            shared.send(sim, line, frame);
        }
    }

    /// When the state must be looked at again.
    pub(super) fn next_look_ms(&mut self, sim: &Sim, shared: &Shared) -> Option<u64> {
        if self.is_deleted {
            return None;
        }
        if self.try_again_ms.is_some() {
            return self.try_again_ms;
        }
        if sim.is_planted(Planted::HubKeepsLostRuns) {
            return None;
        }
        let now = sim.instant().into();
        let looks = self.state.active_runs().map(|run| {
            let sign = shared.directory.sign(run, sim.base);
            match self.leases.judge(run.run, sign, now) {
                Verdict::HoldsUntil(deadline) => {
                    let after = deadline.into_std().duration_since(sim.base);
                    u64::try_from(after.as_millis()).unwrap_or(u64::MAX)
                }
                Verdict::Expired => sim.now_ms,
            }
        });
        looks.chain(self.edits.values().copied()).min()
    }

    pub(super) fn run_request(
        &mut self,
        sim: &mut Sim,
        shared: &mut Shared,
        caller: &Caller,
        request: Request,
    ) -> Vec<HubFrame> {
        match request {
            Request::Resume { run, epoch } => match self.held_up_to(caller, run, epoch) {
                Some(producer) => vec![HubFrame::RunAcked { run, producer }],
                None => fenced(run),
            },
            Request::Write {
                run,
                epoch,
                entries,
            } => self.write(sim, shared, caller, (run, epoch), entries),
            Request::Teardown {
                run,
                tools_cancelled,
                still_running,
            } => {
                let (Some(runner), Some(instance)) = (caller.runner(), caller.instance) else {
                    return Vec::new();
                };
                let events = report_teardown(
                    &self.state,
                    run,
                    runner,
                    instance,
                    tools_cancelled,
                    still_running,
                );
                if events.is_empty() {
                    return Vec::new();
                }
                match self.commit(sim, shared, events, None) {
                    Err(CommitError::Refused(error) | CommitError::Broken(error)) => {
                        refusal(self.writer.log, None, error)
                    }
                    _ => Vec::new(),
                }
            }
            Request::Command(_) => Vec::new(),
        }
    }

    fn write(
        &mut self,
        sim: &mut Sim,
        shared: &mut Shared,
        caller: &Caller,
        (run, epoch): (RunId, Epoch),
        mut entries: Vec<RunWriteEntry>,
    ) -> Vec<HubFrame> {
        let (Some(recorded), Some(runner)) = (self.held_up_to(caller, run, epoch), caller.runner())
        else {
            return fenced(run);
        };
        if sim.is_planted(Planted::HubIgnoresProducer) {
            for (next, entry) in (recorded.0 + 1..).zip(&mut entries) {
                entry.producer = ProducerSeq(next);
            }
        }
        let last = entries.last();
        let upto = last.map_or(recorded, |entry| entry.producer.max(recorded));
        let events = match decide_run_write(&self.state, run, epoch, runner, &entries, &[]) {
            Ok(events) => events,
            Err(error) => return vec![HubFrame::RunFenced { run, error }],
        };
        if events.is_empty() {
            let producer = recorded;
            return vec![HubFrame::RunAcked { run, producer }];
        }
        sim.checker.writes(run, caller.instance, epoch);
        match self.commit(sim, shared, events, None) {
            Ok(_) => vec![HubFrame::RunAcked {
                run,
                producer: upto,
            }],
            Err(CommitError::Refused(error)) if error.code == ErrorCode::TooLarge => {
                self.unwritable(sim, shared, run, error)
            }
            Err(CommitError::Refused(error) | CommitError::Broken(error)) => {
                refusal(self.writer.log, None, error)
            }
            Err(CommitError::Known(_) | CommitError::Crashed) => Vec::new(),
        }
    }

    fn unwritable(
        &mut self,
        sim: &mut Sim,
        shared: &mut Shared,
        run: RunId,
        error: ErrorBody,
    ) -> Vec<HubFrame> {
        match self.commit(sim, shared, lose_run(&self.state, run), None) {
            Ok(_) => vec![HubFrame::RunFenced { run, error }],
            Err(_) => refusal(self.writer.log, None, error),
        }
    }

    fn held_up_to(&self, caller: &Caller, run: RunId, epoch: Epoch) -> Option<ProducerSeq> {
        let active = self.state.active_run(run)?;
        let holds = Some(active.runner) == caller.runner()
            && Some(active.instance) == caller.instance
            && active.epoch == epoch;
        holds.then_some(active.last_producer)
    }
}

pub(super) fn fenced(run: RunId) -> Vec<HubFrame> {
    let error = ErrorCode::LeaseFenced.with("this run is not held any more", "stop writing");
    vec![HubFrame::RunFenced { run, error }]
}

//! What a session's actor answers to runners.
//!
//! A write that the log has not is recorded whole or not at all. What was not recorded is answered `runFenced` with the reason; only
//! `lease_fenced` and `too_large` end the lease (`docs/PROTOCOL.md`, section 9).

use baton_log::Appended;
use baton_protocol::{
    Epoch, ErrorBody, ErrorCode, EventBody, HubFrame, LogId, ProducerSeq, RunId, RunWrite,
    RunWriteEntry, RunnerId, RunnerInstanceId,
};
use baton_session::{decide_run_write, lose_run, report_teardown, revoke_answers_of};

use tokio::time::Instant;

use super::answer::{Answer, refusal};
use super::message::SessionRequest;
use super::session::{SessionActor, runner_of};
use crate::authorize::{Caller, deleted};
use crate::log_writer::CommitError;
use crate::standing::AccountApprovals;

impl SessionActor {
    pub(super) async fn run_request(&mut self, caller: &Caller, request: SessionRequest) -> Answer {
        let Some(runner) = runner_of(&caller.principal) else {
            return Vec::new();
        };
        match request {
            SessionRequest::Resume { run, epoch } => self.resume(caller, runner, run, epoch),
            SessionRequest::Write {
                run,
                epoch,
                entries,
            } => self.write(caller, runner, run, epoch, &entries).await,
            SessionRequest::Teardown {
                run,
                tools_cancelled,
                still_running,
            } => {
                let Some(instance) = caller.instance else {
                    return Vec::new();
                };
                let host = (runner, instance);
                self.teardown(host, run, tools_cancelled, still_running)
                    .await
            }
            SessionRequest::Command(_) => Vec::new(),
        }
    }

    fn resume(&self, caller: &Caller, runner: RunnerId, run: RunId, epoch: Epoch) -> Answer {
        match self.held_up_to(caller, runner, run, epoch) {
            Some(producer) => vec![HubFrame::RunAcked { run, producer }],
            None => fenced(run),
        }
    }

    async fn write(
        &mut self,
        caller: &Caller,
        runner: RunnerId,
        run: RunId,
        epoch: Epoch,
        entries: &[RunWriteEntry],
    ) -> Answer {
        let Some(recorded) = self.held_up_to(caller, runner, run, epoch) else {
            return fenced(run);
        };
        let upto = entries
            .last()
            .map_or(recorded, |entry| entry.producer.max(recorded));
        let account = self.core.standing.of(caller.account);
        let asks = |entry: &RunWriteEntry| matches!(entry.write, RunWrite::RequestApproval { .. });
        if entries.iter().any(asks)
            && let Err(error) = self.revoke_answers(&account).await
        {
            return refusal(self.writer.id(), None, error);
        }
        let grants = &account.grants;
        let events = match decide_run_write(&self.state, run, epoch, runner, entries, grants) {
            Ok(events) => events,
            Err(error) => return vec![HubFrame::RunFenced { run, error }],
        };
        if events.is_empty() {
            return vec![HubFrame::RunAcked {
                run,
                producer: recorded,
            }];
        }
        match self.commit(events, None).await {
            Ok(appended) => {
                self.core.measures.run_writes.increment(1);
                self.assign_children(&appended);
                vec![HubFrame::RunAcked {
                    run,
                    producer: upto,
                }]
            }
            Err(CommitError::Refused(error)) if error.code == ErrorCode::TooLarge => {
                self.unwritable(run, error).await
            }
            Err(CommitError::Refused(error) | CommitError::Broken(error)) => {
                refusal(self.writer.id(), None, error)
            }
            Err(CommitError::Known(_)) => Vec::new(),
        }
    }

    /// Before an answer for the session covers a call: those of principals without access hold no more.
    async fn revoke_answers(&mut self, account: &AccountApprovals) -> Result<(), ErrorBody> {
        let revoked = revoke_answers_of(&self.state, |by| account.has_no_access(by));
        if revoked.is_empty() {
            return Ok(());
        }
        match self.commit(revoked, None).await {
            Ok(_) | Err(CommitError::Known(_)) => Ok(()),
            Err(CommitError::Refused(error) | CommitError::Broken(error)) => Err(error),
        }
    }

    /// Sub-agents that the writes began: each has a lease of its own, and its runner is told.
    fn assign_children(&mut self, appended: &Appended) {
        for event in &appended.events {
            if let EventBody::RunStarted(started) = &event.body
                && let Some(child) = self.state.active_run(started.run)
            {
                self.leases.grant(started.run, Instant::now());
                self.assign(child);
            }
        }
    }

    /// A write that no log will ever take: the run ends here, or it never would.
    async fn unwritable(&mut self, run: RunId, error: ErrorBody) -> Answer {
        match self.commit(lose_run(&self.state, run), None).await {
            Ok(_) => vec![HubFrame::RunFenced { run, error }],
            Err(_) => refusal(self.writer.id(), None, error),
        }
    }

    async fn teardown(
        &mut self,
        (runner, instance): (RunnerId, RunnerInstanceId),
        run: RunId,
        tools_cancelled: u32,
        still_running: Vec<String>,
    ) -> Answer {
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
        match self.commit(events, None).await {
            Err(CommitError::Refused(error) | CommitError::Broken(error)) => {
                refusal(self.writer.id(), None, error)
            }
            Ok(_) | Err(CommitError::Known(_)) => Vec::new(),
        }
    }

    /// How far the log is with a run that this very instance holds under this epoch.
    fn held_up_to(
        &self,
        caller: &Caller,
        runner: RunnerId,
        run: RunId,
        epoch: Epoch,
    ) -> Option<ProducerSeq> {
        let active = self.state.active_run(run)?;
        let holds = active.runner == runner
            && Some(active.instance) == caller.instance
            && active.epoch == epoch;
        holds.then_some(active.last_producer)
    }
}

/// The answer about a session that was deleted: whoever writes for its runs stops.
pub fn of_deleted(log: LogId, request: &SessionRequest) -> Answer {
    match request {
        SessionRequest::Command(command) => refusal(log, Some(command.id), deleted()),
        SessionRequest::Resume { run, .. } | SessionRequest::Write { run, .. } => fenced(*run),
        SessionRequest::Teardown { .. } => Vec::new(),
    }
}

fn fenced(run: RunId) -> Answer {
    let error = ErrorCode::LeaseFenced.with(
        "this run is not held by this lease any more",
        "stop writing for it",
    );
    vec![HubFrame::RunFenced { run, error }]
}

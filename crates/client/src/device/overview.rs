//! An overview of one session: what runs and what waits.

use std::collections::BTreeMap;

use baton_protocol::{ApprovalId, LogId, PauseReason, RunId, RunOutcome, Seq, SessionId};
use baton_session::{OpenApproval, SessionState, StandingApproval, WaitingPrompt};

use super::Device;
use crate::mirror::{Store, StoreError};

/// A session at the mirror's cursor, with what controls need.
#[derive(Clone, PartialEq, Debug)]
pub struct SessionOverview {
    /// The mirror's cursor.
    pub seq: Seq,
    pub title: Option<String>,
    /// The run that answers the current prompt.
    pub run: Option<RunId>,
    /// The last run that answered a prompt of the queue.
    pub last_run: Option<RunId>,
    /// How `last_run` ended.
    pub last_outcome: Option<RunOutcome>,
    /// Why no queued prompt starts.
    pub paused: Option<PauseReason>,
    /// Prompts for the current run.
    pub steers: Vec<WaitingPrompt>,
    /// Prompts for runs of their own, the next one first.
    pub queue: Vec<WaitingPrompt>,
    /// Approvals that wait for a person, the oldest first.
    pub approvals: Vec<OpenApproval>,
    /// Answers that cover later calls of this session, keyed by the approval that was answered.
    pub standing: BTreeMap<ApprovalId, StandingApproval>,
}

impl SessionOverview {
    fn of(state: &SessionState) -> Self {
        let last_run = state.last_root_run();
        let record = last_run.and_then(|run| state.run_record(run));
        Self {
            seq: state.head(),
            title: state.title().map(str::to_owned),
            run: state.root_run().map(|run| run.run),
            last_run,
            last_outcome: record.and_then(|record| record.outcome.clone()),
            paused: state.pause().map(|pause| pause.reason),
            steers: state.steers().to_vec(),
            queue: state.queue().to_vec(),
            approvals: state.open_approvals().to_vec(),
            standing: state.standing_approvals().clone(),
        }
    }
}

impl Device {
    /// A session as the mirror has it; `None` if nothing is mirrored.
    ///
    /// # Errors
    /// If the mirror cannot be read.
    pub async fn session(&self, session: SessionId) -> Result<Option<SessionOverview>, StoreError> {
        let look = move |store: &mut Store| {
            let opened = store.open_session(session, 0)?;
            Ok(opened.state.map(SessionOverview::of))
        };
        self.mirror().write(look).await
    }

    /// Standing approvals for every session of the account, keyed by the approval that was answered, as the mirror has them.
    pub fn grants(&self) -> BTreeMap<ApprovalId, StandingApproval> {
        self.shared.views.account_state().grants().clone()
    }

    /// Keeps a log live until the guard is dropped.
    pub fn follow(&self, log: LogId) -> Follow {
        self.want(log);
        Follow {
            device: self.clone(),
            log,
        }
    }
}

/// A guard that keeps a log live until it is dropped.
pub struct Follow {
    device: Device,
    log: LogId,
}

impl Drop for Follow {
    fn drop(&mut self) {
        self.device.unwant(self.log);
    }
}

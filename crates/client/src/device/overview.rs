//! Looking at one session: what runs, what waits.

use std::collections::BTreeMap;

use baton_protocol::{ApprovalId, LogId, PauseReason, RunId, RunOutcome, Seq, SessionId};
use baton_session::{OpenApproval, SessionState, StandingApproval, WaitingPrompt};

use super::Device;
use crate::mirror::{Store, StoreError};

/// A session at the mirror's cursor, as far as controls need it.
#[derive(Clone, PartialEq, Debug)]
pub struct SessionOverview {
    /// The mirror's cursor.
    pub seq: Seq,
    /// The title, where there is one.
    pub title: Option<String>,
    /// The run that answers the current prompt.
    pub run: Option<RunId>,
    /// The last run that answered a prompt of the queue.
    pub last_run: Option<RunId>,
    /// How that ended.
    pub last_outcome: Option<RunOutcome>,
    /// Why nothing starts by itself.
    pub paused: Option<PauseReason>,
    /// Prompts for the run that is on.
    pub steers: Vec<WaitingPrompt>,
    /// Prompts for runs of their own, the next one first.
    pub queue: Vec<WaitingPrompt>,
    /// Approvals that wait for a person, the oldest first.
    pub approvals: Vec<OpenApproval>,
    /// Answers that cover later calls of this session, by the approval that was answered so.
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
    /// A session as the mirror has it; `None` where nothing is mirrored.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub async fn session(&self, session: SessionId) -> Result<Option<SessionOverview>, StoreError> {
        let look = move |store: &mut Store| {
            let opened = store.open_session(session, 0)?;
            Ok(opened.state.map(SessionOverview::of))
        };
        self.mirror().write(look).await
    }

    /// What is allowed in every session of the account, by the approval that was answered so, as the mirror has it.
    pub fn grants(&self) -> BTreeMap<ApprovalId, StandingApproval> {
        self.shared.views.account_state().grants().clone()
    }

    /// Keeps a log live for as long as the guard stands.
    pub fn follow(&self, log: LogId) -> Follow {
        self.want(log);
        Follow {
            device: self.clone(),
            log,
        }
    }
}

/// Keeps a log live. Dropped, it does so no more.
pub struct Follow {
    device: Device,
    log: LogId,
}

impl Drop for Follow {
    fn drop(&mut self) {
        self.device.unwant(self.log);
    }
}

//! Commands that reach beyond the session: forks, standing approvals, edits, deletion.

use baton_log::ReadError;
use baton_protocol::{
    ApprovalAnswer, ApprovalPattern, ApprovalScope, Command, CommandBody, ErrorBody, ErrorCode,
    ForkSessionCommand, HubFrame, LogId, Principal, Seq,
};
use baton_session::{Decision, ForkSource, stop_all};
use tokio::time::Instant;

use super::account_actors::record_later;
use super::answer::Answer;
use super::attention::Need;
use super::message::AccountFact;
use super::session::SessionActor;
use crate::authorize::{Action, Caller, authorize, log_not_found};
use crate::forks::ForkTurn;
use crate::log_writer::{Reading, unfoldable, unreadable};
use crate::refusals::RefusedId;

impl SessionActor {
    /// Decides a fork on the other session's log as it is now. Nothing can be said where that log cannot be read. The turn is to be held
    /// until the fork is recorded.
    pub(super) async fn fork(
        &self,
        caller: &Caller,
        command: &Command,
        body: &ForkSessionCommand,
    ) -> Result<(Decision, ForkTurn), ErrorBody> {
        let source = LogId::Session(body.from);
        let may_read = || authorize(caller, Action::Read, source, self.core.owners.of(body.from));
        may_read()?;
        let turn = self.core.forks.turn().await?;
        // It may have been deleted meanwhile.
        may_read()?;
        let unread = |error| match error {
            // Deleted a moment ago.
            ReadError::NotFound => log_not_found(),
            error => unreadable(&self.core.storage, &error),
        };
        let mut first = ForkSource::default();
        let mut reading = Reading::behind(&*self.core.log, source, Seq::ZERO);
        while let Some(batch) = reading.next().await.map_err(unread)? {
            let folded = off_the_runtime(move || first.read(&batch.events).map(|()| first));
            first = folded.await?.map_err(|error| unfoldable(source, &error))?;
        }
        let mut copy = match first.begin(command, body, &caller.principal) {
            Ok(copy) => copy,
            Err(error) => return Ok((Decision::refuse(error), turn)),
        };
        let mut reading = Reading::behind(&*self.core.log, source, Seq::ZERO);
        while let Some(batch) = reading.next().await.map_err(unread)? {
            let is_last = batch.upto >= copy.upto();
            match off_the_runtime(move || copy.read(&batch.events).map(|()| copy)).await? {
                Ok(read) => copy = read,
                Err(error) => return Ok((Decision::refuse(error), turn)),
            }
            if is_last {
                break;
            }
        }
        Ok((copy.finish(), turn))
    }

    /// Whoever was told that a command is refused for good must never see it done, by whatever copy of it.
    pub(super) fn note_refusals(&self, caller: &Caller, answer: &Answer) {
        for frame in answer {
            if let HubFrame::Refused {
                command: Some(command),
                error,
                ..
            } = frame
            {
                let id = RefusedId::new(&caller.principal, self.writer.id(), *command);
                self.core.refusals.note(id, error);
            }
        }
    }

    /// What an answer to an approval would cover for always; nothing where it covers less, or is no answer.
    pub(super) fn for_always(&self, command: &Command) -> Option<ApprovalPattern> {
        let CommandBody::AnswerApproval(body) = &command.body else {
            return None;
        };
        let is_for_always =
            body.scope == ApprovalScope::Always && body.answer == ApprovalAnswer::Allow;
        let mut open = self.state.open_approvals().iter();
        let open = open.find(|open| open.approval == body.approval)?;
        is_for_always.then(|| open.covers.clone())
    }

    /// What follows from an accepted command outside of this log.
    pub(super) fn follow_command(&mut self, command: &Command, covers: Option<ApprovalPattern>) {
        match (&command.body, covers, self.account()) {
            (CommandBody::BeginPromptEdit(body), ..) => {
                let until = Instant::now() + self.core.options.prompt_edit;
                self.edits.insert(body.prompt, until);
            }
            (CommandBody::AnswerApproval(body), Some(covers), Some(account)) => {
                let answered = self.state.answered_approval(body.approval);
                if let Some(Some(answered)) = answered {
                    let fact = AccountFact::ApprovalGranted {
                        grant: body.approval,
                        by: answered.by.clone(),
                        covers,
                    };
                    record_later(&self.core, account, fact);
                }
            }
            _ => {}
        }
    }

    /// The session is deleted, and nobody finds it any more: what runs is stopped, so that its runner hears of it, and whoever follows
    /// the log is told. From here on this actor writes nothing.
    pub(super) async fn delete(&mut self, by: &Principal) {
        let stopped = stop_all(&self.state, by);
        if !stopped.is_empty() && self.commit(stopped, None).await.is_err() {
            tracing::warn!(session.id = %self.session, "a deleted session's runs end with their leases");
        }
        if let Some(account) = self.account() {
            self.core
                .attention
                .note(self.session, account, Need::Nothing);
        }
        self.writer.end_feed();
        self.is_deleted = true;
    }
}

/// Work that takes a processor for milliseconds: what it is done for waits, the other tasks of the hub do not.
async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ErrorBody> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "a fork panicked");
        ErrorCode::Internal.with("the hub lost this request", "send it again")
    })
}

//! Commands that reach beyond the session: forks, standing approvals, edits, deletion.

use baton_log::ReadError;
use baton_protocol::{
    ApprovalAnswer, ApprovalScope, Command, CommandBody, ErrorBody, ErrorCode, ForkSessionCommand,
    HubFrame, LogId, Principal, Seq,
};
use baton_session::{Decision, ForkSource, stop_all};
use tokio::time::Instant;

use super::answer::Answer;
use super::attention::Need;
use super::session::SessionActor;
use crate::authorize::{Action, Caller, authorize, log_not_found};
use crate::forks::ForkTurn;
use crate::log_writer::{Reading, unfoldable, unreadable};
use crate::refusals::RefusedId;
use crate::standing::ReservedGrant;

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

    /// A place among the account's grants for an answer for always; none where the command is no such answer.
    ///
    /// # Errors
    /// Where the account has as many grants as it may: the person must not be told "always" then.
    pub(super) fn reserve_grant(
        &self,
        command: &Command,
    ) -> Result<Option<ReservedGrant>, ErrorBody> {
        let (CommandBody::AnswerApproval(body), Some(account)) = (&command.body, self.account())
        else {
            return Ok(None);
        };
        let is_for_always =
            body.scope == ApprovalScope::Always && body.answer == ApprovalAnswer::Allow;
        let mut open = self.state.open_approvals().iter();
        match open.find(|open| open.approval == body.approval) {
            Some(open) if is_for_always => {
                let covers = open.covers.clone();
                ReservedGrant::reserve(&self.core, account, body.approval, covers).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// What follows from an accepted command outside of this log.
    pub(super) fn follow_command(&mut self, command: &Command, reserved: Option<ReservedGrant>) {
        match (&command.body, reserved) {
            (CommandBody::BeginPromptEdit(body), _) => {
                let until = Instant::now() + self.core.options.prompt_edit;
                self.edits.insert(body.prompt, until);
            }
            (CommandBody::AnswerApproval(body), Some(reserved)) => {
                if let Some(Some(answered)) = self.state.answered_approval(body.approval) {
                    reserved.give(answered.by.clone());
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
        self.is_deleted = true;
        if let Some(account) = self.account() {
            self.core
                .attention
                .note(self.session, account, Need::Nothing);
            self.leave_runners(account);
        }
        self.writer.end_feed();
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

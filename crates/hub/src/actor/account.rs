//! One account's actor: devices, offered agents, summaries of sessions, read marks.
//!
//! Invariant: as for a session, nothing is shown before it is durable. Summaries that come faster than the disk takes them are joined:
//! only the newest one of a session is recorded.

use std::sync::Arc;
use std::time::Duration;

use baton_log::{Appended, NewReceipt};
use baton_protocol::{
    AccountId, AccountOpenedEvent, AgentsOfferedEvent, ApprovalGrantRevokedEvent,
    ApprovalGrantedEvent, Command, CommandBody, DeviceLinkedEvent, DeviceRevokedEvent, ErrorBody,
    Event, EventBody, LogId, Principal, Seq, SessionId, SessionSummarizedEvent, SessionSummary,
};
use baton_session::{AccountState, LinkedPrincipal, NewEvent, decide_account};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::account_actors::{PendingSummaries, delete_later};
use super::answer::{self, Answer, refusal};
use super::message::{AccountFact, AccountMessage};
use crate::authorize::{Action, Caller, authorize, hold_right};
use crate::core::HubCore;
use crate::log_state::Unsaved;
use crate::log_writer::{CommitError, LogWriter, unfoldable, unreadable};

/// Summaries in one append.
const SUMMARIES_PER_APPEND_MAX: usize = 256;

/// How long the actor waits before it asks a storage again that has just refused.
pub(super) const STORAGE_RETRY: Duration = Duration::from_secs(1);

/// The state and the tools of one account.
pub struct AccountActor {
    core: Arc<HubCore>,
    account: AccountId,
    writer: LogWriter,
    state: AccountState,
    unsaved: Unsaved,
    pending: Arc<PendingSummaries>,
    broken: Option<ErrorBody>,
    /// Not before then is the log of a broken actor read again.
    mend_at: Option<Instant>,
    /// Not before then are summaries recorded that the storage has just refused.
    summaries_at: Option<Instant>,
}

impl AccountActor {
    /// Loads the account's log; opens it under this name where there is none.
    pub async fn load(
        core: Arc<HubCore>,
        account: AccountId,
        name: &str,
        pending: Arc<PendingSummaries>,
    ) -> Result<Self, ErrorBody> {
        let id = LogId::Account(account);
        let writer = LogWriter::new(&core, id);
        let mut actor = Self {
            core,
            account,
            writer,
            state: AccountState::default(),
            unsaved: Unsaved::default(),
            pending,
            broken: None,
            mend_at: None,
            summaries_at: None,
        };
        actor.fold().await?;
        if !actor.writer.exists() {
            let opened = AccountOpenedEvent {
                account,
                name: name.to_owned(),
            };
            actor
                .record(vec![by_hub(EventBody::AccountOpened(opened))])
                .await?;
        }
        Ok(actor)
    }

    /// Reads the log.
    async fn fold(&mut self) -> Result<(), ErrorBody> {
        (self.state, self.unsaved) = self.writer.load(|_, _| ()).await?;
        self.core.standing.keep(self.account, &self.state);
        for session in self.state.deleted() {
            self.core.owners.delete(*session);
        }
        Ok(())
    }

    /// What follows from a recorded event outside of this log.
    fn follow(&self, event: &Event) {
        match &event.body {
            EventBody::ApprovalGranted(_)
            | EventBody::ApprovalGrantRevoked(_)
            | EventBody::DeviceRevoked(_) => {
                self.core.standing.keep(self.account, &self.state);
            }
            EventBody::SessionDeleted(body) => {
                // From here on nobody finds it; its actor ends what still runs there.
                self.core.owners.delete(body.session);
                delete_later(&self.core, self.account, body.session, event.by.clone());
            }
            _ => {}
        }
    }

    /// An actor that lost its place reads its log again, not more often than a storage that refuses should be asked.
    async fn mend(&mut self) {
        if self.broken.is_none() || self.mend_at.is_some_and(|at| Instant::now() < at) {
            return;
        }
        self.mend_at = Some(Instant::now() + STORAGE_RETRY);
        self.broken = self.fold().await.err();
    }

    /// What the log says now.
    pub fn state(&self) -> &AccountState {
        &self.state
    }

    /// Works until the hub stops, and records what is pending by then.
    pub async fn run(mut self, mut mailbox: mpsc::Receiver<AccountMessage>) {
        let core = Arc::clone(&self.core);
        let pending = Arc::clone(&self.pending);
        loop {
            tokio::select! {
                biased;
                message = mailbox.recv() => match message {
                    Some(message) => self.receive(message).await,
                    None => break,
                },
                () = due(&pending, self.summaries_at) => {
                    let is_recorded = self.record_summaries().await;
                    self.summaries_at = (!is_recorded).then(|| Instant::now() + STORAGE_RETRY);
                }
                () = core.accounts_stopping.cancelled() => break,
            }
        }
        mailbox.close();
        while let Some(message) = mailbox.recv().await {
            self.receive(message).await;
        }
        while !self.pending.is_empty() && self.record_summaries().await {}
    }

    async fn receive(&mut self, message: AccountMessage) {
        self.mend().await;
        match message {
            AccountMessage::Command {
                caller,
                command,
                arrived,
                answer,
            } => {
                let frames = self.command(&caller, &command).await;
                self.core.measures.answered(arrived.elapsed());
                // The connection may be gone; what was recorded stays recorded.
                let _ = answer.send(frames);
            }
            AccountMessage::Record { fact, done } => {
                let recorded = self.record_fact(fact).await;
                let _ = done.send(recorded);
            }
        }
    }

    async fn command(&mut self, caller: &Caller, command: &Command) -> Answer {
        let refused = |error: ErrorBody| refusal(command.log, Some(command.id), error);
        let _held = match hold_right(caller) {
            Ok(held) => held,
            Err(error) => return refused(error),
        };
        if let Err(error) = authorize(
            caller,
            Action::Command,
            self.writer.id(),
            Some(self.account),
        ) {
            return refused(error);
        }
        let digest = answer::digest(command);
        match self.writer.receipt(command.id).await {
            Ok(Some(stored)) => return answer::known_answer(command, digest, stored),
            Ok(None) => {}
            Err(error) => return refused(error),
        }
        let bounded = match self.within_log(command).await {
            Ok(bounded) => bounded,
            Err(error) => return refused(error),
        };
        let decision = decide_account(&self.state, &bounded, &caller.principal);
        let receipt = answer::new_receipt(command, digest, decision.outcome);
        match self.commit(decision.events, Some(receipt)).await {
            Ok(appended) => {
                self.core.measures.commands.increment(1);
                let receipt = appended
                    .receipt
                    .expect("an append with a receipt gives it back");
                answer::receipt_answer(receipt)
            }
            Err(CommitError::Known(stored)) => answer::known_answer(command, digest, *stored),
            Err(CommitError::Refused(error) | CommitError::Broken(error)) => refused(error),
        }
    }

    /// Limits a read mark to the head of the session's log. Marks only grow, so one beyond the head would hide every later event.
    async fn within_log(&self, command: &Command) -> Result<Command, ErrorBody> {
        let mut command = command.clone();
        let CommandBody::MarkRead(body) = &mut command.body else {
            return Ok(command);
        };
        let listed = self.state.sessions().get(&body.session);
        // The summary trails the log, so most marks need no look at it.
        if listed.is_some_and(|summary| body.seq > summary.seq) {
            let head = self.core.log.head(LogId::Session(body.session)).await;
            let head = head.map_err(|error| unreadable(&self.core.storage, &error))?;
            body.seq = body.seq.min(head.map_or(Seq::ZERO, |head| head.seq));
        }
        Ok(command)
    }

    /// Records a fact, unless the log says so already.
    pub async fn record_fact(&mut self, fact: AccountFact) -> Result<(), ErrorBody> {
        let given = match &fact {
            AccountFact::ApprovalGranted { grant, .. } => Some(*grant),
            _ => None,
        };
        let events = self.events_of(fact);
        if events.is_empty() {
            if let Some(grant) = given {
                self.core.standing.release(self.account, grant);
            }
            return Ok(());
        }
        self.record(events).await
    }

    fn events_of(&self, fact: AccountFact) -> Vec<NewEvent> {
        match fact {
            AccountFact::Linked { principal, name } => {
                let linked = EventBody::DeviceLinked(DeviceLinkedEvent {
                    principal: principal.clone(),
                    name,
                });
                let is_known = self.linked(&principal).is_some();
                (!is_known).then(|| by_hub(linked)).into_iter().collect()
            }
            AccountFact::Revoked { principal } => self.revoked(principal),
            AccountFact::ApprovalGranted { grant, by, covers } => {
                let is_known = self.state.grants().contains_key(&grant);
                // Its place was reserved; the device may have lost its access since.
                let has_access = self.linked(&by).is_none_or(|linked| !linked.revoked);
                let granted =
                    EventBody::ApprovalGranted(ApprovalGrantedEvent { grant, by, covers });
                let is_new = !is_known && has_access;
                is_new.then(|| by_hub(granted)).into_iter().collect()
            }
            AccountFact::Offered { runner, agents } => {
                let is_so = self.state.agents().get(&runner) == Some(&agents);
                let by = Principal::Runner {
                    runner,
                    agent: None,
                };
                let offered = EventBody::AgentsOffered(AgentsOfferedEvent { runner, agents });
                let event = NewEvent {
                    by,
                    ..by_hub(offered)
                };
                (!is_so).then_some(event).into_iter().collect()
            }
        }
    }

    fn linked(&self, principal: &Principal) -> Option<&LinkedPrincipal> {
        self.state.devices().get(&principal.id()?)
    }

    /// Its access ends, and with it what it allowed for always.
    fn revoked(&self, principal: Principal) -> Vec<NewEvent> {
        let Some(linked) = self.linked(&principal) else {
            return Vec::new();
        };
        let is_new = !linked.revoked;
        let grants = self.state.grants().iter();
        let theirs: Vec<_> = grants
            .filter(|(_, grant)| grant.by == principal)
            .map(|(grant, _)| *grant)
            .collect();
        let revoked = is_new.then_some(EventBody::DeviceRevoked(DeviceRevokedEvent { principal }));
        let grants = theirs
            .into_iter()
            .map(|grant| EventBody::ApprovalGrantRevoked(ApprovalGrantRevokedEvent { grant }));
        revoked.into_iter().chain(grants).map(by_hub).collect()
    }

    /// Records the newest summaries. False where the storage refused: they stay pending.
    async fn record_summaries(&mut self) -> bool {
        self.mend().await;
        let taken = self.pending.take(SUMMARIES_PER_APPEND_MAX);
        let news = |(session, summary): &(SessionId, SessionSummary)| {
            self.state.sessions().get(session) != Some(summary)
                && !self.state.deleted().contains(session)
        };
        let events: Vec<NewEvent> = taken
            .iter()
            .filter(|entry| news(entry))
            .map(summarized)
            .collect();
        if events.is_empty() {
            return true;
        }
        let is_recorded = self.record(events).await.is_ok();
        if !is_recorded {
            self.pending.put_back(taken);
        }
        is_recorded
    }

    async fn record(&mut self, events: Vec<NewEvent>) -> Result<(), ErrorBody> {
        match self.commit(events, None).await {
            Ok(_) => Ok(()),
            Err(CommitError::Refused(error) | CommitError::Broken(error)) => Err(error),
            Err(CommitError::Known(_)) => Err(answer::interrupted()),
        }
    }

    async fn commit(
        &mut self,
        events: Vec<NewEvent>,
        receipt: Option<NewReceipt>,
    ) -> Result<Appended, CommitError> {
        if let Some(error) = &self.broken {
            return Err(CommitError::Refused(error.clone()));
        }
        let state = self.unsaved.due(&self.state);
        let saving = state.as_ref().map(Unsaved::behind);
        let head = self.state.head();
        let appended = match self.writer.append(head, events, receipt, state).await {
            Ok(appended) => appended,
            Err(CommitError::Broken(error)) => {
                self.broken = Some(error.clone());
                return Err(CommitError::Broken(error));
            }
            Err(error) => return Err(error),
        };
        self.unsaved = saving.unwrap_or(self.unsaved);
        for event in &appended.events {
            self.unsaved.count(event);
            if let Err(error) = self.state.apply(event) {
                self.broken = Some(unfoldable(self.writer.id(), &error));
                break;
            }
            self.follow(event);
        }
        self.writer.publish(&appended);
        Ok(appended)
    }
}

/// Returns when summaries wait and may be recorded.
async fn due(pending: &PendingSummaries, not_before: Option<Instant>) {
    if let Some(at) = not_before {
        tokio::time::sleep_until(at).await;
    }
    pending.some().await;
}

fn summarized((session, summary): &(SessionId, SessionSummary)) -> NewEvent {
    let (session, summary) = (*session, summary.clone());
    by_hub(EventBody::SessionSummarized(SessionSummarizedEvent {
        session,
        summary,
    }))
}

fn by_hub(body: EventBody) -> NewEvent {
    NewEvent {
        by: Principal::Hub,
        command: None,
        producer: None,
        recorded_at: None,
        body,
    }
}

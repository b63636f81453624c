//! One session's actor.
//!
//! Invariants: events reach nobody before the append has returned; an actor whose append ended in the unknown writes no more and
//! makes room for a new one that reads the log again; a session with a run that is on is never put away.

use std::collections::HashMap;
use std::sync::Arc;

use baton_log::Appended;
use baton_protocol::{
    AccountId, Command, CommandBody, ErrorBody, Event, EventBody, LogId, Principal, PromptId,
    ReceiptOutcome, RunId, RunnerId, Seq, SessionId, SessionSummary,
};
use baton_session::{
    Checkpoints, DecideFacts, Decision, NewEvent, NoTranscript, SessionState, decide,
};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::answer::{self, Answer, refusal};
use super::message::{PendingRequest, SessionMessage, SessionRequest};
use super::run_requests::of_deleted;
use super::trail;
use crate::authorize::{Action, Caller, authorize, hold_right};
use crate::core::HubCore;
use crate::leases::Leases;
use crate::log_state::{SessionCheckpoints, Unsaved};
use crate::log_writer::{CommitError, LogWriter, unfoldable};
use crate::refusals::RefusedId;

/// The state and the tools of one session.
pub struct SessionActor {
    pub(super) core: Arc<HubCore>,
    pub(super) session: SessionId,
    pub(super) writer: LogWriter,
    pub(super) state: SessionState,
    unsaved: Unsaved,
    checkpoints: SessionCheckpoints,
    pub(super) leases: Leases,
    /// Where each run that is on began, for its assignment.
    pub(super) begun: HashMap<RunId, Seq>,
    /// Until when each prompt is kept for the device that edits it.
    pub(super) edits: HashMap<PromptId, Instant>,
    /// What the account was told last, with the seq left out.
    pub(super) told: Option<SessionSummary>,
    /// The storage refused what must follow from the state: when to try again.
    pub(super) try_again_at: Option<Instant>,
    /// Set once the actor must end.
    pub(super) broken: Option<ErrorBody>,
    /// The session is deleted: nothing of it is begun, watched or told any more.
    pub(super) is_deleted: bool,
}

/// How an actor ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// It had nothing to do, or the hub stops.
    AtRest,
    /// A message that came while it was being put away gave it work: another one must go on with it.
    AtWork,
    /// It lost its log. Its runs must be watched by another one.
    Broken,
}

/// Whether an actor goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Next {
    GoOn,
    End,
}

impl SessionActor {
    /// Not loaded yet.
    pub fn new(core: Arc<HubCore>, session: SessionId) -> Self {
        let id = LogId::Session(session);
        let writer = LogWriter::new(&core, id);
        let leases = Leases::new(core.options.lease);
        Self {
            core,
            session,
            writer,
            state: SessionState::default(),
            unsaved: Unsaved::default(),
            checkpoints: SessionCheckpoints::default(),
            leases,
            begun: HashMap::new(),
            edits: HashMap::new(),
            told: None,
            try_again_at: None,
            broken: None,
            is_deleted: false,
        }
    }

    /// Works until it has nothing to do for a while, breaks or the hub stops. Answers whatever was in the mailbox by then.
    pub async fn run(mut self, mut mailbox: mpsc::Receiver<SessionMessage>) -> Ended {
        if let Err(error) = self.load().await {
            self.broken = Some(error);
        } else {
            self.settle().await;
        }
        let mut crowded = self.core.sessions.crowded();
        while self.broken.is_none() {
            let deadline = self.next_look();
            let next = tokio::select! {
                message = mailbox.recv() => match message {
                    Some(message) => {
                        let mut next = Some(message);
                        while let Some(message) = next {
                            next = self.receive_joined(message, &mut mailbox).await;
                        }
                        Next::GoOn
                    }
                    None => Next::End,
                },
                () = sleep_until(deadline) => { self.settle().await; Next::GoOn }
                () = tokio::time::sleep(self.core.options.idle_actor) => self.put_away(),
                _ = crowded.changed() => self.put_away(),
                () = self.core.sessions_stopping.cancelled() => Next::End,
            };
            if next == Next::End {
                break;
            }
        }
        mailbox.close();
        while let Some(message) = mailbox.recv().await {
            self.receive(message).await;
        }
        if self.broken.is_some() {
            Ended::Broken
        } else if self.is_at_work() && !self.core.sessions_stopping.is_cancelled() {
            Ended::AtWork
        } else {
            Ended::AtRest
        }
    }

    fn put_away(&self) -> Next {
        // A session that nobody has created yet is not worth an actor either.
        if self.is_at_work() {
            Next::GoOn
        } else {
            Next::End
        }
    }

    /// Whether somebody must watch the session: a run is on, or the storage refused what must follow.
    fn is_at_work(&self) -> bool {
        let is_on = self.state.active_runs().next().is_some() || self.try_again_at.is_some();
        is_on && !self.is_deleted
    }

    async fn load(&mut self) -> Result<(), ErrorBody> {
        let saved = self.writer.saved(Checkpoints::FORMAT).await?;
        self.checkpoints = SessionCheckpoints::saved(saved.as_ref());
        let (begun, checkpoints) = (&mut self.begun, &mut self.checkpoints);
        let each = |state: &SessionState, event: &Event| {
            note_begin(begun, event);
            checkpoints.follow(state, event);
        };
        (self.state, self.unsaved) = self.writer.load(each).await?;
        if let Some(account) = self.account() {
            self.core.owners.note(self.session, account);
        }
        self.is_deleted = self.core.owners.is_deleted(self.session);
        let now = Instant::now();
        self.leases.retain(|_| false);
        for run in self.state.active_runs() {
            self.leases.grant(run.run, now);
            self.core.runners.occupy(run.runner, self.session);
        }
        self.told = self.summary_without_seq();
        Ok(())
    }

    pub(super) fn account(&self) -> Option<AccountId> {
        self.state.created().map(|created| created.account)
    }

    pub(super) async fn receive(&mut self, message: SessionMessage) {
        match message {
            SessionMessage::Request(pending) => {
                let PendingRequest {
                    caller,
                    request,
                    arrived,
                    answer,
                } = *pending;
                let frames = self.answer(&caller, request).await;
                self.note_refusals(&caller, &frames);
                self.core.measures.answered(arrived.elapsed());
                // The connection may be gone; what was recorded stays recorded.
                let _ = answer.send(frames);
                self.settle().await;
            }
            SessionMessage::RunnerChanged { runner } => {
                self.settle().await;
                self.assign_again(runner);
            }
            SessionMessage::Barrier { done } => {
                // Whoever waited may be gone.
                let _ = done.send(());
            }
            SessionMessage::Delete { by, done } => {
                self.delete(&by).await;
                let _ = done.send(());
            }
            SessionMessage::Summarize { done } => {
                self.tell_account();
                let _ = done.send(());
            }
        }
    }

    pub(super) async fn answer(&mut self, caller: &Caller, request: SessionRequest) -> Answer {
        let log = self.writer.id();
        if self.core.owners.is_deleted(self.session) {
            return of_deleted(log, &request);
        }
        let command = match &request {
            SessionRequest::Command(command) => Some(command.id),
            _ => None,
        };
        if let Some(error) = &self.broken {
            return refusal(log, command, error.clone());
        }
        let _held = match hold_right(caller) {
            Ok(held) => held,
            Err(error) => return refusal(log, command, error),
        };
        let creates =
            matches!(&request, SessionRequest::Command(command) if command.body.begins_session());
        let action = if command.is_some() {
            Action::Command
        } else {
            Action::WriteRun
        };
        let owner = if creates && !self.writer.exists() {
            Some(caller.account)
        } else {
            self.account()
        };
        if let Err(error) = authorize(caller, action, log, owner) {
            return refusal(log, command, error);
        }
        match request {
            SessionRequest::Command(command) => self.command(caller, &command).await,
            request => self.run_request(caller, request).await,
        }
    }

    async fn command(&mut self, caller: &Caller, command: &Command) -> Answer {
        let digest = answer::digest(command);
        tracing::info!(command.id = %command.id, session.id = %self.session, "a command is received");
        // Not looked up before: an append with an id that was answered records nothing and gives the receipt. Only a fork, which reads
        // another log, is worth the look.
        if matches!(command.body, CommandBody::ForkSession(_)) {
            match self.writer.receipt(command.id).await {
                Ok(Some(stored)) => return answer::known_answer(command, digest, stored),
                Ok(None) => {}
                Err(error) => return refusal(command.log, Some(command.id), error),
            }
        }
        let id = RefusedId::new(&caller.principal, command.log, command.id);
        if let Some(error) = self.core.refusals.of(&id) {
            return refusal(command.log, Some(command.id), error);
        }
        if command.body.begins_session()
            && !self.writer.exists()
            && let Err(error) = self.core.owners.room(caller.account)
        {
            return refusal(command.log, Some(command.id), error);
        }
        let mut _turn = None;
        let reserved = self.reserve_grant(command);
        let decision = match (&command.body, &reserved) {
            (_, Err(error)) => Decision {
                events: Vec::new(),
                outcome: ReceiptOutcome::Refused {
                    error: error.clone(),
                },
            },
            (CommandBody::ForkSession(body), _) if !self.writer.exists() => {
                match self.fork(caller, command, body).await {
                    Ok((decision, turn)) => {
                        _turn = Some(turn);
                        decision
                    }
                    Err(error) => return refusal(command.log, Some(command.id), error),
                }
            }
            (body, _) => decide(&self.state, command, &caller.principal, &self.facts(body)),
        };
        if let (false, ReceiptOutcome::Refused { error }) =
            (self.writer.exists(), &decision.outcome)
        {
            // There is no log that could keep the receipt.
            return refusal(command.log, Some(command.id), error.clone());
        }
        let receipt = answer::new_receipt(command, digest, decision.outcome);
        match self.commit(decision.events, Some(receipt)).await {
            Ok(appended) => {
                self.core.measures.commands.increment(1);
                self.follow_command(command, reserved.ok().flatten());
                let receipt = appended
                    .receipt
                    .expect("an append with a receipt gives it back");
                answer::receipt_answer(receipt)
            }
            Err(CommitError::Known(stored)) => answer::known_answer(command, digest, *stored),
            Err(CommitError::Refused(error)) => match self.writer.receipt(command.id).await {
                // What cannot be written now may have been answered when it could.
                Ok(Some(stored)) => answer::known_answer(command, digest, stored),
                Ok(None) | Err(_) => refusal(command.log, Some(command.id), error),
            },
            Err(CommitError::Broken(error)) => refusal(command.log, Some(command.id), error),
        }
    }

    fn facts(&self, body: &CommandBody) -> DecideFacts {
        let steered = match body {
            CommandBody::SendPrompt(body) => body.run,
            _ => None,
        };
        let can_steer = self
            .state
            .steered_run(steered)
            .is_some_and(|run| self.core.runners.can_steer(run.runner, &run.agent));
        DecideFacts { can_steer }
    }

    /// Appends, then applies, then publishes.
    pub(super) async fn commit(
        &mut self,
        events: Vec<NewEvent>,
        receipt: Option<baton_log::NewReceipt>,
    ) -> Result<Appended, CommitError> {
        // One at a time: the other one waits for the next append.
        let checkpoints = self.checkpoints.due(self.state.head());
        let state = match &checkpoints {
            Some(_) => None,
            None => self.unsaved.due(&self.state),
        };
        let saving = state.as_ref().map(Unsaved::behind);
        let are_checkpoints_saved = checkpoints.is_some();
        let state = checkpoints.or(state);
        let (head, began) = (self.state.head(), Instant::now());
        let appended = match self.writer.append(head, events, receipt, state).await {
            Ok(appended) => {
                trail::recorded(self.session, &appended, began.elapsed());
                appended
            }
            Err(CommitError::Broken(error)) => {
                self.broken = Some(error.clone());
                return Err(CommitError::Broken(error));
            }
            Err(error) => return Err(error),
        };
        let is_first = self.state.created().is_none();
        self.unsaved = saving.unwrap_or(self.unsaved);
        if are_checkpoints_saved {
            self.checkpoints.were_saved();
        }
        for event in &appended.events {
            self.unsaved.count(event);
            note_begin(&mut self.begun, event);
            if let Err(error) = self.state.apply(event, &mut NoTranscript) {
                // Recorded and decided on this very state: the machine contradicts itself. What is durable is shown and answered.
                self.broken = Some(unfoldable(self.writer.id(), &error));
                break;
            }
            self.checkpoints.follow(&self.state, event);
        }
        if is_first && let Some(account) = self.account() {
            self.core.owners.note(self.session, account);
        }
        self.writer.publish(&appended);
        trail::shown(self.session, &appended, &self.state);
        Ok(appended)
    }

    pub(super) fn summary_without_seq(&self) -> Option<SessionSummary> {
        self.state.summary().map(|summary| SessionSummary {
            seq: Seq::ZERO,
            ..summary
        })
    }

    pub(super) fn tell_account(&mut self) {
        if let (Some(account), Some(summary)) = (self.account(), self.state.summary()) {
            self.told = self.summary_without_seq();
            self.core.accounts.summarize(account, self.session, summary);
        }
    }
}

fn note_begin(begun: &mut HashMap<RunId, Seq>, event: &Event) {
    match &event.body {
        EventBody::RunStarted(started) => {
            begun.insert(started.run, event.seq);
        }
        EventBody::RunEnded(ended) => {
            begun.remove(&ended.run);
        }
        _ => {}
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// The runner's id, for a caller that is one.
pub(super) fn runner_of(principal: &Principal) -> Option<RunnerId> {
    match principal {
        Principal::Runner { runner, .. } => Some(*runner),
        Principal::Device { .. } | Principal::Hub => None,
    }
}

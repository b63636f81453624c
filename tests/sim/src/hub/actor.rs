//! One session's actor: as `actor::session` in the hub.

use std::collections::BTreeMap;
use std::time::Duration;

use baton_hub::Leases;
use baton_log::{Appended, NewReceipt, StoredReceipt};
use baton_protocol::{
    Command, CommandBody, CommandId, Epoch, ErrorBody, ErrorCode, Event, EventBody,
    ForkSessionCommand, HubFrame, LogId, PromptId, Receipt, ReceiptOutcome, RequeueReason, RunId,
    RunWriteEntry, Seq, SessionId, SessionSummary, limits,
};
use baton_session::{DecideFacts, Decision, NewEvent, NoTranscript, SessionState, decide, fork};
use sha2::{Digest as _, Sha256};

use super::commit::{CommitError, Writer};
use super::connection::Caller;
use super::process::{Shared, refused_id};
use crate::planted::Planted;
use crate::sim::Sim;

/// What a connection asks of a session.
pub(super) enum Request {
    Command(Command),
    Resume {
        run: RunId,
        epoch: Epoch,
    },
    Write {
        run: RunId,
        epoch: Epoch,
        entries: Vec<RunWriteEntry>,
    },
    Teardown {
        run: RunId,
        tools_cancelled: u32,
        still_running: Vec<String>,
    },
}

/// A session in the hub's memory.
pub struct Actor {
    pub(super) session: SessionId,
    pub(super) writer: Writer,
    pub(super) state: SessionState,
    pub(super) leases: Leases,
    pub(super) begun: BTreeMap<RunId, Seq>,
    pub(super) told: Option<SessionSummary>,
    pub(super) try_again_ms: Option<u64>,
    /// Prompts that are edited, and until when.
    pub(super) edits: BTreeMap<PromptId, u64>,
    /// The session is deleted: nothing of it is begun, watched or told any more.
    pub(super) is_deleted: bool,
    broken: Option<ErrorBody>,
}

impl Actor {
    /// Reads the log, and does what follows from it.
    pub(super) fn load(sim: &mut Sim, shared: &mut Shared, session: SessionId) -> Self {
        let mut actor = Self {
            session,
            writer: Writer::new(LogId::Session(session)),
            state: SessionState::default(),
            leases: Leases::new(Duration::from_millis(limits::LEASE_MS)),
            begun: BTreeMap::new(),
            told: None,
            try_again_ms: None,
            edits: BTreeMap::new(),
            is_deleted: shared.deleted.contains(&session),
            broken: None,
        };
        match actor.read(sim) {
            Ok(()) => {
                if actor.state.created().is_some() {
                    shared.note_owned(session);
                }
                let now = sim.instant().into();
                for run in actor.state.active_runs() {
                    actor.leases.grant(run.run, now);
                    shared.directory.occupy(run.runner, session);
                }
                actor.told = actor.summary_without_seq();
                actor.settle(sim, shared);
            }
            Err(error) => actor.broken = Some(error),
        }
        actor
    }

    fn read(&mut self, sim: &mut Sim) -> Result<(), ErrorBody> {
        let (state, begun) = (&mut self.state, &mut self.begun);
        self.writer.load(sim, |events, upto| {
            for event in &events {
                note_begin(begun, event);
                state
                    .apply(event, &mut NoTranscript)
                    .map_err(|error| ErrorCode::Internal.with(error.to_string(), ""))?;
            }
            state.set_head(upto);
            Ok(())
        })
    }

    /// What the actor holds for true.
    pub fn state(&self) -> &SessionState {
        &self.state
    }

    /// Whether it must end.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Whether somebody must watch the session.
    pub(super) fn is_at_work(&self) -> bool {
        let is_on = self.state.active_runs().next().is_some() || self.waits_for_storage();
        is_on && !self.is_deleted
    }

    /// Whether the storage refused what must follow from the state.
    pub(super) fn waits_for_storage(&self) -> bool {
        self.try_again_ms.is_some()
    }

    pub(super) fn may_go_on(&self, sim: &Sim) -> bool {
        self.broken.is_none() && !sim.hub_crashed
    }

    /// What a connection gets for its request.
    pub(super) fn answer(
        &mut self,
        sim: &mut Sim,
        shared: &mut Shared,
        caller: &Caller,
        request: Request,
    ) -> Vec<HubFrame> {
        let log = self.writer.log;
        let command = match &request {
            Request::Command(command) => Some(command.id),
            _ => None,
        };
        if let Some(error) = &self.broken {
            return refusal(log, command, error.clone());
        }
        let creates =
            matches!(&request, Request::Command(command) if command.body.begins_session());
        let is_owned = self.state.created().is_some() || (creates && !self.writer.exists());
        if !is_owned {
            let error = ErrorCode::LogNotFound.with("there is no such log", "look again");
            return refusal(log, command, error);
        }
        match request {
            Request::Command(command) => self.command(sim, shared, caller, &command),
            request => self.run_request(sim, shared, caller, request),
        }
    }

    fn command(
        &mut self,
        sim: &mut Sim,
        shared: &mut Shared,
        caller: &Caller,
        command: &Command,
    ) -> Vec<HubFrame> {
        let digest = digest(command);
        let forgets = sim.is_planted(Planted::HubForgetsReceipts);
        match self.writer.receipt(sim, command.id) {
            Ok(Some(stored)) if !forgets => return known_answer(command, digest, stored),
            Ok(_) => {}
            Err(error) => return refusal(command.log, Some(command.id), error),
        }
        let refused = shared
            .refusals
            .get(&refused_id(caller, command.log, command.id));
        if let Some(error) = refused.filter(|_| !sim.is_planted(Planted::HubForgetsRefusals)) {
            return refusal(command.log, Some(command.id), error.clone());
        }
        let decision = match &command.body {
            CommandBody::ForkSession(body) if !self.writer.exists() => {
                match fork_of(sim, shared, caller, command, body) {
                    Ok(decision) => decision,
                    Err(error) => return refusal(command.log, Some(command.id), error),
                }
            }
            _ => {
                let facts = self.facts(shared);
                decide(&self.state, command, &caller.principal, &facts)
            }
        };
        if let (false, ReceiptOutcome::Refused { error }) =
            (self.writer.exists(), &decision.outcome)
        {
            return refusal(command.log, Some(command.id), error.clone());
        }
        let guessed = Receipt {
            command: command.id,
            log: command.log,
            seq: Seq(self.state.head().0 + decision.events.len() as u64),
            recorded_at: sim.hub_wall(),
            outcome: decision.outcome.clone(),
        };
        let answers_first = sim.is_planted(Planted::HubAnswersBeforeCommit);
        if answers_first {
            let receipt = guessed.clone();
            shared.send(sim, caller.line, HubFrame::Receipt { receipt });
        }
        let receipt = NewReceipt {
            command: command.id,
            digest,
            outcome: decision.outcome,
        };
        let receipt = (!forgets).then_some(receipt);
        match self.commit(sim, shared, decision.events, receipt) {
            Ok(_) if answers_first => Vec::new(),
            Ok(appended) => {
                self.follow_command(sim, command);
                let receipt = appended.receipt.unwrap_or(guessed);
                vec![HubFrame::Receipt { receipt }]
            }
            Err(CommitError::Known(stored)) => known_answer(command, digest, *stored),
            Err(CommitError::Refused(error) | CommitError::Broken(error)) => {
                refusal(command.log, Some(command.id), error)
            }
            Err(CommitError::Crashed) => Vec::new(),
        }
    }

    fn facts(&self, shared: &Shared) -> DecideFacts {
        let can_steer = self
            .state
            .root_run()
            .is_some_and(|run| shared.directory.can_steer(run.runner, &run.agent));
        DecideFacts { can_steer }
    }

    /// Appends, then applies, then publishes.
    pub(super) fn commit(
        &mut self,
        sim: &mut Sim,
        shared: &mut Shared,
        mut events: Vec<NewEvent>,
        receipt: Option<NewReceipt>,
    ) -> Result<Appended, CommitError> {
        if sim.is_planted(Planted::HubDropsMissedSteers) {
            events.retain(|event| !is_missed_steer(event));
        }
        let shows_first = sim.is_planted(Planted::HubShowsBeforeCommit);
        if shows_first && let Some(incarnation) = self.writer.incarnation {
            let head = self.state.head();
            let guessed = (head.0 + 1..).zip(&events);
            let guessed = guessed.map(|(seq, event)| event.clone().at(Seq(seq), sim.hub_wall()));
            let guessed: Vec<Event> = guessed.collect();
            shared.publish(sim, self.writer.log, incarnation, head, &guessed);
        }
        let appended = match self.writer.append(sim, self.state.head(), events, receipt) {
            Ok(appended) => appended,
            Err(CommitError::Broken(error)) => {
                self.broken = Some(error.clone());
                return Err(CommitError::Broken(error));
            }
            Err(error) => return Err(error),
        };
        for event in &appended.events {
            note_begin(&mut self.begun, event);
            if let Err(error) = self.state.apply(event, &mut NoTranscript) {
                let error = format!(
                    "the actor of {} cannot fold what it decided: {error}",
                    self.session
                );
                sim.checker.violated(error.clone());
                self.broken = Some(ErrorCode::Internal.with(error, ""));
                break;
            }
        }
        if self.state.created().is_some() {
            shared.note_owned(self.session);
        }
        if !shows_first {
            let (log, incarnation) = (self.writer.log, appended.incarnation);
            shared.publish(sim, log, incarnation, appended.after, &appended.events);
        }
        Ok(appended)
    }

    pub(super) fn summary_without_seq(&self) -> Option<SessionSummary> {
        self.state.summary().map(|summary| SessionSummary {
            seq: Seq::ZERO,
            ..summary
        })
    }

    pub(super) fn tell_account(&mut self, shared: &mut Shared) {
        if let Some(summary) = self.state.summary() {
            self.told = self.summary_without_seq();
            shared.summaries.insert(self.session, summary);
        }
    }
}

/// Decides a fork on the other session's log as it is now.
fn fork_of(
    sim: &mut Sim,
    shared: &Shared,
    caller: &Caller,
    command: &Command,
    body: &ForkSessionCommand,
) -> Result<Decision, ErrorBody> {
    let not_found = || ErrorCode::LogNotFound.with("there is no such log", "look again");
    if !shared.owned.contains(&body.from) {
        return Err(not_found());
    }
    let source = Writer::new(LogId::Session(body.from));
    let mut events = Vec::new();
    let read = source.clone().load(sim, |batch, _| {
        events.extend(batch);
        Ok(())
    });
    read?;
    fork(command, body, &caller.principal, &events)
        .map_err(|error| ErrorCode::Internal.with(error.to_string(), ""))
}

fn is_missed_steer(event: &NewEvent) -> bool {
    matches!(
        &event.body,
        EventBody::PromptRequeued(body) if body.reason == RequeueReason::SteerMissed
    )
}

fn note_begin(begun: &mut BTreeMap<RunId, Seq>, event: &Event) {
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

/// Nothing was recorded, and the connection goes on.
pub(super) fn refusal(log: LogId, command: Option<CommandId>, error: ErrorBody) -> Vec<HubFrame> {
    vec![HubFrame::Refused {
        command,
        log: Some(log),
        error,
    }]
}

/// SHA-256 of the command's canonical JSON.
pub(super) fn digest(command: &Command) -> [u8; 32] {
    let canonical = serde_json::to_vec(command).expect("a command is plain JSON");
    Sha256::digest(&canonical).into()
}

/// The answer to a command whose id was answered before.
pub(super) fn known_answer(
    command: &Command,
    digest: [u8; 32],
    stored: StoredReceipt,
) -> Vec<HubFrame> {
    if stored.digest == digest {
        let receipt = stored.receipt;
        return vec![HubFrame::Receipt { receipt }];
    }
    let error = ErrorCode::CommandConflict.with("this id was used", "take a new one");
    refusal(command.log, Some(command.id), error)
}

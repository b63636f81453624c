//! A fork: a new session that begins with a copy of another one's history.
//!
//! The copy consists of events, not rows, so every reader folds it like any other session. Waiting prompts, other branches and active
//! runs are not copied. Runs and prompts keep their ids, so the runs' digests hold for the copy as well.
//!
//! The source is read twice, batch by batch: [`ForkSource`] finds out what to copy, [`ForkCopy`] copies it. **Invariant:** neither holds
//! more than the source's state and [`limits::FORK_BYTES_MAX`] of copied events, however long the source is.

use std::collections::{BTreeMap, BTreeSet};

use baton_protocol::{
    Command, CommandEffect, Delivery, ErrorBody, ErrorCode, Event, EventBody, ForkPoint,
    ForkSessionCommand, LogId, PartIndex, Principal, PromptId, PromptRequeuedEvent,
    PromptSentEvent, RequeueReason, RunId, Seq, SessionCreatedEvent, SessionForkedEvent, limits,
};

use super::unseal::unseal;
use super::{busy, check_title};
use crate::fold::FoldError;
use crate::new_event::{Decision, NewEvent};
use crate::state::{SessionState, WaitingPrompt};
use crate::transcript::NoTranscript;

/// Decides a fork of a session whose whole log, sealed or not, is in memory.
///
/// # Errors
/// If the source does not fold. The command is then neither accepted nor refused.
pub fn fork(
    command: &Command,
    body: &ForkSessionCommand,
    by: &Principal,
    source: &[Event],
) -> Result<Decision, FoldError> {
    let mut first = ForkSource::default();
    first.read(source)?;
    let copied = first.begin(command, body, by).and_then(|mut copy| {
        copy.read(source)?;
        Ok(copy.finish())
    });
    Ok(copied.unwrap_or_else(Decision::refuse))
}

/// The first pass: folds the source, and keeps the text that each prompt had when a run took it.
#[derive(Default)]
pub struct ForkSource {
    state: SessionState,
    taken: BTreeMap<PromptId, WaitingPrompt>,
}

/// The second pass: builds the events that the fork begins with.
pub struct ForkCopy {
    /// Where the first pass ended. Later events are not copied.
    upto: Seq,
    kept: BTreeSet<RunId>,
    taken: BTreeMap<PromptId, WaitingPrompt>,
    begun: BTreeSet<PromptId>,
    /// UTF-8 bytes copied so far of each part that is still open in the copy.
    parts: BTreeMap<(RunId, PartIndex), usize>,
    events: Vec<NewEvent>,
    /// Size of `events` as JSON.
    bytes: usize,
}

impl ForkSource {
    /// Reads the next events of the source.
    ///
    /// # Errors
    /// If the source does not fold. The command is then neither accepted nor refused.
    pub fn read(&mut self, events: &[Event]) -> Result<(), FoldError> {
        for event in events {
            self.watch(event);
            self.state.apply(event, &mut NoTranscript)?;
        }
        Ok(())
    }

    fn watch(&mut self, event: &Event) {
        let taken: &[PromptId] = match &event.body {
            EventBody::RunStarted(started) => std::slice::from_ref(&started.prompt),
            EventBody::SteerConsumed(consumed) => &consumed.prompts,
            _ => &[],
        };
        for prompt in taken {
            if let Some(waiting) = self.state.waiting(*prompt) {
                self.taken.insert(*prompt, waiting.clone());
            }
        }
    }

    /// Decides which runs to copy.
    ///
    /// # Errors
    /// The reason to refuse the fork.
    pub fn begin(
        self,
        command: &Command,
        body: &ForkSessionCommand,
        by: &Principal,
    ) -> Result<ForkCopy, ErrorBody> {
        let (LogId::Session(session), Principal::Device { account, .. }, Some(created)) =
            (command.log, by, self.state.created())
        else {
            return Err(ErrorCode::SessionNotFound.with(
                "there is no such session to fork",
                "look at the sessions list again",
            ));
        };
        if let Some(title) = &body.title {
            check_title(title)?;
        }
        let kept = self.kept(body.at)?;
        let ours = |body| NewEvent {
            by: by.clone(),
            command: Some(command.id),
            producer: None,
            recorded_at: None,
            body,
        };
        let title = body.title.as_deref().or(self.state.title());
        let events = vec![
            ours(EventBody::SessionCreated(SessionCreatedEvent {
                session,
                account: *account,
                agent: created.agent.clone(),
                runner: created.runner,
                title: title.map(str::to_owned),
            })),
            ours(EventBody::SessionForked(SessionForkedEvent {
                from: body.from,
                at: body.at,
                seq: self.state.head(),
            })),
        ];
        Ok(ForkCopy {
            upto: self.state.head(),
            kept,
            taken: self.taken,
            begun: BTreeSet::new(),
            parts: BTreeMap::new(),
            events,
            bytes: 0,
        })
    }

    /// The runs to copy: those of the turns on the path to the fork point.
    fn kept(&self, at: ForkPoint) -> Result<BTreeSet<RunId>, ErrorBody> {
        let not_found = |what: &str| {
            let code = match at {
                ForkPoint::After { .. } => ErrorCode::RunNotFound,
                ForkPoint::Before { .. } => ErrorCode::PromptNotFound,
            };
            code.with(what, "look at the session again")
        };
        let turns = match at {
            ForkPoint::After { run } => {
                let record = self.state.runs.get(&run);
                let record =
                    record.ok_or_else(|| not_found("there is no such answer in the session"))?;
                self.state.turns.path_to(record.turn)
            }
            ForkPoint::Before { prompt } => {
                let mut path = self.state.turns.path_to(prompt);
                if path.pop().is_none() {
                    return Err(not_found("no answer of its own was given to that prompt"));
                }
                path
            }
        };
        let turns: BTreeSet<_> = turns.into_iter().collect();
        let kept: BTreeSet<RunId> = self
            .state
            .runs
            .iter()
            .filter(|(_, record)| turns.contains(&record.turn))
            .map(|(run, _)| *run)
            .collect();
        if kept.iter().any(|run| self.state.active_run(*run).is_some()) {
            return Err(busy());
        }
        Ok(kept)
    }
}

impl ForkCopy {
    /// Copies what belongs to the fork from the next events of the source.
    ///
    /// # Errors
    /// Once the copy exceeds [`limits::FORK_BYTES_MAX`].
    pub fn read(&mut self, events: &[Event]) -> Result<(), ErrorBody> {
        let upto = self.upto;
        for event in events.iter().filter(|event| event.seq <= upto) {
            let before = self.events.len();
            self.copy(event);
            for copied in &self.events[before..] {
                self.bytes += serde_json::to_vec(&copied.body).map_or(0, |json| json.len());
            }
            if self.bytes > limits::FORK_BYTES_MAX {
                return Err(too_large());
            }
        }
        Ok(())
    }

    /// The decision, once the source has been read up to [`Self::upto()`].
    pub fn finish(self) -> Decision {
        Decision::accept(CommandEffect::Applied, self.events)
    }

    /// The seq up to which the source must be read.
    pub fn upto(&self) -> Seq {
        self.upto
    }

    fn copy(&mut self, event: &Event) {
        let again = |body: EventBody| NewEvent {
            by: event.by.clone(),
            command: None,
            producer: None,
            recorded_at: None,
            body,
        };
        match &event.body {
            EventBody::RunStarted(started) if self.kept.contains(&started.run) => {
                let Some(prompt) = self.taken.get(&started.prompt) else {
                    return;
                };
                let is_new = self.begun.insert(started.prompt);
                self.events.push(asked(prompt, None, is_new));
                self.events.push(again(event.body.clone()));
            }
            EventBody::SteerConsumed(consumed) if self.kept.contains(&consumed.run) => {
                for prompt in consumed.prompts.iter().filter_map(|id| self.taken.get(id)) {
                    let is_new = self.begun.insert(prompt.prompt);
                    self.events.push(asked(prompt, Some(consumed.run), is_new));
                }
                self.events.push(again(event.body.clone()));
            }
            EventBody::PartSealed(sealed) if self.kept.contains(&sealed.run) => {
                // The previous batch may have ended inside this part, before the log sealed it: its beginning is copied already.
                let came = self.parts.remove(&(sealed.run, sealed.part));
                let bodies = unseal(sealed, came.unwrap_or(0)).unwrap_or_default();
                self.events.extend(bodies.into_iter().map(again));
            }
            body => {
                if run_of(body).is_some_and(|run| self.kept.contains(&run)) {
                    self.note_part(body);
                    self.events.push(again(event.body.clone()));
                }
            }
        }
    }

    fn note_part(&mut self, body: &EventBody) {
        match body {
            EventBody::PartAppended(body) => {
                *self.parts.entry((body.run, body.part)).or_default() += body.text.len();
            }
            EventBody::PartClosed(body) => {
                self.parts.remove(&(body.run, body.part));
            }
            _ => {}
        }
    }
}

/// The event that makes a prompt wait in the copy: `PromptSent` the first time, a requeue for a retry after that.
fn asked(prompt: &WaitingPrompt, steers: Option<RunId>, is_new: bool) -> NewEvent {
    let delivery = match steers {
        Some(_) => Delivery::Steer,
        None => Delivery::Queue,
    };
    let body = if is_new {
        EventBody::PromptSent(PromptSentEvent {
            prompt: prompt.prompt,
            text: prompt.text.clone(),
            delivery,
            requested: delivery,
            run: steers,
            branch_of: None,
        })
    } else {
        EventBody::PromptRequeued(PromptRequeuedEvent {
            prompt: prompt.prompt,
            text: prompt.text.clone(),
            reason: RequeueReason::Retry,
        })
    };
    NewEvent {
        by: prompt.by.clone(),
        command: None,
        producer: None,
        recorded_at: None,
        body,
    }
}

/// The run whose content this event belongs to.
fn run_of(body: &EventBody) -> Option<RunId> {
    match body {
        EventBody::PartOpened(body) => Some(body.run),
        EventBody::PartAppended(body) => Some(body.run),
        EventBody::PartClosed(body) => Some(body.run),
        EventBody::RunEnded(body) => Some(body.run),
        EventBody::TeardownReported(body) => Some(body.run),
        EventBody::ApprovalRequested(body) => Some(body.run),
        EventBody::ApprovalAnswered(body) => Some(body.run),
        EventBody::ApprovalCancelled(body) => Some(body.run),
        _ => None,
    }
}

fn too_large() -> ErrorBody {
    let message = format!(
        "the history has more than the {} bytes that are copied",
        limits::FORK_BYTES_MAX
    );
    ErrorCode::TooLarge.with(message, "fork from an earlier place")
}

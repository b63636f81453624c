//! A fork: a new session that begins with a copy of another one's history.
//!
//! The copy is of events, not of rows, so that every reader folds it as it folds any session. What waited, what branched off elsewhere
//! and what is still going on stays behind. Runs and prompts keep their ids, and the runs' digests hold for the copy as well.

use std::collections::{BTreeMap, BTreeSet};

use baton_protocol::{
    Command, CommandEffect, Delivery, ErrorBody, ErrorCode, Event, EventBody, ForkPoint,
    ForkSessionCommand, LogId, PartAppendedEvent, PartClosedEvent, Principal, PromptId,
    PromptRequeuedEvent, PromptSentEvent, RequeueReason, RunId, SessionCreatedEvent,
    SessionForkedEvent, limits,
};

use super::{busy, check_title};
use crate::fold::FoldError;
use crate::new_event::{Decision, NewEvent};
use crate::state::{SessionState, WaitingPrompt};
use crate::transcript::NoTranscript;

/// Decides a fork. `source` is the other session's whole log, sealed or not.
///
/// # Errors
/// Where the source does not fold: nothing can be said about the command then.
pub fn fork(
    command: &Command,
    body: &ForkSessionCommand,
    by: &Principal,
    source: &[Event],
) -> Result<Decision, FoldError> {
    let mut copy = Copy::default();
    for event in source {
        copy.watch(event);
        copy.state.apply(event, &mut NoTranscript)?;
    }
    Ok(copy
        .decide(command, body, by, source)
        .unwrap_or_else(Decision::refuse))
}

/// The source as it is folded, and what each prompt said when a run took it.
#[derive(Default)]
struct Copy {
    state: SessionState,
    taken: BTreeMap<PromptId, WaitingPrompt>,
}

impl Copy {
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

    fn decide(
        &self,
        command: &Command,
        body: &ForkSessionCommand,
        by: &Principal,
        source: &[Event],
    ) -> Result<Decision, ErrorBody> {
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
        let mut events = vec![
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
        let mut begun = BTreeSet::new();
        for event in source {
            self.copy(event, &kept, &mut begun, &mut events);
        }
        check_size(&events)?;
        Ok(Decision::accept(CommandEffect::Applied, events))
    }

    /// The runs that come along: those of the turns on the path to the point.
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

    fn copy(
        &self,
        event: &Event,
        kept: &BTreeSet<RunId>,
        begun: &mut BTreeSet<PromptId>,
        events: &mut Vec<NewEvent>,
    ) {
        let again = |body: EventBody| NewEvent {
            by: event.by.clone(),
            command: None,
            producer: None,
            recorded_at: None,
            body,
        };
        match &event.body {
            EventBody::RunStarted(started) if kept.contains(&started.run) => {
                let Some(prompt) = self.taken.get(&started.prompt) else {
                    return;
                };
                let is_new = begun.insert(started.prompt);
                events.push(asked(prompt, None, is_new));
                events.push(again(event.body.clone()));
            }
            EventBody::SteerConsumed(consumed) if kept.contains(&consumed.run) => {
                for prompt in consumed.prompts.iter().filter_map(|id| self.taken.get(id)) {
                    let is_new = begun.insert(prompt.prompt);
                    events.push(asked(prompt, Some(consumed.run), is_new));
                }
                events.push(again(event.body.clone()));
            }
            EventBody::PartSealed(sealed) if kept.contains(&sealed.run) => {
                let (run, part) = (sealed.run, sealed.part);
                events.push(again(EventBody::PartAppended(PartAppendedEvent {
                    run,
                    part,
                    offset: 0,
                    text: sealed.text.clone(),
                })));
                let end = sealed.end;
                events.push(again(EventBody::PartClosed(PartClosedEvent {
                    run,
                    part,
                    end,
                })));
            }
            body => {
                if run_of(body).is_some_and(|run| kept.contains(&run)) {
                    events.push(again(event.body.clone()));
                }
            }
        }
    }
}

/// The prompt as it was when it was taken: sent, or tried again.
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

/// The run that an event of a run's own content is about.
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

fn check_size(events: &[NewEvent]) -> Result<(), ErrorBody> {
    let bytes: usize = events
        .iter()
        .map(|event| serde_json::to_vec(&event.body).map_or(0, |json| json.len()))
        .sum();
    if bytes <= limits::FORK_BYTES_MAX {
        return Ok(());
    }
    let message = format!(
        "the history has {bytes} bytes, at most {} are copied",
        limits::FORK_BYTES_MAX
    );
    Err(ErrorCode::TooLarge.with(message, "fork from an earlier place"))
}

//! Stop: one append ends the run and fences its writer. A late stop never touches the next run.

use baton_protocol::{
    CommandEffect, ErrorBody, ErrorCode, EventBody, PauseReason, Principal, PromptWithdrawnEvent,
    RunId, RunOutcome, StopRunCommand, StopScope, StopTarget,
};

use super::end_run::{AfterEnd, Ending};
use super::{Intent, prompt};
use crate::new_event::{Decision, NewEvent};
use crate::state::{ActiveRun, PromptFate, SessionState};

pub(super) fn stop(
    state: &SessionState,
    intent: &Intent<'_>,
    body: &StopRunCommand,
) -> Result<Decision, ErrorBody> {
    let run = match body.target {
        StopTarget::Run { run } => run,
        StopTarget::Prompt { prompt } => match state.fates.get(&prompt) {
            Some(PromptFate::Taken { run }) => *run,
            Some(PromptFate::Withdrawn) => {
                return Ok(Decision::accept(CommandEffect::Unchanged, Vec::new()));
            }
            None => {
                prompt::waiting(state, prompt)?;
                let withdrawn =
                    intent.event(EventBody::PromptWithdrawn(PromptWithdrawnEvent { prompt }));
                return Ok(Decision::accept(CommandEffect::Withdrawn, vec![withdrawn]));
            }
        },
    };
    let Some(record) = state.runs.get(&run) else {
        return Err(ErrorCode::RunNotFound.with(
            "there is no such run in this session",
            "look at what runs now",
        ));
    };
    let targets = targets(state, run, body.scope);
    if targets.is_empty() {
        let outcome = record.outcome.clone().unwrap_or(RunOutcome::Completed);
        return Ok(Decision::accept(
            CommandEffect::AlreadyEnded { outcome },
            Vec::new(),
        ));
    }
    let event = |body| intent.event(body);
    let outcome = RunOutcome::Stopped {
        by: intent.by.clone(),
    };
    let after = AfterEnd::Pause(PauseReason::Stopped);
    let events = Ending::of(state, &targets, outcome, after).events(&targets, &event);
    Ok(Decision::accept(
        CommandEffect::Stopped {
            runs: targets.iter().map(|run| run.run).collect(),
        },
        events,
    ))
}

/// Stops everything without a command, because the session is being deleted.
pub fn stop_all(state: &SessionState, by: &Principal) -> Vec<NewEvent> {
    let event = |body| NewEvent {
        by: by.clone(),
        command: None,
        producer: None,
        recorded_at: None,
        body,
    };
    let outcome = RunOutcome::Stopped { by: by.clone() };
    let runs: Vec<&ActiveRun> = state.active.iter().rev().collect();
    Ending::of(state, &runs, outcome, AfterEnd::GoOn).events(&runs, &event)
}

/// The active runs that a stop reaches, the target first. If the target has ended, `session` reaches no further than `tree`.
fn targets(state: &SessionState, target: RunId, scope: StopScope) -> Vec<&ActiveRun> {
    let target_is_on = state.active_run(target).is_some();
    let reached = |run: &&ActiveRun| match scope {
        StopScope::Run => run.run == target,
        StopScope::Session if target_is_on => true,
        StopScope::Tree | StopScope::Session => is_within(state, run.run, target),
    };
    let mut targets: Vec<&ActiveRun> = state.active.iter().filter(reached).collect();
    targets.sort_by_key(|run| run.run != target);
    targets
}

fn is_within(state: &SessionState, run: RunId, ancestor: RunId) -> bool {
    let mut next = Some(run);
    while let Some(run) = next {
        if run == ancestor {
            return true;
        }
        next = state.runs.get(&run).and_then(|record| record.parent);
    }
    false
}

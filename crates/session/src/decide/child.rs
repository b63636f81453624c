//! The start of a sub-agent's run: the parent's task as a prompt, and the run that takes it, in one append.

use baton_protocol::{
    AgentId, Delivery, EventBody, PromptId, PromptSentEvent, RunId, RunStartedEvent, limits,
};

use super::prompt::fits_event;
use crate::state::{ActiveRun, SessionState};

/// What a parent asks of a sub-agent.
pub(super) struct Task<'a> {
    pub(super) run: RunId,
    pub(super) prompt: PromptId,
    pub(super) agent: &'a AgentId,
    pub(super) task: &'a str,
}

/// Starts the sub-agent's run on the parent's runner, under an epoch of its own: it is not fenced when the parent loses its lease.
///
/// `known` is the whole session before the frame; `state` is the scratch state with the frame's earlier writes and, of the runs that were
/// active before the frame, only the parent.
pub(super) fn start(
    known: &SessionState,
    state: &SessionState,
    parent: &ActiveRun,
    task: &Task<'_>,
) -> Result<[EventBody; 2], &'static str> {
    // The parent is counted in both states.
    let runs = known.active.len() + state.active.len() - 1;
    if runs >= limits::RUNS_SIDE_BY_SIDE_MAX {
        return Err("as many runs are on in this session as may be");
    }
    let is_known = [known, state].iter().any(|state| {
        state.runs.contains_key(&task.run)
            || state.active_run(task.run).is_some()
            || state.waiting(task.prompt).is_some()
            || state.fates.contains_key(&task.prompt)
    });
    if is_known {
        return Err("the sub-agent's run or its task has an id that was used before");
    }
    let fits = !task.task.trim().is_empty()
        && fits_event(task.task)
        && task.task.len() <= limits::PROMPT_BYTES_MAX
        && !task.agent.0.is_empty()
        && task.agent.0.len() <= limits::AGENT_ID_BYTES_MAX;
    if !fits {
        return Err("the sub-agent's task or name is empty or too long");
    }
    let sent = PromptSentEvent {
        prompt: task.prompt,
        text: task.task.to_owned(),
        delivery: Delivery::Queue,
        requested: Delivery::Queue,
        run: None,
        branch_of: None,
    };
    let started = RunStartedEvent {
        run: task.run,
        prompt: task.prompt,
        agent: task.agent.clone(),
        runner: parent.runner,
        instance: parent.instance,
        epoch: state.epoch.next(),
        parent: Some(parent.run),
    };
    Ok([EventBody::PromptSent(sent), EventBody::RunStarted(started)])
}

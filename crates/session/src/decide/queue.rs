//! The queue: order, pause, and edit leases.

use baton_protocol::{
    CommandEffect, EditEndReason, ErrorBody, ErrorCode, EventBody, MovePromptCommand, PauseReason,
    PromptEditBeganEvent, PromptEditEndedEvent, PromptId, PromptMovedEvent, QueuePausedEvent,
    QueueResumedEvent,
};

use super::{Intent, by_hub, prompt};
use crate::new_event::{Decision, NewEvent};
use crate::state::SessionState;

pub(super) fn move_prompt(
    state: &SessionState,
    intent: &Intent<'_>,
    body: &MovePromptCommand,
) -> Result<Decision, ErrorBody> {
    let place = |wanted| {
        state
            .queue
            .iter()
            .position(|waiting| waiting.prompt == wanted)
    };
    let Some(from) = place(body.prompt) else {
        prompt::waiting(state, body.prompt)?;
        return Err(ErrorCode::PromptNotFound.with(
            "this prompt steers a run and has no place in the queue",
            "withdraw it and send it again",
        ));
    };
    let to = match body.before {
        None => state.queue.len(),
        Some(before) => place(before).ok_or_else(|| {
            ErrorCode::PromptNotFound.with(
                "the prompt to stand before does not wait in the queue",
                "look at the queue again",
            )
        })?,
    };
    if to == from || to == from + 1 {
        return Ok(Decision::accept(CommandEffect::Unchanged, Vec::new()));
    }
    let moved = PromptMovedEvent {
        prompt: body.prompt,
        before: body.before,
    };
    Ok(Decision::accept(
        CommandEffect::Applied,
        vec![intent.event(EventBody::PromptMoved(moved))],
    ))
}

pub(super) fn pause(state: &SessionState, intent: &Intent<'_>) -> Decision {
    if state.pause.is_some() {
        return Decision::accept(CommandEffect::Unchanged, Vec::new());
    }
    let paused = QueuePausedEvent {
        reason: PauseReason::Person,
    };
    Decision::accept(
        CommandEffect::Applied,
        vec![intent.event(EventBody::QueuePaused(paused))],
    )
}

pub(super) fn resume(state: &SessionState, intent: &Intent<'_>) -> Decision {
    if state.pause.is_none() {
        return Decision::accept(CommandEffect::Unchanged, Vec::new());
    }
    Decision::accept(
        CommandEffect::Applied,
        vec![intent.event(EventBody::QueueResumed(QueueResumedEvent {}))],
    )
}

pub(super) fn begin_edit(
    state: &SessionState,
    intent: &Intent<'_>,
    prompt: PromptId,
) -> Result<Decision, ErrorBody> {
    let waiting = prompt::waiting(state, prompt)?;
    prompt::check_editor(waiting, intent)?;
    // A repeat from the same device is recorded too, because it extends the edit lease.
    let began = EventBody::PromptEditBegan(PromptEditBeganEvent { prompt });
    Ok(Decision::accept(
        CommandEffect::Applied,
        vec![intent.event(began)],
    ))
}

pub(super) fn end_edit(
    state: &SessionState,
    intent: &Intent<'_>,
    prompt: PromptId,
) -> Result<Decision, ErrorBody> {
    let waiting = prompt::waiting(state, prompt)?;
    prompt::check_editor(waiting, intent)?;
    if waiting.edited_by.is_none() {
        return Ok(Decision::accept(CommandEffect::Unchanged, Vec::new()));
    }
    let ended = EventBody::PromptEditEnded(PromptEditEndedEvent {
        prompt,
        reason: EditEndReason::Abandoned,
    });
    Ok(Decision::accept(
        CommandEffect::Applied,
        vec![intent.event(ended)],
    ))
}

/// Ends an edit whose lease has expired. Empty if no device edits the prompt.
pub fn expire_edit(state: &SessionState, prompt: PromptId) -> Vec<NewEvent> {
    let is_edited = state
        .waiting(prompt)
        .is_some_and(|waiting| waiting.edited_by.is_some());
    if !is_edited {
        return Vec::new();
    }
    vec![by_hub(EventBody::PromptEditEnded(PromptEditEndedEvent {
        prompt,
        reason: EditEndReason::Expired,
    }))]
}

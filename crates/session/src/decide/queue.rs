//! The queue: order and pause.

use baton_protocol::{
    CommandEffect, ErrorBody, ErrorCode, EventBody, MovePromptCommand, PauseReason,
    PromptMovedEvent, QueuePausedEvent, QueueResumedEvent,
};

use super::{Intent, prompt};
use crate::new_event::Decision;
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

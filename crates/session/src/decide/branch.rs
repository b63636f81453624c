//! Branches: resend a prompt as an alternative, and choose which branch is shown.

use baton_protocol::{
    BranchChosenEvent, CommandEffect, Delivery, ErrorBody, ErrorCode, EventBody, PromptId,
    PromptSentEvent, ResendPromptCommand,
};

use super::{Intent, busy, prompt};
use crate::new_event::Decision;
use crate::state::SessionState;

pub(super) fn resend(
    state: &SessionState,
    intent: &Intent<'_>,
    body: &ResendPromptCommand,
) -> Result<Decision, ErrorBody> {
    check_turn(state, body.prompt)?;
    prompt::check_text(&body.text)?;
    prompt::check_room(state)?;
    let delivery = match body.delivery {
        // A branch is a new turn, so there is no run to steer.
        Delivery::Steer | Delivery::Queue => Delivery::Queue,
        Delivery::Interrupt => Delivery::Interrupt,
    };
    let sent = PromptSentEvent {
        prompt: PromptId(intent.command),
        text: body.text.clone(),
        delivery,
        requested: body.delivery,
        run: None,
        branch_of: Some(body.prompt),
    };
    Ok(prompt::accept(state, intent, sent))
}

pub(super) fn choose(
    state: &SessionState,
    intent: &Intent<'_>,
    prompt: PromptId,
) -> Result<Decision, ErrorBody> {
    check_turn(state, prompt)?;
    if state.turns.shown().contains(&prompt) {
        return Ok(Decision::accept(CommandEffect::Unchanged, Vec::new()));
    }
    if state.root_run().is_some() {
        return Err(busy());
    }
    let chosen = EventBody::BranchChosen(BranchChosenEvent { prompt });
    Ok(Decision::accept(
        CommandEffect::Applied,
        vec![intent.event(chosen)],
    ))
}

/// Refuses a prompt that is not a turn, because no run of the queue has taken it.
fn check_turn(state: &SessionState, prompt: PromptId) -> Result<(), ErrorBody> {
    if state.turns.contains(prompt) {
        return Ok(());
    }
    if state.waiting(prompt).is_some() {
        return Err(ErrorCode::PromptNotFound
            .with("this prompt waits and has no answer yet", "edit it instead"));
    }
    Err(ErrorCode::PromptNotFound.with(
        "there is no such prompt with an answer of its own in this session",
        "look at the session again",
    ))
}

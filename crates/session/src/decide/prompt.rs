//! Prompts: send, edit, withdraw, send now.

use baton_protocol::{
    CommandEffect, Delivery, EditPromptCommand, ErrorBody, ErrorCode, EventBody, PromptEditedEvent,
    PromptId, PromptRequeuedEvent, PromptSentEvent, PromptWithdrawnEvent, RequeueReason,
    RunOutcome, SendPromptCommand, limits,
};

use super::end_run::{AfterEnd, Ending};
use super::{DecideFacts, Intent};
use crate::new_event::{Decision, NewEvent};
use crate::state::{ActiveRun, PromptFate, SessionState, WaitingPrompt};

pub(super) fn send(
    state: &SessionState,
    intent: &Intent<'_>,
    body: &SendPromptCommand,
    facts: &DecideFacts,
) -> Result<Decision, ErrorBody> {
    check_text(&body.text)?;
    let prompt = PromptId(intent.command);
    if let Some(delivery) = known_delivery(state, prompt) {
        // The prompt moved here with its session; its receipt stayed at the other hub.
        return Ok(Decision::accept(
            CommandEffect::PromptAccepted { delivery },
            Vec::new(),
        ));
    }
    check_room(state)?;
    let steered = state.steered_run(body.run);
    let delivery = match (body.delivery, steered) {
        (Delivery::Steer, Some(_)) if facts.can_steer => Delivery::Steer,
        (Delivery::Steer | Delivery::Queue, _) => Delivery::Queue,
        (Delivery::Interrupt, _) => Delivery::Interrupt,
    };
    let sent = PromptSentEvent {
        prompt,
        text: body.text.clone(),
        delivery,
        requested: body.delivery,
        run: steered
            .filter(|_| delivery == Delivery::Steer)
            .map(|run| run.run),
        branch_of: None,
    };
    Ok(accept(state, intent, sent))
}

/// How the session delivered a prompt that it already has.
fn known_delivery(state: &SessionState, prompt: PromptId) -> Option<Delivery> {
    let waiting = state.waiting(prompt).map(|waiting| waiting.delivery);
    waiting.or_else(|| state.fates.contains_key(&prompt).then_some(Delivery::Queue))
}

/// Accepts the prompt of this command. An interrupt also stops what runs.
pub(super) fn accept(state: &SessionState, intent: &Intent<'_>, sent: PromptSentEvent) -> Decision {
    let delivery = sent.delivery;
    let mut events = match delivery {
        Delivery::Interrupt => interrupt(state, intent),
        Delivery::Steer | Delivery::Queue => Vec::new(),
    };
    // Comes last, so that it is inserted ahead of the steers that the stopped run missed.
    events.push(intent.event(EventBody::PromptSent(sent)));
    Decision::accept(CommandEffect::PromptAccepted { delivery }, events)
}

/// Refuses if the maximum number of prompts is waiting already.
pub(super) fn check_room(state: &SessionState) -> Result<(), ErrorBody> {
    if state.queue.len() + state.steers.len() < limits::QUEUE_PROMPTS_MAX {
        return Ok(());
    }
    let message = format!(
        "{} prompts wait in this session already",
        limits::QUEUE_PROMPTS_MAX
    );
    Err(ErrorCode::QueueFull.with(message, "wait for some of them, or take some back"))
}

pub(super) fn edit(
    state: &SessionState,
    intent: &Intent<'_>,
    body: &EditPromptCommand,
) -> Result<Decision, ErrorBody> {
    check_text(&body.text)?;
    let waiting = waiting(state, body.prompt)?;
    check_editor(waiting, intent)?;
    if waiting.text == body.text && waiting.edited_by.is_none() {
        return Ok(Decision::accept(CommandEffect::Unchanged, Vec::new()));
    }
    let edited = PromptEditedEvent {
        prompt: body.prompt,
        text: body.text.clone(),
    };
    Ok(Decision::accept(
        CommandEffect::Applied,
        vec![intent.event(EventBody::PromptEdited(edited))],
    ))
}

pub(super) fn withdraw(
    state: &SessionState,
    intent: &Intent<'_>,
    prompt: PromptId,
) -> Result<Decision, ErrorBody> {
    if state.fates.get(&prompt) == Some(&PromptFate::Withdrawn) {
        return Ok(Decision::accept(CommandEffect::Unchanged, Vec::new()));
    }
    waiting(state, prompt)?;
    let withdrawn = intent.event(EventBody::PromptWithdrawn(PromptWithdrawnEvent { prompt }));
    Ok(Decision::accept(CommandEffect::Withdrawn, vec![withdrawn]))
}

pub(super) fn send_now(
    state: &SessionState,
    intent: &Intent<'_>,
    prompt: PromptId,
) -> Result<Decision, ErrorBody> {
    let text = waiting(state, prompt)?.text.clone();
    let mut events = interrupt(state, intent);
    let requeued = PromptRequeuedEvent {
        prompt,
        text,
        reason: RequeueReason::SentNow,
    };
    events.push(intent.event(EventBody::PromptRequeued(requeued)));
    Ok(Decision::accept(
        CommandEffect::PromptAccepted {
            delivery: Delivery::Interrupt,
        },
        events,
    ))
}

/// Stops every run without pausing the queue, because another prompt starts right away.
fn interrupt(state: &SessionState, intent: &Intent<'_>) -> Vec<NewEvent> {
    let by = intent.by.clone();
    let event = |body| intent.event(body);
    let runs: Vec<&ActiveRun> = state.active.iter().rev().collect();
    let outcome = RunOutcome::Stopped { by };
    Ending::of(state, &runs, outcome, AfterEnd::GoOn).events(&runs, &event)
}

/// Refuses if another device edits the prompt.
pub(super) fn check_editor(waiting: &WaitingPrompt, intent: &Intent<'_>) -> Result<(), ErrorBody> {
    match &waiting.edited_by {
        Some(editor) if editor != intent.by => Err(ErrorCode::PromptBeingEdited.with(
            "another device edits this prompt",
            "wait until it is done there, or take the prompt back",
        )),
        _ => Ok(()),
    }
}

/// A waiting prompt, or the reason why it does not wait.
pub(super) fn waiting(state: &SessionState, prompt: PromptId) -> Result<&WaitingPrompt, ErrorBody> {
    if let Some(waiting) = state.waiting(prompt) {
        return Ok(waiting);
    }
    Err(match state.fates.get(&prompt) {
        Some(PromptFate::Taken { .. }) => ErrorCode::PromptAlreadyTaken.with(
            "the agent has taken this prompt already",
            "stop or steer its answer instead",
        ),
        Some(PromptFate::Withdrawn) => ErrorCode::PromptNotFound.with(
            "this prompt was withdrawn",
            "send it again if it is still wanted",
        ),
        None => ErrorCode::PromptNotFound.with(
            "there is no such prompt in this session",
            "look at the queue again",
        ),
    })
}

pub(super) fn check_text(text: &str) -> Result<(), ErrorBody> {
    if text.trim().is_empty() {
        return Err(ErrorCode::TextEmpty.with("the prompt is empty", "write something"));
    }
    if text.len() > limits::PROMPT_BYTES_MAX {
        let message = format!(
            "the prompt has {} bytes, at most {} fit",
            text.len(),
            limits::PROMPT_BYTES_MAX
        );
        return Err(
            ErrorCode::TextTooLong.with(message, "shorten it, or send it in several prompts")
        );
    }
    if !fits_event(text) {
        return Err(ErrorCode::TextTooLong.with(
            "the prompt has too many characters that JSON escapes",
            "take control characters out of it, or send it in several prompts",
        ));
    }
    Ok(())
}

/// Whether the text fits every event that may ever carry it. A prompt is sent, edited, sent now and requeued, and none of these events
/// may exceed the event limit once the first one was accepted.
pub(super) fn fits_event(text: &str) -> bool {
    if text.len() < PROMPT_JSON_BYTES_MAX / JSON_BYTES_A_BYTE_MAX {
        return true;
    }
    let json = serde_json::to_string(text).map_or(usize::MAX, |json| json.len());
    json <= PROMPT_JSON_BYTES_MAX
}

/// Limit for a prompt's text as JSON. Leaves room for the envelope of every event that carries it.
const PROMPT_JSON_BYTES_MAX: usize = limits::EVENT_BYTES_MAX - 4 * 1024;

/// JSON escapes a control character with six bytes.
const JSON_BYTES_A_BYTE_MAX: usize = 6;

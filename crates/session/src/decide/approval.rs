//! Approvals: each is requested once and answered once.
//!
//! **Invariant:** each request looks up standing approvals at their source: the session, or the account. A copy decides nothing, so a
//! revoked approval no longer holds anywhere.

use baton_protocol::{
    AnswerApprovalCommand, ApprovalAnswer, ApprovalAnsweredEvent, ApprovalCancelledEvent,
    ApprovalId, ApprovalPattern, ApprovalRequestedEvent, ApprovalRevokedEvent, CommandEffect,
    ErrorBody, ErrorCode, EventBody, Principal, RunId, limits,
};

use super::{Intent, by_hub};
use crate::digest::approval_digest;
use crate::new_event::{Decision, NewEvent};
use crate::state::{AnsweredApproval, SessionState, StandingApproval};

/// The first answer counts. Repeating it changes nothing; a different one is refused, naming the first answerer.
pub(super) fn answer(
    state: &SessionState,
    intent: &Intent<'_>,
    body: &AnswerApprovalCommand,
) -> Result<Decision, ErrorBody> {
    if let Some(answered) = state.answered.get(&body.approval) {
        return answered_before(answered.as_ref(), body);
    }
    let open = state
        .approvals
        .iter()
        .find(|open| open.approval == body.approval)
        .ok_or_else(|| {
            ErrorCode::ApprovalNotFound.with(
                "there is no such approval in this session",
                "look at the session again",
            )
        })?;
    if open.digest != body.digest {
        return Err(ErrorCode::ApprovalMismatch.with(
            "the answer names another call than the one that waits",
            "look at what is asked for now, and answer that",
        ));
    }
    check_reason(body.reason.as_deref())?;
    let stays = StandingApproval::is_of_session(body.answer, body.scope);
    if stays && state.standing.len() >= limits::APPROVAL_GRANTS_MAX {
        return Err(too_many_answers("in this session"));
    }
    let answered = ApprovalAnsweredEvent {
        approval: open.approval,
        run: open.run,
        answer: body.answer,
        scope: body.scope,
        reason: body.reason.clone(),
    };
    Ok(Decision::accept(
        CommandEffect::Applied,
        vec![intent.event(EventBody::ApprovalAnswered(answered))],
    ))
}

fn answered_before(
    answered: Option<&AnsweredApproval>,
    body: &AnswerApprovalCommand,
) -> Result<Decision, ErrorBody> {
    let Some(first) = answered else {
        return Err(ErrorCode::ApprovalAnswered.with(
            "the run that asked is over, and nothing was done",
            "retry the run if its work is still wanted",
        ));
    };
    if (first.answer, first.scope) == (body.answer, body.scope) {
        return Ok(Decision::accept(CommandEffect::Unchanged, Vec::new()));
    }
    let who = first.by.id().unwrap_or_else(|| "the hub".to_owned());
    let said = match first.answer {
        ApprovalAnswer::Allow => "allowed",
        ApprovalAnswer::Deny => "denied",
    };
    Err(ErrorCode::ApprovalAnswered.with(
        format!("`{who}` {said} this at {} ms", first.at.0),
        "the first answer counts; stop the run if it should not go on",
    ))
}

fn too_many_answers(place: &str) -> ErrorBody {
    let message = format!(
        "{} answers hold for later calls {place} already",
        limits::APPROVAL_GRANTS_MAX
    );
    ErrorCode::TooMany.with(message, "take one back first, or answer this call alone")
}

/// Revokes one of the session's standing approvals.
pub(super) fn revoke(
    state: &SessionState,
    intent: &Intent<'_>,
    approval: ApprovalId,
) -> Result<Decision, ErrorBody> {
    if !state.standing.contains_key(&approval) {
        return Err(ErrorCode::GrantNotFound.with(
            "no answer with this id holds for later calls of this session",
            "look at the list again: it may have been taken back",
        ));
    }
    Ok(Decision::accept(
        CommandEffect::Applied,
        vec![intent.event(revoked(approval))],
    ))
}

/// Revokes the session's standing approvals that were given by principals who have lost access.
pub fn revoke_answers_of(
    state: &SessionState,
    has_no_access: impl Fn(&Principal) -> bool,
) -> Vec<NewEvent> {
    let standing = state.standing.iter();
    let theirs = standing.filter(|(_, standing)| has_no_access(&standing.by));
    theirs
        .map(|(approval, _)| by_hub(revoked(*approval)))
        .collect()
}

fn revoked(approval: ApprovalId) -> EventBody {
    EventBody::ApprovalRevoked(ApprovalRevokedEvent { approval })
}

fn check_reason(reason: Option<&str>) -> Result<(), ErrorBody> {
    let length = reason.map_or(0, |reason| reason.chars().count());
    if length <= limits::REASON_CHARS_MAX {
        return Ok(());
    }
    let message = format!(
        "the reason has {length} characters, at most {} fit",
        limits::REASON_CHARS_MAX
    );
    Err(ErrorCode::TextTooLong.with(message, "shorten it"))
}

/// The events of an approval request: the request with the digest that an answer must name, and, if a standing approval covers the call,
/// its answer.
///
/// `known` is the whole session before the frame; `state` is the scratch state with the frame's earlier writes.
pub(super) fn request(
    known: &SessionState,
    state: &SessionState,
    always: &[StandingApproval],
    mut asked: ApprovalRequestedEvent,
    event: &dyn Fn(EventBody) -> NewEvent,
) -> Result<Vec<NewEvent>, &'static str> {
    check_request(known, state, &asked)?;
    asked.digest = approval_digest(&asked.wanted);
    let covers = ApprovalPattern {
        tool: asked.wanted.tool.clone(),
        tool_digest: asked.wanted.tool_digest.clone(),
        pattern: asked.pattern.clone(),
    };
    let (approval, run) = (asked.approval, asked.run);
    let mut events = vec![event(EventBody::ApprovalRequested(asked))];
    // A runner's frame cannot change standing approvals, so the ones from before the frame still hold.
    let mut standing = known.standing.values().chain(always);
    if let Some(stands) = standing.find(|standing| standing.covers == covers) {
        let answered = EventBody::ApprovalAnswered(ApprovalAnsweredEvent {
            approval,
            run,
            answer: stands.answer,
            scope: stands.scope,
            reason: None,
        });
        events.push(NewEvent {
            by: stands.by.clone(),
            ..event(answered)
        });
    }
    Ok(events)
}

fn check_request(
    known: &SessionState,
    state: &SessionState,
    asked: &ApprovalRequestedEvent,
) -> Result<(), &'static str> {
    let is_known = known.answered.contains_key(&asked.approval)
        || state.answered.contains_key(&asked.approval)
        || state
            .approvals
            .iter()
            .any(|open| open.approval == asked.approval);
    if is_known {
        return Err("an approval with this id was asked for before");
    }
    let waiting = state.approvals.iter().filter(|open| open.run == asked.run);
    if waiting.count() >= limits::OPEN_APPROVALS_PER_RUN_MAX {
        return Err("the run waits for as many approvals as it may");
    }
    let labels = [
        &asked.wanted.tool,
        &asked.wanted.tool_digest,
        &asked.pattern,
        &asked.place,
    ];
    let fits = labels
        .iter()
        .all(|label| label.len() <= limits::APPROVAL_LABEL_BYTES_MAX)
        && asked.wanted.arguments.len() <= limits::APPROVAL_ARGUMENTS_BYTES_MAX
        && asked.call.0.len() <= limits::CALL_ID_BYTES_MAX
        && asked
            .reason
            .as_ref()
            .is_none_or(|reason| reason.chars().count() <= limits::REASON_CHARS_MAX);
    if fits {
        Ok(())
    } else {
        Err("an approval is longer than its limits")
    }
}

/// Cancels the open approvals of a run that ends.
pub(super) fn cancel(
    state: &SessionState,
    run: RunId,
    event: &dyn Fn(EventBody) -> NewEvent,
) -> Vec<NewEvent> {
    let open = state.approvals.iter().filter(|open| open.run == run);
    open.map(|open| {
        event(EventBody::ApprovalCancelled(ApprovalCancelledEvent {
            approval: open.approval,
            run,
        }))
    })
    .collect()
}

//! Commands that control runs: `stop`, `retry`, `approve`, `deny`.

use baton_client::SessionOverview;
use baton_protocol::{
    AnswerApprovalCommand, ApprovalAnswer, ApprovalId, ApprovalScope, CommandBody, ErrorCode,
    LogId, RetryRunCommand, SessionId, StopRunCommand, StopScope, StopTarget,
};

use super::Context;
use crate::failure::Failure;
use crate::waiting;

/// A session, after the mirror has all of its log.
pub(super) async fn look(
    context: &Context<'_>,
    session: &str,
) -> Result<(SessionId, SessionOverview), Failure> {
    let session = context.session(session).await?;
    let log = LogId::Session(session);
    let _live = context.device.follow(log);
    waiting::caught_up(&context.device, log, context.patience).await?;
    let overview = context.device.session(session).await?;
    let none = || Failure::Usage(format!("the hub has no session `{session}`: see `list`"));
    Ok((session, overview.ok_or_else(none)?))
}

pub async fn stop(context: &Context<'_>, session: &str, scope: StopScope) -> Result<(), Failure> {
    let (session, overview) = look(context, session).await?;
    let waiting = overview.queue.first().map(|prompt| prompt.prompt);
    let target = match (overview.run, waiting) {
        (Some(run), _) => StopTarget::Run { run },
        // The prompt's run may begin at any moment; in a paused queue it will not.
        (None, Some(prompt)) if overview.paused.is_none() => StopTarget::Prompt { prompt },
        _ => {
            context.output.note("nothing runs");
            return Ok(());
        }
    };
    let stop = StopRunCommand { target, scope };
    context.act(session, CommandBody::StopRun(stop)).await
}

pub async fn retry(context: &Context<'_>, session: &str) -> Result<(), Failure> {
    let (session, overview) = look(context, session).await?;
    let nothing = || {
        let message = "nothing has run in this session";
        Failure::Refused(ErrorCode::RunNotFound.with(message, "send a prompt first"))
    };
    let run = overview.last_run.ok_or_else(nothing)?;
    let retry = RetryRunCommand { run };
    context.act(session, CommandBody::RetryRun(retry)).await
}

pub async fn approve(
    context: &Context<'_>,
    session: &str,
    approval: Option<ApprovalId>,
    scope: ApprovalScope,
) -> Result<(), Failure> {
    let (session, mut body) = asked(context, session, approval).await?;
    (body.answer, body.scope) = (ApprovalAnswer::Allow, scope);
    context
        .act(session, CommandBody::AnswerApproval(body))
        .await
}

pub async fn deny(
    context: &Context<'_>,
    session: &str,
    approval: Option<ApprovalId>,
    reason: Option<String>,
) -> Result<(), Failure> {
    let (session, mut body) = asked(context, session, approval).await?;
    body.reason = reason;
    context
        .act(session, CommandBody::AnswerApproval(body))
        .await
}

/// A denial of the requested approval, for this call only: callers that allow change the answer.
async fn asked(
    context: &Context<'_>,
    session: &str,
    approval: Option<ApprovalId>,
) -> Result<(SessionId, AnswerApprovalCommand), Failure> {
    let (session, overview) = look(context, session).await?;
    let mut open = overview.approvals.into_iter();
    let meant = open.find(|open| approval.is_none_or(|approval| open.approval == approval));
    let none = || {
        let message = "nothing waits for your word in this session";
        Failure::Refused(ErrorCode::ApprovalNotFound.with(message, "see `tail`"))
    };
    let meant = meant.ok_or_else(none)?;
    let body = AnswerApprovalCommand {
        approval: meant.approval,
        digest: meant.digest,
        answer: ApprovalAnswer::Deny,
        scope: ApprovalScope::Once,
        reason: None,
    };
    Ok((session, body))
}

//! What controls: `stop`, `retry`.

use baton_client::SessionOverview;
use baton_protocol::{
    CommandBody, ErrorCode, LogId, RetryRunCommand, SessionId, StopRunCommand, StopScope,
    StopTarget,
};

use super::Context;
use crate::failure::Failure;
use crate::waiting;

/// A session with everything that the hub has of it.
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
        // Its run may begin at any moment; a paused queue's will not.
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

//! `queue`.

use baton_client::SessionOverview;
use baton_protocol::{
    CommandBody, MovePromptCommand, PauseQueueCommand, PauseReason, PromptId, ResumeQueueCommand,
    WithdrawPromptCommand,
};
use serde_json::json;

use super::{Context, control::look};
use crate::args::QueueVerb;
use crate::failure::Failure;

pub async fn queue(
    context: &Context<'_>,
    session: &str,
    change: Option<QueueVerb>,
) -> Result<(), Failure> {
    let Some(change) = change else {
        let (session, overview) = look(context, session).await?;
        show(context, &overview);
        context.output.json(&json!({
            "type": "queue",
            "session": session,
            "paused": overview.paused,
            "steers": overview.steers,
            "queue": overview.queue,
        }));
        return Ok(());
    };
    let session = context.session(session).await?;
    let body = match change {
        QueueVerb::Pause => CommandBody::PauseQueue(PauseQueueCommand {}),
        QueueVerb::Resume => CommandBody::ResumeQueue(ResumeQueueCommand {}),
        QueueVerb::Withdraw { prompt } => CommandBody::WithdrawPrompt(WithdrawPromptCommand {
            prompt: PromptId(prompt),
        }),
        QueueVerb::Move { prompt, before } => CommandBody::MovePrompt(MovePromptCommand {
            prompt: PromptId(prompt),
            before: before.map(PromptId),
        }),
    };
    context.act(session, body).await
}

fn show(context: &Context<'_>, overview: &SessionOverview) {
    let output = context.output;
    if let Some(reason) = overview.paused {
        output.line(match reason {
            PauseReason::Stopped => "paused: a run was stopped",
            PauseReason::Failed => "paused: a run failed",
            PauseReason::Lost => "paused: a run was lost",
            PauseReason::Person => "paused by a person",
        });
    }
    for steer in &overview.steers {
        output.line(&format!("steer  {}  {}", steer.prompt, steer.text));
    }
    for (place, prompt) in overview.queue.iter().enumerate() {
        output.line(&format!(
            "{:>5}  {}  {}",
            place + 1,
            prompt.prompt,
            prompt.text
        ));
    }
    if overview.steers.is_empty() && overview.queue.is_empty() {
        output.line("nothing waits");
    }
}

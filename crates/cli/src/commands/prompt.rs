//! What asks: `new`, `send`, `steer`.

use std::io::Read;

use baton_client::{AnswerItem, AnswerReader, Tail, TailItem, TailStart};
use baton_protocol::{
    AgentId, Command, CommandBody, CommandId, CreateSessionCommand, Delivery, LogId, PromptId,
    RunOutcome, SendPromptCommand, Seq, SessionId,
};
use serde_json::json;

use super::Context;
use crate::failure::Failure;
use crate::output::{end_words, outcome_words, retry_words};
use crate::waiting;

/// The agent where none is offered and none was named.
const AGENT_DEFAULT: &str = "assistant";

pub async fn new(
    context: &Context<'_>,
    prompt: Option<String>,
    agent: Option<String>,
    title: Option<String>,
    wait: bool,
) -> Result<(), Failure> {
    waiting::account_caught_up(&context.device, context.patience).await?;
    let text = prompt.map(read_text).transpose()?;
    let session = SessionId::mint();
    let log = LogId::Session(session);
    let tail = context.device.tail(log, TailStart::After(Seq::ZERO));
    let create = CreateSessionCommand {
        agent: agent.map_or_else(|| default_agent(context), AgentId),
        runner: None,
        title,
    };
    let prompt = text.map(|text| SendPromptCommand {
        run: None,
        text,
        delivery: Delivery::Queue,
    });
    let started = context
        .device
        .start_session(session, create, prompt)
        .await?;

    let receipt = waiting::receipt(&context.device, started.create, context.patience).await?;
    waiting::accepted(&context.device, &receipt).await?;
    context
        .output
        .json(&json!({ "type": "session", "session": session }));
    context.output.line(&session.to_string());
    context
        .output
        .json(&json!({ "type": "receipt", "receipt": receipt }));
    let Some(intent) = started.prompt else {
        return Ok(());
    };
    let prompt = PromptId(intent.command);
    let receipt = waiting::receipt(&context.device, intent, context.patience).await?;
    context
        .output
        .json(&json!({ "type": "receipt", "receipt": receipt }));
    waiting::accepted(&context.device, &receipt).await?;
    if wait {
        return print_answer(context, tail, log, prompt).await;
    }
    if context.output.is_for_people() {
        context
            .output
            .note("follow it with `tail last --from 0`, or begin with `new --wait`");
    }
    Ok(())
}

fn default_agent(context: &Context<'_>) -> AgentId {
    let offered = context.device.account().agents;
    let usual = AgentId(AGENT_DEFAULT.to_owned());
    let first = offered.first().map(|offered| offered.agent.id.clone());
    match offered.iter().any(|offered| offered.agent.id == usual) {
        true => usual,
        false => first.unwrap_or(usual),
    }
}

pub async fn send(
    context: &Context<'_>,
    session: &str,
    text: String,
    delivery: Delivery,
    wait: bool,
    id: Option<CommandId>,
) -> Result<(), Failure> {
    let session = context.session(session).await?;
    let log = LogId::Session(session);
    let text = read_text(text)?;
    let tail = match wait {
        true => Some(tail_for(context, log, id.is_some()).await?),
        false => None,
    };
    let id = id.unwrap_or_else(CommandId::mint);
    let command = Command {
        only_if: None,
        id,
        log,
        body: CommandBody::SendPrompt(SendPromptCommand {
            run: None,
            text,
            delivery,
        }),
    };
    let intent = context.device.act_as(command).await?;
    let receipt = waiting::receipt(&context.device, intent, context.patience).await?;
    context.output.receipt(&receipt);
    waiting::accepted(&context.device, &receipt).await?;
    match tail {
        Some(tail) => print_answer(context, tail, log, PromptId(id)).await,
        None => Ok(()),
    }
}

/// A tail behind what the hub has now: the prompt's own events are still to come. A prompt that is sent again may have its answer
/// behind it, so that is read from the beginning.
async fn tail_for(context: &Context<'_>, log: LogId, again: bool) -> Result<Tail, Failure> {
    let _live = context.device.follow(log);
    waiting::caught_up(&context.device, log, context.patience).await?;
    let start = match again {
        true => TailStart::After(Seq::ZERO),
        false => TailStart::Mirror,
    };
    let mut tail = context.device.tail(log, start);
    tail.begin().await?;
    Ok(tail)
}

pub async fn steer(context: &Context<'_>, session: &str, text: String) -> Result<(), Failure> {
    send(context, session, text, Delivery::Steer, false, None).await
}

/// Prints a prompt's answer as it grows, to its end.
async fn print_answer(
    context: &Context<'_>,
    mut tail: Tail,
    log: LogId,
    prompt: PromptId,
) -> Result<(), Failure> {
    let mut answer = AnswerReader::new(prompt);
    let mut begun = false;
    let mut any_text = false;
    loop {
        let event = match tail.next().await? {
            TailItem::Event(event) => event,
            TailItem::AtEnd(_) => continue,
            TailItem::Deleted => return Err(Failure::session_deleted()),
            TailItem::Restarted => {
                answer = AnswerReader::new(prompt);
                continue;
            }
        };
        begun |= event.command == Some(prompt.0);
        if begun {
            context.output.event(log, &event);
        }
        match answer.read(&event) {
            Some(AnswerItem::TextOpened) if any_text => context.output.text("\n\n"),
            Some(AnswerItem::Text(text)) => {
                any_text = true;
                context.output.text(&text);
            }
            Some(AnswerItem::Retry(retry)) => context.output.note(&retry_words(&retry)),
            Some(AnswerItem::Ended {
                outcome,
                finish_reason,
                ..
            }) => {
                context.output.line("");
                if finish_reason.is_some() {
                    let how = end_words(&outcome, finish_reason.as_ref());
                    context.output.note(&how);
                }
                return match outcome {
                    RunOutcome::Completed => Ok(()),
                    other => Err(Failure::Unfinished(format!(
                        "the answer was {}",
                        outcome_words(&other)
                    ))),
                };
            }
            Some(AnswerItem::Withdrawn) => {
                return Err(Failure::Unfinished("the prompt was taken back".to_owned()));
            }
            Some(AnswerItem::PickedUp(_) | AnswerItem::TextOpened) | None => {}
        }
    }
}

fn read_text(text: String) -> Result<String, Failure> {
    if text != "-" {
        return Ok(text);
    }
    let mut read = String::new();
    let from = std::io::stdin().read_to_string(&mut read);
    from.map_err(|error| Failure::Usage(format!("stdin cannot be read: {error}")))?;
    Ok(read)
}

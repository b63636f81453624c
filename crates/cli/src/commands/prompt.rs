//! Commands that send prompts: `new`, `send`, `steer`.

use std::collections::BTreeSet;
use std::io::Read;

use baton_client::{AnswerItem, AnswerReader, Tail, TailItem, TailStart};
use baton_protocol::view::{AccountView, OfferedAgent};
use baton_protocol::{
    AgentId, Command, CommandBody, CommandId, CreateSessionCommand, Delivery, LogId, PromptId,
    RunOutcome, RunnerId, SendPromptCommand, Seq, SessionId,
};
use serde_json::json;

use super::Context;
use crate::failure::Failure;
use crate::output::{end_words, outcome_words, retry_words};
use crate::waiting;

/// The agent if none is offered and none was named.
const AGENT_DEFAULT: &str = "assistant";

pub async fn new(
    context: &Context<'_>,
    prompt: Option<String>,
    asked: AskedAgent,
    title: Option<String>,
    wait: bool,
) -> Result<(), Failure> {
    waiting::account_caught_up(&context.device, context.patience).await?;
    let text = prompt.map(read_text).transpose()?;
    let session = SessionId::mint();
    let log = LogId::Session(session);
    let tail = context.device.tail(log, TailStart::After(Seq::ZERO));
    let account = context.device.account();
    let (agent, runner) = asked.find(&account)?;
    let create = CreateSessionCommand {
        agent,
        runner,
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

/// The agent that a person asked for. A runner and an agent's id on it name an agent.
pub struct AskedAgent {
    /// The agent's id on its runner.
    pub agent: Option<String>,
    /// The runner's name or id.
    pub runner: Option<String>,
}

impl AskedAgent {
    /// Returns the agent, and the runner to bind the session to if one was named. Without a runner, accepts an agent that is not offered
    /// now: its runner may connect later.
    fn find(self, account: &AccountView) -> Result<(AgentId, Option<RunnerId>), Failure> {
        let usual = AgentId(AGENT_DEFAULT.to_owned());
        let Some(runner) = self.runner else {
            let agent = self.agent.map(AgentId);
            return Ok((
                agent.unwrap_or_else(|| first_of(&account.agents, usual)),
                None,
            ));
        };
        let named: Vec<OfferedAgent> = account
            .agents
            .iter()
            .filter(|offered| is_called(account, offered, &runner))
            .cloned()
            .collect();
        let runners: BTreeSet<RunnerId> = named.iter().map(|offered| offered.runner).collect();
        let agent = match self.agent {
            Some(agent) => AgentId(agent),
            None => first_of(&named, usual),
        };
        let mut found = named.iter().filter(|offered| offered.agent.id == agent);
        match found.next() {
            Some(_) if runners.len() > 1 => Err(Failure::Usage(format!(
                "several runners are called `{runner}`: name one by its id, as `status --json` shows it"
            ))),
            Some(offered) => Ok((agent, Some(offered.runner))),
            None => Err(Failure::Usage(format!(
                "no runner `{runner}` offers the agent `{}` now; there are: {}",
                agent.0,
                offered_words(account)
            ))),
        }
    }
}

fn is_called(account: &AccountView, offered: &OfferedAgent, runner: &str) -> bool {
    let id = offered.runner.to_string();
    id == runner || account.names.get(&id).is_some_and(|name| name == runner)
}

fn first_of(offered: &[OfferedAgent], usual: AgentId) -> AgentId {
    let first = offered.first().map(|offered| offered.agent.id.clone());
    match offered.iter().any(|offered| offered.agent.id == usual) {
        true => usual,
        false => first.unwrap_or(usual),
    }
}

/// All offered agents, each with its model and runner.
pub fn offered_words(account: &AccountView) -> String {
    let word = |offered: &OfferedAgent| {
        let id = offered.runner.to_string();
        let runner = account.names.get(&id).unwrap_or(&id);
        format!(
            "{} ({}) on {runner}",
            offered.agent.id.0, offered.agent.model
        )
    };
    let words: Vec<String> = account.agents.iter().map(word).collect();
    words.join(", ")
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

/// A tail from the mirror's head, because the prompt's own events are still to come. If the prompt is sent again, the log may have its
/// answer already, so the tail begins at the log's beginning.
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

/// Prints a prompt's answer as it grows, until it ends.
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

#[cfg(test)]
mod tests {
    use baton_protocol::{AgentDescription, Principal};

    use super::*;

    fn account(runners: &[(RunnerId, &str, &[&str])]) -> AccountView {
        let offered = runners.iter().flat_map(|(runner, _, agents)| {
            agents.iter().map(|agent| OfferedAgent {
                runner: *runner,
                agent: AgentDescription {
                    id: AgentId((*agent).to_owned()),
                    name: "Any".to_owned(),
                    model: "m".to_owned(),
                    can_steer: true,
                },
            })
        });
        let names = runners
            .iter()
            .map(|(id, name, _)| (id.to_string(), (*name).to_owned()));
        AccountView {
            agents: offered.collect(),
            names: names.collect(),
            me: Principal::Hub,
            log: LogId::Session(SessionId::mint()),
            online: Vec::new(),
        }
    }

    fn asked(agent: Option<&str>, runner: Option<&str>) -> AskedAgent {
        AskedAgent {
            agent: agent.map(str::to_owned),
            runner: runner.map(str::to_owned),
        }
    }

    #[test]
    fn an_agent_is_taken_from_the_runner_that_is_named() {
        let (desk, attic) = (RunnerId::mint(), RunnerId::mint());
        let account = account(&[
            (desk, "desk", &["assistant"]),
            (attic, "attic", &["assistant", "coder"]),
        ]);
        let attics_id = attic.to_string();
        for (agent, runner, expected) in [
            (None, None, ("assistant", None)),
            (Some("later"), None, ("later", None)),
            (None, Some("attic"), ("assistant", Some(attic))),
            (
                Some("coder"),
                Some(attics_id.as_str()),
                ("coder", Some(attic)),
            ),
            (None, Some("desk"), ("assistant", Some(desk))),
        ] {
            let (id, bound) = asked(agent, runner).find(&account).expect("offered");
            assert_eq!((id.0.as_str(), bound), expected);
        }
        let refused = asked(Some("coder"), Some("desk"))
            .find(&account)
            .expect_err("not there");
        let words = refused.message();
        assert!(words.contains("coder (m) on attic"), "{words}");
    }

    #[test]
    fn of_two_runners_of_one_name_the_id_decides() {
        let (one, other) = (RunnerId::mint(), RunnerId::mint());
        let account = account(&[(one, "box", &["assistant"]), (other, "box", &["assistant"])]);
        assert!(asked(None, Some("box")).find(&account).is_err());
        let id = other.to_string();
        let found = asked(None, Some(&id)).find(&account).expect("by its id");
        assert_eq!(found.1, Some(other));
    }
}

//! What a person does on a device.

use anyhow::Result;
use baton_client::OutboxState;
use baton_client::sync::{CancelOutcome, Input, PendingIntent};
use baton_protocol::{
    AgentId, ClientFrame, Command, CommandBody, CommandCondition, CommandId, CreateSessionCommand,
    Delivery, LogId, PauseQueueCommand, SaveDraftCommand, SendPromptCommand, Seq,
};

use super::Device;
use super::bodies::{body_of, newest};
use super::driver::pending;
use crate::net::ToHub;
use crate::plan::{Act, Sent};
use crate::sim::Sim;
use crate::words;

/// The agent that every runner offers.
pub const AGENT: &str = "assistant";

impl Device {
    /// Does what a person does, where the device is on.
    pub fn act(&mut self, sim: &mut Sim, act: &Act) -> Result<()> {
        if self.process.is_none() || self.paused_until_ms > sim.now_ms {
            return Ok(());
        }
        sim.note(format_args!("on device {}: {act:?}", self.number));
        match *act {
            Act::Create { session, prompt } => self.create(sim, session, prompt),
            Act::Look { session } => self.look_at(sim, session),
            Act::LookAway { session } => {
                let log = LogId::Session(sim.cast.sessions[session]);
                if self.process_mut()?.looked_at.remove(&log) {
                    return self.feed(sim, Input::Unwant(log));
                }
                Ok(())
            }
            Act::Nudge => self.feed(sim, Input::Nudge),
            Act::Cancel { pick } => self.cancel(sim, pick),
            Act::Repeat { pick } => self.say_again(sim, pick, None),
            Act::Reuse { pick } => {
                let body = CommandBody::PauseQueue(PauseQueueCommand {});
                self.say_again(sim, pick, Some(body))
            }
            Act::Draft { session, text } => self.save_draft(sim, session, text),
            Act::SendIfIdle { session, text } => {
                let how = Sent::Queue;
                match body_of(sim, self.number, &Act::Send { session, how, text }) {
                    Some((log, body)) => {
                        self.want_if(sim, log, vec![body], Some(CommandCondition::Idle))
                    }
                    None => Ok(()),
                }
            }
            _ => match body_of(sim, self.number, act) {
                Some((log, body)) => self.want(sim, log, vec![body]),
                None => Ok(()),
            },
        }
    }

    /// Opens a view of a session.
    pub fn look_at(&mut self, sim: &mut Sim, session: usize) -> Result<()> {
        let log = LogId::Session(sim.cast.sessions[session]);
        if self.process_mut()?.looked_at.insert(log) {
            return self.feed(sim, Input::Want(log));
        }
        Ok(())
    }

    /// Whether the device is on, so that a person can use it.
    pub fn is_on(&self) -> bool {
        self.process.is_some()
    }

    fn create(&mut self, sim: &mut Sim, session: usize, prompt: bool) -> Result<()> {
        let log = LogId::Session(sim.cast.sessions[session]);
        let create = CommandBody::CreateSession(CreateSessionCommand {
            agent: AgentId(AGENT.to_owned()),
            runner: None,
            title: None,
        });
        let first = prompt.then(|| {
            let text = words::prompt(sim.seed, session as u64);
            let delivery = Delivery::Queue;
            CommandBody::SendPrompt(SendPromptCommand {
                run: None,
                text,
                delivery,
            })
        });
        self.want(sim, log, std::iter::once(create).chain(first).collect())
    }

    /// As the desktop keeps what is begun to be written: behind the text that this device knows.
    fn save_draft(&mut self, sim: &mut Sim, session: usize, text: u64) -> Result<()> {
        let log = LogId::Account(sim.cast.account);
        let session = sim.cast.sessions[session];
        let account = self.mirror.account(log)?;
        let known = account.as_ref().and_then(|account| account.draft(session));
        let body = CommandBody::SaveDraft(SaveDraftCommand {
            session,
            text: words::prompt(sim.seed, text),
            based_on: known.map_or(Seq::ZERO, |draft| draft.seq),
        });
        self.want(sim, log, vec![body])
    }

    /// Makes intents durable, then lets them go: as `write_intents` in the client.
    pub fn want(&mut self, sim: &mut Sim, log: LogId, bodies: Vec<CommandBody>) -> Result<()> {
        self.want_if(sim, log, bodies, None)
    }

    fn want_if(
        &mut self,
        sim: &mut Sim,
        log: LogId,
        bodies: Vec<CommandBody>,
        only_if: Option<CommandCondition>,
    ) -> Result<()> {
        let commands: Vec<Command> = bodies
            .into_iter()
            .map(|body| Command {
                only_if,
                id: CommandId::from_uuid(sim.ids.uuid()),
                log,
                body,
            })
            .collect();
        let engine = &self.process_mut()?.engine;
        let mut is_busy = !engine.sends_at_once(log);
        let ahead = match &commands[..] {
            [command] if engine.goes_ahead(command) => Some(command.clone()),
            _ => None,
        };
        if ahead.is_none() && !self.can_write(sim) {
            // The person is told; nothing was wanted.
            return Ok(());
        }
        for command in &commands {
            sim.checker.wanted(self.number, command);
        }
        let goes_ahead = ahead.is_some();
        if let Some(command) = ahead
            && !self.send_ahead(sim, command)?
        {
            return Ok(());
        }
        let intents: Vec<(Command, OutboxState)> = commands
            .into_iter()
            .map(
                |command| match std::mem::replace(&mut is_busy, true) && !goes_ahead {
                    false => (command, OutboxState::Sent),
                    true => (command, OutboxState::Waiting),
                },
            )
            .collect();
        let queued_at = sim.wall(self.clock_ms);
        let (entries, answered) = self.mirror.queue(&intents, queued_at)?;
        if !answered.is_empty() {
            sim.checker.violated("a new intent was answered before");
        }
        self.process_mut()?.outbox.extend(entries.iter().cloned());
        for intent in entries.iter().filter_map(pending) {
            if self.process.is_some() {
                self.feed(sim, Input::IntentQueued(intent))?;
            }
        }
        Ok(())
    }

    /// Gives a stop to the line before it is written. False where it never is: the process dies first, or the disk is full.
    fn send_ahead(&mut self, sim: &mut Sim, command: Command) -> Result<bool> {
        let id = command.id;
        let intent = PendingIntent {
            command,
            maybe_sent: true,
        };
        self.feed(sim, Input::IntentQueued(intent))?;
        if let Some((0, down_ms)) = self.dies_after {
            self.die(sim, down_ms)?;
        }
        let is_durable = self.process.is_some() && self.can_write(sim);
        if !is_durable {
            sim.checker.never_durable(id);
            if let Some(process) = &mut self.process {
                process.engine.retract(id);
            }
        }
        Ok(is_durable)
    }

    fn cancel(&mut self, sim: &mut Sim, pick: u64) -> Result<()> {
        let process = self.process_mut()?;
        let waiting = process.outbox.iter();
        let waiting = waiting.filter(|entry| entry.state == OutboxState::Waiting);
        let prompts = waiting.filter(|entry| {
            // A creation takes what is bound to it along, which is the outbox's business and not the line's.
            !entry.command.body.begins_session()
        });
        let ids: Vec<CommandId> = prompts.map(|entry| entry.command.id).collect();
        let Some(command) = newest(&ids, pick) else {
            return Ok(());
        };
        if !self.can_write(sim) {
            return Ok(());
        }
        if self.process_mut()?.engine.cancel(command) == CancelOutcome::Cancelled {
            self.mirror.remove(command)?;
            self.take_entry(command);
            sim.checker.cancelled(command);
        }
        Ok(())
    }

    /// A command that was answered comes once more, as it was or with another body.
    fn say_again(&mut self, sim: &mut Sim, pick: u64, other: Option<CommandBody>) -> Result<()> {
        let truth = sim.checker.truth();
        let is_answered = |command: &Command| {
            let log = truth.log(command.log);
            log.is_some_and(|log| log.receipts().contains_key(&command.id))
        };
        let mut answered = sim.checker.wanted_on(self.number);
        let outbox = &self.process_mut()?.outbox;
        let waits = |command: &Command| outbox.iter().any(|entry| entry.command.id == command.id);
        answered.retain(|command| is_answered(command) && !waits(command));
        let Some(mut command) = newest(&answered, pick) else {
            return Ok(());
        };
        if let (Some(body), LogId::Session(_)) = (other, command.log) {
            command.body = body;
        }
        if let Some(line) = self.process_mut()?.line {
            let frame = ClientFrame::Command { command };
            sim.net.send_up(line, sim.now_ms, ToHub::Frame(frame));
        }
        Ok(())
    }
}

//! What a person does on a device.

use anyhow::Result;
use baton_client::OutboxState;
use baton_client::sync::{CancelOutcome, Input, PendingIntent};
use baton_protocol::{
    AgentId, ClientFrame, Command, CommandBody, CommandId, CreateSessionCommand,
    DeleteSessionCommand, Delivery, EditPromptCommand, EventBody, LogId, MarkReadCommand,
    MovePromptCommand, PauseQueueCommand, PromptId, RenameSessionCommand, ResumeQueueCommand,
    RetryRunCommand, RunId, SendPromptCommand, SendPromptNowCommand, Seq, StopRunCommand,
    StopScope, StopTarget, WithdrawPromptCommand,
};

use super::Device;
use super::driver::pending;
use crate::net::ToHub;
use crate::plan::{Act, Sent};
use crate::sim::Sim;
use crate::words;

/// The agent that every runner offers.
pub const AGENT: &str = "assistant";

/// How far back a person picks.
const PICKS: u64 = 4;

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
            Act::MarkRead { session, back } => self.mark_read(sim, session, back),
            Act::Delete { session } => {
                let session = sim.cast.sessions[session];
                let body = CommandBody::DeleteSession(DeleteSessionCommand { session });
                self.want(sim, LogId::Account(sim.cast.account), vec![body])
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

    fn mark_read(&mut self, sim: &mut Sim, session: usize, back: u64) -> Result<()> {
        let session = sim.cast.sessions[session];
        let head = sim.checker.truth().log(LogId::Session(session));
        let head = head.map_or(Seq::ZERO, |log| log.head());
        let body = CommandBody::MarkRead(MarkReadCommand {
            session,
            seq: Seq(head.0.saturating_sub(back)),
        });
        self.want(sim, LogId::Account(sim.cast.account), vec![body])
    }

    /// Makes intents durable, then lets them go: as `write_intents` in the client.
    pub fn want(&mut self, sim: &mut Sim, log: LogId, bodies: Vec<CommandBody>) -> Result<()> {
        let commands: Vec<Command> = bodies
            .into_iter()
            .map(|body| Command {
                only_if: None,
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
            !matches!(entry.command.body, CommandBody::CreateSession(_))
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

/// One of them, counted from the newest.
pub fn newest<T: Clone>(of: &[T], pick: u64) -> Option<T> {
    let back = pick % PICKS.min(of.len().max(1) as u64);
    let index = of.len().checked_sub(1 + usize::try_from(back).ok()?)?;
    of.get(index).cloned()
}

/// A session's prompts, the ones that this device has not sent included.
fn prompts(sim: &Sim, device: usize, log: LogId) -> Vec<PromptId> {
    let events = sim.checker.truth().log(log);
    let events = events.map_or(&[][..], |log| log.events());
    let sent = events.iter().filter_map(|event| match &event.body {
        EventBody::PromptSent(body) => Some(body.prompt),
        _ => None,
    });
    let mut prompts: Vec<PromptId> = sent.collect();
    for command in sim.checker.wanted_on(device) {
        let prompt = PromptId(command.id);
        let is_prompt = matches!(command.body, CommandBody::SendPrompt(_));
        if is_prompt && command.log == log && !prompts.contains(&prompt) {
            prompts.push(prompt);
        }
    }
    prompts
}

/// A session's runs.
pub fn runs(sim: &Sim, log: LogId) -> Vec<RunId> {
    let events = sim.checker.truth().log(log);
    let events = events.map_or(&[][..], |log| log.events());
    let started = events.iter().filter_map(|event| match &event.body {
        EventBody::RunStarted(body) => Some(body.run),
        _ => None,
    });
    started.collect()
}

fn body_of(sim: &Sim, device: usize, act: &Act) -> Option<(LogId, CommandBody)> {
    let session_of = |session: usize| LogId::Session(sim.cast.sessions[session]);
    let prompt_of = |session, pick| {
        let log = session_of(session);
        Some((log, newest(&prompts(sim, device, log), pick)?))
    };
    let run_of = |session, pick| {
        let log = session_of(session);
        Some((log, newest(&runs(sim, log), pick)?))
    };
    Some(match *act {
        Act::Send { session, how, text } => {
            let text = words::prompt(sim.seed, text);
            let delivery = match how {
                Sent::Steer => Delivery::Steer,
                Sent::Queue => Delivery::Queue,
                Sent::Interrupt => Delivery::Interrupt,
            };
            let body = SendPromptCommand {
                run: None,
                text,
                delivery,
            };
            (session_of(session), CommandBody::SendPrompt(body))
        }
        Act::Edit {
            session,
            pick,
            text,
        } => {
            let (log, prompt) = prompt_of(session, pick)?;
            let text = words::prompt(sim.seed, text);
            let body = EditPromptCommand { prompt, text };
            (log, CommandBody::EditPrompt(body))
        }
        Act::Withdraw { session, pick } => {
            let (log, prompt) = prompt_of(session, pick)?;
            let body = WithdrawPromptCommand { prompt };
            (log, CommandBody::WithdrawPrompt(body))
        }
        Act::Move {
            session,
            pick,
            before,
        } => {
            let (log, prompt) = prompt_of(session, pick)?;
            let before = before.and_then(|pick| prompt_of(session, pick));
            let before = before.map(|(_, prompt)| prompt);
            let body = MovePromptCommand { prompt, before };
            (log, CommandBody::MovePrompt(body))
        }
        Act::SendNow { session, pick } => {
            let (log, prompt) = prompt_of(session, pick)?;
            let body = SendPromptNowCommand { prompt };
            (log, CommandBody::SendPromptNow(body))
        }
        Act::StopRun {
            session,
            pick,
            scope,
        } => {
            let (log, run) = run_of(session, pick)?;
            let target = StopTarget::Run { run };
            let scope = [StopScope::Run, StopScope::Tree, StopScope::Session]
                [usize::try_from(scope % 3).ok()?];
            (log, CommandBody::StopRun(StopRunCommand { target, scope }))
        }
        Act::StopPrompt { session, pick } => {
            let (log, prompt) = prompt_of(session, pick)?;
            let target = StopTarget::Prompt { prompt };
            let scope = StopScope::Run;
            (log, CommandBody::StopRun(StopRunCommand { target, scope }))
        }
        Act::Retry { session, pick } => {
            let (log, run) = run_of(session, pick)?;
            (log, CommandBody::RetryRun(RetryRunCommand { run }))
        }
        Act::Pause { session } => {
            let body = CommandBody::PauseQueue(PauseQueueCommand {});
            (session_of(session), body)
        }
        Act::Resume { session } => {
            let body = CommandBody::ResumeQueue(ResumeQueueCommand {});
            (session_of(session), body)
        }
        Act::Rename { session, text } => {
            let title = format!("title {text}");
            let body = CommandBody::RenameSession(RenameSessionCommand { title });
            (session_of(session), body)
        }
        _ => return None,
    })
}

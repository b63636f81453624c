//! Decides which intents are sent, and when.
//!
//! Within a log the order is strict: an intent is sent once the previous one is answered. The hub may answer "not now" to any of them, and
//! an intent sent right after it would overtake it. Logs do not wait for each other. A stop that names its run waits only for the creation
//! of its session: neither trouble in another session nor a stuck prompt delays it.

use std::collections::HashMap;

use baton_protocol::{Command, CommandBody, CommandId, ErrorBody, ErrorCode, LogId, StopTarget};

use super::PendingIntent;
use crate::limits::{COMMAND_RETRY_MS_MAX, COMMAND_RETRY_MS_MIN, OUTBOX_IN_FLIGHT_MAX};

/// Result of taking an intent back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CancelOutcome {
    /// It was never sent, and will not be.
    Cancelled,
    /// It may be at the hub already.
    MaybeSent,
    /// No such intent is waiting.
    NotWaiting,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Queued,
    InFlight,
    HeldUntil(u64),
    /// The hub refused it permanently; whether that is durable on this device is not known yet.
    Refused,
}

#[derive(Clone, Debug)]
struct Entry {
    intent: PendingIntent,
    stage: Stage,
    refusals: u32,
    /// It was in flight when the hub closed a connection because it could not read a frame.
    is_suspect: bool,
}

/// Which intent the hub could not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Blame {
    /// This one: it was the only intent in flight, and a previous connection with it ended in the same way.
    Found(CommandId),
    /// One of several, or the only one for the first time: from now on each is sent alone.
    Sought,
    /// No intent was in flight.
    Nothing,
}

/// What later intents of a log wait for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum For {
    /// An earlier intent's answer.
    Answer,
    Creation,
}

fn names_its_run(body: &CommandBody) -> bool {
    match body {
        CommandBody::StopRun(stop) => matches!(stop.target, StopTarget::Run { .. }),
        _ => false,
    }
}

/// The unanswered intents, in the order in which they were queued.
#[derive(Clone, Debug, Default)]
pub(super) struct Sending {
    entries: Vec<Entry>,
}

/// What to send now.
#[derive(Default)]
pub(super) struct Pumped {
    pub(super) first_time: Vec<CommandId>,
    pub(super) commands: Vec<Command>,
}

impl Sending {
    pub(super) fn queue(&mut self, intent: PendingIntent) {
        let known = |entry: &Entry| entry.intent.command.id == intent.command.id;
        if !self.entries.iter().any(known) {
            self.entries.push(Entry {
                intent,
                stage: Stage::Queued,
                refusals: 0,
                is_suspect: false,
            });
        }
    }

    /// Takes the intents that may be sent now.
    pub(super) fn pump(&mut self, now_ms: u64) -> Pumped {
        let mut pumped = Pumped::default();
        let mut in_flight = self.in_flight();
        let in_flight_max = self.in_flight_max();
        let mut waits: HashMap<LogId, For> = HashMap::new();
        for entry in &mut self.entries {
            let (log, body) = (entry.intent.command.log, &entry.intent.command.body);
            let may_go = match waits.get(&log) {
                None => true,
                Some(For::Answer) => names_its_run(body),
                Some(For::Creation) => false,
            };
            let due = match entry.stage {
                Stage::Queued => true,
                Stage::InFlight | Stage::Refused => false,
                Stage::HeldUntil(at_ms) => at_ms <= now_ms,
            };
            let creates = matches!(body, CommandBody::CreateSession(_));
            if may_go && due && in_flight < in_flight_max {
                in_flight += 1;
                entry.stage = Stage::InFlight;
                if !std::mem::replace(&mut entry.intent.maybe_sent, true) {
                    pumped.first_time.push(entry.intent.command.id);
                }
                pumped.commands.push(entry.intent.command.clone());
            }
            let wait = waits.entry(log).or_insert(For::Answer);
            if creates {
                *wait = For::Creation;
            }
        }
        pumped
    }

    /// Whether an intent for this log could be sent at once: no other intent of the log waits, and [`Self::in_flight_max`] allows one more.
    pub(super) fn is_free(&self, log: LogId) -> bool {
        let of_log = |entry: &Entry| entry.intent.command.log == log;
        self.in_flight() < self.in_flight_max() && !self.entries.iter().any(of_log)
    }

    /// Whether this command is a stop that names its run and would be sent at once if it were queued now.
    pub(super) fn goes_ahead(&self, command: &Command) -> bool {
        let creates = |entry: &Entry| {
            let known = &entry.intent.command;
            known.log == command.log && matches!(known.body, CommandBody::CreateSession(_))
        };
        names_its_run(&command.body)
            && self.in_flight() < self.in_flight_max()
            && !self.entries.iter().any(creates)
    }

    /// When the next held intent may be sent.
    pub(super) fn deadline_ms(&self) -> Option<u64> {
        let held = self.entries.iter().filter_map(|entry| match entry.stage {
            Stage::HeldUntil(at_ms) => Some(at_ms),
            Stage::Queued | Stage::InFlight | Stage::Refused => None,
        });
        held.min()
    }

    /// The hub closed the connection because it could not read an intent. Call this before [`Self::line_lost`].
    pub(super) fn blame(&mut self) -> Blame {
        let in_flight = |entry: &&mut Entry| entry.stage == Stage::InFlight;
        let mut on_line: Vec<&mut Entry> = self.entries.iter_mut().filter(in_flight).collect();
        match on_line.as_mut_slice() {
            [] => Blame::Nothing,
            [alone] if alone.is_suspect => Blame::Found(alone.intent.command.id),
            several => {
                for entry in several {
                    entry.is_suspect = true;
                }
                Blame::Sought
            }
        }
    }

    /// How many intents may be in flight: one while the engine looks for the one that the hub cannot read.
    fn in_flight_max(&self) -> usize {
        match self
            .entries
            .iter()
            .any(|entry| entry.is_suspect && entry.stage != Stage::Refused)
        {
            true => 1,
            false => OUTBOX_IN_FLIGHT_MAX,
        }
    }

    /// The connection is lost: everything that was in flight is sent again.
    pub(super) fn line_lost(&mut self) {
        for entry in &mut self.entries {
            if entry.stage != Stage::Refused {
                entry.stage = Stage::Queued;
            }
        }
    }

    /// The hub refused an intent permanently. The intent stays, and holds its log back, until the refusal is durable. Returns it the first
    /// time only.
    pub(super) fn refused(&mut self, command: CommandId) -> Option<Command> {
        let index = self.position(command)?;
        let entry = &mut self.entries[index];
        let before = std::mem::replace(&mut entry.stage, Stage::Refused);
        (before != Stage::Refused).then(|| entry.intent.command.clone())
    }

    /// The hub answered. Returns the intent.
    pub(super) fn answered(&mut self, command: CommandId) -> Option<Command> {
        let index = self.position(command)?;
        Some(self.entries.remove(index).intent.command)
    }

    /// The hub could not answer now: hold the intent back for a growing delay.
    pub(super) fn hold(&mut self, command: CommandId, now_ms: u64) {
        let Some(index) = self.position(command) else {
            return;
        };
        let entry = &mut self.entries[index];
        entry.is_suspect = false;
        let wait_ms = COMMAND_RETRY_MS_MIN << entry.refusals.min(10);
        entry.refusals += 1;
        entry.stage = Stage::HeldUntil(now_ms + wait_ms.min(COMMAND_RETRY_MS_MAX));
    }

    /// The session was never created: refuses every intent for it as well.
    pub(super) fn refuse_dependents(
        &mut self,
        creation: &Command,
        why: &ErrorBody,
    ) -> Vec<(CommandId, ErrorBody)> {
        let error = ErrorCode::SessionNotFound.with(
            format!("the session could not be created: {}", why.message),
            why.hint.clone(),
        );
        let depends = |entry: &&mut Entry| {
            let command = &entry.intent.command;
            command.log == creation.log
                && command.id != creation.id
                && entry.stage != Stage::Refused
        };
        let dependents = self.entries.iter_mut().filter(depends);
        let refuse = |entry: &mut Entry| {
            entry.stage = Stage::Refused;
            (entry.intent.command.id, error.clone())
        };
        dependents.map(refuse).collect()
    }

    pub(super) fn cancel(&mut self, command: CommandId) -> CancelOutcome {
        match self.position(command) {
            None => CancelOutcome::NotWaiting,
            Some(index) if self.entries[index].intent.maybe_sent => CancelOutcome::MaybeSent,
            Some(index) => {
                self.entries.remove(index);
                CancelOutcome::Cancelled
            }
        }
    }

    /// Sends a held intent at once, at a person's request.
    pub(super) fn retry(&mut self, command: CommandId) {
        if let Some(index) = self.position(command)
            && let Stage::HeldUntil(_) = self.entries[index].stage
        {
            self.entries[index].stage = Stage::Queued;
        }
    }

    fn in_flight(&self) -> usize {
        let in_flight = |entry: &&Entry| entry.stage == Stage::InFlight;
        self.entries.iter().filter(in_flight).count()
    }

    fn position(&self, command: CommandId) -> Option<usize> {
        let is = |entry: &Entry| entry.intent.command.id == command;
        self.entries.iter().position(is)
    }
}

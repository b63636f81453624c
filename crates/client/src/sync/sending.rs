//! Which intents go onto the line, and when.
//!
//! Order is kept within a log, strictly: an intent goes when the one before it is answered. The hub may have to answer "not now" to
//! any of them, and what was sent behind it would overtake it. Logs do not wait for each other, and a stop that names its run waits
//! for nothing but the creation of its session: neither another session's trouble nor a stuck prompt delays it.

use std::collections::HashMap;

use baton_protocol::{Command, CommandBody, CommandId, ErrorBody, ErrorCode, LogId, StopTarget};

use super::PendingIntent;
use crate::limits::{COMMAND_RETRY_MS_MAX, COMMAND_RETRY_MS_MIN, OUTBOX_IN_FLIGHT_MAX};

/// What became of a wish to take an intent back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CancelOutcome {
    /// It was never sent, and will not be.
    Cancelled,
    /// It may be at the hub already.
    MaybeSent,
    /// No such intent waits here.
    NotWaiting,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Queued,
    InFlight,
    HeldUntil(u64),
    /// For good, as far as the hub goes; whether it is durable here is not known yet.
    Refused,
}

#[derive(Clone, Debug)]
struct Entry {
    intent: PendingIntent,
    stage: Stage,
    refusals: u32,
    /// It was on a line that the hub closed because it could not read what it got.
    is_suspect: bool,
}

/// Which intent it was that the hub could not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Blame {
    /// This one: it was on the line alone, and had been on one before that ended in the same way.
    Found(CommandId),
    /// One of several, or one that was there for the first time: each of them goes alone now.
    Sought,
    /// No intent was on the line.
    Nothing,
}

/// What the intents of a log wait for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum For {
    /// An earlier intent's answer.
    Answer,
    /// The session's creation.
    Creation,
}

fn names_its_run(body: &CommandBody) -> bool {
    match body {
        CommandBody::StopRun(stop) => matches!(stop.target, StopTarget::Run { .. }),
        _ => false,
    }
}

/// The unanswered intents, in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Sending {
    entries: Vec<Entry>,
}

/// What goes onto the line now.
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

    /// Takes what may be sent now.
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

    /// Whether nothing of this log waits for an answer.
    pub(super) fn is_free(&self, log: LogId) -> bool {
        let of_log = |entry: &Entry| entry.intent.command.log == log;
        self.in_flight() < self.in_flight_max() && !self.entries.iter().any(of_log)
    }

    /// Whether this is a stop that names its run and, queued now, goes at once.
    pub(super) fn goes_ahead(&self, command: &Command) -> bool {
        let creates = |entry: &Entry| {
            let known = &entry.intent.command;
            known.log == command.log && matches!(known.body, CommandBody::CreateSession(_))
        };
        names_its_run(&command.body)
            && self.in_flight() < self.in_flight_max()
            && !self.entries.iter().any(creates)
    }

    /// When something that is held may be sent.
    pub(super) fn deadline_ms(&self) -> Option<u64> {
        let held = self.entries.iter().filter_map(|entry| match entry.stage {
            Stage::HeldUntil(at_ms) => Some(at_ms),
            Stage::Queued | Stage::InFlight | Stage::Refused => None,
        });
        held.min()
    }

    /// The hub closed the line because it could not read something that was on it. Called before [`Self::line_lost`].
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

    /// While one is sought that the hub cannot read, each goes alone.
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

    /// The line is gone: everything that was on it goes again.
    pub(super) fn line_lost(&mut self) {
        for entry in &mut self.entries {
            if entry.stage != Stage::Refused {
                entry.stage = Stage::Queued;
            }
        }
    }

    /// The hub refused it for good. It stays, and holds its log back, until that is durable. Gives the intent, once.
    pub(super) fn refused(&mut self, command: CommandId) -> Option<Command> {
        let index = self.position(command)?;
        let entry = &mut self.entries[index];
        let before = std::mem::replace(&mut entry.stage, Stage::Refused);
        (before != Stage::Refused).then(|| entry.intent.command.clone())
    }

    /// The hub answered. Gives the intent.
    pub(super) fn answered(&mut self, command: CommandId) -> Option<Command> {
        let index = self.position(command)?;
        Some(self.entries.remove(index).intent.command)
    }

    /// The hub could not answer now.
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

    /// The session never began: what was meant for it is refused as well.
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

    /// A person asks for another try: what is held goes at once.
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

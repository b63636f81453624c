//! What people wanted: each intent is answered, once, in the order of its device and its log.

use std::collections::BTreeMap;

use baton_protocol::{Command, CommandBody, CommandId, LogId, StopTarget};

use super::truth::LogTruth;

/// All intents of all devices.
#[derive(Debug, Default)]
pub(super) struct Intents {
    known: BTreeMap<CommandId, Intent>,
}

#[derive(Debug)]
struct Intent {
    device: usize,
    number: u64,
    command: Command,
    fate: Fate,
}

/// What a device knows of an intent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// Nothing yet.
    Open,
    /// The hub's answer.
    Answered,
    /// It was refused for good, without a receipt (`docs/PROTOCOL.md`, section 7).
    Refused,
    /// It was taken back before it was sent.
    Cancelled,
    /// It went onto the line ahead of the disk, which never had it: its device knows nothing of it, and the hub may have done it.
    NeverDurable,
}

impl Intents {
    pub fn add(&mut self, device: usize, command: &Command) {
        let number = self.known.len() as u64 + 1;
        let intent = Intent {
            device,
            number,
            command: command.clone(),
            fate: Fate::Open,
        };
        self.known.insert(command.id, intent);
    }

    pub fn is_of(&self, command: CommandId, device: Option<usize>, log: LogId) -> bool {
        self.known
            .get(&command)
            .is_some_and(|intent| Some(intent.device) == device && intent.command.log == log)
    }

    pub fn command(&self, command: CommandId) -> Option<&Command> {
        self.known.get(&command).map(|intent| &intent.command)
    }

    /// A receipt is in the log: intents of one device come in their order. A stop that names its run may overtake.
    pub fn recorded(&self, command: CommandId, log: Option<&mut LogTruth>) -> Result<(), String> {
        let (Some(intent), Some(log)) = (self.known.get(&command), log) else {
            return Err(format!("a receipt for `{command}`, which nobody wanted"));
        };
        let overtakes = match &intent.command.body {
            CommandBody::StopRun(stop) => matches!(stop.target, StopTarget::Run { .. }),
            _ => false,
        };
        if intent.fate == Fate::Refused {
            let device = intent.device;
            return Err(format!(
                "`{command}` is recorded, and device {device} was told that it never will be"
            ));
        }
        if overtakes {
            return Ok(());
        }
        let last = log.answered.entry(intent.device).or_default();
        if *last >= intent.number {
            return Err(format!(
                "`{command}` of device {} was recorded after one that was wanted later",
                intent.device
            ));
        }
        *last = intent.number;
        Ok(())
    }

    /// A device heard of the end of its intent. Gives what it knew before.
    pub fn ended(&mut self, command: CommandId, fate: Fate) -> Option<Fate> {
        let intent = self.known.get_mut(&command)?;
        Some(std::mem::replace(&mut intent.fate, fate))
    }

    /// Intents of which their devices know nothing.
    pub fn open(&self) -> impl Iterator<Item = (CommandId, usize)> {
        let open = self
            .known
            .iter()
            .filter(|(_, intent)| intent.fate == Fate::Open);
        open.map(|(command, intent)| (*command, intent.device))
    }

    /// Every intent of a device, the oldest first.
    pub fn of(&self, device: usize) -> Vec<Command> {
        let mut of_device: Vec<&Intent> = self
            .known
            .values()
            .filter(|intent| intent.device == device)
            .collect();
        of_device.sort_by_key(|intent| intent.number);
        of_device
            .into_iter()
            .map(|intent| intent.command.clone())
            .collect()
    }
}

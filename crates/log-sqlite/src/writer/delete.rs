//! Deleting a log: one transaction after which nobody finds it, and then bounded steps in which its rows go.

use std::collections::VecDeque;

use baton_protocol::LogId;
use rusqlite::Connection;

use super::transaction::{Fault, Work, transact};
use crate::tables::deletions::{Step, StepLimit};
use crate::tables::logs::LogNumber;
use crate::tables::{deleted_logs, deletions, logs, places};

/// A step's share of the disk and of the writer: whoever appends meanwhile waits for it, for some milliseconds. A log that grew
/// alone has its events side by side, and the rows are the bound; one that grew among many others has each on a page of its own.
const STEP: StepLimit = StepLimit {
    rows: 512,
    pages: 128,
};

/// Logs that nobody finds any more and of which rows are left.
pub struct Doomed {
    /// Taken away together, in this order.
    sound: VecDeque<LogNumber>,
    /// Could not be taken away: each alone, and when there is no other.
    stuck: VecDeque<LogNumber>,
}

impl Doomed {
    pub fn new(logs: Vec<LogNumber>) -> Self {
        Self {
            sound: logs.into(),
            stuck: VecDeque::new(),
        }
    }

    /// Whether every deleted log is gone from the tables.
    pub fn is_empty(&self) -> bool {
        self.sound.is_empty() && self.stuck.is_empty()
    }

    /// How many could be taken away as far as known.
    pub fn sound(&self) -> usize {
        self.sound.len()
    }

    /// Queues a deleted log behind the others.
    pub fn push(&mut self, log: LogNumber) {
        self.sound.push_back(log);
    }

    /// Takes rows away of the first of them.
    pub fn step(&mut self, connection: &Connection) -> Result<Step, Fault> {
        let (logs, together) = match self.sound.is_empty() {
            false => (&mut self.sound, usize::MAX),
            true => (&mut self.stuck, 1),
        };
        let mut at = None;
        let next = logs.iter().copied().take(together);
        let next = next.inspect(|log| at = Some(*log));
        let done = transact(connection, |connection| {
            deletions::step(connection, next, STEP).map(Work::Keep)
        });
        match &done {
            Ok((step, _)) => drop(logs.drain(..step.logs_gone)),
            Err(_) => {
                let place = logs.iter().position(|log| Some(*log) == at);
                let stuck = place.and_then(|place| logs.remove(place));
                self.stuck.extend(stuck);
            }
        }
        done.map(|(step, _)| step)
    }
}

/// Lets nobody find a log any more. `None`: there is no such log.
///
/// Every event gets its place before, so that what is left of the log is found by places alone.
pub fn begin(connection: &Connection, id: LogId) -> Result<Option<LogNumber>, Fault> {
    let begun = transact(connection, |connection| {
        let Some(row) = logs::find(connection, id)? else {
            return Ok(Work::Drop(None));
        };
        places::place_all(connection)?;
        logs::delete(connection, row.log)?;
        deleted_logs::insert(connection, row.log, id)?;
        deletions::begin(connection, row.log)?;
        Ok(Work::Keep(Some(row.log)))
    });
    begun.map(|(log, _)| log)
}

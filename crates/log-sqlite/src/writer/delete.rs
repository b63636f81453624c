//! Deletes a log: one transaction hides it, then bounded steps delete its rows.

use std::collections::VecDeque;

use baton_protocol::LogId;
use rusqlite::Connection;

use super::transaction::{Fault, Work, transact};
use crate::tables::deletions::{Step, StepLimit};
use crate::tables::logs::LogNumber;
use crate::tables::{deleted_logs, deletions, logs, places};

/// Limits of one step. An append that arrives meanwhile waits for it, some milliseconds. If a log grew alone, its events lie close
/// together and the row limit applies; if it grew among many others, each event is on a page of its own and the page limit applies.
const STEP: StepLimit = StepLimit {
    rows: 512,
    pages: 128,
};

/// Deleted logs that still have rows.
pub struct Doomed {
    /// Logs whose rows can be deleted as far as known; one step may take several, in this order.
    sound: VecDeque<LogNumber>,
    /// Logs for which a step failed. Each is retried alone, and only when `sound` is empty.
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

    /// The number of logs for which no step has failed.
    pub fn sound(&self) -> usize {
        self.sound.len()
    }

    /// Queues a deleted log behind the others.
    pub fn push(&mut self, log: LogNumber) {
        self.sound.push_back(log);
    }

    /// Deletes rows of the first logs.
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

/// Hides a log from every later request. `None` if there is no such log.
///
/// Places every event first, so that the rest of the log can be found by its places alone.
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

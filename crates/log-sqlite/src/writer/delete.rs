//! Deleting a log: one transaction after which nobody finds it, and then bounded steps in which its rows go.

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

/// Takes some rows of a log away that nobody finds any more.
pub fn step(connection: &Connection, log: LogNumber) -> Result<Step, Fault> {
    transact(connection, |connection| {
        deletions::step(connection, log, STEP).map(Work::Keep)
    })
    .map(|(step, _)| step)
}

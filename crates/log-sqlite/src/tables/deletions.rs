//! Deleted logs that still have rows in other tables. The rows are deleted in steps; if something interrupts them, the next start
//! continues.
//!
//! **Invariant:** a log without a row in [`super::logs`] but with rows anywhere else is listed here. All of its events are placed.

use rusqlite::{Connection, params};

use super::arrivals::{self, Arrival};
use super::events::{Position, SEQ_MAX};
use super::logs::LogNumber;
use super::{places, receipts, saved_states, sealed_stretches, unsealed_parts};
use baton_protocol::Seq;

/// A row is deleted after the last row of its log.
pub const MIGRATION: &str = "
    CREATE TABLE deletions (
        log INTEGER PRIMARY KEY
    ) STRICT;
";

/// In the order of places, with the size of each event. The join's order is fixed, as for reads.
pub(super) const NEXT_EVENTS: &str =
    "SELECT places.position, places.arrival, coalesce(octet_length(event), 0)
     FROM places LEFT JOIN arrivals USING (arrival)
     WHERE places.position BETWEEN ?1 AND ?2 ORDER BY places.position";

/// Limits of one step: see [`step`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StepLimit {
    pub rows: usize,
    /// Pages that the step changes or frees, as far as that can be estimated beforehand.
    pub pages: usize,
}

/// What one step did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Step {
    pub rows: usize,
    /// Estimated number of changed pages.
    pub pages: usize,
    /// Number of logs, from the first of those given, that have no rows left.
    pub logs_gone: usize,
}

impl Step {
    fn has_reached(self, limit: StepLimit) -> bool {
        self.rows >= limit.rows || self.pages >= limit.pages
    }
}

/// Approximate number of events on a page. Arrivals closer together than this are counted as one page.
const EVENTS_PER_PAGE: i64 = 8;

const PAGE_BYTES: usize = 4096;

/// Every log that is being deleted, the one created first in front.
pub fn all(connection: &Connection) -> rusqlite::Result<Vec<LogNumber>> {
    let mut all = connection.prepare_cached("SELECT log FROM deletions ORDER BY log")?;
    all.query_map([], |row| row.get(0).map(LogNumber))?
        .collect()
}

/// Marks a log as being deleted.
pub fn begin(connection: &Connection, log: LogNumber) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO deletions (log) VALUES (?1)")?
        .execute([log.0])?;
    Ok(())
}

/// Deletes rows of these logs, one log after the other, up to the limit: first its events, then its rows in the other tables, table by
/// table. For use in a transaction.
pub fn step(
    connection: &Connection,
    logs: impl IntoIterator<Item = LogNumber>,
    limit: StepLimit,
) -> rusqlite::Result<Step> {
    let mut step = Step::default();
    for log in logs {
        delete_events(connection, log, limit, &mut step)?;
        if !step.has_reached(limit) {
            delete_rest(connection, log, limit, &mut step)?;
        }
        if step.has_reached(limit) {
            break;
        }
        connection
            .prepare_cached("DELETE FROM deletions WHERE log = ?1")?
            .execute([log.0])?;
        step.logs_gone += 1;
    }
    Ok(step)
}

/// Deletes the rows in the other tables.
fn delete_rest(
    connection: &Connection,
    log: LogNumber,
    limit: StepLimit,
    step: &mut Step,
) -> rusqlite::Result<()> {
    let before = step.rows;
    for sql in [
        receipts::DELETE_SOME,
        unsealed_parts::DELETE_SOME,
        sealed_stretches::DELETE_SOME,
        saved_states::DELETE_SOME,
    ] {
        let room = (limit.rows - step.rows) as i64;
        step.rows += connection
            .prepare_cached(sql)?
            .execute(params![log.0, room])?;
    }
    step.pages += 1 + (step.rows - before) / EVENTS_PER_PAGE as usize;
    Ok(())
}

/// Deletes the log's first events and their places.
fn delete_events(
    connection: &Connection,
    log: LogNumber,
    limit: StepLimit,
    step: &mut Step,
) -> rusqlite::Result<()> {
    let first = Position::new(log, Seq::ZERO);
    let (mut arrivals, mut last) = (Vec::new(), first);
    {
        let mut next = connection.prepare_cached(NEXT_EVENTS)?;
        let end = Position::new(log, SEQ_MAX);
        let mut rows = next.query(params![first.value(), end.value()])?;
        let mut page_begins = None;
        while !step.has_reached(limit)
            && let Some(row) = rows.next()?
        {
            let (arrival, bytes): (i64, u32) = (row.get(1)?, row.get(2)?);
            let is_near = |begin: i64| (begin..begin + EVENTS_PER_PAGE).contains(&arrival);
            if !page_begins.is_some_and(is_near) {
                page_begins = Some(arrival);
                step.pages += 1;
            }
            step.pages += bytes as usize / PAGE_BYTES;
            step.rows += 1;
            last = Position::at(row, 0)?;
            arrivals.push(Arrival(arrival));
        }
    }
    for arrival in &arrivals {
        arrivals::delete(connection, *arrival)?;
    }
    if !arrivals.is_empty() {
        places::delete_between(connection, (first, last))?;
    }
    Ok(())
}

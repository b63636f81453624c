//! Deleted logs of which other tables still have rows. They are taken away in steps, and whatever stops them, the next start goes on.
//!
//! Invariant: while a log has no row in [`super::logs`] and rows anywhere else, it stands here. Nothing of it is without its place.

use rusqlite::{Connection, params};

use super::arrivals::{self, Arrival};
use super::events::{Position, SEQ_MAX};
use super::logs::LogNumber;
use super::{places, receipts, saved_states, sealed_stretches, unsealed_parts};
use baton_protocol::Seq;

/// A row goes with the last row of its log.
pub const MIGRATION: &str = "
    CREATE TABLE deletions (
        log INTEGER PRIMARY KEY
    ) STRICT;
";

/// In the order of their places, with what they take. The join is told its order, as for reads.
pub(super) const NEXT_EVENTS: &str =
    "SELECT places.position, places.arrival, coalesce(octet_length(event), 0)
     FROM places LEFT JOIN arrivals USING (arrival)
     WHERE places.position BETWEEN ?1 AND ?2 ORDER BY places.position";

/// What one step takes away at most: see [`step`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StepLimit {
    pub rows: usize,
    /// Pages that it changes or frees, as far as that can be told beforehand.
    pub pages: usize,
}

/// What one step did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Step {
    pub rows: usize,
    /// About as many pages were changed.
    pub pages: usize,
    /// Of so many logs, the first that were named, nothing is left.
    pub logs_gone: usize,
}

impl Step {
    fn has_reached(self, limit: StepLimit) -> bool {
        self.rows >= limit.rows || self.pages >= limit.pages
    }
}

/// Events that stand on one page, about: those that arrived closer together share it.
const EVENTS_PER_PAGE: i64 = 8;

/// A page.
const PAGE_BYTES: usize = 4096;

/// Every log that is being deleted, the one that was made first in front.
pub fn all(connection: &Connection) -> rusqlite::Result<Vec<LogNumber>> {
    let mut all = connection.prepare_cached("SELECT log FROM deletions ORDER BY log")?;
    all.query_map([], |row| row.get(0).map(LogNumber))?
        .collect()
}

/// From now on the log is being deleted.
pub fn begin(connection: &Connection, log: LogNumber) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO deletions (log) VALUES (?1)")?
        .execute([log.0])?;
    Ok(())
}

/// Takes rows of these logs away, one log after the other, until so many are gone: its events, and behind the last of them the rest,
/// table by table. For a transaction.
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

/// What stands in the tables beside events.
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

/// The first of the log's events with their places.
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

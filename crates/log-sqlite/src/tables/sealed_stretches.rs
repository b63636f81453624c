//! Where no batch may end: disjoint stretches of sealed parts, joined where parts interleave. One look-up by `since` finds out.

use baton_log::batching::Stretch;
use baton_protocol::Seq;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::logs::LogNumber;
use super::{seq_at, to_column};

/// A row is the range of seqs `[since, upto)`.
pub const MIGRATION: &str = "
    CREATE TABLE sealed_stretches (
        log   INTEGER NOT NULL,
        since INTEGER NOT NULL,
        upto  INTEGER NOT NULL,
        PRIMARY KEY (log, since)
    ) STRICT, WITHOUT ROWID;
";

pub(super) const DOWN_FROM: &str =
    "SELECT since, upto FROM sealed_stretches WHERE log = ?1 AND since <= ?2 ORDER BY since DESC";

/// Deletes up to a number of a log's rows.
pub(super) const DELETE_SOME: &str = "DELETE FROM sealed_stretches WHERE log = ?1
     AND since IN (SELECT since FROM sealed_stretches WHERE log = ?1 LIMIT ?2)";

fn stretch(row: &Row<'_>) -> rusqlite::Result<Stretch> {
    Ok(Stretch {
        since: seq_at(row, 0)?,
        upto: seq_at(row, 1)?,
    })
}

/// The last stretch that begins at or below a seq.
pub fn last_from(
    connection: &Connection,
    log: LogNumber,
    seq: Seq,
) -> rusqlite::Result<Option<Stretch>> {
    connection
        .prepare_cached(DOWN_FROM)?
        .query_row(params![log.0, to_column(seq)], stretch)
        .optional()
}

/// All stretches with which a new one must be joined.
pub fn touching(
    connection: &Connection,
    log: LogNumber,
    new: Stretch,
) -> rusqlite::Result<Vec<Stretch>> {
    let mut down = connection.prepare_cached(DOWN_FROM)?;
    let mut rows = down.query(params![log.0, to_column(new.upto)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let earlier = stretch(row)?;
        // Stretches are disjoint and in order, so all earlier ones end before this one.
        if !earlier.touches(&new) {
            break;
        }
        found.push(earlier);
    }
    Ok(found)
}

/// Replaces the stretches that were joined by the joined one.
pub fn replace(
    connection: &Connection,
    log: LogNumber,
    touched: &[Stretch],
    joined: Stretch,
) -> rusqlite::Result<()> {
    let mut delete =
        connection.prepare_cached("DELETE FROM sealed_stretches WHERE log = ?1 AND since = ?2")?;
    for stretch in touched {
        delete.execute(params![log.0, to_column(stretch.since)])?;
    }
    connection
        .prepare_cached("INSERT INTO sealed_stretches (log, since, upto) VALUES (?1, ?2, ?3)")?
        .execute(params![
            log.0,
            to_column(joined.since),
            to_column(joined.upto)
        ])?;
    Ok(())
}

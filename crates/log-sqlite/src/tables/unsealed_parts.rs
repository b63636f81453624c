//! Parts that are open, or closed but not sealed. After a crash, this table tells what is left to seal.

use baton_protocol::Seq;
use rusqlite::{Connection, Row, params};

use super::events::PartKey;
use super::logs::LogNumber;
use super::{seq_at, to_column};

/// `closed` is null while the part is open.
pub const MIGRATION: &str = "
    CREATE TABLE unsealed_parts (
        log    INTEGER NOT NULL,
        part   BLOB NOT NULL,
        opened INTEGER NOT NULL,
        closed INTEGER,
        PRIMARY KEY (log, part)
    ) STRICT, WITHOUT ROWID;
";

/// Deletes up to a number of a log's rows.
pub(super) const DELETE_SOME: &str = "DELETE FROM unsealed_parts WHERE log = ?1
     AND part IN (SELECT part FROM unsealed_parts WHERE log = ?1 LIMIT ?2)";

/// A part that can be sealed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClosedPart {
    pub log: LogNumber,
    pub part: PartKey,
    pub opened: Seq,
    pub closed: Seq,
}

/// The closed parts of all existing logs, ordered by log and close.
pub fn all_closed(connection: &Connection) -> rusqlite::Result<Vec<ClosedPart>> {
    let mut closed = connection.prepare_cached(
        "SELECT log, part, opened, closed FROM unsealed_parts
         WHERE closed IS NOT NULL AND log IN (SELECT log FROM logs) ORDER BY log, closed",
    )?;
    let row = |row: &Row<'_>| {
        Ok(ClosedPart {
            log: LogNumber(row.get(0)?),
            part: PartKey::of(row, 1)?,
            opened: seq_at(row, 2)?,
            closed: seq_at(row, 3)?,
        })
    };
    closed.query_map([], row)?.collect()
}

/// Records that a part was opened.
pub fn open(
    connection: &Connection,
    log: LogNumber,
    part: PartKey,
    opened: Seq,
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO unsealed_parts (log, part, opened) VALUES (?1, ?2, ?3)",
    )?;
    insert.execute(params![log.0, part.as_bytes(), to_column(opened)])?;
    Ok(())
}

/// Records that a part was closed. `None` if it was not opened in this log.
pub fn close(
    connection: &Connection,
    log: LogNumber,
    part: PartKey,
    closed: Seq,
) -> rusqlite::Result<Option<ClosedPart>> {
    let mut close = connection.prepare_cached(
        "UPDATE unsealed_parts SET closed = ?3 WHERE log = ?1 AND part = ?2 RETURNING opened",
    )?;
    let mut rows = close.query(params![log.0, part.as_bytes(), to_column(closed)])?;
    let mut found = None;
    while let Some(row) = rows.next()? {
        found = Some(ClosedPart {
            log,
            part,
            opened: seq_at(row, 0)?,
            closed,
        });
    }
    Ok(found)
}

/// Removes a part that is sealed, or never will be.
pub fn settle(connection: &Connection, log: LogNumber, part: PartKey) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM unsealed_parts WHERE log = ?1 AND part = ?2")?
        .execute(params![log.0, part.as_bytes()])?;
    Ok(())
}

//! Table `logs`: the mirror's cursor in each log, and the state from which the tail is folded.

use baton_protocol::{Cursor, LogId, Seq};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::StoreError;
use super::sql::{seq_from, seq_into};
use crate::sync::Gap;

pub(super) const TABLE: &str = "
    CREATE TABLE logs (
        key INTEGER PRIMARY KEY,
        log_id TEXT NOT NULL UNIQUE,
        incarnation TEXT NOT NULL,
        cursor INTEGER NOT NULL,
        state_json TEXT NOT NULL,
        state_seq INTEGER NOT NULL
    );";

/// The gap that a saved state left. The part before the gap ends at `filled` and has its own state to fold from; `floor_digest` is the
/// digest of the state at `floor`. All null if there is no gap.
pub(super) const GAP_COLUMNS: &str = "
    ALTER TABLE logs ADD COLUMN floor INTEGER;
    ALTER TABLE logs ADD COLUMN floor_digest BLOB;
    ALTER TABLE logs ADD COLUMN filled INTEGER;
    ALTER TABLE logs ADD COLUMN filled_state_json TEXT;
    ALTER TABLE logs ADD COLUMN filled_state_seq INTEGER;";

/// A log's key within this file.
pub(super) type LogKey = i64;

#[derive(Clone, PartialEq, Debug)]
pub(super) struct LogRow {
    pub(super) key: LogKey,
    pub(super) cursor: Cursor,
    pub(super) state_json: String,
    pub(super) state_seq: Seq,
    pub(super) gap: Option<Gap>,
}

/// The part of a log before its gap.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct FilledRow {
    pub(super) gap: Gap,
    pub(super) floor_digest: Vec<u8>,
    pub(super) state_json: String,
    pub(super) state_seq: Seq,
}

pub(super) fn find(conn: &Connection, log: LogId) -> Result<Option<LogRow>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT key, incarnation, cursor, state_json, state_seq, filled, floor FROM logs WHERE log_id = ?1",
    )?;
    let read = |row: &Row<'_>| {
        Ok((
            row.get(0)?,
            row.get::<_, String>(1)?,
            row.get(2)?,
            row.get(3)?,
            row.get(4)?,
            gap_of(row, 5)?,
        ))
    };
    let found = statement
        .query_row(params![log.to_string()], read)
        .optional()?;
    let Some((key, incarnation, cursor, state_json, state_seq, gap)) = found else {
        return Ok(None);
    };
    Ok(Some(LogRow {
        key,
        cursor: cursor_of(&incarnation, cursor)?,
        state_json,
        state_seq: seq_from(state_seq),
        gap,
    }))
}

/// A log's key, whatever its other cells hold.
pub(super) fn key(conn: &Connection, log: LogId) -> Result<Option<LogKey>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT key FROM logs WHERE log_id = ?1")?;
    let found = statement.query_row(params![log.to_string()], |row| row.get(0));
    Ok(found.optional()?)
}

/// Logs whose identity or cursor cannot be read: nothing can continue from them.
pub(super) fn unreadable(conn: &Connection) -> Result<Vec<LogKey>, StoreError> {
    let mut statement =
        conn.prepare("SELECT log_id, incarnation, cursor, filled, floor, key FROM logs")?;
    let mut rows = statement.query([])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        if place_of(row).is_err() {
            keys.push(row.get(5)?);
        }
    }
    Ok(keys)
}

fn place_of(row: &Row<'_>) -> Result<(LogId, Cursor, Option<Gap>), StoreError> {
    let incarnation: String = row.get(1)?;
    let cursor = cursor_of(&incarnation, row.get(2)?)?;
    Ok((log_of(row)?, cursor, gap_of(row, 3)?))
}

/// The mirror's cursor, without the state.
pub(super) fn cursor(
    conn: &Connection,
    log: LogId,
) -> Result<Option<(LogKey, Cursor)>, StoreError> {
    let mut statement =
        conn.prepare_cached("SELECT key, incarnation, cursor FROM logs WHERE log_id = ?1")?;
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?));
    let found = statement
        .query_row(params![log.to_string()], read)
        .optional()?;
    found
        .map(|(key, incarnation, seq)| Ok((key, cursor_of(&incarnation, seq)?)))
        .transpose()
}

pub(super) fn cursors(conn: &Connection) -> Result<Vec<(LogId, Cursor)>, StoreError> {
    let mut statement = conn.prepare("SELECT log_id, incarnation, cursor FROM logs")?;
    let mut rows = statement.query([])?;
    let mut cursors = Vec::new();
    while let Some(row) = rows.next()? {
        let log = log_of(row)?;
        let incarnation: String = row.get(1)?;
        cursors.push((log, cursor_of(&incarnation, row.get(2)?)?));
    }
    Ok(cursors)
}

/// The gap of each log that has one.
pub(super) fn gaps(conn: &Connection) -> Result<Vec<(LogId, Gap)>, StoreError> {
    let mut statement =
        conn.prepare("SELECT log_id, filled, floor FROM logs WHERE floor IS NOT NULL")?;
    let mut rows = statement.query([])?;
    let mut gaps = Vec::new();
    while let Some(row) = rows.next()? {
        let log = log_of(row)?;
        gaps.extend(gap_of(row, 1)?.map(|gap| (log, gap)));
    }
    Ok(gaps)
}

/// A log's gap.
pub(super) fn gap(conn: &Connection, key: LogKey) -> Result<Option<Gap>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT filled, floor FROM logs WHERE key = ?1")?;
    Ok(statement.query_row(params![key], |row| gap_of(row, 0))?)
}

/// The part before a log's gap, if it has one.
pub(super) fn filled(conn: &Connection, key: LogKey) -> Result<Option<FilledRow>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT filled, floor, floor_digest, filled_state_json, filled_state_seq FROM logs
         WHERE key = ?1 AND floor IS NOT NULL",
    )?;
    let read = |row: &Row<'_>| {
        let gap = gap_of(row, 0)?;
        Ok(FilledRow {
            gap: gap.ok_or(rusqlite::Error::QueryReturnedNoRows)?,
            floor_digest: row.get(2)?,
            state_json: row.get(3)?,
            state_seq: seq_from(row.get(4)?),
        })
    };
    Ok(statement.query_row(params![key], read).optional()?)
}

/// Sets the part before the gap, and the gap's end.
pub(super) fn set_filled(
    conn: &Connection,
    key: LogKey,
    filled: &FilledRow,
) -> Result<(), StoreError> {
    conn.prepare_cached(
        "UPDATE logs SET filled = ?2, floor = ?3, floor_digest = ?4, filled_state_json = ?5, filled_state_seq = ?6
         WHERE key = ?1",
    )?
    .execute(params![
        key,
        seq_into(filled.gap.filled),
        seq_into(filled.gap.floor),
        filled.floor_digest,
        filled.state_json,
        seq_into(filled.state_seq)
    ])?;
    Ok(())
}

/// Sets the seq at which the part before the gap ends.
pub(super) fn set_filled_seq(conn: &Connection, key: LogKey, seq: Seq) -> Result<(), StoreError> {
    conn.prepare_cached("UPDATE logs SET filled = ?2 WHERE key = ?1")?
        .execute(params![key, seq_into(seq)])?;
    Ok(())
}

/// Sets the state of the part before the gap.
pub(super) fn set_filled_state(
    conn: &Connection,
    key: LogKey,
    state_json: &str,
    seq: Seq,
) -> Result<(), StoreError> {
    conn.prepare_cached(
        "UPDATE logs SET filled_state_json = ?2, filled_state_seq = ?3 WHERE key = ?1",
    )?
    .execute(params![key, state_json, seq_into(seq)])?;
    Ok(())
}

/// Removes the gap, which is filled.
pub(super) fn close_gap(conn: &Connection, key: LogKey) -> Result<(), StoreError> {
    conn.prepare_cached(
        "UPDATE logs SET filled = NULL, floor = NULL, floor_digest = NULL, filled_state_json = NULL,
             filled_state_seq = NULL WHERE key = ?1",
    )?
    .execute(params![key])?;
    Ok(())
}

fn log_of(row: &Row<'_>) -> Result<LogId, StoreError> {
    let log: String = row.get(0)?;
    log.parse().map_err(|_| StoreError::Unreadable("a log id"))
}

fn gap_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Gap>> {
    let (filled, floor): (Option<i64>, Option<i64>) = (row.get(column)?, row.get(column + 1)?);
    Ok(filled.zip(floor).map(|(filled, floor)| Gap {
        filled: seq_from(filled),
        floor: seq_from(floor),
    }))
}

pub(super) fn insert(
    conn: &Connection,
    log: LogId,
    cursor: Cursor,
    state_json: &str,
) -> Result<LogKey, StoreError> {
    conn.prepare_cached(
        "INSERT INTO logs (log_id, incarnation, cursor, state_json, state_seq) VALUES (?1, ?2, ?3, ?4, 0)",
    )?
    .execute(params![
        log.to_string(),
        cursor.incarnation.to_string(),
        seq_into(cursor.seq),
        state_json
    ])?;
    Ok(conn.last_insert_rowid())
}

pub(super) fn set_cursor(conn: &Connection, key: LogKey, seq: Seq) -> Result<(), StoreError> {
    conn.prepare_cached("UPDATE logs SET cursor = ?2 WHERE key = ?1")?
        .execute(params![key, seq_into(seq)])?;
    Ok(())
}

pub(super) fn set_state(
    conn: &Connection,
    key: LogKey,
    state_json: &str,
    seq: Seq,
) -> Result<(), StoreError> {
    conn.prepare_cached("UPDATE logs SET state_json = ?2, state_seq = ?3 WHERE key = ?1")?
        .execute(params![key, state_json, seq_into(seq)])?;
    Ok(())
}

pub(super) fn delete(conn: &Connection, key: LogKey) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM logs WHERE key = ?1")?
        .execute(params![key])?;
    Ok(())
}

fn cursor_of(incarnation: &str, seq: i64) -> Result<Cursor, StoreError> {
    let incarnation = incarnation.parse();
    Ok(Cursor {
        incarnation: incarnation.map_err(|_| StoreError::Unreadable("an incarnation"))?,
        seq: seq_from(seq),
    })
}

//! Table `logs`: where the mirror stands in each log, and the state to fold the tail from.

use baton_protocol::{Cursor, LogId, Seq};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::StoreError;
use super::sql::{seq_from, seq_into};

pub(super) const TABLE: &str = "
    CREATE TABLE logs (
        key INTEGER PRIMARY KEY,
        log_id TEXT NOT NULL UNIQUE,
        incarnation TEXT NOT NULL,
        cursor INTEGER NOT NULL,
        state_json TEXT NOT NULL,
        state_seq INTEGER NOT NULL
    );";

/// Names a log within this file.
pub(super) type LogKey = i64;

#[derive(Clone, PartialEq, Debug)]
pub(super) struct LogRow {
    pub(super) key: LogKey,
    pub(super) cursor: Cursor,
    pub(super) state_json: String,
    pub(super) state_seq: Seq,
}

pub(super) fn find(conn: &Connection, log: LogId) -> Result<Option<LogRow>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT key, incarnation, cursor, state_json, state_seq FROM logs WHERE log_id = ?1",
    )?;
    let read = |row: &Row<'_>| {
        Ok((
            row.get(0)?,
            row.get::<_, String>(1)?,
            row.get(2)?,
            row.get(3)?,
            row.get(4)?,
        ))
    };
    let found = statement
        .query_row(params![log.to_string()], read)
        .optional()?;
    let Some((key, incarnation, cursor, state_json, state_seq)) = found else {
        return Ok(None);
    };
    Ok(Some(LogRow {
        key,
        cursor: cursor_of(&incarnation, cursor)?,
        state_json,
        state_seq: seq_from(state_seq),
    }))
}

/// Where the mirror stands, without the state.
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
        let log: String = row.get(0)?;
        let log = log
            .parse()
            .map_err(|_| StoreError::Unreadable("a log id"))?;
        let incarnation: String = row.get(1)?;
        cursors.push((log, cursor_of(&incarnation, row.get(2)?)?));
    }
    Ok(cursors)
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

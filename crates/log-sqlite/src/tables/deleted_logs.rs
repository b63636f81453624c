//! Deleted logs, with their ids and numbers. Neither is ever used again.

use baton_protocol::LogId;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::logs::LogNumber;

/// Rows are kept permanently. A row takes about as much space as the tombstone in the account's log.
pub const MIGRATION: &str = "
    CREATE TABLE deleted_logs (
        log    INTEGER PRIMARY KEY,
        log_id TEXT NOT NULL UNIQUE
    ) STRICT;
";

pub(super) const FIND: &str = "SELECT log FROM deleted_logs WHERE log_id = ?1";

/// Whether a log with this id was deleted.
pub fn contains(connection: &Connection, id: LogId) -> rusqlite::Result<bool> {
    let mut find = connection.prepare_cached(FIND)?;
    let found = find.query_row([id.to_string()], |_| Ok(())).optional()?;
    Ok(found.is_some())
}

/// Adds a deleted log.
pub fn insert(connection: &Connection, log: LogNumber, id: LogId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO deleted_logs (log, log_id) VALUES (?1, ?2)")?
        .execute(params![log.0, id.to_string()])?;
    Ok(())
}

//! Logs that were deleted: their ids and their numbers, neither of which is ever given again.

use baton_protocol::LogId;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::logs::LogNumber;

/// A row stays for ever: about as much as the tombstone in the account's log.
pub const MIGRATION: &str = "
    CREATE TABLE deleted_logs (
        log    INTEGER PRIMARY KEY,
        log_id TEXT NOT NULL UNIQUE
    ) STRICT;
";

pub(super) const FIND: &str = "SELECT log FROM deleted_logs WHERE log_id = ?1";

/// Whether there was such a log.
pub fn contains(connection: &Connection, id: LogId) -> rusqlite::Result<bool> {
    let mut find = connection.prepare_cached(FIND)?;
    let found = find.query_row([id.to_string()], |_| Ok(())).optional()?;
    Ok(found.is_some())
}

/// Adds one.
pub fn insert(connection: &Connection, log: LogNumber, id: LogId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO deleted_logs (log, log_id) VALUES (?1, ?2)")?
        .execute(params![log.0, id.to_string()])?;
    Ok(())
}

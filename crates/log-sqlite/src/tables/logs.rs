//! The list of logs. A log's head is not stored here: it is the seq of its last event.

use baton_protocol::{Incarnation, LogId};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// `log` numbers the logs, so that other tables need not store ids as text.
pub const MIGRATION: &str = "
    CREATE TABLE logs (
        log         INTEGER PRIMARY KEY,
        log_id      TEXT NOT NULL UNIQUE,
        incarnation TEXT NOT NULL
    ) STRICT;
";

pub(super) const FIND: &str = "SELECT log, incarnation FROM logs WHERE log_id = ?1";

/// A log's number in this database.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LogNumber(pub i64);

/// A row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogRow {
    pub log: LogNumber,
    pub incarnation: Incarnation,
}

/// The row of a log, if there is one.
pub fn find(connection: &Connection, id: LogId) -> rusqlite::Result<Option<LogRow>> {
    let mut found = connection.prepare_cached(FIND)?;
    found
        .query_row([id.to_string()], |row| {
            Ok(LogRow {
                log: LogNumber(row.get(0)?),
                incarnation: parsed(row, 1)?,
            })
        })
        .optional()
}

/// The id of the log with this number; `None` if the id cannot be read, so that no request can reach the log.
pub fn id_of(connection: &Connection, log: LogNumber) -> rusqlite::Result<Option<LogId>> {
    let mut id = connection.prepare_cached("SELECT log_id FROM logs WHERE log = ?1")?;
    let id: Option<String> = id.query_row([log.0], |row| row.get(0)).optional()?;
    Ok(id.and_then(|id| id.parse().ok()))
}

/// All logs. A log whose id cannot be read is left out, so that the others are still served; `doctor` reports it.
pub fn all(connection: &Connection) -> rusqlite::Result<Vec<LogId>> {
    let mut all = connection.prepare_cached("SELECT log_id, log FROM logs")?;
    let mut rows = all.query([])?;
    let mut logs = Vec::new();
    while let Some(row) = rows.next()? {
        match parsed(row, 0) {
            Ok(id) => logs.push(id),
            Err(error) => {
                let number: i64 = row.get(1)?;
                tracing::error!(number, %error, "the id of a log cannot be read");
            }
        }
    }
    Ok(logs)
}

/// Adds a log under a number that no other log ever had, not even a deleted one, which may have rows left.
pub fn insert(
    connection: &Connection,
    id: LogId,
    incarnation: Incarnation,
) -> rusqlite::Result<LogNumber> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO logs (log, log_id, incarnation) VALUES (
             1 + max(coalesce((SELECT max(log) FROM logs), 0), coalesce((SELECT max(log) FROM deleted_logs), 0)),
             ?1, ?2)",
    )?;
    insert
        .insert(params![id.to_string(), incarnation.to_string()])
        .map(LogNumber)
}

/// Deletes a log's row.
pub fn delete(connection: &Connection, log: LogNumber) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM logs WHERE log = ?1")?
        .execute([log.0])?;
    Ok(())
}

/// Gives a log a new identity.
pub fn set_incarnation(
    connection: &Connection,
    id: LogId,
    incarnation: Incarnation,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE logs SET incarnation = ?2 WHERE log_id = ?1")?
        .execute(params![id.to_string(), incarnation.to_string()])?;
    Ok(())
}

fn parsed<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text: String = row.get(column)?;
    text.parse().map_err(|error| {
        let text = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(column, text, Box::new(error))
    })
}

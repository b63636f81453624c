//! Transactions in which nobody is answered: they change how things are kept, not what is kept.

use rusqlite::{Connection, ErrorCode};

use super::group::run;

/// Why nothing was changed, or nobody knows. The log is as good without it.
#[derive(Debug, thiserror::Error)]
pub enum UpkeepError {
    /// The commit failed, so nobody knows what the disk holds.
    #[error("the commit of the log's upkeep failed")]
    Flush(#[source] rusqlite::Error),
    /// Nothing was written.
    #[error("the log's upkeep was refused")]
    Storage(#[source] rusqlite::Error),
}

/// Does some work in one transaction.
pub fn commit(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> Result<(), UpkeepError> {
    let outcome = work_and_commit(connection, work);
    if outcome.is_err() && !connection.is_autocommit() {
        connection
            .execute_batch("ROLLBACK")
            .map_err(UpkeepError::Flush)?;
    }
    outcome
}

fn work_and_commit(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> Result<(), UpkeepError> {
    run(connection, "BEGIN IMMEDIATE").map_err(UpkeepError::Storage)?;
    work(connection).map_err(UpkeepError::Storage)?;
    run(connection, "COMMIT").map_err(|error| match error.sqlite_error_code() {
        // The WAL could not grow: nothing was flushed and nothing is in doubt.
        Some(ErrorCode::DiskFull) => UpkeepError::Storage(error),
        _ => UpkeepError::Flush(error),
    })
}

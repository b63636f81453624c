//! Runs one transaction, and classifies its failures.

use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};

/// Why a transaction failed.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Nothing was recorded. The log still works.
    #[error("the transaction was rolled back")]
    RolledBack(#[source] rusqlite::Error),
    /// The commit's outcome is unknown. The log must stop.
    #[error(transparent)]
    Flush(#[from] FlushFailed),
}

/// The commit failed, so what the disk holds is unknown.
#[derive(Debug, thiserror::Error)]
#[error("a commit failed")]
pub struct FlushFailed(#[source] pub rusqlite::Error);

/// Whether to commit the work of a transaction.
pub enum Work<T> {
    Keep(T),
    /// Roll it back: it wrote nothing worth a flush.
    Drop(T),
}

/// Runs `work` in one transaction. Also returns the duration of the flush, zero if there was none.
pub fn transact<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<Work<T>>,
) -> Result<(T, Duration), Fault> {
    let outcome = work_and_commit(connection, work);
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK").map_err(FlushFailed)?;
    }
    outcome
}

fn work_and_commit<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<Work<T>>,
) -> Result<(T, Duration), Fault> {
    run(connection, "BEGIN IMMEDIATE").map_err(Fault::RolledBack)?;
    let done = match work(connection).map_err(Fault::RolledBack)? {
        Work::Keep(done) => done,
        Work::Drop(done) => return Ok((done, Duration::ZERO)),
    };
    let began = Instant::now();
    run(connection, "COMMIT").map_err(|error| match error.sqlite_error_code() {
        // The WAL could not grow: nothing was flushed, and nothing is in doubt.
        Some(ErrorCode::DiskFull) => Fault::RolledBack(error),
        _ => Fault::Flush(FlushFailed(error)),
    })?;
    Ok((done, began.elapsed()))
}

/// Runs a statement that returns no rows, from the statement cache.
fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(|_| ())
}

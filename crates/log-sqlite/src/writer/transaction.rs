//! One transaction, and the one place that says what it means that it failed.

use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};

/// Why nothing was recorded, or nobody knows.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Nothing of it is recorded; the log goes on.
    #[error("the transaction was rolled back")]
    RolledBack(#[source] rusqlite::Error),
    /// The log must stop.
    #[error(transparent)]
    Flush(#[from] FlushFailed),
}

/// The commit failed, so nobody knows what the disk holds.
#[derive(Debug, thiserror::Error)]
#[error("a commit failed")]
pub struct FlushFailed(#[source] pub rusqlite::Error);

/// What becomes of the work that was done.
pub enum Work<T> {
    /// It is committed.
    Keep(T),
    /// Nothing was written that is worth a flush.
    Drop(T),
}

/// Does some work in one transaction. Says how long the flush took; nothing where there was none.
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
        // The WAL could not grow: nothing was flushed and nothing is in doubt.
        Some(ErrorCode::DiskFull) => Fault::RolledBack(error),
        _ => Fault::Flush(FlushFailed(error)),
    })?;
    Ok((done, began.elapsed()))
}

/// Runs a statement that gives no rows, prepared once.
fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(|_| ())
}

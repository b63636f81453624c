//! SQLite as it is: one insert, one transaction, one flush.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rusqlite::Connection;

use crate::append::payload;

pub const NAME: &str = "SQLite FULL autocommit";

/// A database in the mode that the log uses, with nothing but the payload in it.
pub fn open(folder: &Path) -> Result<Connection> {
    let connection = Connection::open(folder.join("raw.sqlite"))?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.execute_batch(
        "CREATE TABLE events (seq INTEGER PRIMARY KEY, event TEXT NOT NULL) STRICT",
    )?;
    Ok(connection)
}

/// Inserts a row in a transaction of its own.
pub fn append(connection: &Connection, n: u64) -> Result<()> {
    let mut insert = connection.prepare_cached("INSERT INTO events (event) VALUES (?1)")?;
    insert.execute([payload(n)])?;
    Ok(())
}

/// Appends a second for a while. More producers would take turns at the one writer that SQLite allows, so there is one.
pub fn rate(folder: &Path, duration: Duration) -> Result<f64> {
    let connection = open(folder)?;
    let began = Instant::now();
    let mut count = 0;
    while began.elapsed() < duration {
        append(&connection, count)?;
        count += 1;
    }
    let rate = count as f64 / began.elapsed().as_secs_f64();
    let found: i64 = connection.query_row("SELECT count(*) FROM events", [], |row| row.get(0))?;
    ensure!(
        found.unsigned_abs() == count,
        "SQLite holds {found} of {count} rows"
    );
    Ok(rate)
}

//! Table `settings`: small things that a device remembers, by name.

use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;

pub(super) const TABLE: &str = "
    CREATE TABLE settings (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) WITHOUT ROWID;";

pub(super) fn get(conn: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT value FROM settings WHERE name = ?1")?;
    Ok(statement
        .query_row(params![name], |row| row.get(0))
        .optional()?)
}

pub(super) fn set(conn: &Connection, name: &str, value: &str) -> Result<(), StoreError> {
    conn.prepare_cached("INSERT OR REPLACE INTO settings (name, value) VALUES (?1, ?2)")?
        .execute(params![name, value])?;
    Ok(())
}

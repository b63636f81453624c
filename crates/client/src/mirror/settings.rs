//! Table `settings`: small named values that a device stores.

use rusqlite::{Connection, params};

use super::StoreError;

pub(super) const TABLE: &str = "
    CREATE TABLE settings (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) WITHOUT ROWID;";

/// The value under a name; `None` if it is absent or unreadable, so that it can be set again.
pub(super) fn get(conn: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT value FROM settings WHERE name = ?1")?;
    let mut rows = statement.query(params![name])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    Ok(row.get_ref(0)?.as_str().ok().map(str::to_owned))
}

pub(super) fn set(conn: &Connection, name: &str, value: &str) -> Result<(), StoreError> {
    conn.prepare_cached("INSERT OR REPLACE INTO settings (name, value) VALUES (?1, ?2)")?
        .execute(params![name, value])?;
    Ok(())
}

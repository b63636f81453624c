//! The key by which devices and runners know this hub.
//!
//! Kept beside them, so that a key whose file is gone is told from one that never was.

use rusqlite::{Connection, OptionalExtension as _};

use super::row::RowError;

pub const MIGRATION: &str = "
CREATE TABLE hub_key (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  fingerprint TEXT NOT NULL
) STRICT;";

/// SHA-256 of the key's SubjectPublicKeyInfo, hex; none before the hub's first start with a key of its own.
pub fn fingerprint(connection: &Connection) -> Result<Option<String>, RowError> {
    let mut statement = connection.prepare_cached("SELECT fingerprint FROM hub_key")?;
    Ok(statement.query_row([], |row| row.get(0)).optional()?)
}

/// Records this key as the hub's own, in place of any other.
pub fn set(connection: &Connection, fingerprint: &str) -> Result<(), RowError> {
    let sql = "INSERT INTO hub_key (one, fingerprint) VALUES (1, ?1)
        ON CONFLICT (one) DO UPDATE SET fingerprint = excluded.fingerprint";
    connection.prepare_cached(sql)?.execute([fingerprint])?;
    Ok(())
}

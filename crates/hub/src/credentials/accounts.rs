//! The accounts of a hub. One is made with the database; the schema allows many.

use baton_protocol::{AccountId, TimestampMs};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::row::{self, RowError};

pub const MIGRATION: &str = "
CREATE TABLE accounts (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;";

/// A person on this hub.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// Its id, the same as its log's.
    pub id: AccountId,
    /// Its name.
    pub name: String,
}

/// Every account, the oldest first.
pub fn all(connection: &Connection) -> Result<Vec<Account>, RowError> {
    let mut statement =
        connection.prepare_cached("SELECT id, name FROM accounts ORDER BY created_at, id")?;
    let rows = statement.query_map([], |found| {
        Ok((found.get::<_, String>(0)?, found.get::<_, String>(1)?))
    })?;
    rows.map(|found| {
        let (id, name) = found?;
        Ok(Account {
            id: row::id(&id)?,
            name,
        })
    })
    .collect()
}

/// Whether there is such an account.
pub fn exists(connection: &Connection, account: AccountId) -> Result<bool, RowError> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM accounts WHERE id = ?1")?;
    Ok(statement
        .query_row([account.to_string()], |_| Ok(()))
        .optional()?
        .is_some())
}

/// Adds one.
pub fn insert(
    connection: &Connection,
    account: &Account,
    now: TimestampMs,
) -> Result<(), RowError> {
    let sql = "INSERT INTO accounts (id, name, created_at) VALUES (?1, ?2, ?3)";
    connection.prepare_cached(sql)?.execute(params![
        account.id.to_string(),
        account.name,
        now.0
    ])?;
    Ok(())
}

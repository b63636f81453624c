//! Devices and runners that were ever linked, with the hashes of their tokens. A revoked one stays, so that its token says why.

use baton_protocol::{AccountId, Principal, Role, TimestampMs};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::row::{self, RowError};
use super::token::SecretHash;

pub const MIGRATION: &str = "
CREATE TABLE principals (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts (id),
  role TEXT NOT NULL,
  name TEXT NOT NULL,
  token_hash BLOB NOT NULL UNIQUE,
  linked_at INTEGER NOT NULL,
  revoked_at INTEGER,
  generation INTEGER NOT NULL
) STRICT;
CREATE INDEX principals_by_account ON principals (account);";

/// A device or a runner, as the hub recorded it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PrincipalRecord {
    /// Who.
    pub principal: Principal,
    /// Whose.
    pub account: AccountId,
    /// What its token may be used as.
    pub role: Role,
    /// The name that a person gave it.
    pub name: String,
    /// Since when.
    pub linked_at: TimestampMs,
    /// Since when it has no access any more.
    pub revoked_at: Option<TimestampMs>,
    /// Grows with each change of what it may do.
    pub generation: u64,
}

impl PrincipalRecord {
    /// The id as text.
    pub fn id(&self) -> String {
        self.principal.id().unwrap_or_default()
    }
}

const COLUMNS: &str = "id, account, role, name, linked_at, revoked_at, generation, token_hash";

struct Columns {
    id: String,
    account: String,
    role: String,
    name: String,
    linked_at: i64,
    revoked_at: Option<i64>,
    generation: i64,
    token_hash: Vec<u8>,
}

impl Columns {
    fn read(found: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: found.get(0)?,
            account: found.get(1)?,
            role: found.get(2)?,
            name: found.get(3)?,
            linked_at: found.get(4)?,
            revoked_at: found.get(5)?,
            generation: found.get(6)?,
            token_hash: found.get(7)?,
        })
    }

    fn record(self) -> Result<PrincipalRecord, RowError> {
        let account = row::id(&self.account)?;
        let role = row::role(&self.role)?;
        let principal = match role {
            Role::Device => Principal::Device {
                account,
                device: row::id(&self.id)?,
            },
            Role::Runner => Principal::Runner {
                runner: row::id(&self.id)?,
                agent: None,
            },
        };
        Ok(PrincipalRecord {
            principal,
            account,
            role,
            name: self.name,
            linked_at: TimestampMs(self.linked_at),
            revoked_at: self.revoked_at.map(TimestampMs),
            generation: u64::try_from(self.generation).unwrap_or(0),
        })
    }
}

/// Who holds a token.
pub fn by_token(connection: &Connection, token: &str) -> Result<Option<PrincipalRecord>, RowError> {
    let hash = SecretHash::of(token);
    let sql = format!("SELECT {COLUMNS} FROM principals WHERE token_hash = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement
        .query_row([hash.0.as_slice()], Columns::read)
        .optional()?;
    found
        .filter(|columns| hash.matches(&columns.token_hash))
        .map(Columns::record)
        .transpose()
}

/// Everybody who was ever linked, the oldest first. A record that cannot be read is left out: its token is refused, and it must not keep
/// the others from being listed or revoked.
pub fn all(connection: &Connection) -> Result<Vec<PrincipalRecord>, RowError> {
    let sql = format!("SELECT {COLUMNS} FROM principals ORDER BY linked_at, id");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        match Columns::read(row)
            .map_err(RowError::from)
            .and_then(Columns::record)
        {
            Ok(record) => records.push(record),
            Err(error) => tracing::error!(%error, "a linked device or runner cannot be read"),
        }
    }
    Ok(records)
}

/// Adds one.
pub fn insert(
    connection: &Connection,
    record: &PrincipalRecord,
    token: SecretHash,
) -> Result<(), RowError> {
    let sql = "INSERT INTO principals (id, account, role, name, token_hash, linked_at, generation) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    connection.prepare_cached(sql)?.execute(params![
        record.id(),
        record.account.to_string(),
        row::role_text(record.role),
        record.name,
        token.0.as_slice(),
        record.linked_at.0,
        i64::try_from(record.generation).unwrap_or(i64::MAX),
    ])?;
    Ok(())
}

/// Takes access away and makes every older grant stale; does nothing for one that has none.
pub fn revoke(connection: &Connection, id: &str, now: TimestampMs) -> Result<(), RowError> {
    let sql = "UPDATE principals SET revoked_at = ?2, generation = generation + 1 WHERE id = ?1 AND revoked_at IS NULL";
    connection
        .prepare_cached(sql)?
        .execute(params![id, now.0])?;
    Ok(())
}

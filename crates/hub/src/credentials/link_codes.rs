//! One-time link codes: five minutes, once. Only the secret's hash is kept.

use baton_protocol::{AccountId, Role, TimestampMs, limits};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::row::{self, RowError};
use super::token::SecretHash;

pub const MIGRATION: &str = "
CREATE TABLE link_codes (
  secret_hash BLOB PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts (id),
  role TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER
) STRICT;";

/// How long a used or expired code is remembered, so that a second use can say what is wrong.
const REMEMBERED_MS: i64 = 24 * 60 * 60 * 1_000;

/// What a code stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LinkGrant {
    /// Whose device or runner it makes.
    pub account: AccountId,
    /// Which of the two.
    pub role: Role,
}

/// What is known of a secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Redeemed {
    /// It was good, and is used now.
    Now(LinkGrant),
    /// It was used before.
    Before,
    /// It is older than five minutes.
    Expired,
    /// Nobody made it.
    Unknown,
}

/// Adds a code and forgets old ones.
pub fn insert(
    connection: &Connection,
    secret: SecretHash,
    grant: LinkGrant,
    now: TimestampMs,
) -> Result<(), RowError> {
    connection
        .prepare_cached("DELETE FROM link_codes WHERE expires_at < ?1")?
        .execute([now.0.saturating_sub(REMEMBERED_MS)])?;
    let expires_at = now.0.saturating_add_unsigned(limits::LINK_CODE_TTL_MS);
    let sql =
        "INSERT INTO link_codes (secret_hash, account, role, expires_at) VALUES (?1, ?2, ?3, ?4)";
    connection.prepare_cached(sql)?.execute(params![
        secret.0.as_slice(),
        grant.account.to_string(),
        row::role_text(grant.role),
        expires_at,
    ])?;
    Ok(())
}

/// Uses a code up, if it is good.
pub fn redeem(
    connection: &Connection,
    secret: SecretHash,
    now: TimestampMs,
) -> Result<Redeemed, RowError> {
    let sql = "SELECT secret_hash, account, role, expires_at, used_at FROM link_codes WHERE secret_hash = ?1";
    let found = connection
        .prepare_cached(sql)?
        .query_row([secret.0.as_slice()], |found| {
            Ok((
                found.get::<_, Vec<u8>>(0)?,
                found.get::<_, String>(1)?,
                found.get::<_, String>(2)?,
                found.get::<_, i64>(3)?,
                found.get::<_, Option<i64>>(4)?,
            ))
        })
        .optional()?;
    let Some((_, account, role, expires_at, used_at)) =
        found.filter(|(stored, ..)| secret.matches(stored))
    else {
        return Ok(Redeemed::Unknown);
    };
    if used_at.is_some() {
        return Ok(Redeemed::Before);
    }
    if now.0 >= expires_at {
        return Ok(Redeemed::Expired);
    }
    let used = "UPDATE link_codes SET used_at = ?2 WHERE secret_hash = ?1";
    connection
        .prepare_cached(used)?
        .execute(params![secret.0.as_slice(), now.0])?;
    Ok(Redeemed::Now(LinkGrant {
        account: row::id(&account)?,
        role: row::role(&role)?,
    }))
}

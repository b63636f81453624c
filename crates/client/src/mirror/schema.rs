//! The mirror's schema: each table's file has its own part, and migrations only add.
//!
//! Several processes of different versions may have one mirror open: a person who updates Baton starts the new one while the old one runs.
//! Every write to an open file first checks its schema version, so that no process writes by an outdated schema.

use std::cmp::Ordering;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use rusqlite_migration::{M, Migrations};

use super::{StoreError, events, logs, outbox, receipts, rows, search, settings};

/// Every migration, in order.
const STEPS: [&str; 12] = [
    logs::TABLE,
    events::TABLE,
    rows::TABLE,
    search::TABLE,
    outbox::TABLE,
    receipts::TABLE,
    settings::TABLE,
    rows::TURN_COLUMN,
    logs::GAP_COLUMNS,
    search::NEWEST_FIRST,
    search::FOLDED,
    search::UNINDEXED,
];

/// Migrates the file to the newest schema.
///
/// # Errors
/// [`StoreError::Newer`] if a newer Baton wrote the file.
pub(super) fn migrate(conn: &mut Connection) -> Result<(), StoreError> {
    use rusqlite_migration::{Error, MigrationDefinitionError};
    migrations().to_latest(conn).map_err(|error| match error {
        Error::RusqliteError { err, .. } => StoreError::Sqlite(err),
        Error::MigrationDefinition(MigrationDefinitionError::DatabaseTooFarAhead) => {
            StoreError::Newer
        }
        other => StoreError::Migration(other.to_string()),
    })
}

/// Begins a transaction that writes.
///
/// # Errors
/// [`StoreError::Newer`] if a newer Baton has migrated the file meanwhile.
pub(super) fn begin(conn: &mut Connection) -> Result<Transaction<'_>, StoreError> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = tx
        .prepare_cached("PRAGMA user_version")?
        .query_row([], |row| row.get(0))?;
    match usize::try_from(version).unwrap_or(0).cmp(&STEPS.len()) {
        Ordering::Equal => Ok(tx),
        Ordering::Greater => Err(StoreError::Newer),
        Ordering::Less => Err(StoreError::Damaged),
    }
}

fn migrations() -> Migrations<'static> {
    Migrations::new(STEPS.map(M::up).to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_apply_to_an_empty_file() {
        assert_eq!(migrations().validate(), Ok(()));
    }
}

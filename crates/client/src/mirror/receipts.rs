//! Table `receipts`: the hub's answers to this device's intents.

use baton_protocol::{CommandId, Receipt};
use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;

pub(super) const TABLE: &str = "
    CREATE TABLE receipts (
        command_id TEXT PRIMARY KEY,
        json TEXT NOT NULL
    ) WITHOUT ROWID;";

pub(super) fn insert(conn: &Connection, receipt: &Receipt) -> Result<(), StoreError> {
    conn.prepare_cached("INSERT OR REPLACE INTO receipts (command_id, json) VALUES (?1, ?2)")?
        .execute(params![
            receipt.command.to_string(),
            serde_json::to_string(receipt)?
        ])?;
    Ok(())
}

pub(super) fn find(conn: &Connection, command: CommandId) -> Result<Option<Receipt>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT json FROM receipts WHERE command_id = ?1")?;
    let json: Option<String> = statement
        .query_row(params![command.to_string()], |row| row.get(0))
        .optional()?;
    Ok(json.map(|json| serde_json::from_str(&json)).transpose()?)
}

//! Table `receipts`: the hub's answers to this device's intents.

use baton_protocol::{CommandId, Receipt};
use rusqlite::{Connection, params};

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

/// The hub's answer, if it is known. An unreadable one counts as unknown: the intent is sent again under its id, and the hub repeats its
/// answer.
pub(super) fn find(conn: &Connection, command: CommandId) -> Result<Option<Receipt>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT json FROM receipts WHERE command_id = ?1")?;
    let mut rows = statement.query(params![command.to_string()])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let json = row.get_ref(0)?.as_str().ok();
    Ok(json.and_then(|json| serde_json::from_str(json).ok()))
}

//! Table `outbox`: intents that the hub has not answered, and prompts that it refused.

use baton_protocol::{Command, CommandBody, CommandId, ErrorBody, TimestampMs};
use rusqlite::{Connection, params};

use super::StoreError;

pub(super) const TABLE: &str = "
    CREATE TABLE outbox (
        ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
        command_id TEXT NOT NULL UNIQUE,
        log_id TEXT NOT NULL,
        json TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'refused')),
        receipt TEXT,
        queued_at INTEGER NOT NULL
    );";

/// An intent that this device holds.
#[derive(Clone, PartialEq, Debug)]
pub struct OutboxEntry {
    /// Its place among this device's intents.
    pub ordinal: i64,
    /// What is wanted.
    pub command: Command,
    /// How far it is.
    pub state: OutboxState,
    /// When it was queued, by this device's clock.
    pub queued_at: TimestampMs,
}

/// How far an intent is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OutboxState {
    /// It surely was never sent.
    Waiting,
    /// It was given to a line, and no answer came: the hub may have it.
    Sent,
    /// The hub refused it. Kept until the person has seen it.
    Refused(ErrorBody),
}

pub(super) fn insert(
    conn: &Connection,
    command: &Command,
    state: &OutboxState,
    queued_at: TimestampMs,
) -> Result<OutboxEntry, StoreError> {
    let (name, refusal) = match state {
        OutboxState::Waiting => ("waiting", None),
        OutboxState::Sent => ("sent", None),
        OutboxState::Refused(error) => ("refused", Some(serde_json::to_string(error)?)),
    };
    conn.prepare_cached(
        "INSERT INTO outbox (command_id, log_id, json, queued_at, state, receipt) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        command.id.to_string(),
        command.log.to_string(),
        serde_json::to_string(command)?,
        queued_at.0,
        name,
        refusal
    ])?;
    Ok(OutboxEntry {
        ordinal: conn.last_insert_rowid(),
        command: command.clone(),
        state: state.clone(),
        queued_at,
    })
}

/// Puts an entry back that was saved from a damaged file. Whether it was sent cannot be known.
pub(super) fn restore(conn: &Connection, entry: &OutboxEntry) -> Result<(), StoreError> {
    let state = match &entry.state {
        OutboxState::Waiting | OutboxState::Sent => &OutboxState::Sent,
        refused @ OutboxState::Refused(_) => refused,
    };
    insert(conn, &entry.command, state, entry.queued_at).map(|_| ())
}

pub(super) fn all(conn: &Connection) -> Result<Vec<OutboxEntry>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT ordinal, json, state, receipt, queued_at FROM outbox ORDER BY ordinal",
    )?;
    let mut rows = statement.query([])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let state: String = row.get(2)?;
        let refusal: Option<String> = row.get(3)?;
        entries.push(OutboxEntry {
            ordinal: row.get(0)?,
            command: serde_json::from_str(row.get_ref(1)?.as_str()?)?,
            state: match (state.as_str(), refusal) {
                ("refused", Some(error)) => OutboxState::Refused(serde_json::from_str(&error)?),
                ("waiting", _) => OutboxState::Waiting,
                _ => OutboxState::Sent,
            },
            queued_at: TimestampMs(row.get(4)?),
        });
    }
    Ok(entries)
}

pub(super) fn set_sent(conn: &Connection, command: CommandId) -> Result<(), StoreError> {
    conn.prepare_cached("UPDATE outbox SET state = 'sent' WHERE command_id = ?1")?
        .execute(params![command.to_string()])?;
    Ok(())
}

pub(super) fn set_refused(
    conn: &Connection,
    command: CommandId,
    error: &ErrorBody,
) -> Result<(), StoreError> {
    conn.prepare_cached("UPDATE outbox SET state = 'refused', receipt = ?2 WHERE command_id = ?1")?
        .execute(params![command.to_string(), serde_json::to_string(error)?])?;
    Ok(())
}

pub(super) fn delete(conn: &Connection, command: CommandId) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM outbox WHERE command_id = ?1")?
        .execute(params![command.to_string()])?;
    Ok(())
}

/// Whether a refusal of this intent stays to be seen: what a person wrote is never dropped without a word.
/// A draft stays as well, until the next one is saved.
pub(crate) fn keeps_refusal(body: &CommandBody) -> bool {
    match body {
        CommandBody::SendPrompt(_) | CommandBody::CreateSession(_) => true,
        CommandBody::SaveDraft(draft) => !draft.text.is_empty(),
        _ => false,
    }
}

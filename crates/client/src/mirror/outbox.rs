//! Table `outbox`: intents that the hub has not answered, and refused prompts.
//!
//! **Invariant:** each row is read on its own. A row that this version cannot read is kept unchanged and shown as an [`OpaqueIntent`]: it
//! is neither sent nor dropped until the person discards it, and a version that can read it sends it.

use baton_protocol::{
    Command, CommandBody, CommandId, ErrorBody, ErrorCode, LogId, SessionId, TimestampMs,
};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Row, params};

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

/// An intent in this device's outbox.
#[derive(Clone, PartialEq, Debug)]
pub struct OutboxEntry {
    /// Its position among this device's intents.
    pub ordinal: i64,
    pub command: Command,
    pub state: OutboxState,
    /// By this device's clock.
    pub queued_at: TimestampMs,
}

/// State of an intent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OutboxState {
    /// It was certainly never sent.
    Waiting,
    /// It was handed to a connection and is unanswered: the hub may have it.
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

/// The outbox, each part in order.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Outbox {
    /// Intents that wait, were sent or were refused.
    pub entries: Vec<OutboxEntry>,
    /// Intents that this version cannot read.
    pub opaque: Vec<OpaqueIntent>,
}

/// An intent that this version cannot read: a newer one queued it, or its row is damaged.
#[derive(Clone, PartialEq, Debug)]
pub struct OpaqueIntent {
    /// Its position in the outbox.
    pub ordinal: i64,
    /// The session that it is for, if readable.
    pub session: Option<SessionId>,
    /// What the person wrote, if readable.
    pub text: Option<String>,
    /// By this device's clock.
    pub queued_at: Option<TimestampMs>,
}

/// A row as stored, with unchecked cells.
pub(super) struct StoredIntent {
    pub(super) ordinal: i64,
    command_id: Value,
    log_id: Value,
    json: Value,
    state: Value,
    refusal: Value,
    queued_at: Value,
}

pub(super) const COLUMNS: &str = "ordinal, command_id, log_id, json, state, receipt, queued_at";

impl StoredIntent {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            ordinal: row.get(0)?,
            command_id: cell(row.get_ref(1)?),
            log_id: cell(row.get_ref(2)?),
            json: cell(row.get_ref(3)?),
            state: cell(row.get_ref(4)?),
            refusal: cell(row.get_ref(5)?),
            queued_at: cell(row.get_ref(6)?),
        })
    }

    fn entry(&self) -> Option<OutboxEntry> {
        let command: Command = serde_json::from_str(text(&self.json)?).ok()?;
        if text(&self.command_id)? != command.id.to_string() {
            return None;
        }
        let state = match text(&self.state)? {
            "waiting" => OutboxState::Waiting,
            "sent" => OutboxState::Sent,
            "refused" => OutboxState::Refused(self.reason()),
            _ => return None,
        };
        Some(OutboxEntry {
            ordinal: self.ordinal,
            command,
            state,
            queued_at: self.queued_at()?,
        })
    }

    /// Why the hub refused it. An unreadable reason must not hide the refused text.
    fn reason(&self) -> ErrorBody {
        let known = text(&self.refusal).and_then(|json| serde_json::from_str(json).ok());
        known.unwrap_or_else(|| {
            let message = "the hub refused it, and its reason cannot be read";
            ErrorCode::Internal.with(message, "try again, or discard it")
        })
    }

    fn queued_at(&self) -> Option<TimestampMs> {
        match self.queued_at {
            Value::Integer(at) => Some(TimestampMs(at)),
            _ => None,
        }
    }

    fn opaque(&self) -> OpaqueIntent {
        let log = text(&self.log_id).and_then(|log| log.parse().ok());
        let json: Option<serde_json::Value> =
            text(&self.json).and_then(|json| serde_json::from_str(json).ok());
        let written = json
            .as_ref()
            .and_then(|json| json.pointer("/body/text")?.as_str());
        OpaqueIntent {
            ordinal: self.ordinal,
            session: log.and_then(|log| match log {
                LogId::Session(session) => Some(session),
                LogId::Account(_) => None,
            }),
            text: written.map(str::to_owned),
            queued_at: self.queued_at(),
        }
    }
}

fn cell(value: ValueRef<'_>) -> Value {
    // Text that is not UTF-8 is kept byte for byte.
    value.try_into().unwrap_or_else(|_| match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => Value::Null,
    })
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// Inserts a row that was rescued from a damaged file, under a new ordinal. It is unknown whether it was sent.
pub(super) fn restore(conn: &Connection, stored: &StoredIntent) -> Result<(), StoreError> {
    let state = match text(&stored.state) {
        Some("refused") => "refused",
        _ => "sent",
    };
    let mut insert = conn.prepare_cached(
        "INSERT INTO outbox (command_id, log_id, json, state, receipt, queued_at)
         VALUES (?1, coalesce(?2, ''), coalesce(?3, ''), ?4, ?5, coalesce(?6, 0))",
    )?;
    let mut put = |id: &Value| {
        insert.execute(params![
            id,
            stored.log_id,
            stored.json,
            state,
            stored.refusal,
            stored.queued_at
        ])
    };
    if put(&stored.command_id).is_err() {
        // The id's own cell is damaged, so there is no id.
        put(&Value::Text(format!("unreadable-{}", stored.ordinal)))?;
    }
    Ok(())
}

/// Reads the outbox row by row; a row that this version cannot read is kept as it is.
pub(super) fn all(conn: &Connection) -> Result<Outbox, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM outbox ORDER BY ordinal");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query([])?;
    let mut outbox = Outbox::default();
    while let Some(row) = rows.next()? {
        let stored = StoredIntent::read(row)?;
        match stored.entry() {
            Some(entry) => outbox.entries.push(entry),
            None => outbox.opaque.push(stored.opaque()),
        }
    }
    Ok(outbox)
}

/// Discards a row that cannot be read. A readable row is left alone.
pub(super) fn discard_opaque(conn: &Connection, ordinal: i64) -> Result<bool, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM outbox WHERE ordinal = ?1");
    let mut statement = conn.prepare_cached(&sql)?;
    let stored = statement.query_row([ordinal], StoredIntent::read);
    let is_opaque = match stored {
        Ok(stored) => stored.entry().is_none(),
        Err(rusqlite::Error::QueryReturnedNoRows) => false,
        Err(error) => return Err(error.into()),
    };
    if is_opaque {
        conn.prepare_cached("DELETE FROM outbox WHERE ordinal = ?1")?
            .execute([ordinal])?;
    }
    Ok(is_opaque)
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

/// Whether a refusal of this intent stays visible: what a person wrote is never dropped silently. A draft stays until the next one is
/// saved.
pub(crate) fn keeps_refusal(body: &CommandBody) -> bool {
    match body {
        CommandBody::SendPrompt(_) | CommandBody::CreateSession(_) => true,
        CommandBody::SaveDraft(draft) => !draft.text.is_empty(),
        _ => false,
    }
}

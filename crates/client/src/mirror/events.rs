//! Table `events`: the hub's events, sealed here as the hub seals them.

use baton_protocol::{Event, Seq};
use rusqlite::{Connection, params};

use super::StoreError;
use super::logs::LogKey;
use super::sql::seq_into;

pub(super) const TABLE: &str = "
    CREATE TABLE events (
        log INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        json TEXT NOT NULL,
        PRIMARY KEY (log, seq)
    ) WITHOUT ROWID;";

pub(super) fn insert<'e>(
    conn: &Connection,
    key: LogKey,
    events: impl Iterator<Item = &'e Event>,
) -> Result<(), StoreError> {
    let mut insert =
        conn.prepare_cached("INSERT INTO events (log, seq, json) VALUES (?1, ?2, ?3)")?;
    for event in events {
        insert.execute(params![
            key,
            seq_into(event.seq),
            serde_json::to_string(event)?
        ])?;
    }
    Ok(())
}

pub(super) fn delete(conn: &Connection, key: LogKey, seq: Seq) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM events WHERE log = ?1 AND seq = ?2")?
        .execute(params![key, seq_into(seq)])?;
    Ok(())
}

/// At most `limit` events of `(after, upto]`.
pub(super) fn between(
    conn: &Connection,
    key: LogKey,
    (after, upto): (Seq, Seq),
    limit: usize,
) -> Result<Vec<Event>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT json FROM events WHERE log = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq LIMIT ?4",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![key, seq_into(after), seq_into(upto), limit])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        events.push(serde_json::from_str(row.get_ref(0)?.as_str()?)?);
    }
    Ok(events)
}

/// Deletes the events after a seq.
pub(super) fn delete_behind(conn: &Connection, key: LogKey, seq: Seq) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM events WHERE log = ?1 AND seq > ?2")?
        .execute(params![key, seq_into(seq)])?;
    Ok(())
}

pub(super) fn delete_through(conn: &Connection, key: LogKey, seq: Seq) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM events WHERE log = ?1 AND seq <= ?2")?
        .execute(params![key, seq_into(seq)])?;
    Ok(())
}

pub(super) fn delete_all(conn: &Connection, key: LogKey) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM events WHERE log = ?1")?
        .execute(params![key])?;
    Ok(())
}

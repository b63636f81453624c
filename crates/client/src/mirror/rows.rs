//! Table `rows`: transcripts, row by row, as a screen shows them. The row of an open part is stored with an empty text until the part
//! closes.

use std::collections::BTreeSet;

use baton_protocol::view::{RowBody, RowId, TranscriptRow};
use baton_protocol::{PromptId, Seq};
use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;
use super::logs::LogKey;
use super::search;
use super::sql::seq_into;

pub(super) const TABLE: &str = "
    CREATE TABLE rows (
        id INTEGER PRIMARY KEY,
        log INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        n INTEGER NOT NULL,
        row_id TEXT NOT NULL,
        json TEXT NOT NULL,
        searched INTEGER NOT NULL DEFAULT 0,
        UNIQUE (log, seq, n)
    );";

/// The turn of a row, so that branches that are not shown can be left out.
pub(super) const TURN_COLUMN: &str = "ALTER TABLE rows ADD COLUMN turn TEXT;";

/// A row's place in its transcript.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct RowPlace {
    pub(crate) seq: Seq,
    pub(crate) n: u32,
}

impl RowPlace {
    /// After every row.
    pub(crate) const END: Self = Self {
        seq: Seq(i64::MAX as u64),
        n: 0,
    };

    /// Parses `<seq>` or `<seq>.<n>`.
    pub(crate) fn of(id: &RowId) -> Option<Self> {
        let (seq, n) = id.0.split_once('.').unwrap_or((&id.0, "0"));
        Some(Self {
            seq: Seq(seq.parse().ok()?),
            n: n.parse().ok()?,
        })
    }
}

/// The text by which a row can be found: that of prompts and answers, once it stops growing.
fn searchable(row: &TranscriptRow, settled: Settled) -> Option<&str> {
    match (&row.body, settled) {
        (RowBody::Prompt { text, .. } | RowBody::Text { text, .. }, Settled::Yes) => Some(text),
        _ => None,
    }
}

/// Whether a row's text has stopped growing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Settled {
    Yes,
    No,
}

/// Whether the table may already have the row that is being written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stands {
    /// The row's event is new to the log, so the table does not have it.
    No,
    Maybe,
}

/// Writes a row. Returns its id and text if the text is now searchable: [`search::insert`] must follow in the same transaction.
pub(super) fn write<'a>(
    conn: &Connection,
    key: LogKey,
    (place, stands): (RowPlace, Stands),
    row: &'a TranscriptRow,
    settled: Settled,
) -> Result<Option<(i64, &'a str)>, StoreError> {
    let text = searchable(row, settled);
    let is_searched = i64::from(text.is_some());
    let json = serde_json::to_string(row)?;
    let standing = match stands {
        Stands::No => None,
        Stands::Maybe => standing(conn, key, place)?,
    };
    // Not a single `INSERT … ON CONFLICT … RETURNING`: SQLite guards a statement that could end half-done with a savepoint, and at each
    // savepoint the full-text index writes its buffered entries to its tables.
    if let Some((id, searched)) = standing {
        let new_text = text.filter(|_| searched == 0);
        let searched = if new_text.is_some() {
            is_searched
        } else {
            searched
        };
        conn.prepare_cached("UPDATE rows SET json = ?2, searched = ?3 WHERE id = ?1")?
            .execute(params![id, json, searched])?;
        return Ok(new_text.map(|text| (id, text)));
    }
    let mut insert = conn.prepare_cached(
        "INSERT INTO rows (log, seq, n, row_id, json, searched, turn) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let id = insert.insert(params![
        key,
        seq_into(place.seq),
        place.n,
        row.id.0,
        json,
        is_searched,
        row.turn.map(|turn| turn.to_string())
    ])?;
    Ok(text.map(|text| (id, text)))
}

/// A row's id, and whether its text is searchable (not 0).
fn standing(
    conn: &Connection,
    key: LogKey,
    place: RowPlace,
) -> Result<Option<(i64, i64)>, StoreError> {
    let mut statement = conn
        .prepare_cached("SELECT id, searched FROM rows WHERE log = ?1 AND seq = ?2 AND n = ?3")?;
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    Ok(statement
        .query_row(params![key, seq_into(place.seq), place.n], read)
        .optional()?)
}

pub(super) fn find(
    conn: &Connection,
    key: LogKey,
    place: RowPlace,
) -> Result<Option<TranscriptRow>, StoreError> {
    let mut statement =
        conn.prepare_cached("SELECT json FROM rows WHERE log = ?1 AND seq = ?2 AND n = ?3")?;
    let json: Option<String> = statement
        .query_row(params![key, seq_into(place.seq), place.n], |row| row.get(0))
        .optional()?;
    Ok(json.map(|json| serde_json::from_str(&json)).transpose()?)
}

/// The last `limit` rows after a seq and before a place, oldest first, without those of hidden turns; and whether there are older ones
/// after that seq.
pub(super) fn before(
    conn: &Connection,
    key: LogKey,
    (floor, place): (Seq, RowPlace),
    limit: u32,
    hidden: &BTreeSet<PromptId>,
) -> Result<(Vec<TranscriptRow>, bool), StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT json FROM rows WHERE log = ?1 AND (seq, n) < (?2, ?3) AND seq > ?6
           AND (turn IS NULL OR turn NOT IN (SELECT value FROM json_each(?5)))
         ORDER BY seq DESC, n DESC LIMIT ?4",
    )?;
    let mut found = statement.query(params![
        key,
        seq_into(place.seq),
        place.n,
        i64::from(limit) + 1,
        serde_json::to_string(hidden)?,
        seq_into(floor)
    ])?;
    let mut rows: Vec<TranscriptRow> = Vec::new();
    while let Some(row) = found.next()? {
        rows.push(serde_json::from_str(row.get_ref(0)?.as_str()?)?);
    }
    let has_older = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    rows.reverse();
    Ok((rows, has_older))
}

/// Deletes the rows of events after a seq.
pub(super) fn delete_behind(conn: &Connection, key: LogKey, seq: Seq) -> Result<(), StoreError> {
    search::delete_behind(conn, key, seq)?;
    conn.prepare_cached("DELETE FROM rows WHERE log = ?1 AND seq > ?2")?
        .execute(params![key, seq_into(seq)])?;
    Ok(())
}

pub(super) fn delete_all(conn: &Connection, key: LogKey) -> Result<(), StoreError> {
    search::delete_log(conn, key)?;
    conn.prepare_cached("DELETE FROM rows WHERE log = ?1")?
        .execute(params![key])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_from_row_ids() {
        let place = |text: &str| RowPlace::of(&RowId(text.to_owned()));
        assert_eq!(place("12"), Some(RowPlace { seq: Seq(12), n: 0 }));
        assert_eq!(place("12.3"), Some(RowPlace { seq: Seq(12), n: 3 }));
        assert_eq!(place("outbox:x"), None);
    }
}

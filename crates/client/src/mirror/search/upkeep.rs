//! Indexes the rows of a mirror that is older than the folded index, step by step from the newest to the oldest.
//!
//! **Invariant:** rows up to `search_unindexed.upto` are not in the index, and all searchable rows above it are. A step changes both in one
//! transaction, so a kill between two steps loses nothing, and several processes may take turns.

use rusqlite::{Connection, params};

use super::super::StoreError;
use super::{NEWEST_ROWS, ROWID_AND_ID, entry};
use crate::limits::{SEARCH_STEP_BYTES, SEARCH_STEP_ROWS};

/// The rows that are not indexed yet: those up to an id.
pub(super) const TABLE: &str = "
    CREATE TABLE search_unindexed (upto INTEGER NOT NULL);
    INSERT INTO search_unindexed SELECT coalesce(max(id), 0) FROM rows;";

/// The id up to which rows are not indexed; 0 if all are.
pub(in crate::mirror) fn unindexed(conn: &Connection) -> Result<i64, StoreError> {
    let mut statement =
        conn.prepare_cached("SELECT coalesce(max(upto), 0) FROM search_unindexed")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// Indexes the next rows inside the caller's transaction. Returns whether rows remain.
pub(in crate::mirror) fn step(conn: &Connection) -> Result<bool, StoreError> {
    let upto = unindexed(conn)?;
    if upto == 0 {
        return Ok(false);
    }
    let mut statement = conn.prepare_cached(NEWEST_ROWS)?;
    let mut rows = statement.query(params![upto, SEARCH_STEP_ROWS])?;
    let mut insert =
        conn.prepare_cached("INSERT INTO search_text (rowid, text) VALUES (?1, ?2)")?;
    let (mut left, mut bytes) = (0, 0);
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        // An unreadable row is not found; its session is fetched again when it is opened.
        if let Ok(Some(text)) = row.get_ref(1)?.as_str_or_null() {
            insert.execute(params![ROWID_AND_ID - id, entry(text)])?;
            bytes += text.len();
        }
        left = id - 1;
        if bytes >= SEARCH_STEP_BYTES {
            break;
        }
    }
    conn.prepare_cached("UPDATE search_unindexed SET upto = ?1")?
        .execute([left])?;
    if left == 0 {
        // The index of earlier versions, which is no longer read.
        conn.execute_batch(
            "INSERT INTO search_newest (search_newest) VALUES ('delete-all');
             INSERT INTO search (search) VALUES ('delete-all');",
        )?;
    }
    Ok(left > 0)
}

//! Rescues the outbox from a damaged file: every row that SQLite can still reach, on either side of the damage.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;
use super::outbox::{COLUMNS, StoredIntent};
use super::recovery::open_reader;

/// Ordinals to probe one by one after the last readable row, if the file does not say which ordinal is the last. A page holds a few dozen
/// rows at most.
const PROBED_MAX: i64 = 4_096;

/// The readable rows in order.
pub(super) fn outbox(path: &Path) -> Vec<StoredIntent> {
    let conn = match open_reader(path) {
        Ok(conn) => conn,
        Err(error) => {
            tracing::error!(error = %error, "the damaged mirror cannot be opened: its outbox stays in it");
            return Vec::new();
        }
    };
    let last = last_ordinal(&conn);
    let (mut at, mut probed) = (0, 0);
    let mut rows = Vec::new();
    while last.map_or(probed < PROBED_MAX, |last| at < last) {
        match next_behind(&conn, at) {
            Ok(Some(row)) => {
                (at, probed) = (row.ordinal, 0);
                rows.push(row);
            }
            Ok(None) => break,
            // The page with this ordinal is damaged; the next ordinal may be on another one.
            Err(_) => (at, probed) = (at + 1, probed + 1),
        }
    }
    rows
}

fn next_behind(conn: &Connection, ordinal: i64) -> Result<Option<StoredIntent>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM outbox WHERE ordinal > ?1 ORDER BY ordinal LIMIT 1");
    let mut statement = conn.prepare_cached(&sql)?;
    let row = statement.query_row(params![ordinal], StoredIntent::read);
    Ok(row.optional()?)
}

fn last_ordinal(conn: &Connection) -> Option<i64> {
    let given = "SELECT seq FROM sqlite_sequence WHERE name = 'outbox'";
    let counted = conn.query_row(given, [], |row| row.get(0)).ok();
    counted.or_else(|| {
        let largest = "SELECT ordinal FROM outbox ORDER BY ordinal DESC LIMIT 1";
        conn.query_row(largest, [], |row| row.get(0)).ok()
    })
}

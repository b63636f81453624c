//! States that were folded from logs. They are shortcuts and may be deleted at any time.

use baton_log::{STATE_FORMATS, STATES_KEPT, SavedState};
use baton_protocol::Seq;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::logs::LogNumber;
use super::{seq_at, to_column};

/// `state` is JSON in the format that `format` names.
pub const MIGRATION: &str = "
    CREATE TABLE saved_states (
        log    INTEGER NOT NULL,
        seq    INTEGER NOT NULL,
        format INTEGER NOT NULL,
        state  TEXT NOT NULL,
        PRIMARY KEY (log, seq)
    ) STRICT;
";

/// Deletes up to a number of a log's rows.
pub(super) const DELETE_SOME: &str = "DELETE FROM saved_states WHERE log = ?1
     AND seq IN (SELECT seq FROM saved_states WHERE log = ?1 LIMIT ?2)";

/// Saves a state, and deletes older states of its kind: those beyond [`STATES_KEPT`], and those of other formats.
pub fn keep(connection: &Connection, log: LogNumber, state: &SavedState) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO saved_states (log, seq, format, state) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            log.0,
            to_column(state.seq),
            state.format,
            state.json
        ])?;
    connection
        .prepare_cached(
            "DELETE FROM saved_states WHERE log = ?1 AND format / ?4 = ?2 / ?4 AND (format <> ?2 OR seq < (
                 SELECT seq FROM saved_states WHERE log = ?1 AND format = ?2
                 ORDER BY seq DESC LIMIT 1 OFFSET ?3))",
        )?
        .execute(params![
            log.0,
            state.format,
            STATES_KEPT as i64 - 1,
            STATE_FORMATS
        ])?;
    Ok(())
}

/// The newest state in a format at or below a seq.
pub fn newest(
    connection: &Connection,
    log: LogNumber,
    format: u32,
    upto: Seq,
) -> rusqlite::Result<Option<SavedState>> {
    connection
        .prepare_cached(
            "SELECT seq, state FROM saved_states WHERE log = ?1 AND seq <= ?2 AND format = ?3
             ORDER BY seq DESC LIMIT 1",
        )?
        .query_row(params![log.0, to_column(upto), format], |row| {
            Ok(SavedState {
                seq: seq_at(row, 0)?,
                format,
                json: row.get(1)?,
            })
        })
        .optional()
}

//! Continues from a saved state and fills the gap that it leaves.
//!
//! A mirror that is far behind takes the state at a later seq, the *floor*, and follows from there. It keeps what it had, and extends that
//! upward with batches of history. When this part reaches the floor, the log is whole again.
//!
//! **Invariant:** the part that reached the floor has exactly the state that was taken for it; otherwise the whole log is dropped and
//! fetched again.

use baton_protocol::{Batch, Cursor, LogId, Seq};
use baton_session::{AccountState, SessionState};
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};

use super::account_log::AccountLog;
use super::fault::FoldLogError;
use super::logs::{FilledRow, LogRow};
use super::session_log::SessionLog;
use super::store::{Flush, Loaded, Store};
use super::{StoreError, events, logs, rows, schema};
use crate::sync::{Gap, Snapshot};

/// Result of applying a saved state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SnapshotOutcome {
    /// The mirror continues from it.
    Applied,
    /// The mirror is at another cursor.
    Moved(Option<Cursor>),
    /// It is not a state of this log that this version can use.
    Unfit {
        /// The mirror's cursor.
        stands_at: Option<Cursor>,
    },
}

/// Result of applying a batch of history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HistoryOutcome {
    /// It is in the mirror, before the gap.
    Applied,
    /// It was the last one: the gap is closed.
    Closed,
    /// The mirror has a different gap, or none.
    Elsewhere(Option<Gap>),
    /// The history does not lead to the saved state: the log's mirror was dropped and must be fetched again.
    Dropped {
        /// For the log file.
        reason: String,
    },
}

fn digest(state: &SessionState) -> Result<Vec<u8>, StoreError> {
    Ok(Sha256::digest(serde_json::to_string(state)?).to_vec())
}

impl Store {
    /// The gap of each log that has one.
    pub(crate) fn gaps(&self) -> Result<Vec<(LogId, Gap)>, StoreError> {
        logs::gaps(&self.conn)
    }

    /// Applies a saved state, from which the mirror continues.
    pub(crate) fn apply_snapshot(
        &mut self,
        snapshot: &Snapshot,
    ) -> Result<SnapshotOutcome, StoreError> {
        match self.go_on_from(snapshot) {
            Ok(outcome) => Ok(outcome),
            Err(error) => {
                let reason = self.drop_unreadable(snapshot.log, error)?;
                tracing::warn!(log.id = %snapshot.log, reason, "what was mirrored in front of a saved state cannot be read");
                Ok(SnapshotOutcome::Moved(None))
            }
        }
    }

    fn go_on_from(&mut self, snapshot: &Snapshot) -> Result<SnapshotOutcome, FoldLogError> {
        self.flush(Flush::WithTheNext)?;
        let tx = schema::begin(&mut self.conn)?;
        let row = logs::find(&tx, snapshot.log)?;
        let stands_at = row.as_ref().map(|row| row.cursor);
        let fits = match stands_at {
            None => snapshot.after == Seq::ZERO,
            Some(cursor) => {
                cursor.incarnation == snapshot.incarnation && cursor.seq == snapshot.after
            }
        };
        if !fits {
            return Ok(SnapshotOutcome::Moved(stands_at));
        }
        let unfit = SnapshotOutcome::Unfit { stands_at };
        let cursor = Cursor {
            incarnation: snapshot.incarnation,
            seq: snapshot.seq,
        };
        match snapshot.log {
            LogId::Account(_) => {
                let Some(state) = account_state(snapshot) else {
                    return Ok(unfit);
                };
                let key = match row {
                    Some(row) => row.key,
                    None => AccountLog::create(&tx, snapshot.log, cursor)?.key,
                };
                let log = AccountLog::replace(&tx, key, cursor, state)?;
                tx.commit().map_err(StoreError::from)?;
                self.listener.account_changed(&log.state, Vec::new());
                self.keep(snapshot.log, Loaded::Account(Box::new(log)));
            }
            LogId::Session(session) => {
                let Some(state) = session_state(snapshot) else {
                    return Ok(unfit);
                };
                let log = begin_anew(&tx, row, (snapshot.log, cursor), state)?;
                tx.commit().map_err(StoreError::from)?;
                self.filling.take_if(|(filling, _)| *filling == session);
                self.listener.session_dropped(session);
                self.listener.session_changed(session, &[], &log.state, &[]);
                self.keep(snapshot.log, Loaded::Session(Box::new(log)));
            }
        }
        Ok(SnapshotOutcome::Applied)
    }

    /// Applies a batch of history before the gap, and closes the gap with the last one.
    pub(crate) fn apply_history(&mut self, batch: &Batch) -> Result<HistoryOutcome, StoreError> {
        match self.grow_filled(batch) {
            Ok(outcome) => Ok(outcome),
            Err(error) => Ok(HistoryOutcome::Dropped {
                reason: self.drop_unreadable(batch.log, error)?,
            }),
        }
    }

    fn grow_filled(&mut self, batch: &Batch) -> Result<HistoryOutcome, FoldLogError> {
        let LogId::Session(session) = batch.log else {
            return Ok(HistoryOutcome::Elsewhere(None));
        };
        self.flush(Flush::WithTheNext)?;
        let tx = schema::begin(&mut self.conn)?;
        let Some(row) = logs::find(&tx, batch.log)? else {
            return Ok(HistoryOutcome::Elsewhere(None));
        };
        let Some(filled) = logs::filled(&tx, row.key)? else {
            return Ok(HistoryOutcome::Elsewhere(None));
        };
        let gap = filled.gap;
        let fits = row.cursor.incarnation == batch.incarnation
            && gap.filled == batch.after
            && batch.upto <= gap.floor;
        if !fits {
            return Ok(HistoryOutcome::Elsewhere(Some(gap)));
        }
        let mut log = match self.filling.take() {
            Some((of, log)) if of == session && log.cursor.seq == gap.filled => log,
            _ => SessionLog::load_filled(&tx, &row, &filled)?,
        };
        log.apply(&tx, batch)?;
        if batch.upto < gap.floor {
            tx.commit().map_err(StoreError::from)?;
            self.filling = Some((session, log));
            return Ok(HistoryOutcome::Applied);
        }
        if digest(&log.state)? != filled.floor_digest {
            drop(tx);
            self.drop_log(batch.log)?;
            return Ok(HistoryOutcome::Dropped {
                reason: "the history does not lead to the saved state".to_owned(),
            });
        }
        log.catch_up(&tx, row.cursor)?;
        logs::close_gap(&tx, row.key)?;
        tx.commit().map_err(StoreError::from)?;
        if let Some(Loaded::Session(loaded)) = self.loaded.get_mut(&batch.log) {
            loaded.gap_closed();
        }
        self.listener.history_filled(session);
        Ok(HistoryOutcome::Closed)
    }
}

/// Makes what is mirrored the part before a gap, and the state the gap's end. Drops what lay between an earlier gap and the cursor.
fn begin_anew(
    conn: &Connection,
    row: Option<LogRow>,
    (log, cursor): (LogId, Cursor),
    state: SessionState,
) -> Result<SessionLog, StoreError> {
    let floor_digest = digest(&state)?;
    let json = serde_json::to_string(&state)?;
    let filled = |filled, state_json, state_seq| FilledRow {
        gap: Gap {
            filled,
            floor: cursor.seq,
        },
        floor_digest: floor_digest.clone(),
        state_json,
        state_seq,
    };
    let (key, filled) = match row {
        None => {
            let nothing = serde_json::to_string(&SessionState::default())?;
            let key = logs::insert(conn, log, cursor, &json)?;
            (key, filled(Seq::ZERO, nothing, Seq::ZERO))
        }
        Some(row) => {
            let before = match logs::filled(conn, row.key)? {
                Some(before) => {
                    events::delete_behind(conn, row.key, before.gap.filled)?;
                    rows::delete_behind(conn, row.key, before.gap.filled)?;
                    filled(before.gap.filled, before.state_json, before.state_seq)
                }
                None => filled(row.cursor.seq, row.state_json, row.state_seq),
            };
            (row.key, before)
        }
    };
    logs::set_cursor(conn, key, cursor.seq)?;
    logs::set_state(conn, key, &json, cursor.seq)?;
    logs::set_filled(conn, key, &filled)?;
    Ok(SessionLog::from_snapshot(key, cursor, state, json.len()))
}

fn session_state(snapshot: &Snapshot) -> Option<SessionState> {
    let state: SessionState = serde_json::from_str(&snapshot.state).ok()?;
    let is_at_rest = state.active_runs().next().is_none();
    (state.head() == snapshot.seq && is_at_rest).then_some(state)
}

fn account_state(snapshot: &Snapshot) -> Option<AccountState> {
    let state: AccountState = serde_json::from_str(&snapshot.state).ok()?;
    (state.head() == snapshot.seq).then_some(state)
}

//! One session in memory: its state and its open parts.
//!
//! A log that continued from a saved state has a gap: the part before the gap is a [`SessionLog`] of its own, in the same tables, until it
//! reaches the gap's end.
//!
//! **Invariant:** memory holds the saved state with the table's tail folded over it. So after a crash only the tail is read.

use std::borrow::Cow;

use baton_protocol::view::{BranchView, RowBody, TranscriptRow};
use baton_protocol::{Batch, Cursor, Event, Seq};
use baton_session::{FoldError, RowChange, SessionState};
use rusqlite::Connection;

use super::fault::FoldLogError;
use super::logs::{FilledRow, LogKey, LogRow};
use super::open_parts::{OpenParts, Touched, Writes};
use super::rows::{RowPlace, Stands};
use super::saving::UnsavedTail;
use super::{StoreError, events, logs, rows, search};

/// A loaded session.
pub(super) struct SessionLog {
    pub(super) key: LogKey,
    pub(super) cursor: Cursor,
    pub(super) state: SessionState,
    pub(super) side: Side,
    open: OpenParts,
    tail: UnsavedTail,
}

/// Which part of a log this is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    /// The part that follows the hub; rows at or below `floor` belong to the other part.
    Head {
        /// 0 if there is no gap.
        floor: Seq,
    },
    /// The part before the gap.
    Filled,
}

impl SessionLog {
    /// Loads the session at its cursor: the saved state, with the tail folded over it. A state that an older version saved is folded again
    /// from the events, all of which are here. Call it in a transaction.
    pub(super) fn load(conn: &Connection, row: LogRow) -> Result<Self, FoldLogError> {
        let state = match (serde_json::from_str(&row.state_json), row.gap) {
            (Ok(state), _) => state,
            (Err(_), None) => return Self::refold(conn, row),
            // The events from which to fold it are not here.
            (Err(error), Some(_)) => return Err(FoldLogError::Store(error.into())),
        };
        let floor = row.gap.map_or(Seq::ZERO, |gap| gap.floor);
        let saved_bytes = row.state_json.len();
        let mut log = Self {
            key: row.key,
            cursor: Cursor {
                incarnation: row.cursor.incarnation,
                seq: row.state_seq,
            },
            state,
            side: Side::Head { floor },
            open: OpenParts::default(),
            tail: UnsavedTail::behind(saved_bytes),
        };
        log.follow_table(conn, row.cursor)?;
        Ok(log)
    }

    /// Loads the part before a gap.
    pub(super) fn load_filled(
        conn: &Connection,
        row: &LogRow,
        filled: &FilledRow,
    ) -> Result<Self, FoldLogError> {
        let state = serde_json::from_str(&filled.state_json).map_err(StoreError::from)?;
        let at = |seq| Cursor { seq, ..row.cursor };
        let mut log = Self {
            key: row.key,
            cursor: at(filled.state_seq),
            state,
            side: Side::Filled,
            open: OpenParts::default(),
            tail: UnsavedTail::behind(filled.state_json.len()),
        };
        log.follow_table(conn, at(filled.gap.filled))?;
        Ok(log)
    }

    /// Continues from a saved state.
    pub(super) fn from_snapshot(
        key: LogKey,
        cursor: Cursor,
        state: SessionState,
        bytes: usize,
    ) -> Self {
        Self {
            key,
            cursor,
            state,
            side: Side::Head { floor: cursor.seq },
            open: OpenParts::default(),
            tail: UnsavedTail::behind(bytes),
        }
    }

    /// Once the part before the gap has reached the gap's end: applies the later events to its rows.
    pub(super) fn catch_up(&mut self, conn: &Connection, head: Cursor) -> Result<(), FoldLogError> {
        let changes = self.follow_table(conn, head)?;
        self.write_rows(conn, &changes, head.seq)?;
        Ok(())
    }

    /// Notes that the gap is filled.
    pub(super) fn gap_closed(&mut self) {
        self.side = Side::Head { floor: Seq::ZERO };
    }

    /// Rebuilds the state and the rows from the table's events. Call it in a transaction: half of this would be an index without its rows.
    fn refold(conn: &Connection, row: LogRow) -> Result<Self, FoldLogError> {
        let mut log = Self {
            key: row.key,
            cursor: Cursor {
                incarnation: row.cursor.incarnation,
                seq: Seq::ZERO,
            },
            state: SessionState::default(),
            side: Side::Head { floor: Seq::ZERO },
            open: OpenParts::default(),
            tail: UnsavedTail::behind(0),
        };
        let mut changes = Vec::new();
        let tail = (Seq::ZERO, row.cursor.seq);
        for event in events::between(conn, log.key, tail, usize::MAX)? {
            log.fold(&event, &mut changes, &mut Writes::default())?;
        }
        log.state.set_head(row.cursor.seq);
        log.cursor = row.cursor;
        rows::delete_all(conn, log.key)?;
        log.write_rows(conn, &changes, Seq::ZERO)?;
        log.save_state_if_cheap(conn)?;
        Ok(log)
    }

    /// Writes the changed rows. Rows of events after `upto` are not in the table yet.
    fn write_rows(
        &mut self,
        conn: &Connection,
        changes: &[RowChange],
        upto: Seq,
    ) -> Result<(), StoreError> {
        let mut touched = Touched::default();
        for change in changes {
            self.open.carry((conn, self.key), change, &mut touched)?;
        }
        let mut texts = Vec::new();
        for (place, (row, settled)) in &touched {
            let stands = match place.seq > upto {
                true => Stands::No,
                false => Stands::Maybe,
            };
            texts.extend(rows::write(
                conn,
                self.key,
                (*place, stands),
                row,
                *settled,
            )?);
        }
        search::insert(conn, texts)
    }

    /// Creates a session of which nothing is mirrored yet.
    pub(super) fn create(
        conn: &Connection,
        log: baton_protocol::LogId,
        cursor: Cursor,
    ) -> Result<Self, StoreError> {
        let state = SessionState::default();
        let key = logs::insert(conn, log, cursor, &serde_json::to_string(&state)?)?;
        Ok(Self {
            key,
            cursor,
            state,
            side: Side::Head { floor: Seq::ZERO },
            open: OpenParts::default(),
            tail: UnsavedTail::behind(0),
        })
    }

    /// Folds the table's events that memory does not have yet: the tail when loading, or what another process wrote.
    pub(super) fn follow_table(
        &mut self,
        conn: &Connection,
        upto: Cursor,
    ) -> Result<Vec<RowChange>, FoldLogError> {
        let mut changes = Vec::new();
        let tail = (self.cursor.seq, upto.seq);
        for event in events::between(conn, self.key, tail, usize::MAX)? {
            self.fold(&event, &mut changes, &mut Writes::default())?;
        }
        self.state.set_head(upto.seq);
        self.cursor = upto;
        let mut known = Touched::default();
        for change in &changes {
            self.open.carry((conn, self.key), change, &mut known)?;
        }
        Ok(changes)
    }

    /// Folds a batch and writes its effects. The caller commits, or discards this log.
    pub(super) fn apply(
        &mut self,
        conn: &Connection,
        batch: &Batch,
    ) -> Result<Vec<RowChange>, FoldLogError> {
        let mut changes = Vec::new();
        let mut writes = Writes::default();
        for event in &batch.events {
            self.fold(event, &mut changes, &mut writes)?;
        }
        self.state.set_head(batch.upto);
        self.cursor.seq = batch.upto;

        for seq in &writes.delete {
            events::delete(conn, self.key, *seq)?;
        }
        events::insert(conn, self.key, writes.insert.values().map(Cow::as_ref))?;
        self.write_rows(conn, &changes, batch.after)?;
        match self.side {
            Side::Head { .. } => logs::set_cursor(conn, self.key, batch.upto)?,
            Side::Filled => logs::set_filled_seq(conn, self.key, batch.upto)?,
        }
        self.save_state_if_cheap(conn)?;
        Ok(changes)
    }

    fn fold<'e>(
        &mut self,
        event: &'e Event,
        changes: &mut Vec<RowChange>,
        writes: &mut Writes<'e>,
    ) -> Result<(), FoldError> {
        self.state.apply(event, changes)?;
        self.tail.grow();
        self.open.take(event, writes);
        Ok(())
    }

    /// Saves the state if that is worth it and no row is open.
    fn save_state_if_cheap(&mut self, conn: &Connection) -> Result<(), StoreError> {
        if !self.tail.is_worth_saving() || !self.open.has_no_rows() {
            return Ok(());
        }
        let json = serde_json::to_string(&self.state)?;
        match self.side {
            Side::Head { .. } => logs::set_state(conn, self.key, &json, self.cursor.seq)?,
            Side::Filled => logs::set_filled_state(conn, self.key, &json, self.cursor.seq)?,
        }
        self.tail = UnsavedTail::behind(json.len());
        Ok(())
    }

    /// The rows before a place, oldest first, as a screen shows them; and whether there are older ones.
    pub(super) fn rows_before(
        &self,
        conn: &Connection,
        place: RowPlace,
        limit: u32,
    ) -> Result<(Vec<TranscriptRow>, bool), StoreError> {
        let turns = self.state.turns();
        let floor = match self.side {
            Side::Head { floor } => floor,
            Side::Filled => Seq::ZERO,
        };
        let range = (floor, place);
        let (mut rows, has_older) = rows::before(conn, self.key, range, limit, &turns.hidden())?;
        // The events in the gap are older than the rows after it.
        let has_older = has_older || floor > Seq::ZERO;
        for row in &mut rows {
            if let Some(open) = self.open.row(&row.id) {
                row.clone_from(open);
            }
            if let RowBody::Prompt { prompt, branch, .. } = &mut row.body {
                let prompts = turns.beside(*prompt);
                *branch = (prompts.len() > 1).then_some(BranchView { prompts });
            }
        }
        Ok((rows, has_older))
    }
}

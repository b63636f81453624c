//! One session in memory: its state, and the parts that are open.
//!
//! A log that was begun anew with a saved state has a gap: what stands in front of it is a [`SessionLog`] of its own, in the same tables,
//! until it reaches the gap's end.
//!
//! **Invariant:** memory holds what folding the table's tail over the saved state gives. So after a crash nothing but the tail is read.

use std::collections::{BTreeMap, HashMap};

use baton_protocol::view::{BranchView, PartState, RowBody, RowId, TranscriptRow};
use baton_protocol::{Batch, Cursor, Event, EventBody, PartIndex, RunId, Seq};
use baton_session::{FoldError, RowChange, SessionState, sealing};
use rusqlite::Connection;

use super::logs::{FilledRow, LogKey, LogRow};
use super::rows::{RowPlace, Settled};
use super::{StoreError, events, logs, rows};
use crate::limits::{STATE_BYTES_PER_TAIL_EVENT, STATE_SAVE_EVENTS_MIN};

/// A session that is loaded.
pub(super) struct SessionLog {
    pub(super) key: LogKey,
    pub(super) cursor: Cursor,
    pub(super) state: SessionState,
    pub(super) side: Side,
    open: OpenParts,
    /// Events since the state was saved.
    tail: usize,
    /// How large it was then.
    saved_bytes: usize,
}

/// Which end of a log it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    /// The one that follows the hub; rows at or below `floor` are not its own.
    Head {
        /// 0 where there is no gap.
        floor: Seq,
    },
    /// What stands in front of the gap.
    Filled,
}

/// What grows: not in the tables yet, but in the tail's events.
#[derive(Default)]
struct OpenParts {
    rows: HashMap<RowId, TranscriptRow>,
    appends: HashMap<(RunId, PartIndex), Vec<Event>>,
}

/// What one stretch of events does to the tables.
#[derive(Default)]
struct Writes {
    insert: BTreeMap<Seq, Event>,
    delete: Vec<Seq>,
}

/// The log cannot be folded: it is fetched anew.
#[derive(Debug, thiserror::Error)]
pub(super) enum FoldLogError {
    #[error(transparent)]
    Fold(#[from] FoldError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SessionLog {
    /// The session at its cursor: the saved state, and the tail folded over it. A state that an older version saved is folded anew
    /// from the events, which are all here.
    pub(super) fn load(conn: &Connection, row: LogRow) -> Result<Self, FoldLogError> {
        let state = match (serde_json::from_str(&row.state_json), row.gap) {
            (Ok(state), _) => state,
            (Err(_), None) => return Self::refold(conn, row),
            // The events that it would be folded from are not here.
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
            tail: 0,
            saved_bytes,
        };
        log.follow_table(conn, row.cursor)?;
        Ok(log)
    }

    /// What stands in front of a gap.
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
            tail: 0,
            saved_bytes: filled.state_json.len(),
        };
        log.follow_table(conn, at(filled.gap.filled))?;
        Ok(log)
    }

    /// Goes on from a saved state.
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
            tail: 0,
            saved_bytes: bytes,
        }
    }

    /// What stood in front of the gap has reached its end: carries into its rows what happened behind it.
    pub(super) fn catch_up(&mut self, conn: &Connection, head: Cursor) -> Result<(), FoldLogError> {
        let changes = self.follow_table(conn, head)?;
        self.write_rows(conn, &changes)?;
        Ok(())
    }

    /// The gap is filled.
    pub(super) fn gap_closed(&mut self) {
        self.side = Side::Head { floor: Seq::ZERO };
    }

    /// The state and the rows, made anew from the table's events. A crash in between leaves the old state, and it is done again.
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
            tail: 0,
            saved_bytes: 0,
        };
        let mut changes = Vec::new();
        for event in events::between(conn, log.key, (Seq::ZERO, row.cursor.seq), usize::MAX)? {
            log.fold(&event, &mut changes, &mut Writes::default())?;
        }
        log.state.set_head(row.cursor.seq);
        log.cursor = row.cursor;
        rows::delete_all(conn, log.key)?;
        log.write_rows(conn, &changes)?;
        log.save_state_if_cheap(conn)?;
        Ok(log)
    }

    fn write_rows(&mut self, conn: &Connection, changes: &[RowChange]) -> Result<(), StoreError> {
        let mut touched = BTreeMap::new();
        for change in changes {
            self.keep_open(conn, change, &mut touched)?;
        }
        for (place, (row, settled)) in &touched {
            rows::upsert(conn, self.key, *place, row, *settled)?;
        }
        Ok(())
    }

    /// A session of which nothing is mirrored yet.
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
            tail: 0,
            saved_bytes: 0,
        })
    }

    /// Folds what stands in the table beyond memory: the tail when loading, or what another process wrote.
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
        let mut known = BTreeMap::new();
        for change in &changes {
            self.keep_open(conn, change, &mut known)?;
        }
        Ok(changes)
    }

    /// Folds a batch and writes everything that follows from it. The caller commits, or forgets this log.
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
        for event in writes.insert.values() {
            events::insert(conn, self.key, event)?;
        }
        self.write_rows(conn, &changes)?;
        match self.side {
            Side::Head { .. } => logs::set_cursor(conn, self.key, batch.upto)?,
            Side::Filled => logs::set_filled_seq(conn, self.key, batch.upto)?,
        }
        self.save_state_if_cheap(conn)?;
        Ok(changes)
    }

    fn fold(
        &mut self,
        event: &Event,
        changes: &mut Vec<RowChange>,
        writes: &mut Writes,
    ) -> Result<(), FoldError> {
        self.state.apply(event, changes)?;
        self.tail += 1;
        match &event.body {
            EventBody::PartAppended(append) => {
                let key = (append.run, append.part);
                self.open
                    .appends
                    .entry(key)
                    .or_default()
                    .push(event.clone());
                writes.insert.insert(event.seq, event.clone());
            }
            EventBody::PartClosed(closed) => {
                let appends = self.open.appends.remove(&(closed.run, closed.part));
                let appends = appends.unwrap_or_default();
                match sealing::seal_part(&appends, event) {
                    Some(sealed) => writes.replace(&appends, sealed),
                    None => writes.replace(&[], event.clone()),
                }
            }
            EventBody::PartSealed(sealed) => {
                let appends = self.open.appends.remove(&(sealed.run, sealed.part));
                writes.replace(&appends.unwrap_or_default(), event.clone());
            }
            _ => writes.replace(&[], event.clone()),
        }
        Ok(())
    }

    /// Carries a change into the open rows, and notes the rows whose table entry changes.
    fn keep_open(
        &mut self,
        conn: &Connection,
        change: &RowChange,
        touched: &mut BTreeMap<RowPlace, (TranscriptRow, Settled)>,
    ) -> Result<(), StoreError> {
        // A choice of branches changes no row: what is hidden is in the state.
        let Some(place) = change.row_id().and_then(RowPlace::of) else {
            return Ok(());
        };
        match change {
            RowChange::Insert(row) if is_open(row) => {
                self.open.rows.insert(row.id.clone(), row.clone());
                touched.insert(place, (row.clone(), Settled::No));
            }
            RowChange::Insert(row) => {
                touched.insert(place, (row.clone(), Settled::Yes));
            }
            RowChange::AppendText { id, .. } => {
                if let Some(row) = self.open.rows.get_mut(id) {
                    change.apply_to(row);
                }
            }
            RowChange::ClosePart { id, .. }
            | RowChange::SealPart { id, .. }
            | RowChange::SetTeardown { id, .. }
            | RowChange::SetApproval { id, .. } => {
                let known = touched.remove(&place).map(|(row, _)| row);
                let row = match self.open.rows.remove(id).or(known) {
                    Some(row) => Some(row),
                    None => rows::find(conn, self.key, place)?,
                };
                if let Some(mut row) = row {
                    change.apply_to(&mut row);
                    touched.insert(place, (row, Settled::Yes));
                }
            }
            RowChange::Hide(_) => {}
        }
        Ok(())
    }

    /// Saves the state where it holds no open part and the tail has grown as long as the state is large: so saving costs a fixed part
    /// of ingesting, and opening folds no more than it reads.
    fn save_state_if_cheap(&mut self, conn: &Connection) -> Result<(), StoreError> {
        let tail_max = STATE_SAVE_EVENTS_MIN.max(self.saved_bytes / STATE_BYTES_PER_TAIL_EVENT);
        if self.tail < tail_max || !self.open.rows.is_empty() {
            return Ok(());
        }
        let json = serde_json::to_string(&self.state)?;
        match self.side {
            Side::Head { .. } => logs::set_state(conn, self.key, &json, self.cursor.seq)?,
            Side::Filled => logs::set_filled_state(conn, self.key, &json, self.cursor.seq)?,
        }
        self.saved_bytes = json.len();
        self.tail = 0;
        Ok(())
    }

    /// Rows before a place as a screen shows them, oldest first, and whether there are older ones.
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
        // What lies in the gap is older than what stands behind it.
        let has_older = has_older || floor > Seq::ZERO;
        for row in &mut rows {
            if let Some(open) = self.open.rows.get(&row.id) {
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

impl Writes {
    fn replace(&mut self, gone: &[Event], event: Event) {
        for old in gone {
            if self.insert.remove(&old.seq).is_none() {
                self.delete.push(old.seq);
            }
        }
        self.insert.insert(event.seq, event);
    }
}

fn is_open(row: &TranscriptRow) -> bool {
    matches!(
        &row.body,
        RowBody::Text {
            state: PartState::Open,
            ..
        } | RowBody::Reasoning {
            state: PartState::Open,
            ..
        } | RowBody::ToolCall {
            state: PartState::Open,
            ..
        } | RowBody::ToolResult {
            state: PartState::Open,
            ..
        }
    )
}

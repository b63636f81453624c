//! The account's log in memory. Its events serve only to fold its state, so events below a saved state are dropped.

use baton_protocol::{Batch, Cursor, Event, EventBody, LogId, SessionId};
use baton_session::{AccountState, Draft};
use rusqlite::Connection;

use super::fault::FoldLogError;
use super::logs::{LogKey, LogRow};
use super::saving::UnsavedTail;
use super::{StoreError, events, logs};

/// A loaded account.
pub(super) struct AccountLog {
    pub(super) key: LogKey,
    pub(super) cursor: Cursor,
    pub(super) state: AccountState,
    tail: UnsavedTail,
    bereft: Vec<(SessionId, Draft)>,
}

impl AccountLog {
    pub(super) fn load(conn: &Connection, row: LogRow) -> Result<Self, FoldLogError> {
        let state = serde_json::from_str(&row.state_json).map_err(StoreError::from)?;
        let saved_bytes = row.state_json.len();
        let mut log = Self {
            key: row.key,
            cursor: Cursor {
                incarnation: row.cursor.incarnation,
                seq: row.state_seq,
            },
            state,
            tail: UnsavedTail::behind(saved_bytes),
            bereft: Vec::new(),
        };
        log.follow_table(conn, row.cursor)?;
        Ok(log)
    }

    pub(super) fn create(
        conn: &Connection,
        log: LogId,
        cursor: Cursor,
    ) -> Result<Self, StoreError> {
        let state = AccountState::default();
        let key = logs::insert(conn, log, cursor, &serde_json::to_string(&state)?)?;
        Ok(Self {
            key,
            cursor,
            state,
            tail: UnsavedTail::behind(0),
            bereft: Vec::new(),
        })
    }

    fn fold(&mut self, event: &Event) -> Result<(), FoldLogError> {
        if let EventBody::SessionDeleted(deleted) = &event.body
            && let Some(draft) = self.state.draft(deleted.session)
            && !draft.text.is_empty()
        {
            self.bereft.push((deleted.session, draft.clone()));
        }
        self.state.apply(event)?;
        self.tail.grow();
        Ok(())
    }

    /// Takes the drafts of sessions that were deleted since the last call.
    pub(super) fn take_bereft(&mut self) -> Vec<(SessionId, Draft)> {
        std::mem::take(&mut self.bereft)
    }

    /// Folds the table's events that memory does not have yet.
    pub(super) fn follow_table(
        &mut self,
        conn: &Connection,
        upto: Cursor,
    ) -> Result<(), FoldLogError> {
        let tail = (self.cursor.seq, upto.seq);
        for event in events::between(conn, self.key, tail, usize::MAX)? {
            self.fold(&event)?;
        }
        self.state.set_head(upto.seq);
        self.cursor = upto;
        Ok(())
    }

    /// Continues from a saved state, which includes all earlier events.
    pub(super) fn replace(
        conn: &Connection,
        key: LogKey,
        cursor: Cursor,
        state: AccountState,
    ) -> Result<Self, StoreError> {
        let json = serde_json::to_string(&state)?;
        logs::set_cursor(conn, key, cursor.seq)?;
        logs::set_state(conn, key, &json, cursor.seq)?;
        events::delete_through(conn, key, cursor.seq)?;
        Ok(Self {
            key,
            cursor,
            state,
            tail: UnsavedTail::behind(json.len()),
            bereft: Vec::new(),
        })
    }

    /// Folds a batch and writes it. The caller commits, or discards this log.
    pub(super) fn apply(&mut self, conn: &Connection, batch: &Batch) -> Result<(), FoldLogError> {
        for event in &batch.events {
            self.fold(event)?;
        }
        events::insert(conn, self.key, batch.events.iter())?;
        self.state.set_head(batch.upto);
        self.cursor.seq = batch.upto;
        logs::set_cursor(conn, self.key, batch.upto)?;
        if self.tail.is_worth_saving() {
            let json = serde_json::to_string(&self.state).map_err(StoreError::from)?;
            logs::set_state(conn, self.key, &json, batch.upto)?;
            events::delete_through(conn, self.key, batch.upto)?;
            self.tail = UnsavedTail::behind(json.len());
        }
        Ok(())
    }
}

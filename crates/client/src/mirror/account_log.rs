//! The account's log in memory. Its events serve only to fold its state, so those below a saved state are dropped.

use baton_protocol::{Batch, Cursor, LogId};
use baton_session::AccountState;
use rusqlite::Connection;

use super::logs::{LogKey, LogRow};
use super::session_log::FoldLogError;
use super::{StoreError, events, logs};
use crate::limits::STATE_SAVE_EVENTS;

/// The account, loaded.
pub(super) struct AccountLog {
    pub(super) key: LogKey,
    pub(super) cursor: Cursor,
    pub(super) state: AccountState,
    tail: usize,
}

impl AccountLog {
    pub(super) fn load(conn: &Connection, row: LogRow) -> Result<Self, FoldLogError> {
        let state = serde_json::from_str(&row.state_json).map_err(StoreError::from)?;
        let mut log = Self {
            key: row.key,
            cursor: Cursor {
                incarnation: row.cursor.incarnation,
                seq: row.state_seq,
            },
            state,
            tail: 0,
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
            tail: 0,
        })
    }

    /// Folds what stands in the table beyond memory.
    pub(super) fn follow_table(
        &mut self,
        conn: &Connection,
        upto: Cursor,
    ) -> Result<(), FoldLogError> {
        for event in events::after(conn, self.key, self.cursor.seq, usize::MAX)? {
            if event.seq <= upto.seq {
                self.state.apply(&event)?;
                self.tail += 1;
            }
        }
        self.state.set_head(upto.seq);
        self.cursor = upto;
        Ok(())
    }

    /// Folds a batch and writes it. The caller commits, or forgets this log.
    pub(super) fn apply(&mut self, conn: &Connection, batch: &Batch) -> Result<(), FoldLogError> {
        for event in &batch.events {
            self.state.apply(event)?;
            events::insert(conn, self.key, event)?;
            self.tail += 1;
        }
        self.state.set_head(batch.upto);
        self.cursor.seq = batch.upto;
        logs::set_cursor(conn, self.key, batch.upto)?;
        if self.tail >= STATE_SAVE_EVENTS {
            let json = serde_json::to_string(&self.state).map_err(StoreError::from)?;
            logs::set_state(conn, self.key, &json, batch.upto)?;
            events::delete_through(conn, self.key, batch.upto)?;
            self.tail = 0;
        }
        Ok(())
    }
}

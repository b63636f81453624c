//! The mirror on its caller's own thread, for the simulation, where only the seed may decide the order of events.
//!
//! It owns the same store as [`super::Mirror`] and adds nothing to it.

use std::path::Path;
use std::sync::Arc;

use baton_protocol::view::TranscriptRow;
use baton_protocol::{
    AccountId, Batch, Command, CommandBody, CommandId, Cursor, ErrorBody, Event, LogId, Receipt,
    SessionId, TimestampMs,
};
use baton_session::{AccountState, Draft, RowChange, SessionState};

use super::outbox::{OutboxEntry, OutboxState, keeps_refusal};
use super::recovery::IN_MEMORY;
use super::store::{ApplyOutcome, Store};
use super::{HistoryOutcome, MirrorListener, SnapshotOutcome, StoreError};
use crate::sync::{Gap, Snapshot};

/// A mirror's store.
pub struct DirectMirror {
    store: Store,
}

/// Result of applying a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AppliedBatch {
    /// The batch is in the mirror, or was there already.
    Applied,
    /// The mirror is at another cursor.
    Moved(Option<Cursor>),
    /// The log did not fold, and its mirror was dropped.
    Dropped(String),
}

struct Deaf;

impl MirrorListener for Deaf {
    fn session_changed(&self, _: SessionId, _: &[RowChange], _: &SessionState, _: &[Event]) {}
    fn session_dropped(&self, _: SessionId) {}
    fn history_filled(&self, _: SessionId) {}
    fn account_changed(&self, _: &AccountState, _: Vec<(SessionId, Draft)>) {}
}

impl DirectMirror {
    /// Opens the file.
    ///
    /// # Errors
    /// As for opening a device.
    pub fn open(path: &Path, account: AccountId) -> Result<Self, StoreError> {
        let store = Store::open(path, account, Arc::new(Deaf))?;
        Ok(Self { store })
    }

    /// Opens a mirror in memory that lives as long as the value.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub fn in_memory(account: AccountId) -> Result<Self, StoreError> {
        Self::open(Path::new(IN_MEMORY), account)
    }

    /// Simulates the death of the process: only the tables remain.
    pub fn crash(&mut self) {
        self.store.forget_memory();
    }

    /// The mirror's cursor in each log.
    ///
    /// # Errors
    /// If the mirror cannot be read.
    pub fn cursors(&self) -> Result<Vec<(LogId, Cursor)>, StoreError> {
        self.store.cursors()
    }

    /// The account's state as mirrored.
    ///
    /// # Errors
    /// If the mirror cannot be read.
    pub fn account(&mut self, log: LogId) -> Result<Option<AccountState>, StoreError> {
        self.store.account(log)
    }

    /// The last rows of a mirrored session, and its state.
    ///
    /// # Errors
    /// If the mirror cannot be read.
    pub fn session(
        &mut self,
        session: SessionId,
        rows: u32,
    ) -> Result<Option<(Vec<TranscriptRow>, SessionState)>, StoreError> {
        let opened = self.store.open_session(session, rows)?;
        let state = opened.state.cloned();
        Ok(state.map(|state| (opened.rows, state)))
    }

    /// Applies a batch.
    ///
    /// # Errors
    /// If the mirror cannot be written.
    pub fn apply(&mut self, batch: &Batch) -> Result<AppliedBatch, StoreError> {
        Ok(match self.store.apply(batch)? {
            ApplyOutcome::Applied | ApplyOutcome::Known => AppliedBatch::Applied,
            ApplyOutcome::Moved(cursor) => AppliedBatch::Moved(cursor),
            ApplyOutcome::Dropped { reason } => AppliedBatch::Dropped(reason),
        })
    }

    /// The gap of each log that has one.
    ///
    /// # Errors
    /// If the mirror cannot be read.
    pub fn gaps(&self) -> Result<Vec<(LogId, Gap)>, StoreError> {
        self.store.gaps()
    }

    /// A log's gap.
    ///
    /// # Errors
    /// If the mirror cannot be read.
    pub fn gap(&mut self, log: LogId) -> Result<Option<Gap>, StoreError> {
        self.store.gap(log)
    }

    /// Applies a saved state, from which the mirror then continues.
    ///
    /// # Errors
    /// If the mirror cannot be written.
    pub fn apply_snapshot(&mut self, snapshot: &Snapshot) -> Result<SnapshotOutcome, StoreError> {
        self.store.apply_snapshot(snapshot)
    }

    /// Applies a batch of history.
    ///
    /// # Errors
    /// If the mirror cannot be written.
    pub fn apply_history(&mut self, batch: &Batch) -> Result<HistoryOutcome, StoreError> {
        self.store.apply_history(batch)
    }

    /// Drops the mirror of a log.
    ///
    /// # Errors
    /// If the mirror cannot be written.
    pub fn drop_log(&mut self, log: LogId) -> Result<(), StoreError> {
        self.store.drop_log(log)
    }

    /// The waiting intents in order.
    ///
    /// # Errors
    /// If the mirror cannot be read.
    pub fn outbox(&self) -> Result<Vec<OutboxEntry>, StoreError> {
        Ok(self.store.outbox()?.entries)
    }

    /// Makes intents durable. Returns their entries, and the receipts of those that were answered before.
    ///
    /// # Errors
    /// If the mirror cannot be written; then none of them is durable.
    pub fn queue_intents(
        &mut self,
        intents: &[(Command, OutboxState)],
        queued_at: TimestampMs,
    ) -> Result<(Vec<OutboxEntry>, Vec<Receipt>), StoreError> {
        let queued = self.store.queue_intents(intents, &[], queued_at)?;
        Ok((queued.entries, queued.answered))
    }

    /// Records that intents may be at the hub.
    ///
    /// # Errors
    /// If the mirror cannot be written.
    pub fn mark_sent(&mut self, commands: &[CommandId]) -> Result<(), StoreError> {
        self.store.mark_sent(commands)
    }

    /// Stores a receipt.
    ///
    /// # Errors
    /// If the mirror cannot be written.
    pub fn store_receipt(&mut self, receipt: &Receipt, keeps: bool) -> Result<(), StoreError> {
        self.store.store_receipt(receipt, keeps)
    }

    /// Records that an intent will never happen.
    ///
    /// # Errors
    /// If the mirror cannot be written.
    pub fn refuse_intent(
        &mut self,
        command: CommandId,
        error: &ErrorBody,
        keeps: bool,
    ) -> Result<(), StoreError> {
        self.store.refuse_intent(command, error, keeps)
    }

    /// Removes an intent.
    ///
    /// # Errors
    /// If the mirror cannot be written.
    pub fn remove_intent(&mut self, command: CommandId) -> Result<(), StoreError> {
        self.store.remove_intent(command)
    }

    /// Whether a refusal of this intent stays visible.
    pub fn keeps_refusal(body: &CommandBody) -> bool {
        keeps_refusal(body)
    }
}

//! The mirror on its caller's own thread: for the simulation, in which nothing but the seed may decide what comes first.
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
use super::store::{ApplyOutcome, Store};
use super::{HistoryOutcome, MirrorListener, SnapshotOutcome, StoreError};
use crate::sync::{Gap, Snapshot};

/// A mirror's store.
pub struct DirectMirror {
    store: Store,
}

/// What became of a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AppliedBatch {
    /// It is in the mirror now, or was.
    Applied,
    /// The mirror stands elsewhere.
    Moved(Option<Cursor>),
    /// The log did not fold, and what was mirrored of it is gone.
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
    /// As for a device.
    pub fn open(path: &Path, account: AccountId) -> Result<Self, StoreError> {
        let store = Store::open(path, account, Arc::new(Deaf))?;
        Ok(Self { store })
    }

    /// One that lives as long as the value.
    ///
    /// # Errors
    /// As for a file.
    pub fn in_memory(account: AccountId) -> Result<Self, StoreError> {
        Self::open(Path::new(":memory:"), account)
    }

    /// The process that held it has died: only what is in the tables is left.
    pub fn crash(&mut self) {
        self.store.forget_memory();
    }

    /// Where it stands in each log.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn cursors(&self) -> Result<Vec<(LogId, Cursor)>, StoreError> {
        self.store.cursors()
    }

    /// The account as it is mirrored.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn account(&mut self, log: LogId) -> Result<Option<AccountState>, StoreError> {
        self.store.account(log)
    }

    /// The last rows of a session as it is mirrored, and its state.
    ///
    /// # Errors
    /// Where they cannot be read.
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
    /// Where it cannot be written.
    pub fn apply(&mut self, batch: &Batch) -> Result<AppliedBatch, StoreError> {
        Ok(match self.store.apply(batch)? {
            ApplyOutcome::Applied | ApplyOutcome::Known => AppliedBatch::Applied,
            ApplyOutcome::Moved(cursor) => AppliedBatch::Moved(cursor),
            ApplyOutcome::Dropped { reason } => AppliedBatch::Dropped(reason),
        })
    }

    /// What it lacks in front of its cursors.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn gaps(&self) -> Result<Vec<(LogId, Gap)>, StoreError> {
        self.store.gaps()
    }

    /// What it lacks of a log.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn gap(&mut self, log: LogId) -> Result<Option<Gap>, StoreError> {
        self.store.gap(log)
    }

    /// Goes on from a saved state.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn apply_snapshot(&mut self, snapshot: &Snapshot) -> Result<SnapshotOutcome, StoreError> {
        self.store.apply_snapshot(snapshot)
    }

    /// Applies a batch of history.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn apply_history(&mut self, batch: &Batch) -> Result<HistoryOutcome, StoreError> {
        self.store.apply_history(batch)
    }

    /// Forgets what is mirrored of a log.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn drop_log(&mut self, log: LogId) -> Result<(), StoreError> {
        self.store.drop_log(log)
    }

    /// The intents that wait, in their order.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn outbox(&self) -> Result<Vec<OutboxEntry>, StoreError> {
        Ok(self.store.outbox()?.entries)
    }

    /// Makes intents durable. Gives their entries, and the receipts of those that were answered before.
    ///
    /// # Errors
    /// Where they cannot be written; none of them is durable then.
    pub fn queue_intents(
        &mut self,
        intents: &[(Command, OutboxState)],
        queued_at: TimestampMs,
    ) -> Result<(Vec<OutboxEntry>, Vec<Receipt>), StoreError> {
        let queued = self.store.queue_intents(intents, &[], queued_at)?;
        Ok((queued.entries, queued.answered))
    }

    /// Notes that intents may be at the hub.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn mark_sent(&mut self, commands: &[CommandId]) -> Result<(), StoreError> {
        self.store.mark_sent(commands)
    }

    /// Keeps a receipt.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn store_receipt(&mut self, receipt: &Receipt, keeps: bool) -> Result<(), StoreError> {
        self.store.store_receipt(receipt, keeps)
    }

    /// Notes that an intent will never be done.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn refuse_intent(
        &mut self,
        command: CommandId,
        error: &ErrorBody,
        keeps: bool,
    ) -> Result<(), StoreError> {
        self.store.refuse_intent(command, error, keeps)
    }

    /// Takes an intent out.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn remove_intent(&mut self, command: CommandId) -> Result<(), StoreError> {
        self.store.remove_intent(command)
    }

    /// Whether a refusal of this intent stays to be seen.
    pub fn keeps_refusal(body: &CommandBody) -> bool {
        keeps_refusal(body)
    }
}

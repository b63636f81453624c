//! The mirror: a device's copy of its logs in SQLite, the search index over it, and the outbox.
//!
//! It owns `mirror.db` in the device's data directory: one writer thread, and readers for slower work (search, tails). It knows no socket
//! and decides nothing: the sync engine says what to apply, and the session crate what it means.
//!
//! **Invariant:** what the mirror shows is a prefix of what the hub recorded. The mirror is a copy and is not flushed for its own sake: a
//! kill takes nothing back; a power cut may leave an earlier prefix, and the hub sends the rest again. What only this device has is
//! flushed.

mod account_log;
#[cfg(feature = "simulation")]
mod direct;
mod events;
mod excerpt;
mod fault;
mod gap;
mod logs;
mod open_parts;
mod outbox;
mod receipts;
mod recovery;
mod rows;
mod salvage;
mod saving;
mod schema;
mod search;
mod session_log;
mod settings;
mod sql;
mod store;
mod store_outbox;
#[cfg(test)]
mod tests;
mod threads;

use baton_protocol::{Batch, Event, SessionId};
use baton_session::{AccountState, Draft, RowChange, SessionState};

#[cfg(feature = "simulation")]
pub use direct::{AppliedBatch, DirectMirror};
pub(crate) use fault::Fault;
pub use gap::{HistoryOutcome, SnapshotOutcome};
pub(crate) use outbox::Outbox;
pub(crate) use outbox::keeps_refusal;
pub use outbox::{OpaqueIntent, OutboxEntry, OutboxState};
pub(crate) use rows::RowPlace;
pub use search::SearchFound;
pub(crate) use store::{ApplyOutcome, Store};
pub(crate) use threads::{LostLogs, Mirror};

/// Receives commits in order, on the writer's thread. It must not call back into the mirror.
pub(crate) trait MirrorListener: Send + Sync + 'static {
    /// A batch of a session is in the mirror, and the session now ends with it. [`Self::session_changed`] follows.
    fn applied(&self, _session: SessionId, _batch: &Batch, _state: &SessionState) {}
    /// A session is no longer where its last batch left it: another process wrote it.
    fn moved_elsewhere(&self, _session: SessionId) {}
    /// A session's log advanced. `events` is empty if another process wrote them.
    fn session_changed(
        &self,
        session: SessionId,
        changes: &[RowChange],
        state: &SessionState,
        events: &[Event],
    );
    /// The mirror of a session was dropped or replaced: open the session again.
    fn session_dropped(&self, session: SessionId);
    /// The gap of a session was filled: older rows are available now.
    fn history_filled(&self, session: SessionId);
    /// The account's log advanced. `bereft`: drafts in sessions that were deleted.
    fn account_changed(&self, state: &AccountState, bereft: Vec<(SessionId, Draft)>);
}

/// The mirror could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the mirror's database failed")]
    Sqlite(#[from] rusqlite::Error),
    /// The schema could not be migrated.
    #[error("the mirror's schema cannot be brought up to date: {0}")]
    Migration(String),
    /// A newer version of Baton has migrated this mirror.
    #[error("a newer Baton writes this mirror")]
    Newer,
    /// A stored JSON value cannot be parsed.
    #[error("the mirror holds something unreadable")]
    Json(#[from] serde_json::Error),
    /// A plain column holds an invalid value.
    #[error("the mirror holds {0} that is unreadable")]
    Unreadable(&'static str),
    /// A log's events contradict each other.
    #[error("the mirror holds a log that cannot be followed")]
    Unfoldable(#[source] baton_session::FoldError),
    /// The file is damaged.
    #[error("the mirror's file is damaged")]
    Damaged,
    #[error("the mirror's file cannot be used")]
    Io(#[from] std::io::Error),
    #[error("the mirror is closed")]
    Closed,
}

impl StoreError {
    /// What a person can do about it.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Newer => "close this Baton and start the newer one",
            _ => "check that the disk is not full, then restart Baton",
        }
    }
}

impl From<rusqlite::types::FromSqlError> for StoreError {
    fn from(_: rusqlite::types::FromSqlError) -> Self {
        Self::Unreadable("a column")
    }
}

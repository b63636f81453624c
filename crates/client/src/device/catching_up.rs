//! Applies saved states and history to the mirror.

use baton_protocol::{Batch, Cursor, ErrorCode, LogId};
use baton_session::AccountState;

use super::driver::{Driver, position};
use crate::mirror::{HistoryOutcome, SnapshotOutcome, Store, StoreError};
use crate::sync::{Input, Problem, Snapshot};

impl Driver {
    pub(super) async fn apply_snapshot(&mut self, snapshot: Snapshot) {
        let log = snapshot.log;
        let before = (snapshot.after.0 > 0).then_some(Cursor {
            incarnation: snapshot.incarnation,
            seq: snapshot.after,
        });
        let apply = move |store: &mut Store| {
            let outcome = store.apply_snapshot(&snapshot)?;
            let account = match (log, &outcome) {
                (LogId::Account(_), SnapshotOutcome::Applied) => store.account(log)?,
                _ => None,
            };
            Ok((outcome, account))
        };
        let (outcome, account) = match self.mirror.write(apply).await {
            Ok(applied) => applied,
            Err(error) => {
                self.mirror_failed(log, before, &error);
                return self.gap_moved(log).await;
            }
        };
        if let Some(account) = account {
            self.follow_account(&account);
        }
        match outcome {
            SnapshotOutcome::Applied => {}
            SnapshotOutcome::Moved(cursor) => {
                self.gap_moved(log).await;
                self.moved(log, cursor).await;
            }
            SnapshotOutcome::Unfit { stands_at } => {
                tracing::warn!(log = %log, "a saved state of the hub cannot be used: the log is read without it");
                self.feed(Input::SnapshotUnfit(log));
                self.gap_moved(log).await;
                let cursor = stands_at;
                self.feed(Input::MirrorMoved { log, cursor });
            }
        }
    }

    pub(super) async fn apply_history(&mut self, batch: Batch) {
        let log = batch.log;
        let apply = move |store: &mut Store| store.apply_history(&batch);
        match self.mirror.write(apply).await {
            Ok(HistoryOutcome::Applied | HistoryOutcome::Closed) => {}
            Ok(HistoryOutcome::Elsewhere(gap)) => self.feed(Input::GapMoved { log, gap }),
            Ok(HistoryOutcome::Dropped { reason }) => {
                tracing::error!(log = %log, reason, "a log and its saved state differ: its mirror is dropped and fetched anew");
                self.feed(Input::SnapshotUnfit(log));
                self.feed(Input::MirrorMoved { log, cursor: None });
            }
            Err(error) => {
                self.report(&error);
                self.feed(Input::HistoryUnwritten(log));
                self.gap_moved(log).await;
            }
        }
    }

    /// Another process has moved the mirror, so this process may have missed news in the account's log.
    pub(super) async fn moved(&mut self, log: LogId, cursor: Option<Cursor>) {
        if let LogId::Account(_) = log {
            let read = move |store: &mut Store| store.account(log);
            match self.mirror.write(read).await {
                Ok(Some(account)) => self.follow_account(&account),
                Ok(None) => {}
                Err(error) => self.report(&error),
            }
        }
        self.feed(Input::MirrorMoved { log, cursor });
    }

    fn follow_account(&mut self, account: &AccountState) {
        let deleted = account.deleted().iter().copied().collect();
        self.feed(Input::Deleted(deleted));
        let positions = account.sessions().iter().map(position).collect();
        self.feed(Input::Summaries(positions));
    }

    /// Tells the engine the log's current gap.
    async fn gap_moved(&mut self, log: LogId) {
        let look = move |store: &mut Store| store.gap(log);
        if let Ok(gap) = self.mirror.write(look).await {
            self.feed(Input::GapMoved { log, gap });
        }
    }

    pub(super) fn mirror_failed(&mut self, log: LogId, cursor: Option<Cursor>, error: &StoreError) {
        self.report(error);
        self.feed(Input::MirrorMoved { log, cursor });
        let told = ErrorCode::StorageUnavailable.with(error.to_string(), error.hint());
        self.feed(Input::MirrorFailed(match error {
            StoreError::Newer => Problem::lasting(told),
            _ => Problem::passing(told),
        }));
    }
}

//! The writing side of the mirror: one connection, on one thread.
//!
//! **Invariant:** a batch's events, rows, cursor and state commit together or not at all, and only at the cursor that the batch continues.
//! The cursor is compared inside the transaction, so that several processes may share one file.
//!
//! **Invariant:** what only this device knows (intents, whether they were sent, whether a person took them back, settings) is on disk when
//! its commit returns. Copies of the hub's data are not waited for: see [`Flush`].

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use baton_protocol::view::TranscriptRow;
use baton_protocol::{AccountId, Batch, Cursor, LogId, Seq, SessionId};
use baton_session::{AccountState, SessionState};
use rusqlite::Connection;

use super::account_log::AccountLog;
use super::fault::FoldLogError;
use super::rows::RowPlace;
use super::session_log::SessionLog;
use super::{Fault, MirrorListener, StoreError, events, logs, recovery, rows, schema, search};
use crate::limits::LOGS_LOADED_MAX;
use crate::sync::Gap;

/// Result of applying a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ApplyOutcome {
    /// The batch is in the mirror now.
    Applied,
    /// The batch was in the mirror already: another process applied it first.
    Known,
    /// The mirror is at another cursor.
    Moved(Option<Cursor>),
    /// The log did not fold: its mirror was dropped and must be fetched again.
    Dropped {
        /// For the log file.
        reason: String,
    },
}

pub(super) enum Loaded {
    Session(Box<SessionLog>),
    Account(Box<AccountLog>),
}

/// Whether a commit waits for the disk.
///
/// Both kinds share one WAL, and a flush includes everything before it. So a power cut leaves a prefix of the commits, in which each log's
/// events, rows and cursor agree: the mirror is at an earlier cursor and continues from there, and nothing that was flushed lacks what it
/// builds on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Flush {
    /// Flushes: data that only this device has.
    Now,
    /// Waits for the next flush: data that the hub gives again, such as batches and receipts.
    WithTheNext,
}

/// The mirror's writing connection and its state in memory.
pub(crate) struct Store {
    pub(super) conn: Connection,
    flush: Flush,
    pub(super) loaded: HashMap<LogId, Loaded>,
    /// The part before the gap that is being filled.
    pub(super) filling: Option<(SessionId, SessionLog)>,
    /// Logs that were dropped during a read and that the sync engine does not know of yet.
    lost: Vec<LogId>,
    pub(super) listener: Arc<dyn MirrorListener>,
}

/// The last rows of a session, and the state that belongs to them.
pub(crate) struct OpenedSession<'a> {
    pub(crate) rows: Vec<TranscriptRow>,
    pub(crate) has_older: bool,
    pub(crate) state: Option<&'a SessionState>,
}

impl Store {
    pub(super) fn open(
        path: &Path,
        account: AccountId,
        listener: Arc<dyn MirrorListener>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            conn: recovery::open_for(path, account)?,
            flush: Flush::Now,
            loaded: HashMap::new(),
            filling: None,
            lost: Vec::new(),
            listener,
        })
    }

    /// Sets how the next commits reach the disk. Not inside a transaction.
    pub(super) fn flush(&mut self, flush: Flush) -> Result<(), StoreError> {
        if self.flush != flush {
            let level = match flush {
                Flush::Now => "FULL",
                Flush::WithTheNext => "NORMAL",
            };
            self.conn.pragma_update(None, "synchronous", level)?;
            self.flush = flush;
        }
        Ok(())
    }

    /// Adds the next rows of an older mirror to the search index. Returns whether rows remain.
    pub(super) fn index_step(&mut self) -> Result<bool, StoreError> {
        if search::unindexed(&self.conn)? == 0 {
            return Ok(false);
        }
        self.flush(Flush::WithTheNext)?;
        let tx = schema::begin(&mut self.conn)?;
        let is_more = search::step(&tx)?;
        tx.commit()?;
        Ok(is_more)
    }

    pub(crate) fn cursors(&self) -> Result<Vec<(LogId, Cursor)>, StoreError> {
        logs::cursors(&self.conn)
    }

    /// Drops what is only in memory; the tables have everything. A transaction that a panic left open was rolled back during unwinding.
    pub(super) fn forget_memory(&mut self) {
        self.loaded.clear();
        self.filling = None;
    }

    /// Applies a batch and tells the listener what changed.
    pub(crate) fn apply(&mut self, batch: &Batch) -> Result<ApplyOutcome, StoreError> {
        let outcome = match batch.log {
            LogId::Session(session) => self.apply_session(session, batch),
            LogId::Account(_) => self.apply_account(batch),
        };
        match outcome {
            Ok(outcome) => Ok(outcome),
            Err(error) => Ok(ApplyOutcome::Dropped {
                reason: self.drop_unreadable(batch.log, error)?,
            }),
        }
    }

    /// Drops a log that cannot be read, and returns the reason. Passes any other error to the caller.
    pub(super) fn drop_unreadable(
        &mut self,
        log: LogId,
        error: FoldLogError,
    ) -> Result<String, StoreError> {
        // Memory may now be ahead of the table.
        self.loaded.remove(&log);
        self.filling
            .take_if(|(session, _)| LogId::Session(*session) == log);
        if error.fault() != Fault::Content {
            return Err(error.into());
        }
        self.drop_log(log)?;
        Ok(error.to_string())
    }

    /// Reads a log. One that cannot be read is dropped and then read as empty.
    fn reading<R>(
        &mut self,
        log: LogId,
        read: impl Fn(&mut Self) -> Result<R, FoldLogError>,
    ) -> Result<R, StoreError> {
        let error = match read(self) {
            Ok(read) => return Ok(read),
            Err(error) => error,
        };
        let reason = self.drop_unreadable(log, error)?;
        tracing::warn!(log.id = %log, reason, "a log of the mirror cannot be read: it is fetched again");
        self.lost.push(log);
        read(self).map_err(StoreError::from)
    }

    /// Drops a log that another connection could not read.
    pub(super) fn forget_unreadable(&mut self, log: LogId) -> Result<(), StoreError> {
        self.drop_log(log)?;
        self.lost.push(log);
        Ok(())
    }

    /// Takes the logs that were dropped during reads since the last call.
    pub(super) fn take_lost(&mut self) -> Vec<LogId> {
        std::mem::take(&mut self.lost)
    }

    fn apply_session(
        &mut self,
        session: SessionId,
        batch: &Batch,
    ) -> Result<ApplyOutcome, FoldLogError> {
        self.flush(Flush::WithTheNext)?;
        let tx = schema::begin(&mut self.conn)?;
        let stands_at = logs::cursor(&tx, batch.log)?.map(|(_, cursor)| cursor);
        if let Some(outcome) = misfit(stands_at, batch) {
            drop(tx);
            self.follow_other_process(batch.log)?;
            return Ok(outcome);
        }
        let mut log = match self.loaded.remove(&batch.log) {
            Some(Loaded::Session(log)) if Some(log.cursor) == stands_at => *log,
            _ => match logs::find(&tx, batch.log)? {
                Some(row) => SessionLog::load(&tx, row)?,
                None => SessionLog::create(&tx, batch.log, start_of(batch))?,
            },
        };
        let changes = log.apply(&tx, batch)?;
        tx.commit().map_err(StoreError::from)?;
        self.listener.applied(session, batch, &log.state);
        self.listener
            .session_changed(session, &changes, &log.state, &batch.events);
        self.keep(batch.log, Loaded::Session(Box::new(log)));
        Ok(ApplyOutcome::Applied)
    }

    fn apply_account(&mut self, batch: &Batch) -> Result<ApplyOutcome, FoldLogError> {
        self.flush(Flush::WithTheNext)?;
        let tx = schema::begin(&mut self.conn)?;
        let stands_at = logs::cursor(&tx, batch.log)?.map(|(_, cursor)| cursor);
        if let Some(outcome) = misfit(stands_at, batch) {
            drop(tx);
            self.follow_other_process(batch.log)?;
            return Ok(outcome);
        }
        let mut log = match self.loaded.remove(&batch.log) {
            Some(Loaded::Account(log)) if Some(log.cursor) == stands_at => *log,
            _ => match logs::find(&tx, batch.log)? {
                Some(row) => AccountLog::load(&tx, row)?,
                None => AccountLog::create(&tx, batch.log, start_of(batch))?,
            },
        };
        log.apply(&tx, batch)?;
        tx.commit().map_err(StoreError::from)?;
        let bereft = log.take_bereft();
        self.listener.account_changed(&log.state, bereft);
        self.keep(batch.log, Loaded::Account(Box::new(log)));
        Ok(ApplyOutcome::Applied)
    }

    /// Keeps a log in memory. Beyond [`LOGS_LOADED_MAX`] all other sessions leave memory, and are loaded again when needed.
    pub(super) fn keep(&mut self, log: LogId, loaded: Loaded) {
        if self.loaded.len() >= LOGS_LOADED_MAX && !self.loaded.contains_key(&log) {
            self.loaded
                .retain(|_, loaded| matches!(loaded, Loaded::Account(_)));
        }
        self.loaded.insert(log, loaded);
    }

    /// Another process wrote the table: brings memory and listeners up to date.
    fn follow_other_process(&mut self, log: LogId) -> Result<(), FoldLogError> {
        if let LogId::Session(session) = log {
            // Even if the session is not in memory.
            self.listener.moved_elsewhere(session);
        }
        let Some(row) = logs::find(&self.conn, log)? else {
            self.loaded.remove(&log);
            return Ok(());
        };
        match (log, self.loaded.remove(&log)) {
            (LogId::Session(session), Some(Loaded::Session(mut memory))) => {
                let upto = row.cursor;
                let same = memory.cursor.incarnation == upto.incarnation;
                // The other process left a gap beyond memory's cursor, so memory cannot fold up to the new cursor.
                let floor = row.gap.map_or(Seq::ZERO, |gap| gap.floor);
                let is_near = (floor..=upto.seq).contains(&memory.cursor.seq);
                let followed = match same && is_near {
                    true => memory.follow_table(&self.conn, upto).ok(),
                    false => None,
                };
                match followed {
                    Some(changes) => {
                        self.listener
                            .session_changed(session, &changes, &memory.state, &[]);
                    }
                    None => {
                        let read = self.read_session(log)?;
                        self.listener.session_dropped(session);
                        let Some(loaded) = read else {
                            return Ok(());
                        };
                        *memory = loaded;
                    }
                }
                self.keep(log, Loaded::Session(memory));
            }
            (LogId::Account(_), Some(Loaded::Account(_))) => {
                let mut account = AccountLog::load(&self.conn, row)?;
                let bereft = account.take_bereft();
                self.listener.account_changed(&account.state, bereft);
                self.keep(log, Loaded::Account(Box::new(account)));
            }
            _ => {}
        }
        Ok(())
    }

    /// Drops the mirror of a log.
    pub(crate) fn drop_log(&mut self, log: LogId) -> Result<(), StoreError> {
        self.loaded.remove(&log);
        self.filling
            .take_if(|(session, _)| LogId::Session(*session) == log);
        self.flush(Flush::WithTheNext)?;
        let tx = schema::begin(&mut self.conn)?;
        if let Some(key) = logs::key(&tx, log)? {
            rows::delete_all(&tx, key)?;
            events::delete_all(&tx, key)?;
            logs::delete(&tx, key)?;
        }
        tx.commit()?;
        if let LogId::Session(session) = log {
            self.listener.session_dropped(session);
        }
        Ok(())
    }

    /// The last rows of a session and its state, from which the next change continues.
    pub(crate) fn open_session(
        &mut self,
        session: SessionId,
        rows: u32,
    ) -> Result<OpenedSession<'_>, StoreError> {
        let log = LogId::Session(session);
        let (rows, has_older) =
            self.reading(log, |store| store.rows_of(log, RowPlace::END, rows))?;
        let state = match self.loaded.get(&log) {
            Some(Loaded::Session(loaded)) => Some(&loaded.state),
            _ => None,
        };
        Ok(OpenedSession {
            rows,
            has_older,
            state,
        })
    }

    /// A session's rows before a place, and whether there are older ones.
    pub(crate) fn rows_before(
        &mut self,
        session: SessionId,
        place: RowPlace,
        limit: u32,
    ) -> Result<(Vec<TranscriptRow>, bool), StoreError> {
        let log = LogId::Session(session);
        self.reading(log, |store| store.rows_of(log, place, limit))
    }

    fn rows_of(
        &mut self,
        log: LogId,
        place: RowPlace,
        limit: u32,
    ) -> Result<(Vec<TranscriptRow>, bool), FoldLogError> {
        self.load_session(log)?;
        match self.loaded.get(&log) {
            Some(Loaded::Session(loaded)) => Ok(loaded.rows_before(&self.conn, place, limit)?),
            _ => Ok((Vec::new(), false)),
        }
    }

    /// Reads a session from the table in one transaction: a state of an older version is folded again, and half of that would leave the
    /// index with words whose rows are missing.
    fn read_session(&mut self, log: LogId) -> Result<Option<SessionLog>, FoldLogError> {
        let tx = schema::begin(&mut self.conn)?;
        let Some(row) = logs::find(&tx, log)? else {
            return Ok(None);
        };
        let loaded = SessionLog::load(&tx, row)?;
        tx.commit().map_err(StoreError::from)?;
        Ok(Some(loaded))
    }

    /// Loads a session into memory from the table.
    fn load_session(&mut self, log: LogId) -> Result<(), FoldLogError> {
        if let Some(Loaded::Session(loaded)) = self.loaded.get(&log) {
            let stands_at = logs::cursor(&self.conn, log)?.map(|(_, cursor)| cursor);
            if stands_at == Some(loaded.cursor) || self.follow_other_process(log).is_ok() {
                return Ok(());
            }
            self.loaded.remove(&log);
        }
        if let Some(loaded) = self.read_session(log)? {
            self.keep(log, Loaded::Session(Box::new(loaded)));
        }
        Ok(())
    }

    /// The account's state at the mirror's cursor.
    pub(crate) fn account(&mut self, log: LogId) -> Result<Option<AccountState>, StoreError> {
        self.reading(log, |store| {
            let Some(row) = logs::find(&store.conn, log)? else {
                return Ok(None);
            };
            let loaded = AccountLog::load(&store.conn, row)?;
            let state = loaded.state.clone();
            store.keep(log, Loaded::Account(Box::new(loaded)));
            Ok(Some(state))
        })
    }

    /// A log's gap.
    pub(crate) fn gap(&mut self, log: LogId) -> Result<Option<Gap>, StoreError> {
        self.reading(log, |store| {
            Ok(match logs::cursor(&store.conn, log)? {
                Some((key, _)) => logs::gap(&store.conn, key)?,
                None => None,
            })
        })
    }
}

/// The outcome of a batch that does not continue the table; `None` if it does.
fn misfit(stands_at: Option<Cursor>, batch: &Batch) -> Option<ApplyOutcome> {
    match stands_at {
        None if batch.after.0 == 0 => None,
        Some(cursor) if cursor.incarnation == batch.incarnation && cursor.seq == batch.after => {
            None
        }
        Some(cursor) if cursor.incarnation == batch.incarnation && cursor.seq >= batch.upto => {
            Some(ApplyOutcome::Known)
        }
        stands_at => Some(ApplyOutcome::Moved(stands_at)),
    }
}

fn start_of(batch: &Batch) -> Cursor {
    Cursor {
        incarnation: batch.incarnation,
        seq: batch.after,
    }
}

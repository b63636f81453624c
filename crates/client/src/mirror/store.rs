//! The writing side of the mirror: one connection, on one thread.
//!
//! **Invariant:** a batch's events, rows, cursor and state commit together or not at all, and only on top of the cursor that it
//! continues. The cursor is compared inside the transaction, so that several processes may share one file.
//!
//! **Invariant:** what only this device knows (intents, marks that one was sent, what a person took back, settings) is at the disk when
//! its commit returns. A copy of what the hub has is not waited for: see [`Flush`].

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

/// What became of a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ApplyOutcome {
    /// It is in the mirror now.
    Applied,
    /// It was there already: another process was first.
    Known,
    /// The mirror stands elsewhere.
    Moved(Option<Cursor>),
    /// The log did not fold: what was mirrored of it is gone, and it must come anew.
    Dropped {
        /// Why, for the log file.
        reason: String,
    },
}

pub(super) enum Loaded {
    Session(Box<SessionLog>),
    Account(Box<AccountLog>),
}

/// Whether a commit waits for the disk.
///
/// Both kinds go into one WAL, and a flush takes everything before it along. So a power cut leaves a prefix of the commits, in which a
/// log's events, rows and cursor stand together: the mirror is at an earlier cursor and goes on from there, and nothing that was
/// flushed is without what it builds on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Flush {
    /// What only this device knows.
    Now,
    /// What the hub gives again: batches, receipts.
    WithTheNext,
}

/// Owns the mirror's writing connection.
pub(crate) struct Store {
    pub(super) conn: Connection,
    flush: Flush,
    pub(super) loaded: HashMap<LogId, Loaded>,
    /// What stands in front of the gap that is being filled.
    pub(super) filling: Option<(SessionId, SessionLog)>,
    /// Logs that were dropped while they were read: the sync engine does not know yet.
    lost: Vec<LogId>,
    pub(super) listener: Arc<dyn MirrorListener>,
}

/// The last rows of a session, and the state at them.
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

    /// Says how what is committed next reaches the disk. Not inside a transaction.
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

    /// Takes the next rows of an earlier mirror into the search index. Gives whether more are left.
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

    /// Drops what is in memory only; the tables have everything. A transaction that a panic left open was rolled back on the way.
    pub(super) fn forget_memory(&mut self) {
        self.loaded.clear();
        self.filling = None;
    }

    /// Applies a batch and tells the listener what it changed.
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

    /// Drops a log that cannot be read, and gives why. Any other error is the caller's.
    pub(super) fn drop_unreadable(
        &mut self,
        log: LogId,
        error: FoldLogError,
    ) -> Result<String, StoreError> {
        // Memory may be ahead of the table now.
        self.loaded.remove(&log);
        self.filling
            .take_if(|(session, _)| LogId::Session(*session) == log);
        if error.fault() != Fault::Content {
            return Err(error.into());
        }
        self.drop_log(log)?;
        Ok(error.to_string())
    }

    /// Reads a log. One that cannot be read is dropped, and read again as one of which nothing is here.
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

    /// Logs that were dropped while they were read, since this was asked last.
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

    /// Keeps a log in memory; past the bound the others are loaded again when they are needed.
    pub(super) fn keep(&mut self, log: LogId, loaded: Loaded) {
        if self.loaded.len() >= LOGS_LOADED_MAX && !self.loaded.contains_key(&log) {
            self.loaded
                .retain(|_, loaded| matches!(loaded, Loaded::Account(_)));
        }
        self.loaded.insert(log, loaded);
    }

    /// Another process wrote the table: memory and listeners follow it.
    fn follow_other_process(&mut self, log: LogId) -> Result<(), FoldLogError> {
        if let LogId::Session(session) = log {
            // Also where it is not in memory.
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
                // Behind a gap that the other process made there is nothing to fold from here.
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

    /// Forgets what is mirrored of a log.
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

    /// The last rows of a session and its state, as the next change will continue them.
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

    /// Older rows of a session, and whether there are still older ones.
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

    /// A session as the table has it. In one piece: a state of an older version is folded anew, and half of that would leave the index of
    /// words without the rows that they are of.
    fn read_session(&mut self, log: LogId) -> Result<Option<SessionLog>, FoldLogError> {
        let tx = schema::begin(&mut self.conn)?;
        let Some(row) = logs::find(&tx, log)? else {
            return Ok(None);
        };
        let loaded = SessionLog::load(&tx, row)?;
        tx.commit().map_err(StoreError::from)?;
        Ok(Some(loaded))
    }

    /// Brings a session into memory as the table has it.
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

    /// What the mirror lacks of a log.
    pub(crate) fn gap(&mut self, log: LogId) -> Result<Option<Gap>, StoreError> {
        self.reading(log, |store| {
            Ok(match logs::cursor(&store.conn, log)? {
                Some((key, _)) => logs::gap(&store.conn, key)?,
                None => None,
            })
        })
    }
}

/// What a batch is to a table that it does not continue.
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

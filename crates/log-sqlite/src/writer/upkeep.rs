//! Maintenance between groups. It changes how data is stored, not what is stored, and the log works as well without it.

use std::time::{Duration, Instant};

use baton_log::{DeleteError, Sealing};
use baton_protocol::LogId;
use rusqlite::ErrorCode;

use super::transaction::{self, Fault, FlushFailed, Work};
use super::{PAGE_WAL_BYTES, Writer, delete, seal};
use crate::tables::places;
use crate::tables::unsealed_parts::ClosedPart;

/// Idle time after which parts are sealed.
const SEAL_IDLE: Duration = Duration::from_millis(20);

/// Number of unsealed parts above which some are sealed although the writer is busy.
const SEAL_BACKLOG_MAX: usize = 256;

/// Parts sealed in one transaction. An append that arrives meanwhile waits for it.
const SEAL_PARTS_MAX: usize = 16;

/// Pause of a maintenance task after a failure.
const REST: Duration = Duration::from_secs(10);

/// Bytes written to the WAL after which it is checkpointed. Less than the WAL's initial size.
const CHECKPOINT_BYTES: usize = 6 * 1024 * 1024;

/// Bytes that sealing a part writes to the WAL: the sealed text, and the pages of its appends.
const SEAL_WAL_BYTES: usize = 3 * PAGE_WAL_BYTES;

/// Arrivals placed in one transaction. More would share pages better, but an append that arrives meanwhile waits: some ten
/// milliseconds.
const PLACE_TOGETHER: usize = 4096;

/// Bytes that a place costs in the WAL if a thousand logs are being written at once.
const PLACE_WAL_BYTES: usize = 512;

/// Deleting the rows of deleted logs takes one part in this many of the writer's time. At this share, less than one append in a hundred
/// meets a step, and a hundred thousand rows are deleted within a minute or two.
const DELETE_TIME_SHARE: u32 = 128;

/// The earliest time at which a maintenance task may run again.
#[derive(Default)]
pub(super) struct Rest(Option<Instant>);

impl Rest {
    /// The remaining pause.
    fn left(&self) -> Duration {
        let left = |until: Instant| until.saturating_duration_since(Instant::now());
        self.0.map_or(Duration::ZERO, left)
    }

    fn is_over(&self) -> bool {
        self.left().is_zero()
    }

    fn begin(&mut self, length: Duration) {
        self.0 = Some(Instant::now() + length);
    }
}

impl Writer {
    /// How long the writer must be idle before its next maintenance; `None` if nothing needs maintenance.
    pub(super) fn idle_wait(&self) -> Option<Duration> {
        let seal = self.wants_to_seal().then_some(SEAL_IDLE);
        let delete = self.next_deletion_in();
        seal.into_iter().chain(delete).min()
    }

    /// Does the maintenance that waits for an idle moment.
    pub(super) fn look_after_when_idle(&mut self) {
        if self.wants_to_seal() {
            self.seal_some();
        }
    }

    /// Does the maintenance that must not wait for an idle moment.
    pub(super) fn look_after_what_is_due(&mut self) {
        if self.backlog.len() > SEAL_BACKLOG_MAX && self.wants_to_seal() {
            self.seal_some();
        }
        if self.shared.unplaced.count() >= PLACE_TOGETHER {
            self.place();
        }
        if self.next_deletion_in() == Some(Duration::ZERO) {
            self.delete_some();
        }
        if self.bytes_since_checkpoint > CHECKPOINT_BYTES {
            self.checkpoint();
        }
    }

    /// Empties the page cache. It may keep what the disk returned wrongly for a moment, and would make the connection fail again.
    pub(super) fn forget_cache(&self) {
        if let Err(error) = self.connection.execute_batch("PRAGMA shrink_memory") {
            tracing::warn!(%error, "the writer's cache could not be emptied");
        }
    }

    fn wants_to_seal(&self) -> bool {
        let allowed = self.sealing == Sealing::ByItself && !self.shared.health.has_stopped();
        allowed && !self.backlog.is_empty() && self.seal_rest.is_over()
    }

    pub(super) fn seal_all(&mut self) {
        while !self.backlog.is_empty() && !self.shared.health.has_stopped() {
            let before = self.backlog.len();
            self.seal_some();
            if self.backlog.len() == before {
                return;
            }
        }
    }

    fn seal_some(&mut self) {
        let count = self.backlog.len().min(SEAL_PARTS_MAX);
        let parts: Vec<ClosedPart> = self.backlog.range(..count).copied().collect();
        match seal::seal_parts(&self.connection, &self.shared.unplaced, &parts) {
            Ok(()) => {
                self.backlog.drain(..count);
                self.bytes_since_checkpoint += count * SEAL_WAL_BYTES;
            }
            Err(Fault::RolledBack(error)) => {
                self.seal_rest.begin(REST);
                tracing::warn!(%error, "parts stay unsealed for now");
            }
            Err(Fault::Flush(failed)) => self.stop(&failed),
        }
    }

    /// Writes the places of all arrivals. The log works without them: they are in memory, and the next start rebuilds them from the
    /// arrivals.
    pub(super) fn place(&mut self) {
        if !self.place_rest.is_over() || self.shared.health.has_stopped() {
            return;
        }
        let count = self.shared.unplaced.count();
        if count == 0 {
            return;
        }
        let placing = transaction::transact(&self.connection, |connection| {
            places::place_all(connection).map(Work::Keep)
        });
        match placing {
            Ok(_) => {
                self.shared.unplaced.placed();
                self.bytes_since_checkpoint += count * PLACE_WAL_BYTES;
            }
            Err(Fault::RolledBack(error)) => {
                self.place_rest.begin(REST);
                tracing::warn!(%error, "events stay without their places for now");
            }
            Err(Fault::Flush(failed)) => self.stop(&failed),
        }
    }

    /// Hides a log from every later request. Its rows are deleted later.
    pub(super) fn delete(&mut self, id: LogId) -> Result<(), DeleteError> {
        if self.shared.health.has_stopped() {
            return Err(DeleteError::Failed);
        }
        let unplaced = self.shared.unplaced.count();
        match delete::begin(&self.connection, id) {
            Ok(None) => Ok(()),
            Ok(Some(log)) => {
                self.shared.unplaced.placed();
                self.shared.tail_runs.deleted(id);
                self.groups.forget(id);
                self.backlog.retain(|part| part.log != log);
                self.deletions.push(log);
                self.bytes_since_checkpoint += unplaced * PLACE_WAL_BYTES + 4 * PAGE_WAL_BYTES;
                Ok(())
            }
            Err(Fault::RolledBack(error)) => Err(refusal(error)),
            Err(Fault::Flush(failed)) => {
                self.stop(&failed);
                Err(DeleteError::Failed)
            }
        }
    }

    /// Time until the next deletion step; `None` if there is nothing to delete.
    fn next_deletion_in(&self) -> Option<Duration> {
        let is_on = !self.deletions.is_empty() && !self.shared.health.has_stopped();
        is_on.then(|| self.delete_rest.left())
    }

    pub(super) fn delete_all(&mut self) {
        loop {
            let sound = self.deletions.sound();
            // A log whose step failed does not hold up the others.
            let goes_on = self.delete_some() == Progress::Made || self.deletions.sound() < sound;
            if !goes_on || self.shared.health.has_stopped() {
                return;
            }
            if self.bytes_since_checkpoint > CHECKPOINT_BYTES {
                self.checkpoint();
            }
        }
    }

    fn delete_some(&mut self) -> Progress {
        if self.deletions.is_empty() {
            return Progress::None;
        }
        let (began, sound) = (Instant::now(), self.deletions.sound());
        match self.deletions.step(&self.connection) {
            Ok(step) => {
                self.bytes_since_checkpoint += step.pages * PAGE_WAL_BYTES;
                self.delete_rest.begin(began.elapsed() * DELETE_TIME_SHARE);
                Progress::Made
            }
            Err(Fault::RolledBack(error)) => {
                self.delete_rest.begin(REST);
                // Only at a log's first failure: data that is damaged on the disk does not recover.
                if self.deletions.sound() < sound {
                    self.forget_cache();
                }
                tracing::warn!(%error, "rows of a deleted log stay for now");
                Progress::None
            }
            Err(Fault::Flush(failed)) => {
                self.stop(&failed);
                Progress::None
            }
        }
    }

    /// Checkpoints the WAL, as far as readers do not need it.
    fn checkpoint(&mut self) {
        self.bytes_since_checkpoint = 0;
        if self.shared.health.has_stopped() {
            return;
        }
        let done = self
            .connection
            .prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")
            .and_then(|mut checkpoint| checkpoint.query_row([], |_| Ok(())));
        match done {
            Ok(()) => {}
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) => {
                tracing::warn!(%error, "the log's WAL grows: the database cannot");
            }
            Err(error) => self.stop(&FlushFailed(error)),
        }
    }
}

/// Whether a step was done, so that another may follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Progress {
    Made,
    None,
}

fn refusal(error: rusqlite::Error) -> DeleteError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => DeleteError::DiskFull,
        _ => DeleteError::Unavailable(Box::new(error)),
    }
}

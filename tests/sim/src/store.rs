//! The hub's disk: a real event log, and everything that a disk does to one.

use anyhow::{Context as _, Result};
use baton_log::{
    AppendError, AppendRequest, Appended, EventLog, LogHead, MemoryEventLog, ReadError, ReadLimit,
    Sealing, StoredReceipt,
};
use baton_log_sqlite::{SqliteEventLog, SqliteOptions};
use baton_protocol::{Batch, CommandId, LogId, Seq};
use futures::FutureExt as _;
use tokio::runtime::Runtime;

use crate::plan::{AtCommit, StoreKind};

/// Why a write gave nothing.
#[derive(Debug)]
pub enum StoreFault {
    /// The log says so.
    Log(AppendError),
    /// The hub's process died at it.
    Crashed,
}

/// What came of an append.
pub struct Stored {
    /// What is in the log now, whatever the hub was told.
    pub recorded: Option<Appended>,
    /// What the hub was told; `Ok` only where something was recorded.
    pub told: Result<(), StoreFault>,
}

enum Backend {
    Memory(MemoryEventLog),
    Sqlite {
        runtime: Runtime,
        log: Option<SqliteEventLog>,
        folder: tempfile::TempDir,
    },
}

/// The disk.
pub struct Store {
    backend: Backend,
    backup: Option<MemoryEventLog>,
    full_until_ms: u64,
    refusals: u64,
    fails: Option<bool>,
    failed: bool,
    crash: Option<(u64, AtCommit)>,
}

impl Store {
    /// An empty one.
    pub fn new(kind: StoreKind) -> Result<Self> {
        let backend = match kind {
            StoreKind::Memory => Backend::Memory(MemoryEventLog::with_sealing(Sealing::WhenAsked)),
            StoreKind::Sqlite => {
                let folder = tempfile::tempdir().context("no temporary folder")?;
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .context("no runtime")?;
                let log = Some(open(&folder)?);
                Backend::Sqlite {
                    runtime,
                    log,
                    folder,
                }
            }
        };
        Ok(Self {
            backend,
            backup: None,
            full_until_ms: 0,
            refusals: 0,
            fails: None,
            failed: false,
            crash: None,
        })
    }

    /// Records, or does what a disk does instead.
    pub fn append(&mut self, now_ms: u64, request: AppendRequest) -> Stored {
        let (recorded, told) = self.write(now_ms, |store| store.append_for_real(request));
        Stored { recorded, told }
    }

    /// Deletes, or does what a disk does instead. Says whether the log is gone now, and what the hub was told.
    pub fn delete(&mut self, now_ms: u64, log: LogId) -> (bool, Result<(), StoreFault>) {
        let (gone, told) = self.write(now_ms, |store| store.delete_for_real(log));
        (gone.is_some(), told)
    }

    /// What was written, whatever the hub was told; told `Ok` only where it was.
    fn write<T>(
        &mut self,
        now_ms: u64,
        for_real: impl FnOnce(&Self) -> Result<T, AppendError>,
    ) -> (Option<T>, Result<(), StoreFault>) {
        let refused = |error| (None, Err(StoreFault::Log(error)));
        if self.failed {
            return refused(AppendError::Failed);
        }
        if now_ms < self.full_until_ms {
            return refused(AppendError::DiskFull);
        }
        if self.refusals > 0 {
            self.refusals -= 1;
            return refused(AppendError::Unavailable("refused by the simulation".into()));
        }
        let crashes = self.crash_due();
        if crashes == Some(AtCommit::Before) {
            return (None, Err(StoreFault::Crashed));
        }
        let fails = self.fails.take();
        if let Some(recorded) = fails {
            self.failed = true;
            if !recorded {
                return refused(AppendError::Failed);
            }
        }
        let written = match for_real(self) {
            Ok(written) => written,
            Err(error) => return refused(error),
        };
        let told = match (fails, crashes) {
            (Some(_), _) => Err(StoreFault::Log(AppendError::Failed)),
            (None, Some(AtCommit::After)) => Err(StoreFault::Crashed),
            (None, _) => Ok(()),
        };
        (Some(written), told)
    }

    fn crash_due(&mut self) -> Option<AtCommit> {
        let (commits, at) = self.crash.as_mut()?;
        if *commits > 0 {
            *commits -= 1;
            return None;
        }
        let at = *at;
        self.crash = None;
        Some(at)
    }

    fn delete_for_real(&self, log: LogId) -> Result<(), AppendError> {
        let deleted = match &self.backend {
            Backend::Memory(memory) => at_once(memory.delete(log)),
            Backend::Sqlite {
                runtime,
                log: Some(sqlite),
                ..
            } => runtime.block_on(sqlite.delete(log)),
            Backend::Sqlite { log: None, .. } => return Err(AppendError::Failed),
        };
        deleted.map_err(|error| AppendError::Unavailable(error.into()))
    }

    fn append_for_real(&self, request: AppendRequest) -> Result<Appended, AppendError> {
        match &self.backend {
            Backend::Memory(log) => at_once(log.append(request)),
            Backend::Sqlite { runtime, log, .. } => match log {
                Some(log) => runtime.block_on(log.append(request)),
                None => Err(AppendError::Failed),
            },
        }
    }

    fn read_for_real<T>(
        &self,
        memory: impl FnOnce(&MemoryEventLog) -> Result<T, ReadError>,
        sqlite: impl FnOnce(&Runtime, &SqliteEventLog) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        if self.failed {
            return Err(ReadError::Failed);
        }
        match &self.backend {
            Backend::Memory(log) => memory(log),
            Backend::Sqlite { runtime, log, .. } => match log {
                Some(log) => sqlite(runtime, log),
                None => Err(ReadError::Failed),
            },
        }
    }

    /// As [`EventLog::read`].
    pub fn read(&self, log: LogId, after: Seq, limit: ReadLimit) -> Result<Batch, ReadError> {
        self.read_for_real(
            |memory| at_once(memory.read(log, after, limit)),
            |runtime, sqlite| runtime.block_on(sqlite.read(log, after, limit)),
        )
    }

    /// As [`EventLog::head`].
    pub fn head(&self, log: LogId) -> Result<Option<LogHead>, ReadError> {
        self.read_for_real(
            |memory| at_once(memory.head(log)),
            |runtime, sqlite| runtime.block_on(sqlite.head(log)),
        )
    }

    /// As [`EventLog::receipt`].
    pub fn receipt(
        &self,
        log: LogId,
        command: CommandId,
    ) -> Result<Option<StoredReceipt>, ReadError> {
        self.read_for_real(
            |memory| at_once(memory.receipt(log, command)),
            |runtime, sqlite| runtime.block_on(sqlite.receipt(log, command)),
        )
    }

    /// As [`EventLog::logs`], in a fixed order.
    pub fn logs(&self) -> Result<Vec<LogId>, ReadError> {
        let mut logs = self.read_for_real(
            |memory| at_once(memory.logs()),
            |runtime, sqlite| runtime.block_on(sqlite.logs()),
        )?;
        logs.sort();
        Ok(logs)
    }

    /// Seals what is closed.
    pub fn seal(&self) {
        match &self.backend {
            Backend::Memory(log) => log.seal_closed_parts(),
            Backend::Sqlite { runtime, log, .. } => {
                if let Some(log) = log {
                    runtime.block_on(log.seal_closed_parts());
                }
            }
        }
    }

    /// The hub's process is gone, and with it whatever was wrong in it.
    pub fn process_died(&mut self) -> Result<()> {
        self.failed = false;
        if let Backend::Sqlite { log, folder, .. } = &mut self.backend {
            drop(log.take());
            *log = Some(open(folder)?);
        }
        Ok(())
    }

    /// Keeps a copy of all there is. The embedded database is not copied.
    pub fn back_up(&mut self) -> bool {
        match &self.backend {
            Backend::Memory(log) => {
                self.backup = Some(log.backup());
                true
            }
            Backend::Sqlite { .. } => false,
        }
    }

    /// Puts the last copy in the place of what there is.
    pub fn restore(&mut self, keeps_incarnation: bool) -> bool {
        let Some(backup) = &self.backup else {
            return false;
        };
        let restored = match keeps_incarnation {
            true => backup.backup(),
            false => backup.restored(),
        };
        self.backend = Backend::Memory(restored);
        true
    }

    /// Nothing can be written until then.
    pub fn full_until(&mut self, until_ms: u64) {
        self.full_until_ms = until_ms;
    }

    /// The next appends are refused.
    pub fn refuse(&mut self, count: u64) {
        self.refusals = count;
    }

    /// The next flush fails, whether its events are on the disk or not.
    pub fn fail_next(&mut self, recorded: bool) {
        self.fails = Some(recorded);
    }

    /// Whether a flush has failed.
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    /// The process dies at one of the next commits.
    pub fn crash_at(&mut self, commits: u64, at: AtCommit) {
        self.crash = Some((commits, at));
    }

    /// From now on the disk is a good one.
    pub fn heal(&mut self) {
        self.full_until_ms = 0;
        self.refusals = 0;
        self.fails = None;
        self.crash = None;
    }
}

fn open(folder: &tempfile::TempDir) -> Result<SqliteEventLog> {
    let options = SqliteOptions {
        sealing: Sealing::WhenAsked,
        ..SqliteOptions::default()
    };
    SqliteEventLog::open_with(folder.path(), options).context("the log cannot be opened")
}

/// The log in memory never waits.
fn at_once<T>(answer: impl Future<Output = T>) -> T {
    answer
        .now_or_never()
        .expect("the log in memory answers at once")
}

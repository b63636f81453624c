//! The log as others see it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use baton_log::recording::Recording;
use baton_log::{
    AppendError, AppendRequest, Appended, CopyError, DeleteError, EventLog, LogHead, ReadError,
    ReadLimit, SavedState, StoredReceipt,
};
use baton_protocol::{Batch, CommandId, LogId, Seq};
use rusqlite::Connection;
use tokio::sync::{Semaphore, oneshot};

use crate::copy;
use crate::examine;
use crate::open::{self, OpenError, Opened, SqliteOptions};
use crate::reader::{self, Beforehand, Readers};
use crate::tables::events::SEQ_MAX;
use crate::tail_runs::TailRuns;
use crate::unplaced::Unplaced;
use crate::writer::Backlog;
use crate::writer::request::{Message, Rows, WriteRequest};
use crate::writer::thread::{Health, Shared, WriterGone, WriterThread};

/// Connections that read. Reads are short; more would only wait for the same disk.
const READERS: usize = 4;

/// KiB of requests that wait for the writer; beyond it appends wait before they are queued. A few groups' worth.
const QUEUE_KIB_MAX: u32 = 64 * 1024;

/// An event log in one directory. It has it for itself: another process that opens it is told so.
///
/// Dropping it blocks until the writer has committed what it was given.
pub struct SqliteEventLog {
    // Dropped first, so that nothing writes when the lock is given back.
    writer: WriterThread,
    readers: Readers,
    shared: Shared,
    room: Arc<Semaphore>,
    database: PathBuf,
    _lock: File,
}

impl SqliteEventLog {
    /// Opens or makes the log in a directory, which becomes private to its owner. Blocks.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        Self::open_with(directory, SqliteOptions::default())
    }

    /// The same with options.
    pub fn open_with(directory: &Path, options: SqliteOptions) -> Result<Self, OpenError> {
        let Opened {
            lock,
            writer: connection,
            readers,
        } = open::open(directory, options, READERS)?;
        let shared = Shared {
            health: Health::default(),
            tail_runs: TailRuns::default(),
            unplaced: Unplaced::load(&connection)?,
        };
        let backlog = Backlog::load(&connection)?;
        let started = WriterThread::start(connection, shared.clone(), options.sealing, backlog);
        let database = open::database_in(directory);
        Ok(Self {
            writer: started.map_err(OpenError::Thread)?,
            readers: Readers::new(&database, readers),
            shared,
            room: Arc::new(Semaphore::new(QUEUE_KIB_MAX as usize)),
            database,
            _lock: lock,
        })
    }

    /// Seals every closed part, gives every event its place and takes away what is left of deleted logs. Returns when that is done, was
    /// refused, or the log has stopped.
    pub async fn seal_closed_parts(&self) {
        let (done, settled) = oneshot::channel();
        if self.writer.send(Message::SettleAll(done)).is_ok() {
            // An error is a writer that is gone, and with it what was asked.
            let _ = settled.await;
        }
    }

    async fn answer<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        if self.shared.health.has_stopped() {
            return Err(ReadError::Failed);
        }
        let answer = self.readers.run(read).await;
        // A read that began before the log stopped may have seen what is in doubt.
        if self.shared.health.has_stopped() {
            return Err(ReadError::Failed);
        }
        answer
    }
}

#[async_trait]
impl EventLog for SqliteEventLog {
    async fn append(&self, request: AppendRequest) -> Result<Appended, AppendError> {
        if self.shared.health.has_stopped() {
            return Err(AppendError::Failed);
        }
        let (log, expected) = (request.log, request.expected);
        let mut recording = Recording::of(request)?;
        let rows = Rows::of(log, expected, &mut recording)?;
        let kib = u32::try_from(rows.bytes() / 1024 + 1).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room)
            .acquire_many_owned(kib.min(QUEUE_KIB_MAX))
            .await
            .map_err(|_| AppendError::Failed)?;
        let (answer, answered) = oneshot::channel();
        let request = WriteRequest { rows, answer, room };
        self.writer
            .send(Message::Append(request))
            .map_err(|WriterGone| AppendError::Failed)?;
        let answer = answered.await.map_err(|_| AppendError::Failed)?;
        let incarnation = answer.outcome?;
        Ok(Appended {
            incarnation,
            after: recording.after,
            events: recording
                .events
                .into_iter()
                .map(|recorded| recorded.event)
                .collect(),
            receipt: recording.receipt.map(|stored| stored.receipt),
        })
    }

    async fn read(&self, log: LogId, after: Seq, limit: ReadLimit) -> Result<Batch, ReadError> {
        // Before the snapshot, which then has it too.
        let beforehand = Beforehand {
            tail: self.shared.tail_runs.behind(log, after),
            known: self.shared.unplaced.of(log, after),
        };
        self.answer(move |connection| reader::read(connection, log, after, limit, beforehand))
            .await
    }

    async fn head(&self, log: LogId) -> Result<Option<LogHead>, ReadError> {
        let known = self.shared.unplaced.of(log, SEQ_MAX);
        self.answer(move |connection| reader::head(connection, log, known))
            .await
    }

    async fn receipt(
        &self,
        log: LogId,
        command: CommandId,
    ) -> Result<Option<StoredReceipt>, ReadError> {
        self.answer(move |connection| reader::receipt(connection, log, command))
            .await
    }

    async fn saved_state(
        &self,
        log: LogId,
        format: u32,
        upto: Seq,
    ) -> Result<Option<SavedState>, ReadError> {
        self.answer(move |connection| reader::saved_state(connection, log, format, upto))
            .await
    }

    async fn delete(&self, log: LogId) -> Result<(), DeleteError> {
        let (answer, answered) = oneshot::channel();
        self.writer
            .send(Message::Delete { log, answer })
            .map_err(|WriterGone| DeleteError::Failed)?;
        answered.await.map_err(|_| DeleteError::Failed)?
    }

    async fn logs(&self) -> Result<Vec<LogId>, ReadError> {
        self.answer(reader::logs).await
    }

    async fn copy_to(&self, directory: &Path) -> Result<(), CopyError> {
        if self.shared.health.has_stopped() {
            return Err(CopyError::Failed);
        }
        let (database, directory) = (self.database.clone(), directory.to_owned());
        let copying = tokio::task::spawn_blocking(move || copy::copy(&database, &directory));
        let copied = copying
            .await
            .map_err(|panic| CopyError::Storage(Box::new(panic)))?;
        // What was copied after a flush had failed may be in doubt.
        if self.shared.health.has_stopped() {
            return Err(CopyError::Failed);
        }
        copied.map_err(|error| CopyError::Storage(Box::new(error)))
    }

    async fn examine(&self) -> Result<Vec<String>, ReadError> {
        self.answer(examine::examine).await
    }
}

//! [`SqliteEventLog`]: the [`EventLog`] trait over the read connections and the writer's thread.

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

/// Read connections. Reads are short; more of them would only wait for the same disk.
const READERS: usize = 4;

/// KiB of requests in the writer's queue: a few groups' worth. Appends beyond it wait before they enter the queue.
const QUEUE_KIB_MAX: u32 = 64 * 1024;

/// An event log in one directory, which it locks: a second process gets [`OpenError::InUse`].
///
/// Dropping it blocks until the writer has committed every request in its queue.
pub struct SqliteEventLog {
    // Dropped first, so that nothing writes once the lock is released.
    writer: WriterThread,
    readers: Readers,
    shared: Shared,
    room: Arc<Semaphore>,
    database: PathBuf,
    _lock: File,
}

impl SqliteEventLog {
    /// Opens or creates the log in a directory, and makes the directory private to its owner. Blocks.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        Self::open_with(directory, SqliteOptions::default())
    }

    /// Opens the log with options. See [`Self::open`].
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

    /// Seals every closed part, writes the place of every event, and deletes the remaining rows of deleted logs. Returns when all of this
    /// is done or refused, or when the log has stopped.
    pub async fn seal_closed_parts(&self) {
        let (done, settled) = oneshot::channel();
        if self.writer.send(Message::SettleAll(done)).is_ok() {
            // An error means that the writer has ended, and the request with it.
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
        // A read that began before the log stopped may have seen data that is not durable.
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
        // Taken before the snapshot, which then includes all of it.
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
        // A copy made after a failed flush may contain data that is not durable.
        if self.shared.health.has_stopped() {
            return Err(CopyError::Failed);
        }
        copied.map_err(|error| CopyError::Storage(Box::new(error)))
    }

    async fn examine(&self) -> Result<Vec<String>, ReadError> {
        self.answer(examine::examine).await
    }
}

//! The handle to the mirror: jobs for the writer's thread, and readers that run in parallel.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use baton_protocol::{AccountId, Cursor, Event, LogId, Seq};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::store::Store;
use super::{Fault, MirrorListener, SearchFound, StoreError, events, logs, recovery, search};

use crate::limits::{MIRROR_RETRY_MS, SEARCH_STEP_PAUSE_MS};

type Job = Box<dyn FnOnce(&mut Store) + Send>;

/// Readers that stay open; more run when needed and are closed afterwards.
const READERS_KEPT_MAX: usize = 4;

/// A handle to the mirror. Dropping the last handle closes the mirror once the queued jobs are written.
#[derive(Clone)]
pub(crate) struct Mirror {
    inner: Arc<Inner>,
}

/// Logs that were dropped because they could not be read: the sync engine fetches them again.
pub(crate) type LostLogs = mpsc::UnboundedReceiver<LogId>;

struct Inner {
    jobs: Option<Sender<Job>>,
    writer: Option<JoinHandle<()>>,
    path: PathBuf,
    readers: Mutex<Vec<Connection>>,
}

impl Mirror {
    /// Opens the file and starts the writer's thread.
    pub(crate) async fn open(
        path: PathBuf,
        account: AccountId,
        listener: Arc<dyn MirrorListener>,
    ) -> Result<(Self, LostLogs), StoreError> {
        let (tell_lost, lost) = mpsc::unbounded_channel();
        let (jobs, inbox) = channel::<Job>();
        let (opened, answer) = oneshot::channel();
        let file = path.clone();
        let work = move || {
            let mut store = match Store::open(&file, account, listener) {
                Ok(store) => store,
                Err(error) => {
                    let _ = opened.send(Err(error));
                    return;
                }
            };
            let _ = opened.send(Ok(()));
            let mut indexing = Indexing::Goes;
            while let Some(job) = next_job(&inbox, &mut indexing, &mut store) {
                if catch_unwind(AssertUnwindSafe(|| job(&mut store))).is_err() {
                    tracing::error!("a job of the mirror panicked: what is in memory is read anew");
                    store.forget_memory();
                }
                for log in store.take_lost() {
                    // Without a driver, no log is fetched again.
                    let _ = tell_lost.send(log);
                }
            }
        };
        let writer = std::thread::Builder::new()
            .name("baton-mirror".to_owned())
            .spawn(work)?;
        answer.await.map_err(|_| StoreError::Closed)??;
        let mirror = Self {
            inner: Arc::new(Inner {
                jobs: Some(jobs),
                writer: Some(writer),
                path,
                readers: Mutex::new(Vec::new()),
            }),
        };
        Ok((mirror, lost))
    }

    /// Queues a job for the writer's thread, which runs it in turn even if its caller stops waiting.
    pub(crate) fn write<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Store) -> Result<R, StoreError> + Send + 'static,
    ) -> impl Future<Output = Result<R, StoreError>> + Send {
        let (done, answer) = oneshot::channel();
        let job: Job = Box::new(move |store| {
            let _ = done.send(job(store));
        });
        let jobs = self.inner.jobs.as_ref();
        let handed = jobs.is_some_and(|jobs| jobs.send(job).is_ok());
        async move {
            if !handed {
                return Err(StoreError::Closed);
            }
            let result = answer.await.map_err(|_| StoreError::Closed)?;
            if let Err(error) = &result {
                recovery::suspect(&self.inner.path, error);
            }
            result
        }
    }

    /// Searches in parallel to the writer.
    pub(crate) async fn search(
        &self,
        query: String,
        limit: u32,
    ) -> Result<SearchFound, StoreError> {
        self.read(move |conn| search::find(conn, &query, limit))
            .await
    }

    /// The mirror's cursor in a log, regardless of a gap before it.
    pub(crate) async fn cursor(&self, log: LogId) -> Result<Option<Cursor>, StoreError> {
        let read = move |conn: &Connection| Ok(logs::cursor(conn, log)?.map(|(_, cursor)| cursor));
        let cursor = self.read(read).await;
        self.or_nothing(log, cursor).await
    }

    /// Events of a log after `after`, and the mirror's cursor. For a position before a gap, that cursor is where the gap begins.
    pub(crate) async fn events_after(
        &self,
        log: LogId,
        after: Seq,
        limit: usize,
    ) -> Result<(Vec<Event>, Option<Cursor>), StoreError> {
        let read = move |conn: &Connection| {
            let tx = conn.unchecked_transaction()?;
            let Some((key, cursor)) = logs::cursor(&tx, log)? else {
                return Ok((Vec::new(), None));
            };
            let gap = logs::gap(&tx, key)?.filter(|gap| after < gap.floor);
            let cursor = Cursor {
                seq: gap.map_or(cursor.seq, |gap| gap.filled),
                ..cursor
            };
            let found = events::between(&tx, key, (after, cursor.seq), limit)?;
            Ok((found, Some(cursor)))
        };
        let page = self.read(read).await;
        self.or_nothing(log, page).await
    }

    /// The result of reading a log. An unreadable log is dropped and reads as empty.
    async fn or_nothing<R: Default>(
        &self,
        log: LogId,
        read: Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        match read {
            Err(error) if error.fault() == Fault::Content => {
                tracing::warn!(log.id = %log, error = %error, "a log of the mirror cannot be read: it is fetched again");
                self.write(move |store| store.forget_unreadable(log))
                    .await?;
                Ok(R::default())
            }
            read => read,
        }
    }

    async fn read<R: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        let inner = self.inner.clone();
        let work = move || {
            let conn = match inner.take_reader() {
                Some(conn) => conn,
                None => recovery::open_reader(&inner.path)?,
            };
            let result = job(&conn);
            inner.give_back(conn);
            result
        };
        let result = tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| StoreError::Closed)?;
        if let Err(error) = &result {
            recovery::suspect(&self.inner.path, error);
        }
        result
    }
}

/// State of indexing an older mirror's rows for search.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Indexing {
    Goes,
    /// The last step failed.
    Waits,
    Done,
}

impl Indexing {
    fn pause(self) -> Option<Duration> {
        match self {
            Self::Goes => Some(Duration::from_millis(SEARCH_STEP_PAUSE_MS)),
            Self::Waits => Some(Duration::from_millis(MIRROR_RETRY_MS)),
            Self::Done => None,
        }
    }
}

/// Waits for the next job. Meanwhile indexes an older mirror's rows step by step, so that a job waits for one step at most.
fn next_job(inbox: &Receiver<Job>, indexing: &mut Indexing, store: &mut Store) -> Option<Job> {
    while let Some(pause) = indexing.pause() {
        match inbox.recv_timeout(pause) {
            Ok(job) => return Some(job),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => *indexing = index_step(store, *indexing),
        }
    }
    inbox.recv().ok()
}

fn index_step(store: &mut Store, before: Indexing) -> Indexing {
    match catch_unwind(AssertUnwindSafe(|| store.index_step())) {
        Ok(Ok(true)) => Indexing::Goes,
        Ok(Ok(false)) => Indexing::Done,
        Ok(Err(error)) => {
            if before != Indexing::Waits {
                tracing::warn!(error = %error, "older messages cannot be taken into the search index: it is tried again");
            }
            Indexing::Waits
        }
        Err(_) => {
            tracing::error!("the search index panicked: it is tried again at the next start");
            store.forget_memory();
            Indexing::Done
        }
    }
}

impl Inner {
    fn take_reader(&self) -> Option<Connection> {
        self.readers.lock().ok()?.pop()
    }

    fn give_back(&self, conn: Connection) {
        if let Ok(mut readers) = self.readers.lock()
            && readers.len() < READERS_KEPT_MAX
        {
            readers.push(conn);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the mirror's writer panicked");
        }
    }
}

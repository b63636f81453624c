//! The one thread that writes.
//!
//! It takes what waits, commits it as a group, answers, and only then looks after the database: parts to seal, the WAL to fold back.
//! It is owned by the log: dropping [`WriterThread`] lets it finish what it was given and waits for it. A panic in it is reported and
//! stops the log, as a failed flush does.

mod gather;
pub mod group;
pub mod request;
pub mod seal;
#[cfg(test)]
mod tests;
mod upkeep;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use baton_log::{AppendError, ExpectedHead, Sealing};
use baton_protocol::{Incarnation, Seq};
use rusqlite::Connection;

use crate::tables::places;
use crate::tables::unsealed_parts::{self, ClosedPart};
use crate::tail_runs::TailRuns;
use crate::unplaced::Unplaced;
use gather::Gathering;
use group::{Committed, FlushFailed, GroupCommit};
use request::{Message, Rows, WriteRequest};
use upkeep::UpkeepError;

/// Requests in one transaction: their flush is shared many times over, and the first of them does not wait long for the last.
const GROUP_REQUESTS_MAX: usize = 1024;

/// Bytes in one transaction, for the same reason.
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How long nothing must be asked for before parts are sealed.
const SEAL_IDLE: Duration = Duration::from_millis(20);

/// Closed parts after which they are sealed although the writer is busy.
const SEAL_BACKLOG_MAX: usize = 256;

/// Parts that are sealed in one transaction: an append that comes meanwhile waits for it.
const SEAL_PARTS_MAX: usize = 16;

/// How long sealing rests after it failed. The log is as good without it.
const SEAL_REST: Duration = Duration::from_secs(10);

/// Bytes written after which the WAL is folded back into the database: less than the WAL has from the start.
const CHECKPOINT_BYTES: usize = 6 * 1024 * 1024;

/// A page in the WAL.
const PAGE_WAL_BYTES: usize = 4096 + 24;

/// What a group costs in the WAL beside its requests: the last page of events, which has room left, and one above it.
const GROUP_WAL_BYTES: usize = 2 * PAGE_WAL_BYTES;

/// What a sealed part costs there: its own text, and where its appends stood.
const SEAL_WAL_BYTES: usize = 3 * PAGE_WAL_BYTES;

/// Arrivals that get their places in one transaction. More would share a page more often, and whoever comes meanwhile waits for them:
/// some ten milliseconds.
const PLACE_TOGETHER: usize = 4096;

/// What a place costs in the WAL where a thousand logs are written at once.
const PLACE_WAL_BYTES: usize = 512;

/// How long placing rests after it failed. The log is as good without it, but for its memory.
const PLACE_REST: Duration = Duration::from_secs(10);

/// Whether the log has stopped. Nothing starts it again but opening it again.
#[derive(Clone, Default)]
pub struct Health(Arc<AtomicBool>);

impl Health {
    pub fn has_stopped(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    fn stop(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// What the writer and the readers both look at.
#[derive(Clone, Default)]
pub struct Shared {
    pub health: Health,
    pub tail_runs: TailRuns,
    pub unplaced: Unplaced,
}

/// The thread and the way to it.
pub struct WriterThread {
    requests: Option<Sender<Message>>,
    thread: Option<JoinHandle<()>>,
}

impl WriterThread {
    /// Starts it. What a crash left unsealed is its first backlog.
    pub fn start(
        connection: Connection,
        shared: Shared,
        sealing: Sealing,
        backlog: Vec<ClosedPart>,
    ) -> std::io::Result<Self> {
        let (requests, incoming) = channel();
        let body = move || {
            let health = shared.health.clone();
            let mut writer = Writer::new(connection, shared, sealing, backlog);
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| writer.run(&incoming))) {
                health.stop();
                let message = panic_message(panic.as_ref());
                tracing::error!(error = message, "the log's writer panicked: the log stops");
            }
        };
        let thread = std::thread::Builder::new().name("log-writer".to_owned());
        Ok(Self {
            requests: Some(requests),
            thread: Some(thread.spawn(body)?),
        })
    }

    /// Hands a message over.
    pub fn send(&self, message: Message) -> Result<(), WriterGone> {
        let requests = self.requests.as_ref().expect("there until the drop");
        requests.send(message).map_err(|_| WriterGone)
    }
}

/// The thread has panicked, which it has reported.
#[derive(Debug)]
pub struct WriterGone;

impl Drop for WriterThread {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // Its panics are caught and reported inside.
            let _ = thread.join();
        }
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// What the thread holds.
pub struct Writer {
    connection: Connection,
    shared: Shared,
    sealing: Sealing,
    groups: GroupCommit,
    gathering: Gathering,
    /// What came while the last group was flushed.
    pending: VecDeque<Message>,
    backlog: VecDeque<ClosedPart>,
    seal_again_at: Option<Instant>,
    place_again_at: Option<Instant>,
    bytes_since_checkpoint: usize,
}

impl Writer {
    pub fn new(
        connection: Connection,
        shared: Shared,
        sealing: Sealing,
        backlog: Vec<ClosedPart>,
    ) -> Self {
        Self {
            connection,
            sealing,
            groups: GroupCommit::new(shared.unplaced.clone()),
            shared,
            gathering: Gathering::default(),
            pending: VecDeque::new(),
            backlog: backlog.into(),
            seal_again_at: None,
            place_again_at: None,
            bytes_since_checkpoint: 0,
        }
    }

    fn run(&mut self, incoming: &Receiver<Message>) {
        loop {
            match self.first_message(incoming) {
                Ok(message) => self.take_what_waits(message, incoming),
                Err(RecvTimeoutError::Timeout) => self.seal_some(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.backlog.len() > SEAL_BACKLOG_MAX && self.wants_to_seal() {
                self.seal_some();
            }
            if self.shared.unplaced.count() >= PLACE_TOGETHER {
                self.place();
            }
            if self.bytes_since_checkpoint > CHECKPOINT_BYTES {
                self.checkpoint();
            }
        }
    }

    fn first_message(&mut self, incoming: &Receiver<Message>) -> Result<Message, RecvTimeoutError> {
        if let Some(message) = self.pending.pop_front() {
            return Ok(message);
        }
        match self.wants_to_seal().then_some(SEAL_IDLE) {
            Some(idle) => incoming.recv_timeout(idle),
            None => incoming.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    fn take_what_waits(&mut self, first: Message, incoming: &Receiver<Message>) {
        let mut next = Some(first);
        let mut group = Vec::new();
        let mut bytes = 0;
        let mut deadline = None;
        while let Some(message) = next.take() {
            match message {
                Message::Append(request) => {
                    bytes += request.rows.bytes();
                    group.push(request);
                    if group.len() < GROUP_REQUESTS_MAX && bytes < GROUP_BYTES_MAX {
                        next = self.next_message(group.len(), incoming, &mut deadline);
                    }
                }
                Message::SealClosed(done) => {
                    self.commit(std::mem::take(&mut group), incoming);
                    self.seal_all();
                    self.place();
                    // The asker may have gone.
                    let _ = done.send(());
                }
            }
        }
        self.gathering.gathered(group.len());
        self.commit(group, incoming);
    }

    /// What waits already, or comes while the group may wait for it.
    fn next_message(
        &mut self,
        requests: usize,
        incoming: &Receiver<Message>,
        deadline: &mut Option<Instant>,
    ) -> Option<Message> {
        let waits = self.pending.pop_front();
        if let Some(message) = waits.or_else(|| incoming.try_recv().ok()) {
            return Some(message);
        }
        let patience = self.gathering.patience(requests)?;
        let now = Instant::now();
        let deadline = *deadline.get_or_insert(now + patience);
        // A sender that is gone is met again by whoever waits next.
        incoming
            .recv_timeout(deadline.checked_duration_since(now)?)
            .ok()
    }

    /// Commits a group and answers each of its requests.
    fn commit(&mut self, group: Vec<WriteRequest>, incoming: &Receiver<Message>) {
        if group.is_empty() {
            return;
        }
        if self.shared.health.has_stopped() {
            return answer_all_failed(group);
        }
        let rows: Vec<&Rows> = group.iter().map(|request| &request.rows).collect();
        let written = |rows: &&Rows| rows.bytes() + rows.pages_of_its_own() * PAGE_WAL_BYTES;
        let written = GROUP_WAL_BYTES + rows.iter().map(written).sum::<usize>();
        match self.groups.commit(&self.connection, &rows) {
            Ok(Committed {
                answers,
                closed,
                flush,
            }) => {
                self.bytes_since_checkpoint += written;
                self.backlog.extend(closed);
                if answers.iter().any(was_storages_fault) {
                    self.forget_cache();
                }
                // Before anybody is answered: these are others.
                self.pending.extend(incoming.try_iter());
                self.gathering
                    .flushed(group.len(), self.pending.len(), flush);
                for (mut request, answer) in group.into_iter().zip(answers) {
                    if answer.is_ok() {
                        let head = match request.rows.expected {
                            ExpectedHead::Absent => Seq::ZERO,
                            ExpectedHead::At(seq) => seq,
                        };
                        self.shared.tail_runs.committed(&mut request.rows, head);
                    }
                    // Whoever asked may have gone; the answer holds all the same.
                    let _ = request.answer.send(answer);
                }
            }
            Err(failed) => {
                self.stop(&failed);
                answer_all_failed(group);
            }
        }
    }

    /// What a disk gave wrongly in a bad moment stays in the cache, and the connection would go on to refuse.
    fn forget_cache(&self) {
        if let Err(error) = self.connection.execute_batch("PRAGMA shrink_memory") {
            tracing::warn!(%error, "the writer's cache could not be emptied");
        }
    }

    fn wants_to_seal(&self) -> bool {
        let rested = self.seal_again_at.is_none_or(|at| Instant::now() >= at);
        let allowed = self.sealing == Sealing::ByItself && !self.shared.health.has_stopped();
        allowed && rested && !self.backlog.is_empty()
    }

    fn seal_all(&mut self) {
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
                self.seal_again_at = None;
                self.bytes_since_checkpoint += count * SEAL_WAL_BYTES;
            }
            Err(error @ UpkeepError::Storage(_)) => {
                self.seal_again_at = Some(Instant::now() + SEAL_REST);
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, cause, "parts stay unsealed for now");
            }
            Err(UpkeepError::Flush(error)) => self.stop(&FlushFailed(error)),
        }
    }

    /// Gives what arrived its places. Without them the log is as good: they are in memory, and made of what is there at the next start.
    fn place(&mut self) {
        let rests = self.place_again_at.is_some_and(|at| Instant::now() < at);
        if rests || self.shared.health.has_stopped() {
            return;
        }
        let count = self.shared.unplaced.count();
        if count == 0 {
            return;
        }
        match upkeep::commit(&self.connection, places::place_all) {
            Ok(()) => {
                self.shared.unplaced.placed();
                self.place_again_at = None;
                self.bytes_since_checkpoint += count * PLACE_WAL_BYTES;
            }
            Err(UpkeepError::Storage(error)) => {
                self.place_again_at = Some(Instant::now() + PLACE_REST);
                tracing::warn!(%error, "events stay without their places for now");
            }
            Err(UpkeepError::Flush(error)) => self.stop(&FlushFailed(error)),
        }
    }

    /// Folds the WAL back into the database, as far as no reader needs it.
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

    fn stop(&mut self, failed: &FlushFailed) {
        self.shared.health.stop();
        let FlushFailed(cause) = failed;
        tracing::error!(error = %failed, %cause, "the log stops: what the disk holds is not known");
    }
}

fn was_storages_fault(answer: &Result<Incarnation, AppendError>) -> bool {
    matches!(answer, Err(AppendError::Unavailable(_)))
}

fn answer_all_failed(group: Vec<WriteRequest>) {
    for request in group {
        // Whoever asked may have gone.
        let _ = request.answer.send(Err(AppendError::Failed));
    }
}

/// What a crash left unsealed.
pub fn unsealed(connection: &Connection) -> rusqlite::Result<Vec<ClosedPart>> {
    unsealed_parts::all_closed(connection)
}

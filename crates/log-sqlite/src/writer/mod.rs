//! What the writer's thread does, and in which order.
//!
//! It takes the waiting requests, commits them as a group, answers them, and only then maintains the database: it seals parts, deletes
//! rows of deleted logs, and checkpoints the WAL.
//!
//! | module | owns |
//! |---|---|
//! | `thread` | the thread, its queue, and whether the log has stopped |
//! | `request` | the messages to the thread |
//! | `gather` | how long a group waits for more requests |
//! | `transaction` | one transaction, and what its failure means |
//! | `group` | the groups' transactions |
//! | `upkeep` | maintenance between groups, and when it is due |
//! | `seal`, `delete` | sealing, and deletions |

mod delete;
mod gather;
pub mod group;
pub mod request;
mod seal;
#[cfg(test)]
mod tests;
pub mod thread;
mod transaction;
mod upkeep;

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Instant;

use baton_log::{AppendError, ExpectedHead, Sealing};
use baton_protocol::{Incarnation, Seq};
use rusqlite::Connection;

use crate::tables::deletions;
use crate::tables::logs::LogNumber;
use crate::tables::unsealed_parts::{self, ClosedPart};
use delete::Doomed;
use gather::Gathering;
use group::{Committed, GroupCommit};
use request::{Message, Rows, WriteRequest};
use thread::Shared;
use transaction::FlushFailed;
use upkeep::Rest;

/// Limit of requests in one transaction: enough to share a flush many times over, and few enough that the first need not wait long.
const GROUP_REQUESTS_MAX: usize = 1024;

/// Limit of bytes in one transaction, for the same reason.
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Bytes of a page with its frame header in the WAL.
const PAGE_WAL_BYTES: usize = 4096 + 24;

/// Bytes that a group writes to the WAL in addition to its requests: the last page of events, which has room left, and the one above it.
const GROUP_WAL_BYTES: usize = 2 * PAGE_WAL_BYTES;

/// The state of the writer's thread.
pub struct Writer {
    connection: Connection,
    shared: Shared,
    sealing: Sealing,
    groups: GroupCommit,
    gathering: Gathering,
    /// Messages that arrived during the last group's flush.
    pending: VecDeque<Message>,
    backlog: VecDeque<ClosedPart>,
    seal_rest: Rest,
    place_rest: Rest,
    deletions: Doomed,
    delete_rest: Rest,
    bytes_since_checkpoint: usize,
}

impl Writer {
    pub fn new(
        connection: Connection,
        shared: Shared,
        sealing: Sealing,
        Backlog { parts, deletions }: Backlog,
    ) -> Self {
        Self {
            connection,
            sealing,
            groups: GroupCommit::new(shared.unplaced.clone()),
            shared,
            gathering: Gathering::default(),
            pending: VecDeque::new(),
            backlog: parts.into(),
            seal_rest: Rest::default(),
            place_rest: Rest::default(),
            deletions: Doomed::new(deletions),
            delete_rest: Rest::default(),
            bytes_since_checkpoint: 0,
        }
    }

    fn run(&mut self, incoming: &Receiver<Message>) {
        loop {
            match self.first_message(incoming) {
                Ok(message) => self.take_what_waits(message, incoming),
                Err(RecvTimeoutError::Timeout) => self.look_after_when_idle(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.look_after_what_is_due();
        }
    }

    fn first_message(&mut self, incoming: &Receiver<Message>) -> Result<Message, RecvTimeoutError> {
        if let Some(message) = self.pending.pop_front() {
            return Ok(message);
        }
        match self.idle_wait() {
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
                Message::Delete { log, answer } => {
                    self.commit(std::mem::take(&mut group), incoming);
                    // The caller may no longer wait for the answer.
                    let _ = answer.send(self.delete(log));
                }
                Message::SettleAll(done) => {
                    self.commit(std::mem::take(&mut group), incoming);
                    self.seal_all();
                    self.place();
                    self.delete_all();
                    // The caller may no longer wait for the answer.
                    let _ = done.send(());
                }
            }
        }
        self.commit(group, incoming);
    }

    /// The next message: a waiting one, or one that arrives while the group may wait.
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
        // If the senders are gone, the next receive finds that out.
        incoming
            .recv_timeout(deadline.checked_duration_since(now)?)
            .ok()
    }

    /// Commits a group and answers each of its requests.
    fn commit(&mut self, group: Vec<WriteRequest>, incoming: &Receiver<Message>) {
        if group.is_empty() {
            return;
        }
        self.gathering.gathered(group.len());
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
                // Read before anyone is answered, so that these requests come from other callers.
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
                    request.answer(answer);
                }
            }
            Err(failed) => {
                self.stop(&failed);
                answer_all_failed(group);
            }
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
        request.answer(Err(AppendError::Failed));
    }
}

/// Work left over from the previous process.
pub struct Backlog {
    parts: Vec<ClosedPart>,
    deletions: Vec<LogNumber>,
}

impl Backlog {
    /// Loads the work from the database.
    pub fn load(connection: &Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            parts: unsealed_parts::all_closed(connection)?,
            deletions: deletions::all(connection)?,
        })
    }
}

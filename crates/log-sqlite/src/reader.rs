//! The read connections and their queries. They never write (`query_only`), and each query reads one snapshot.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use baton_log::batching::{BatchEnd, BatchFill};
use baton_log::{LogHead, ReadError, ReadLimit, SavedState, StoredReceipt};
use baton_protocol::{Batch, CommandId, Event, LogId, Seq};
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::open::open_reader;
use crate::tables::events::{Events, Flow};
use crate::tables::logs::{self, LogRow};
use crate::tables::{receipts, saved_states, sealed_stretches};
use crate::tail_runs::JoinedTail;
use crate::unplaced::Known;

/// A fixed number of connections; further reads wait for a free one. Each read runs on a blocking thread of the runtime.
///
/// A connection that failed is replaced: its cache may keep what the disk returned wrongly for a moment, and would make it fail again.
pub struct Readers {
    database: Arc<Path>,
    idle: Arc<Mutex<Vec<Connection>>>,
    free: Arc<Semaphore>,
}

/// A connection that goes back to the pool when the read ends, even by a panic.
struct Leased {
    connection: Option<Connection>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Drop for Leased {
    fn drop(&mut self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.connection.take());
    }
}

impl Readers {
    pub fn new(database: &Path, connections: Vec<Connection>) -> Self {
        Self {
            database: database.into(),
            free: Arc::new(Semaphore::new(connections.len())),
            idle: Arc::new(Mutex::new(connections)),
        }
    }

    /// Runs a read, which takes its own snapshot.
    pub async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let permit = Arc::clone(&self.free).acquire_owned().await;
        let permit = permit.expect("the semaphore is never closed");
        let (idle, database) = (Arc::clone(&self.idle), Arc::clone(&self.database));
        let task = tokio::task::spawn_blocking(move || {
            let connection = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut leased = Leased { connection, idle };
            let connection = leased.connection.as_ref();
            let answer = read(connection.expect("a permit stands for an idle connection"));
            if matches!(answer, Err(ReadError::Unavailable(_)))
                && let Ok(fresh) = open_reader(&database)
            {
                leased.connection = Some(fresh);
            }
            // Return the connection before the permit.
            drop(leased);
            drop(permit);
            answer
        });
        task.await.unwrap_or_else(|panic| {
            tracing::error!(error = %panic, "a read of the log panicked");
            Err(ReadError::Unavailable(Box::new(panic)))
        })
    }
}

/// In-memory data about a log, taken before the snapshot.
pub struct Beforehand {
    pub known: Known,
    pub tail: Option<JoinedTail>,
}

/// The batch after `after`.
pub fn read(
    connection: &Connection,
    id: LogId,
    after: Seq,
    limit: ReadLimit,
    Beforehand { known, tail }: Beforehand,
) -> Result<Batch, ReadError> {
    let snapshot = connection.unchecked_transaction().map_err(unavailable)?;
    let LogRow { log, incarnation } = find(&snapshot, id)?.ok_or(ReadError::NotFound)?;
    let events = Events::of_snapshot(&snapshot, log, known).map_err(unavailable)?;
    let head = events.head().map_err(unavailable)?;
    if after > head {
        return Err(ReadError::AheadOfHead { head });
    }
    let mut fill = BatchFill::new(limit);
    let from_table = |fill: &mut BatchFill, stretch| {
        events.for_each(stretch, |seq, json| {
            let event = decode(seq, json)?;
            Ok::<_, Fault>(flow(fill.offer(event, json.len())))
        })
    };
    // A tail larger than the limit is read from the table, where a batch can end between its rows.
    let tail = tail.filter(|tail| tail.json_bytes_max() <= limit.bytes);
    let flow = match tail {
        None => from_table(&mut fill, (after, head))?,
        Some(tail) => {
            let (begin, end, bytes) = (tail.after, tail.upto, tail.json_bytes_max());
            let mut flow_on = from_table(&mut fill, (after, begin))?;
            if flow_on == Flow::More {
                let event = tail.event().map_err(|error| damaged(end, error))?;
                flow_on = flow(fill.offer(event, bytes));
            }
            match flow_on {
                Flow::More => from_table(&mut fill, (end, head))?,
                Flow::Enough => Flow::Enough,
            }
        }
    };
    let mut upto = head;
    if flow == Flow::Enough {
        let last = fill.last().expect("a full batch holds an event");
        let stretch = sealed_stretches::last_from(&snapshot, log, last).map_err(unavailable)?;
        upto = match BatchEnd::find(after, last, stretch) {
            BatchEnd::Here => last,
            BatchEnd::BackTo(seq) => {
                fill.cut_back_to(seq);
                seq
            }
            BatchEnd::OnTo(seq) => {
                events.for_each((last, seq), |seq, json| {
                    fill.force(decode(seq, json)?);
                    Ok::<_, Fault>(Flow::More)
                })?;
                seq
            }
        };
    }
    Ok(fill.finish(id, incarnation, after, upto, head))
}

/// A log's identity and last seq.
pub fn head(
    connection: &Connection,
    id: LogId,
    known: Known,
) -> Result<Option<LogHead>, ReadError> {
    let snapshot = connection.unchecked_transaction().map_err(unavailable)?;
    let Some(LogRow { log, incarnation }) = find(&snapshot, id)? else {
        return Ok(None);
    };
    let events = Events::of_snapshot(&snapshot, log, known).map_err(unavailable)?;
    let seq = events.head().map_err(unavailable)?;
    Ok(Some(LogHead { incarnation, seq }))
}

/// The receipt of a command.
pub fn receipt(
    connection: &Connection,
    id: LogId,
    command: CommandId,
) -> Result<Option<StoredReceipt>, ReadError> {
    let snapshot = connection.unchecked_transaction().map_err(unavailable)?;
    let Some(LogRow { log, .. }) = find(&snapshot, id)? else {
        return Ok(None);
    };
    let Some(row) = receipts::find(&snapshot, log, command).map_err(unavailable)? else {
        return Ok(None);
    };
    let seq = row.seq;
    let decoded = row.decode(id).map_err(|error| damaged(seq, error))?;
    Ok(Some(decoded))
}

/// The newest saved state in a format at or below a seq.
pub fn saved_state(
    connection: &Connection,
    id: LogId,
    format: u32,
    upto: Seq,
) -> Result<Option<SavedState>, ReadError> {
    let snapshot = connection.unchecked_transaction().map_err(unavailable)?;
    let Some(LogRow { log, .. }) = find(&snapshot, id)? else {
        return Ok(None);
    };
    saved_states::newest(&snapshot, log, format, upto).map_err(unavailable)
}

/// All logs whose id can be read.
pub fn logs(connection: &Connection) -> Result<Vec<LogId>, ReadError> {
    logs::all(connection).map_err(unavailable)
}

fn flow(offered: Result<(), Box<Event>>) -> Flow {
    match offered {
        Ok(()) => Flow::More,
        Err(_) => Flow::Enough,
    }
}

fn find(connection: &Connection, id: LogId) -> Result<Option<LogRow>, ReadError> {
    logs::find(connection, id).map_err(unavailable)
}

/// A [`ReadError`] that converts from SQLite's error, for use in row callbacks.
struct Fault(ReadError);

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self(unavailable(error))
    }
}

impl From<Fault> for ReadError {
    fn from(fault: Fault) -> Self {
        fault.0
    }
}

fn decode(seq: Seq, json: &str) -> Result<Event, Fault> {
    serde_json::from_str(json).map_err(|error| Fault(damaged(seq, error)))
}

fn damaged(seq: Seq, error: serde_json::Error) -> ReadError {
    ReadError::Damaged {
        seq,
        source: Box::new(error),
    }
}

fn unavailable(error: rusqlite::Error) -> ReadError {
    ReadError::Unavailable(Box::new(error))
}

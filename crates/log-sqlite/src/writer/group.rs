//! Group commit: many requests, one transaction, one flush.

use std::collections::HashMap;
use std::time::Duration;

use baton_log::{AppendError, ExpectedHead};
use baton_protocol::{Incarnation, LogId, Seq};
use rusqlite::{Connection, ErrorCode};

use super::request::{NewEventRow, PartRole, Rows};
use super::transaction::{Fault, FlushFailed, Work, transact};
use crate::tables::arrivals::{Adding, Arrival};
use crate::tables::deleted_logs;
use crate::tables::events::{Events, LOG_MAX, Position, SEQ_MAX};
use crate::tables::logs::{self, LogRow};
use crate::tables::receipts;
use crate::tables::saved_states;
use crate::tables::unsealed_parts::{self, ClosedPart};
use crate::unplaced::{Place, Unplaced};

/// Maximum number of logs whose heads are cached: a few MiB. Beyond it, the cache is emptied and fills anew.
const KNOWN_LOGS_MAX: usize = 50_000;

/// The result of each request of a group, in order.
pub type Answers = Vec<Result<Incarnation, AppendError>>;

/// The result of a commit.
pub struct Committed {
    pub answers: Answers,
    /// Parts that the commit closed.
    pub closed: Vec<ClosedPart>,
    /// Duration of the last flush; zero if there was none.
    pub flush: Duration,
}

/// A cached log. The cache stays valid because only the writer moves a head.
#[derive(Clone, Copy)]
struct Known {
    row: LogRow,
    head: Seq,
}

/// Commits groups on the write connection.
#[derive(Default)]
pub struct GroupCommit {
    known: HashMap<LogId, Known>,
    unplaced: Unplaced,
    /// The transaction that is being written.
    writing: Writing,
}

/// What a transaction collects while it is being written.
#[derive(Default)]
struct Writing {
    /// The last arrival number given out. Some numbers belong to transactions that were rolled back.
    last: Arrival,
    arrived: Vec<(LogId, Place)>,
    closed: Vec<ClosedPart>,
}

/// Why a request was not recorded.
enum RequestFault {
    Refused(AppendError),
    Storage(rusqlite::Error),
}

impl From<rusqlite::Error> for RequestFault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(error)
    }
}

impl GroupCommit {
    /// Continues after the last arrival that `unplaced` knows.
    pub fn new(unplaced: Unplaced) -> Self {
        let writing = Writing {
            last: unplaced.upto(),
            ..Writing::default()
        };
        Self {
            known: HashMap::new(),
            unplaced,
            writing,
        }
    }

    /// Records all valid requests with one flush. A request that fails does not fail the others.
    pub fn commit(
        &mut self,
        connection: &Connection,
        requests: &[&Rows],
    ) -> Result<Committed, FlushFailed> {
        if self.known.len() > KNOWN_LOGS_MAX {
            self.known.clear();
        }
        let error = match self.commit_as_one(connection, requests) {
            Ok(committed) => return Ok(committed),
            Err(Fault::Flush(failed)) => return Err(failed),
            // Nothing was recorded: retry the requests one by one.
            Err(Fault::RolledBack(error)) => error,
        };
        let mut all = Committed {
            answers: Vec::with_capacity(requests.len()),
            closed: Vec::new(),
            flush: Duration::ZERO,
        };
        if let [_] = requests {
            all.answers.push(Err(refusal(error)));
            return Ok(all);
        }
        for request in requests {
            let one = self.commit(connection, &[request])?;
            all.answers.extend(one.answers);
            all.closed.extend(one.closed);
            all.flush = one.flush;
        }
        Ok(all)
    }

    /// Forgets a deleted log.
    pub fn forget(&mut self, log: LogId) {
        self.known.remove(&log);
    }

    fn commit_as_one(
        &mut self,
        connection: &Connection,
        requests: &[&Rows],
    ) -> Result<Committed, Fault> {
        let written = transact(connection, |connection| {
            self.write_requests(connection, requests)
        });
        let (answers, flush) = written.inspect_err(|_| {
            // The cache may hold heads from the transaction that was rolled back.
            for request in requests {
                self.known.remove(&request.log);
            }
        })?;
        self.unplaced.committed(&self.writing.arrived);
        Ok(Committed {
            answers,
            closed: std::mem::take(&mut self.writing.closed),
            flush,
        })
    }

    fn write_requests(
        &mut self,
        connection: &Connection,
        requests: &[&Rows],
    ) -> rusqlite::Result<Work<Answers>> {
        self.writing.arrived.clear();
        self.writing.closed.clear();
        let mut answers = Vec::with_capacity(requests.len());
        let mut adding = Adding::begin(connection)?;
        for request in requests {
            answers.push(self.write_request(connection, &mut adding, request)?);
        }
        if answers.iter().all(Result::is_err) {
            return Ok(Work::Drop(answers));
        }
        Ok(Work::Keep(answers))
    }

    /// Writes one request in the group's transaction. A storage error rolls back the whole transaction: it is too rare to pay for a
    /// savepoint per request, which would copy every page that the request touches.
    fn write_request(
        &mut self,
        connection: &Connection,
        adding: &mut Adding<'_>,
        request: &Rows,
    ) -> rusqlite::Result<Result<Incarnation, AppendError>> {
        let known = match self.check(connection, request) {
            Ok(known) => known,
            Err(RequestFault::Refused(refused)) => return Ok(Err(refused)),
            Err(RequestFault::Storage(error)) => return Err(error),
        };
        let known = self.writing.write(connection, adding, request, known)?;
        self.known.insert(request.log, known);
        Ok(Ok(known.row.incarnation))
    }

    /// Judges a request by the stored state. `None` means that its log must be created.
    fn check(
        &mut self,
        connection: &Connection,
        request: &Rows,
    ) -> Result<Option<Known>, RequestFault> {
        let known = self.look_up(connection, request.log)?;
        if known.is_none() && deleted_logs::contains(connection, request.log)? {
            return Err(RequestFault::Refused(AppendError::Deleted));
        }
        if let (Some(known), Some(new)) = (known, &request.receipt)
            && let Some(row) = receipts::find(connection, known.row.log, new.command)?
        {
            let stored = row.decode(request.log).map_err(|error| {
                RequestFault::Refused(AppendError::Unavailable(Box::new(error)))
            })?;
            return Err(RequestFault::Refused(AppendError::CommandKnown(Box::new(
                stored,
            ))));
        }
        let refused = match (known, request.expected) {
            (None, ExpectedHead::Absent) => return Ok(None),
            (None, ExpectedHead::At(_)) => AppendError::NotFound,
            (Some(_), ExpectedHead::Absent) => AppendError::AlreadyExists,
            (Some(known), ExpectedHead::At(seq)) if known.head != seq => {
                AppendError::HeadMoved { actual: known.head }
            }
            (Some(known), ExpectedHead::At(seq)) => {
                if seq.0 + request.events.len() as u64 <= SEQ_MAX.0 {
                    return Ok(Some(known));
                }
                AppendError::Unavailable(Box::new(NumbersUsedUp))
            }
        };
        Err(RequestFault::Refused(refused))
    }

    fn look_up(&mut self, connection: &Connection, id: LogId) -> rusqlite::Result<Option<Known>> {
        if let Some(known) = self.known.get(&id) {
            return Ok(Some(*known));
        }
        let Some(row) = logs::find(connection, id)? else {
            return Ok(None);
        };
        let known = self.unplaced.of(id, SEQ_MAX);
        let head = Events::of_writer(connection, row.log, known).head()?;
        let known = Known { row, head };
        self.known.insert(id, known);
        Ok(Some(known))
    }
}

/// The log or the database has used up the numbers of its tables.
#[derive(Debug, thiserror::Error)]
#[error("the table of events has no numbers left for this log")]
struct NumbersUsedUp;

impl Writing {
    fn write(
        &mut self,
        connection: &Connection,
        adding: &mut Adding<'_>,
        request: &Rows,
        known: Option<Known>,
    ) -> rusqlite::Result<Known> {
        let mut known = match known {
            Some(known) => known,
            None => create(connection, request.log)?,
        };
        for event in &request.events {
            known.head = known.head.next();
            self.write_event((connection, adding), request.log, &known, event)?;
        }
        if let Some(receipt) = &request.receipt {
            receipts::insert(connection, known.row.log, receipt)?;
        }
        if let Some(state) = &request.state {
            saved_states::keep(connection, known.row.log, state)?;
        }
        Ok(known)
    }

    /// Writes an event at the log's head, which the caller has advanced to it.
    fn write_event(
        &mut self,
        (connection, adding): (&Connection, &mut Adding<'_>),
        id: LogId,
        known: &Known,
        event: &NewEventRow,
    ) -> rusqlite::Result<()> {
        let (log, seq) = (known.row.log, known.head);
        let adds_to = match event.part {
            PartRole::AddsTo(part) => Some(part),
            _ => None,
        };
        let arrival = self.last.next();
        let place = (arrival, Position::new(log, seq));
        adding.add(place, adds_to, &event.json)?;
        self.last = arrival;
        self.arrived.push((id, Place { seq, arrival }));
        match event.part {
            PartRole::Opens(part) => unsealed_parts::open(connection, log, part, seq),
            PartRole::Closes(part) => {
                let closed = unsealed_parts::close(connection, log, part, seq)?;
                self.closed.extend(closed);
                Ok(())
            }
            PartRole::AddsTo(_) | PartRole::None => Ok(()),
        }
    }
}

fn create(connection: &Connection, id: LogId) -> rusqlite::Result<Known> {
    let incarnation = Incarnation::mint();
    let log = logs::insert(connection, id, incarnation)?;
    if log.0 > LOG_MAX.0 {
        return Err(rusqlite::Error::ToSqlConversionFailure(Box::new(
            NumbersUsedUp,
        )));
    }
    Ok(Known {
        row: LogRow { log, incarnation },
        head: Seq::ZERO,
    })
}

fn refusal(error: rusqlite::Error) -> AppendError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => AppendError::DiskFull,
        _ => AppendError::Unavailable(Box::new(error)),
    }
}

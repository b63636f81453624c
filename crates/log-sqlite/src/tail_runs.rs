//! The appends at the end of each log, joined in memory.
//!
//! A growing answer is thousands of small events in the table. A reader that opens its session reads all of them only to have them joined.
//! So the writer keeps the text of the appends at the end of each log, as long as no other event follows them. A read takes the earlier
//! rows from the table and these appends as one event.
//!
//! **Invariant:** a run holds only committed appends, and equals what joining their rows gives. It may be forgotten at any time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use baton_protocol::{Event, EventBody, LogId, Seq};

use crate::tables::events::PartKey;
use crate::writer::request::{PartRole, Rows};

/// Bytes of all runs. Beyond it, all runs are forgotten; reads then use the table until new runs have grown.
const RUNS_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The runs of all logs, shared by the writer and the readers.
#[derive(Clone, Default)]
pub struct TailRuns(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    runs: HashMap<LogId, TailRun>,
    bytes: usize,
}

/// Consecutive appends of one part.
#[derive(Debug)]
struct TailRun {
    part: PartKey,
    /// The seq of the first append.
    first: Seq,
    /// Byte offset of the first append in the part's text.
    offset: u64,
    text: String,
    /// Where each append ends in `text`.
    ends: Vec<usize>,
    /// The last append's event as stored in the table.
    last_json: String,
}

/// The appends after a cursor, joined.
#[derive(Debug, PartialEq)]
pub struct JoinedTail {
    /// The seq that it continues.
    pub after: Seq,
    /// The seq of the last append.
    pub upto: Seq,
    offset: u64,
    text: String,
    last_json: String,
}

impl TailRuns {
    /// Adds a committed request. The writer calls this in commit order.
    pub fn committed(&self, rows: &mut Rows, head_before: Seq) {
        let mut inner = self.lock();
        let mut seq = head_before;
        for event in &mut rows.events {
            seq = seq.next();
            let json = std::mem::take(&mut event.json);
            match (event.part, event.appended.take()) {
                (PartRole::AddsTo(part), Some((offset, text))) => {
                    inner.add(rows.log, part, seq, (offset, &text), json);
                }
                _ => inner.forget(rows.log),
            }
        }
    }

    /// Forgets a deleted log.
    pub fn deleted(&self, log: LogId) {
        self.lock().forget(log);
    }

    /// The joined appends at the end of a log that come after `after`. `None` if there are none, or if memory does not know them.
    ///
    /// If this is called before a snapshot of the tables is taken, that snapshot contains the result.
    pub fn behind(&self, log: LogId, after: Seq) -> Option<JoinedTail> {
        let inner = self.lock();
        let run = inner.runs.get(&log)?;
        let upto = Seq(run.first.0 + run.ends.len() as u64 - 1);
        let known = after.0.saturating_sub(run.first.0 - 1) as usize;
        let start = match known {
            0 => 0,
            known => *run.ends.get(known - 1)?,
        };
        (after < upto).then(|| JoinedTail {
            after: after.max(Seq(run.first.0 - 1)),
            upto,
            offset: run.offset + start as u64,
            text: run.text[start..].to_owned(),
            last_json: run.last_json.clone(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn add(
        &mut self,
        log: LogId,
        part: PartKey,
        seq: Seq,
        (offset, text): (u64, &str),
        json: String,
    ) {
        if self.bytes > RUNS_BYTES_MAX {
            self.runs.clear();
            self.bytes = 0;
        }
        let continues = |run: &TailRun| {
            run.part == part
                && run.first.0 + run.ends.len() as u64 == seq.0
                && run.offset + run.text.len() as u64 == offset
        };
        if !self.runs.get(&log).is_some_and(continues) {
            self.forget(log);
        }
        let run = self.runs.entry(log).or_insert_with(|| TailRun {
            part,
            first: seq,
            offset,
            text: String::new(),
            ends: Vec::new(),
            last_json: String::new(),
        });
        let before = run.bytes();
        run.text.push_str(text);
        run.ends.push(run.text.len());
        run.last_json = json;
        self.bytes += run.bytes() - before.min(run.bytes());
    }

    fn forget(&mut self, log: LogId) {
        if let Some(run) = self.runs.remove(&log) {
            self.bytes = self.bytes.saturating_sub(run.bytes());
        }
    }
}

impl TailRun {
    /// Approximate memory use.
    fn bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<usize>() + self.last_json.capacity()
    }
}

impl JoinedTail {
    /// The event to which the appends are joined.
    pub fn event(self) -> serde_json::Result<Event> {
        let mut event: Event = serde_json::from_str(&self.last_json)?;
        if let EventBody::PartAppended(body) = &mut event.body {
            body.offset = self.offset;
            body.text = self.text;
        }
        Ok(event)
    }

    /// An upper bound for the size of the event's JSON.
    pub fn json_bytes_max(&self) -> usize {
        let escaped = |byte: u8| match byte {
            0..0x20 => 6,
            b'"' | b'\\' => 2,
            _ => 1,
        };
        self.last_json.len() + self.text.bytes().map(escaped).sum::<usize>()
    }
}

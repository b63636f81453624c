//! For backends: filling a batch, and where it may end.
//!
//! The text of a sealed part is at its last seq. A batch that ended between its first append and that seq would leave a reader without
//! text that the state at that seq has. Such seqs form *stretches*: disjoint ranges, joined where parts of several runs interleave. A
//! backend indexes them by first seq, so that one look-up tells whether a batch may end at a seq.

use std::collections::HashSet;

use baton_protocol::{Batch, Event, Incarnation, LogId, PartIndex, RunId, Seq, limits};
use baton_session::sealing;

use crate::ReadLimit;
use crate::recording::appended_part;

/// Bytes of event JSON that one stretch may hold: a batch cannot end inside a stretch and must fit a frame. A part whose sealing would
/// exceed this keeps its appends; otherwise, parts of sub-agents that keep interleaving would make one endless stretch.
pub const STRETCH_BYTES_MAX: usize = limits::FRAME_BYTES_MAX / 4 * 3;

/// Events that one stretch may hold, for the same reason.
pub const STRETCH_EVENTS_MAX: usize = limits::BATCH_EVENTS_MAX;

/// Rows read for each event that a batch may hold: appends are joined, so a batch takes more rows than it has events.
const ROWS_PER_EVENT_MAX: usize = 16;

/// Fixed cost of an append that is joined to another, in addition to its escaped text.
const JOINED_BYTES_MIN: usize = 2;

/// Seqs at which no batch may end: `[since, upto)`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stretch {
    /// The first append that sealing removed.
    pub since: Seq,
    /// The seq of the last sealed part in the stretch.
    pub upto: Seq,
}

impl Stretch {
    /// Whether a batch must not end at this seq.
    pub fn holds(&self, seq: Seq) -> bool {
        self.since <= seq && seq < self.upto
    }

    /// Whether the two stretches overlap or touch, and so must be joined.
    pub fn touches(&self, other: &Self) -> bool {
        self.since <= other.upto && other.since <= self.upto
    }

    /// The stretch that covers both.
    #[must_use]
    pub fn joined(&self, other: &Self) -> Self {
        Self {
            since: self.since.min(other.since),
            upto: self.upto.max(other.upto),
        }
    }
}

/// Where a batch ends that would reach its limit at some seq.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BatchEnd {
    /// At that seq.
    Here,
    /// Earlier: right before the stretch.
    BackTo(Seq),
    /// Later, regardless of the limit, because the batch begins inside the stretch or right before it.
    OnTo(Seq),
}

impl BatchEnd {
    /// For a batch that continues `after` and would end at `last`. `stretch` is the one with the greatest `since` at or below `last`.
    pub fn find(after: Seq, last: Seq, stretch: Option<Stretch>) -> Self {
        match stretch {
            Some(stretch) if stretch.holds(last) => {
                if stretch.since.0 > after.0 + 1 {
                    Self::BackTo(Seq(stretch.since.0 - 1))
                } else {
                    Self::OnTo(stretch.upto)
                }
            }
            _ => Self::Here,
        }
    }
}

/// A batch that takes stored events in seq order until its limit.
#[derive(Debug)]
pub struct BatchFill {
    limit: ReadLimit,
    events: Vec<Event>,
    parts: HashSet<(RunId, PartIndex)>,
    joined: usize,
    bytes: usize,
}

impl BatchFill {
    /// An empty batch.
    pub fn new(limit: ReadLimit) -> Self {
        Self {
            limit,
            events: Vec::new(),
            parts: HashSet::new(),
            joined: 0,
            bytes: 0,
        }
    }

    /// Takes the next event, given the size of its JSON, or returns it if the batch is full. The first event always fits.
    pub fn offer(&mut self, event: Event, json_bytes: usize) -> Result<(), Box<Event>> {
        let rows_max = self.limit.events.saturating_mul(ROWS_PER_EVENT_MAX);
        let part = appended_part(&event);
        let joins = part.is_some_and(|part| self.parts.contains(&part));
        let bytes = if joins {
            appended_bytes(&event)
        } else {
            json_bytes
        };
        let events = self.events.len() - self.joined + usize::from(!joins);
        let full = self.bytes + bytes > self.limit.bytes
            || events > self.limit.events
            || self.events.len() >= rows_max;
        if full && !self.events.is_empty() {
            return Err(Box::new(event));
        }
        self.take(event, part, joins, bytes);
        Ok(())
    }

    /// Takes an event without regard to the limit, because the batch must reach the end of a stretch.
    pub fn force(&mut self, event: Event) {
        let part = appended_part(&event);
        let joins = part.is_some_and(|part| self.parts.contains(&part));
        self.take(event, part, joins, 0);
    }

    fn take(&mut self, event: Event, part: Option<(RunId, PartIndex)>, joins: bool, bytes: usize) {
        self.joined += usize::from(joins);
        self.parts.extend(part);
        self.bytes += bytes;
        self.events.push(event);
    }

    /// The last event's seq.
    pub fn last(&self) -> Option<Seq> {
        self.events.last().map(|event| event.seq)
    }

    /// Drops the events after a seq.
    pub fn cut_back_to(&mut self, upto: Seq) {
        self.events.retain(|event| event.seq <= upto);
    }

    /// The batch, with its appends joined.
    pub fn finish(
        self,
        log: LogId,
        incarnation: Incarnation,
        after: Seq,
        upto: Seq,
        head: Seq,
    ) -> Batch {
        Batch {
            log,
            incarnation,
            after,
            upto,
            head,
            events: sealing::merge_appends(self.events),
        }
    }
}

/// Upper bound of the bytes that an append adds to the one that it is joined to: its text, with JSON's longest escape for each character
/// that needs one.
fn appended_bytes(event: &Event) -> usize {
    match &event.body {
        baton_protocol::EventBody::PartAppended(body) => {
            body.text.bytes().map(escaped_bytes).sum::<usize>() + JOINED_BYTES_MIN
        }
        _ => 0,
    }
}

fn escaped_bytes(byte: u8) -> usize {
    match byte {
        0..0x20 => 6,
        b'"' | b'\\' => 2,
        _ => 1,
    }
}

//! The events of one log from both sources: those that have a place, and those that arrived since.
//!
//! A [`Position`] packs a log's number and a seq into one integer, so that a batch is one range of places.

use baton_protocol::{PartIndex, RunId, Seq};
use rusqlite::{Connection, Row, params};

use super::arrivals::{self, Arrival, ArrivalRow};
use super::logs::LogNumber;
use super::places;
use crate::unplaced::{Known, Place};

/// The table of older versions; [`arrivals`] has taken over its rows.
pub const MIGRATION: &str = "
    CREATE TABLE events (
        position INTEGER PRIMARY KEY,
        adds_to  BLOB,
        event    TEXT NOT NULL
    ) STRICT;
";

const SEQ_BITS: u32 = 32;

/// The highest seq that a log can have here: four thousand million events, which is years at any rate that one session reaches.
pub const SEQ_MAX: Seq = Seq((1 << SEQ_BITS) - 1);

/// The highest number that a log can have here.
pub const LOG_MAX: LogNumber = LogNumber((1 << (63 - SEQ_BITS)) - 1);

/// A log's number and a seq: the position of an event among the events of all logs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Position(i64);

impl Position {
    /// The position of an event. A seq above [`SEQ_MAX`] counts as [`SEQ_MAX`].
    pub fn new(log: LogNumber, seq: Seq) -> Self {
        debug_assert!(
            log.0 >= 0 && log.0 <= LOG_MAX.0,
            "checked where logs are created"
        );
        Self(log.0 << SEQ_BITS | seq.min(SEQ_MAX).0 as i64)
    }

    /// Reads a column.
    pub fn at(row: &Row<'_>, column: usize) -> rusqlite::Result<Self> {
        row.get(column).map(Self)
    }

    /// The value for a column.
    pub fn value(self) -> i64 {
        self.0
    }

    /// The event's log.
    pub fn log(self) -> LogNumber {
        LogNumber(self.0 >> SEQ_BITS)
    }

    /// The event's seq.
    pub fn seq(self) -> Seq {
        Seq(self.0 as u64 & SEQ_MAX.0)
    }
}

/// Identifies a part of a run among the rows of its log.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PartKey([u8; PartKey::BYTES]);

impl PartKey {
    const BYTES: usize = 20;

    /// The key of a part.
    pub fn new(run: RunId, part: PartIndex) -> Self {
        let mut key = [0; Self::BYTES];
        key[..16].copy_from_slice(run.as_uuid().as_bytes());
        key[16..].copy_from_slice(&part.0.to_be_bytes());
        Self(key)
    }

    /// Reads a column.
    pub fn of(row: &Row<'_>, column: usize) -> rusqlite::Result<Self> {
        row.get(column).map(Self)
    }

    /// The value for a column.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// In order of position. `CROSS JOIN` fixes the join's order, so that statistics cannot reverse it.
pub(super) const PLACED_ROWS: &str = "SELECT places.position, arrivals.arrival, adds_to, event FROM places CROSS JOIN arrivals USING (arrival)
     WHERE places.position > ?1 AND places.position <= ?2 ORDER BY places.position";

/// A stored event.
pub struct EventRow {
    pub seq: Seq,
    pub json: String,
    arrival: Arrival,
}

/// The number and the size of the events in a range.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Weight {
    pub events: usize,
    pub bytes: usize,
}

/// Whether the consumer of rows wants more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    More,
    Enough,
}

/// The events of a log in one snapshot.
pub struct Events<'a> {
    connection: &'a Connection,
    log: LogNumber,
    /// The events without a place, in seq order, including those that have been placed since `known` was read.
    unplaced: Vec<Place>,
}

impl<'a> Events<'a> {
    /// For the writer: no other thread writes, so `known` is complete.
    pub fn of_writer(connection: &'a Connection, log: LogNumber, known: Known) -> Self {
        Self {
            connection,
            log,
            unplaced: known.places,
        }
    }

    /// For a reader, which read `known` before it took its snapshot: also finds what arrived in between.
    pub fn of_snapshot(
        connection: &'a Connection,
        log: LogNumber,
        known: Known,
    ) -> rusqlite::Result<Self> {
        let Known {
            upto,
            places: mut unplaced,
        } = known;
        arrivals::behind(connection, upto, |of, position, arrival| {
            if of == log {
                let seq = position.seq();
                unplaced.push(Place { seq, arrival });
            }
        })?;
        Ok(Self {
            connection,
            log,
            unplaced,
        })
    }

    /// The seq of the last event.
    pub fn head(&self) -> rusqlite::Result<Seq> {
        let ends = (self.position(Seq::ZERO), self.position(SEQ_MAX));
        let placed = places::last(self.connection, ends)?.map_or(Seq::ZERO, Position::seq);
        Ok(self
            .unplaced
            .last()
            .map_or(placed, |last| placed.max(last.seq)))
    }

    /// Passes the events in `(after, upto]` to `take`, in order, until it has enough.
    pub fn for_each<E: From<rusqlite::Error>>(
        &self,
        between: (Seq, Seq),
        mut take: impl FnMut(Seq, &str) -> Result<Flow, E>,
    ) -> Result<Flow, E> {
        self.for_each_row(between, |place, row| take(place.seq, row.json))
    }

    /// The event at a seq.
    pub fn find(&self, seq: Seq) -> rusqlite::Result<EventRow> {
        let mut found = None;
        self.for_each_row((Seq(seq.0.saturating_sub(1)), seq), |place, row| {
            found = Some(EventRow::of(place, &row));
            Ok::<_, rusqlite::Error>(Flow::Enough)
        })?;
        found.ok_or(rusqlite::Error::QueryReturnedNoRows)
    }

    /// The appends of a part that was opened and closed at these seqs.
    pub fn appends_of(
        &self,
        part: PartKey,
        (opened, closed): (Seq, Seq),
    ) -> rusqlite::Result<Vec<EventRow>> {
        let mut appends = Vec::new();
        self.for_each_row((opened, closed), |place, row| {
            if row.adds_to == Some(part.as_bytes()) {
                appends.push(EventRow::of(place, &row));
            }
            Ok::<_, rusqlite::Error>(Flow::More)
        })?;
        Ok(appends)
    }

    /// Counts the events from the first to the last seq, both included.
    pub fn weigh(&self, (first, last): (Seq, Seq)) -> rusqlite::Result<Weight> {
        let mut weight = Weight::default();
        self.for_each_row((Seq(first.0.saturating_sub(1)), last), |_, row| {
            weight.events += 1;
            weight.bytes += row.json.len();
            Ok::<_, rusqlite::Error>(Flow::More)
        })?;
        Ok(weight)
    }

    /// Replaces the close by the sealed part, and deletes the part's appends.
    pub fn seal(&self, appends: &[EventRow], close: &EventRow, json: &str) -> rusqlite::Result<()> {
        for append in appends {
            arrivals::delete(self.connection, append.arrival)?;
            places::delete(self.connection, self.position(append.seq))?;
        }
        arrivals::replace(self.connection, close.arrival, json)
    }

    fn position(&self, seq: Seq) -> Position {
        Position::new(self.log, seq)
    }

    fn for_each_row<E: From<rusqlite::Error>>(
        &self,
        (after, upto): (Seq, Seq),
        mut take: impl FnMut(Place, ArrivalRow<'_>) -> Result<Flow, E>,
    ) -> Result<Flow, E> {
        let mut seen = after;
        {
            let mut placed = self.connection.prepare_cached(PLACED_ROWS)?;
            let ends = params![self.position(after).0, self.position(upto).0];
            let mut rows = placed.query(ends)?;
            while let Some(row) = rows.next()? {
                let (seq, arrival) = (Position::at(row, 0)?.seq(), Arrival(row.get(1)?));
                seen = seq;
                if take(Place { seq, arrival }, ArrivalRow::of(row, 2)?)? == Flow::Enough {
                    return Ok(Flow::Enough);
                }
            }
        }
        // A log's events are placed in order, so the unplaced ones are those after the last placed one that was seen. An event that was
        // placed and then sealed away in the meantime appears in neither.
        let behind = self.unplaced.partition_point(|place| place.seq <= seen);
        for place in &self.unplaced[behind..] {
            if place.seq > upto {
                break;
            }
            let taken = arrivals::look(self.connection, place.arrival, |row| take(*place, row))?;
            if taken.transpose()? == Some(Flow::Enough) {
                return Ok(Flow::Enough);
            }
        }
        Ok(Flow::More)
    }
}

impl EventRow {
    fn of(place: Place, row: &ArrivalRow<'_>) -> Self {
        Self {
            seq: place.seq,
            json: row.json.to_owned(),
            arrival: place.arrival,
        }
    }
}

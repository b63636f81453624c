//! The events of all logs, each as the JSON that readers get.
//!
//! A log's number and a seq make one integer, the [`Position`]: the table is then ordered by log and seq with no index beside it, an
//! append touches one page, and a batch is one range.

use baton_protocol::{PartIndex, RunId, Seq};
use rusqlite::{Connection, OptionalExtension as _, Row, Rows, params};

use super::logs::LogNumber;

/// `adds_to` names the part whose text an append extends; it is null for every other kind.
pub const MIGRATION: &str = "
    CREATE TABLE events (
        position INTEGER PRIMARY KEY,
        adds_to  BLOB,
        event    TEXT NOT NULL
    ) STRICT;
";

const SEQ_BITS: u32 = 32;

/// The last seq that a log can have here: four thousand million events, years at any rate that one session reaches.
pub const SEQ_MAX: Seq = Seq((1 << SEQ_BITS) - 1);

/// The last number that a log can have here.
pub const LOG_MAX: LogNumber = LogNumber((1 << (63 - SEQ_BITS)) - 1);

/// Where an event stands among all events of all logs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Position(i64);

impl Position {
    /// Of an event; seqs beyond the last possible one are taken for it.
    pub fn new(log: LogNumber, seq: Seq) -> Self {
        debug_assert!(
            log.0 >= 0 && log.0 <= LOG_MAX.0,
            "checked where logs are created"
        );
        Self(log.0 << SEQ_BITS | seq.min(SEQ_MAX).0 as i64)
    }

    /// The event's seq.
    pub fn seq(self) -> Seq {
        Seq(self.0 as u64 & SEQ_MAX.0)
    }
}

/// Names a part of a run among the rows of its log.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PartKey([u8; PartKey::BYTES]);

impl PartKey {
    const BYTES: usize = 20;

    /// Of a part.
    pub fn new(run: RunId, part: PartIndex) -> Self {
        let mut key = [0; Self::BYTES];
        key[..16].copy_from_slice(run.as_uuid().as_bytes());
        key[16..].copy_from_slice(&part.0.to_be_bytes());
        Self(key)
    }

    /// From a column.
    pub fn of(row: &Row<'_>, column: usize) -> rusqlite::Result<Self> {
        row.get(column).map(Self)
    }

    /// For a column.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A stored event, as far as reads need it.
pub struct EventRow {
    pub seq: Seq,
    pub json: String,
}

impl EventRow {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: Position(row.get(0)?).seq(),
            json: row.get(1)?,
        })
    }
}

/// How much stands in a stretch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Weight {
    pub events: usize,
    pub bytes: usize,
}

/// The seq of a log's last event.
pub fn head(connection: &Connection, log: LogNumber) -> rusqlite::Result<Seq> {
    let mut last = connection.prepare_cached(
        "SELECT position FROM events WHERE position BETWEEN ?1 AND ?2 ORDER BY position DESC LIMIT 1",
    )?;
    let range = params![
        Position::new(log, Seq::ZERO).0,
        Position::new(log, SEQ_MAX).0
    ];
    let found = last
        .query_row(range, |row| row.get(0).map(Position))
        .optional()?;
    Ok(found.map_or(Seq::ZERO, Position::seq))
}

/// Gives the events of `(after, upto]` to `take`, in order, until it has enough.
pub fn for_each<E: From<rusqlite::Error>>(
    connection: &Connection,
    log: LogNumber,
    (after, upto): (Seq, Seq),
    mut take: impl FnMut(Seq, &str) -> Result<Flow, E>,
) -> Result<Flow, E> {
    let mut range = connection.prepare_cached(
        "SELECT position, event FROM events WHERE position > ?1 AND position <= ?2 ORDER BY position",
    )?;
    let ends = params![Position::new(log, after).0, Position::new(log, upto).0];
    let mut rows: Rows<'_> = range.query(ends)?;
    while let Some(row) = rows.next()? {
        let json = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        if take(Position(row.get(0)?).seq(), json)? == Flow::Enough {
            return Ok(Flow::Enough);
        }
    }
    Ok(Flow::More)
}

/// Whether whoever takes rows wants more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    More,
    Enough,
}

/// One event.
pub fn find(connection: &Connection, log: LogNumber, seq: Seq) -> rusqlite::Result<EventRow> {
    let mut one =
        connection.prepare_cached("SELECT position, event FROM events WHERE position = ?1")?;
    one.query_row([Position::new(log, seq).0], EventRow::of)
}

/// The appends of a part that was opened and closed at these seqs.
pub fn appends_of(
    connection: &Connection,
    log: LogNumber,
    part: PartKey,
    (opened, closed): (Seq, Seq),
) -> rusqlite::Result<Vec<EventRow>> {
    let mut appends = connection.prepare_cached(
        "SELECT position, event FROM events WHERE position BETWEEN ?1 AND ?2 AND adds_to = ?3 ORDER BY position",
    )?;
    let (from, to) = (Position::new(log, opened).0, Position::new(log, closed).0);
    appends
        .query_map(params![from, to, part.as_bytes()], EventRow::of)?
        .collect()
}

/// What stands from the first to the last seq.
pub fn weigh(
    connection: &Connection,
    log: LogNumber,
    (first, last): (Seq, Seq),
) -> rusqlite::Result<Weight> {
    let mut weight = connection.prepare_cached(
        "SELECT count(*), coalesce(sum(octet_length(event)), 0) FROM events WHERE position BETWEEN ?1 AND ?2",
    )?;
    let ends = [Position::new(log, first).0, Position::new(log, last).0];
    weight.query_row(ends, |row| {
        Ok(Weight {
            events: row.get::<_, i64>(0)?.unsigned_abs() as usize,
            bytes: row.get::<_, i64>(1)?.unsigned_abs() as usize,
        })
    })
}

/// Adds an event.
pub fn insert(
    connection: &Connection,
    log: LogNumber,
    seq: Seq,
    adds_to: Option<PartKey>,
    json: &str,
) -> rusqlite::Result<()> {
    let mut insert = connection
        .prepare_cached("INSERT INTO events (position, adds_to, event) VALUES (?1, ?2, ?3)")?;
    let adds_to = adds_to.as_ref().map(PartKey::as_bytes);
    insert.execute(params![Position::new(log, seq).0, adds_to, json])?;
    Ok(())
}

/// Puts the sealed part in the place of its close, and drops its appends.
pub fn seal(
    connection: &Connection,
    log: LogNumber,
    part: PartKey,
    (opened, closed): (Seq, Seq),
    json: &str,
) -> rusqlite::Result<()> {
    let (from, to) = (Position::new(log, opened).0, Position::new(log, closed).0);
    connection
        .prepare_cached("DELETE FROM events WHERE position BETWEEN ?1 AND ?2 AND adds_to = ?3")?
        .execute(params![from, to, part.as_bytes()])?;
    connection
        .prepare_cached("UPDATE events SET event = ?2 WHERE position = ?1")?
        .execute(params![to, json])?;
    Ok(())
}

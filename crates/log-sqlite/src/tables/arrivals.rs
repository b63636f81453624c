//! The events of all logs in the order in which they arrived, each as the JSON that readers get.
//!
//! Whatever logs a group of appends is for, its rows stand together at the end of the table: a few pages, none of which is split.
//! Where a log's events stand among them says [`super::places`].

use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Row, params};

use super::events::{PartKey, Position};
use super::logs::LogNumber;

/// `position` is the log and the seq; `adds_to` names the part whose text an append extends and is null for every other kind.
///
/// What an older version kept in the order of logs and seqs moves over in that order.
pub const MIGRATION: &str = "
    CREATE TABLE arrivals (
        arrival  INTEGER PRIMARY KEY,
        position INTEGER NOT NULL,
        adds_to  BLOB,
        event    TEXT NOT NULL
    ) STRICT;
    CREATE TABLE places (
        position INTEGER PRIMARY KEY,
        arrival  INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE placed (
        upto INTEGER NOT NULL
    ) STRICT;
    INSERT INTO arrivals (position, adds_to, event) SELECT position, adds_to, event FROM events ORDER BY position;
    INSERT INTO places (position, arrival) SELECT position, arrival FROM arrivals ORDER BY arrival;
    INSERT INTO placed (upto) SELECT coalesce(max(arrival), 0) FROM arrivals;
    DROP TABLE events;
";

pub(super) const LOOK: &str = "SELECT adds_to, event FROM arrivals WHERE arrival = ?1";

pub(super) const BEHIND: &str =
    "SELECT arrival, position FROM arrivals WHERE arrival > ?1 ORDER BY arrival";

/// An event's number among all that arrived. Whoever writes gives it, rising; one above [`super::places::upto`] may be given again
/// after a start, where sealing took away what had it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Arrival(pub i64);

impl Arrival {
    /// The one behind it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A row, while it is looked at.
pub struct ArrivalRow<'a> {
    pub adds_to: Option<&'a [u8]>,
    pub json: &'a str,
}

impl<'a> ArrivalRow<'a> {
    /// From two columns that follow each other.
    pub fn of(row: &'a Row<'_>, column: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            adds_to: row.get_ref(column)?.as_blob_or_null()?,
            json: row.get_ref(column + 1)?.as_str()?,
        })
    }
}

/// Looks at a row; `None`: it was sealed away.
pub fn look<T>(
    connection: &Connection,
    arrival: Arrival,
    take: impl FnOnce(ArrivalRow<'_>) -> T,
) -> rusqlite::Result<Option<T>> {
    let mut one = connection.prepare_cached(LOOK)?;
    one.query_row([arrival.0], |row| Ok(take(ArrivalRow::of(row, 0)?)))
        .optional()
}

/// Gives what stands behind an arrival to `take`, in order.
pub fn behind(
    connection: &Connection,
    arrival: Arrival,
    mut take: impl FnMut(LogNumber, Position, Arrival),
) -> rusqlite::Result<()> {
    let mut behind = connection.prepare_cached(BEHIND)?;
    let mut rows = behind.query([arrival.0])?;
    while let Some(row) = rows.next()? {
        let position = Position::at(row, 1)?;
        take(position.log(), position, Arrival(row.get(0)?));
    }
    Ok(())
}

/// Adds events: one statement for all of a group.
pub struct Adding<'c>(CachedStatement<'c>);

impl<'c> Adding<'c> {
    /// Prepares the insert for the rows of one transaction.
    pub fn begin(connection: &'c Connection) -> rusqlite::Result<Self> {
        let insert =
            "INSERT INTO arrivals (arrival, position, adds_to, event) VALUES (?1, ?2, ?3, ?4)";
        connection.prepare_cached(insert).map(Self)
    }

    /// Writes one event at its place in an arrival.
    pub fn add(
        &mut self,
        (arrival, position): (Arrival, Position),
        adds_to: Option<PartKey>,
        json: &str,
    ) -> rusqlite::Result<()> {
        let adds_to = adds_to.as_ref().map(PartKey::as_bytes);
        self.0
            .execute(params![arrival.0, position.value(), adds_to, json])?;
        Ok(())
    }
}

/// Puts another event into an event's row.
pub fn replace(connection: &Connection, arrival: Arrival, json: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE arrivals SET event = ?2 WHERE arrival = ?1")?
        .execute(params![arrival.0, json])?;
    Ok(())
}

/// Takes an event away.
pub fn delete(connection: &Connection, arrival: Arrival) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM arrivals WHERE arrival = ?1")?
        .execute([arrival.0])?;
    Ok(())
}

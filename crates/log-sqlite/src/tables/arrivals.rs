//! The events of all logs in order of arrival, each as the JSON that readers get.
//!
//! The rows of a group are together at the end of the table, whatever logs they belong to: a few pages, none of which is split.
//! [`super::places`] maps the seqs of a log to arrivals.

use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Row, params};

use super::events::{PartKey, Position};
use super::logs::LogNumber;

/// `position` is the log and the seq; `adds_to` names the part whose text an append extends and is null for every other kind.
///
/// Events of an older version, which were stored in the order of logs and seqs, move over in that order.
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

/// An event's number in order of arrival. The writer assigns these numbers in rising order. After a start it may reuse a number above
/// [`super::places::upto`] whose row sealing has deleted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Arrival(pub i64);

impl Arrival {
    /// The next number.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A borrowed row.
pub struct ArrivalRow<'a> {
    pub adds_to: Option<&'a [u8]>,
    pub json: &'a str,
}

impl<'a> ArrivalRow<'a> {
    /// Reads two consecutive columns.
    pub fn of(row: &'a Row<'_>, column: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            adds_to: row.get_ref(column)?.as_blob_or_null()?,
            json: row.get_ref(column + 1)?.as_str()?,
        })
    }
}

/// Passes a row to `take`; `None` if sealing has deleted the row.
pub fn look<T>(
    connection: &Connection,
    arrival: Arrival,
    take: impl FnOnce(ArrivalRow<'_>) -> T,
) -> rusqlite::Result<Option<T>> {
    let mut one = connection.prepare_cached(LOOK)?;
    one.query_row([arrival.0], |row| Ok(take(ArrivalRow::of(row, 0)?)))
        .optional()
}

/// Passes every event after an arrival to `take`, in order.
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

/// Inserts events, with one prepared statement for a whole group.
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

/// Replaces the event in a row.
pub fn replace(connection: &Connection, arrival: Arrival, json: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE arrivals SET event = ?2 WHERE arrival = ?1")?
        .execute(params![arrival.0, json])?;
    Ok(())
}

/// Deletes an event.
pub fn delete(connection: &Connection, arrival: Arrival) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM arrivals WHERE arrival = ?1")?
        .execute([arrival.0])?;
    Ok(())
}

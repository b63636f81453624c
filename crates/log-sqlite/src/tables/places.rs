//! Maps the position of each event to its arrival.
//!
//! Events are placed some time after they arrived, thousands at once and in the order of logs and seqs: a page of this table is then
//! written once for many events, instead of once for each. Until then, [`crate::unplaced`] has them in memory.
//!
//! **Invariant:** every arrival up to [`upto`] has a place, and none above it has one.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::arrivals::Arrival;
use super::events::Position;

pub(super) const LAST: &str =
    "SELECT position FROM places WHERE position BETWEEN ?1 AND ?2 ORDER BY position DESC LIMIT 1";

/// The last arrival that has a place.
pub fn upto(connection: &Connection) -> rusqlite::Result<Arrival> {
    let mut upto = connection.prepare_cached("SELECT upto FROM placed")?;
    upto.query_row([], |row| row.get(0).map(Arrival))
}

/// Places every arrival. For use in a transaction.
pub fn place_all(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO places (position, arrival)
             SELECT position, arrival FROM arrivals WHERE arrival > (SELECT upto FROM placed) ORDER BY position",
        )?
        .execute([])?;
    connection
        .prepare_cached(
            "UPDATE placed SET upto = max(upto, coalesce((SELECT max(arrival) FROM arrivals), 0))",
        )?
        .execute([])?;
    Ok(())
}

/// The highest placed position between the two given ones, both included.
pub fn last(
    connection: &Connection,
    (first, last): (Position, Position),
) -> rusqlite::Result<Option<Position>> {
    let mut found = connection.prepare_cached(LAST)?;
    found
        .query_row(params![first.value(), last.value()], |row| {
            Position::at(row, 0)
        })
        .optional()
}

/// Deletes the places between the two positions, both included.
pub fn delete_between(
    connection: &Connection,
    (first, last): (Position, Position),
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM places WHERE position BETWEEN ?1 AND ?2")?
        .execute(params![first.value(), last.value()])?;
    Ok(())
}

/// Deletes a place, if there is one.
pub fn delete(connection: &Connection, position: Position) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM places WHERE position = ?1")?
        .execute([position.value()])?;
    Ok(())
}

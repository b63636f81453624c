//! Sealing: a closed part's appends give way to one event. Readers cannot tell (the sealing law), so it may happen at any time.

use baton_log::AppendError;
use baton_log::batching::{STRETCH_BYTES_MAX, STRETCH_EVENTS_MAX, Stretch};
use baton_log::recording::RecordedEvent;
use baton_protocol::Event;
use baton_session::sealing;
use rusqlite::Connection;

use super::group::run;
use crate::tables::events::{self, EventRow};
use crate::tables::sealed_stretches;
use crate::tables::unsealed_parts::{self, ClosedPart};

/// Why parts were not sealed. The log is as good without it.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The commit failed, so nobody knows what the disk holds.
    #[error("the commit of sealed parts failed")]
    Flush(#[source] rusqlite::Error),
    /// Nothing was written.
    #[error("parts could not be sealed")]
    Storage(#[source] rusqlite::Error),
}

/// Seals these parts in one transaction.
pub fn seal_parts(connection: &Connection, parts: &[ClosedPart]) -> Result<(), SealError> {
    let outcome = write_and_commit(connection, parts);
    if outcome.is_err() && !connection.is_autocommit() {
        connection
            .execute_batch("ROLLBACK")
            .map_err(SealError::Flush)?;
    }
    outcome
}

fn write_and_commit(connection: &Connection, parts: &[ClosedPart]) -> Result<(), SealError> {
    run(connection, "BEGIN IMMEDIATE").map_err(SealError::Storage)?;
    for part in parts {
        seal_part(connection, part).map_err(SealError::Storage)?;
    }
    run(connection, "COMMIT").map_err(|error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => SealError::Storage(error),
        _ => SealError::Flush(error),
    })
}

fn seal_part(connection: &Connection, part: &ClosedPart) -> rusqlite::Result<()> {
    let between = (part.opened, part.closed);
    let appends = events::appends_of(connection, part.log, part.part, between)?;
    let close = events::find(connection, part.log, part.closed)?;
    if let Some(sealed) = sealed(&appends, &close) {
        let since = appends.first().map_or(part.closed, |append| append.seq);
        let new = Stretch {
            since,
            upto: part.closed,
        };
        let touched = sealed_stretches::touching(connection, part.log, new)?;
        let joined = touched.iter().fold(new, |sum, stretch| sum.joined(stretch));
        if fits(connection, part, joined, &appends, &close, &sealed)? {
            events::seal(connection, part.log, part.part, between, &sealed.json)?;
            sealed_stretches::replace(connection, part.log, &touched, joined)?;
        }
    }
    unsealed_parts::settle(connection, part.log, part.part)
}

/// The event that stands for the part; `None` where it stays as it is: it has no text, would be larger than an event may be, or what is
/// stored does not make a part.
fn sealed(appends: &[EventRow], close: &EventRow) -> Option<RecordedEvent> {
    let decoded = |row: &EventRow| -> Option<Event> {
        let event = serde_json::from_str(&row.json);
        event
            .inspect_err(|error| {
                tracing::error!(seq = row.seq.0, %error, "a stored event does not decode");
            })
            .ok()
    };
    let appends: Vec<Event> = appends.iter().map(decoded).collect::<Option<_>>()?;
    let sealed = sealing::seal_part(&appends, &decoded(close)?)?;
    match RecordedEvent::encode(sealed) {
        Ok(sealed) => Some(sealed),
        Err(AppendError::EventTooLarge { .. }) => None,
        Err(error) => {
            tracing::error!(seq = close.seq.0, %error, "a sealed part does not encode");
            None
        }
    }
}

/// Whether the stretch that the part would lie in still fits a batch.
fn fits(
    connection: &Connection,
    part: &ClosedPart,
    joined: Stretch,
    appends: &[EventRow],
    close: &EventRow,
    sealed: &RecordedEvent,
) -> rusqlite::Result<bool> {
    let weight = events::weigh(connection, part.log, (joined.since, joined.upto))?;
    let gone = appends
        .iter()
        .map(|append| append.json.len())
        .sum::<usize>()
        + close.json.len();
    let bytes = weight.bytes - gone + sealed.json.len();
    Ok(weight.events - appends.len() <= STRETCH_EVENTS_MAX && bytes <= STRETCH_BYTES_MAX)
}

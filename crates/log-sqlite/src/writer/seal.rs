//! Sealing: one event replaces a closed part's appends. Readers cannot tell (the sealing law), so it may happen at any time.

use baton_log::AppendError;
use baton_log::batching::{STRETCH_BYTES_MAX, STRETCH_EVENTS_MAX, Stretch};
use baton_log::recording::RecordedEvent;
use baton_protocol::{Event, Seq};
use baton_session::sealing;
use rusqlite::Connection;

use super::transaction::{Fault, Work, transact};
use crate::tables::events::{EventRow, Events};
use crate::tables::logs;
use crate::tables::sealed_stretches;
use crate::tables::unsealed_parts::{self, ClosedPart};
use crate::unplaced::Unplaced;

/// Seals these parts in one transaction.
pub fn seal_parts(
    connection: &Connection,
    unplaced: &Unplaced,
    parts: &[ClosedPart],
) -> Result<(), Fault> {
    transact(connection, |connection| {
        let mut parts = parts.iter();
        let sealed = parts.try_for_each(|part| seal_part(connection, unplaced, part));
        sealed.map(Work::Keep)
    })
    .map(|((), _)| ())
}

fn seal_part(
    connection: &Connection,
    unplaced: &Unplaced,
    part: &ClosedPart,
) -> rusqlite::Result<()> {
    let Some(id) = logs::id_of(connection, part.log)? else {
        return Ok(());
    };
    let known = unplaced.of(id, Seq::ZERO);
    let events = Events::of_writer(connection, part.log, known);
    let appends = events.appends_of(part.part, (part.opened, part.closed))?;
    let close = events.find(part.closed)?;
    if let Some(sealed) = sealed(&appends, &close) {
        let since = appends.first().map_or(part.closed, |append| append.seq);
        let new = Stretch {
            since,
            upto: part.closed,
        };
        let touched = sealed_stretches::touching(connection, part.log, new)?;
        let joined = touched.iter().fold(new, |sum, stretch| sum.joined(stretch));
        if fits(&events, joined, &appends, &close, &sealed)? {
            events.seal(&appends, &close, &sealed.json)?;
            sealed_stretches::replace(connection, part.log, &touched, joined)?;
        }
    }
    unsealed_parts::settle(connection, part.log, part.part)
}

/// The event that replaces the part. `None` if the part stays as it is: it has no text, its text exceeds the event limit, or its stored
/// events do not make up a part.
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

/// Whether the stretch that the sealed part would belong to still fits a batch.
fn fits(
    events: &Events<'_>,
    joined: Stretch,
    appends: &[EventRow],
    close: &EventRow,
    sealed: &RecordedEvent,
) -> rusqlite::Result<bool> {
    let weight = events.weigh((joined.since, joined.upto))?;
    let gone = appends
        .iter()
        .map(|append| append.json.len())
        .sum::<usize>()
        + close.json.len();
    let bytes = weight.bytes - gone + sealed.json.len();
    Ok(weight.events - appends.len() <= STRETCH_EVENTS_MAX && bytes <= STRETCH_BYTES_MAX)
}

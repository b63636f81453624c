//! The growing parts of a session: its open rows and the appends of its open parts. They are in the tail's events but not yet in the
//! tables.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use baton_protocol::view::{PartState, RowBody, RowId, TranscriptRow};
use baton_protocol::{Event, EventBody, PartIndex, RunId, Seq};
use baton_session::{RowChange, sealing};
use rusqlite::Connection;

use super::logs::LogKey;
use super::rows::{RowPlace, Settled};
use super::{StoreError, rows};

/// The open rows and parts.
#[derive(Default)]
pub(super) struct OpenParts {
    rows: HashMap<RowId, TranscriptRow>,
    appends: HashMap<(RunId, PartIndex), Vec<Event>>,
}

/// What a range of events changes in the table `events`.
#[derive(Default)]
pub(super) struct Writes<'e> {
    pub(super) insert: BTreeMap<Seq, Cow<'e, Event>>,
    pub(super) delete: Vec<Seq>,
}

/// The rows whose table entries a range of events changes.
pub(super) type Touched<'c> = BTreeMap<RowPlace, (Cow<'c, TranscriptRow>, Settled)>;

impl OpenParts {
    /// Whether no row is growing.
    pub(super) fn has_no_rows(&self) -> bool {
        self.rows.is_empty()
    }

    /// An open row in its current form.
    pub(super) fn row(&self, id: &RowId) -> Option<&TranscriptRow> {
        self.rows.get(id)
    }

    /// Keeps an event as the hub does: a closing part replaces its appends.
    pub(super) fn take<'e>(&mut self, event: &'e Event, writes: &mut Writes<'e>) {
        match &event.body {
            EventBody::PartAppended(append) => {
                let appends = self.appends.entry((append.run, append.part)).or_default();
                appends.push(event.clone());
                writes.insert.insert(event.seq, Cow::Borrowed(event));
            }
            EventBody::PartClosed(closed) => {
                let appends = self.appends.remove(&(closed.run, closed.part));
                let appends = appends.unwrap_or_default();
                match sealing::seal_part(&appends, event) {
                    Some(sealed) => writes.replace(&appends, Cow::Owned(sealed)),
                    None => writes.replace(&[], Cow::Borrowed(event)),
                }
            }
            EventBody::PartSealed(sealed) => {
                let appends = self.appends.remove(&(sealed.run, sealed.part));
                writes.replace(&appends.unwrap_or_default(), Cow::Borrowed(event));
            }
            _ => writes.replace(&[], Cow::Borrowed(event)),
        }
    }

    /// Applies a change to the open rows, and notes the rows whose table entry changes.
    pub(super) fn carry<'c>(
        &mut self,
        (conn, key): (&Connection, LogKey),
        change: &'c RowChange,
        touched: &mut Touched<'c>,
    ) -> Result<(), StoreError> {
        // A choice of branches changes no row: the state knows what is hidden.
        let Some(place) = change.row_id().and_then(RowPlace::of) else {
            return Ok(());
        };
        match change {
            RowChange::Insert(row) if is_open(row) => {
                self.rows.insert(row.id.clone(), row.clone());
                touched.insert(place, (Cow::Borrowed(row), Settled::No));
            }
            RowChange::Insert(row) => {
                touched.insert(place, (Cow::Borrowed(row), Settled::Yes));
            }
            RowChange::AppendText { id, .. } => {
                if let Some(row) = self.rows.get_mut(id) {
                    change.apply_to(row);
                }
            }
            RowChange::ClosePart { id, .. }
            | RowChange::SealPart { id, .. }
            | RowChange::SetTeardown { id, .. }
            | RowChange::SetApproval { id, .. } => {
                let row = match (self.rows.remove(id), touched.remove(&place)) {
                    (Some(row), _) => Some(row),
                    (None, Some((row, _))) => Some(row.into_owned()),
                    (None, None) => rows::find(conn, key, place)?,
                };
                if let Some(mut row) = row {
                    change.apply_to(&mut row);
                    touched.insert(place, (Cow::Owned(row), Settled::Yes));
                }
            }
            RowChange::Hide(_) => {}
        }
        Ok(())
    }
}

impl<'e> Writes<'e> {
    fn replace(&mut self, gone: &[Event], event: Cow<'e, Event>) {
        for old in gone {
            if self.insert.remove(&old.seq).is_none() {
                self.delete.push(old.seq);
            }
        }
        self.insert.insert(event.seq, event);
    }
}

fn is_open(row: &TranscriptRow) -> bool {
    matches!(
        &row.body,
        RowBody::Text {
            state: PartState::Open,
            ..
        } | RowBody::Reasoning {
            state: PartState::Open,
            ..
        } | RowBody::ToolCall {
            state: PartState::Open,
            ..
        } | RowBody::ToolResult {
            state: PartState::Open,
            ..
        }
    )
}

//! The messages to the writer. Callers prepare everything that needs no database.

use baton_log::recording::Recording;
use baton_log::{AppendError, DeleteError, ExpectedHead, SavedState};
use baton_protocol::{EventBody, Incarnation, LogId};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::tables::events::PartKey;
use crate::tables::receipts::ReceiptRow;

/// A message to the writer.
pub enum Message {
    Append(WriteRequest),
    /// Hide this log from every later request.
    Delete {
        log: LogId,
        answer: oneshot::Sender<Result<(), DeleteError>>,
    },
    /// Seal every closed part, place every event and delete the remaining rows of deleted logs, then answer.
    SettleAll(oneshot::Sender<()>),
}

/// An append, ready to be written.
pub struct WriteRequest {
    pub rows: Rows,
    pub answer: oneshot::Sender<Answer>,
    /// The request's share of the queue.
    pub room: OwnedSemaphorePermit,
}

/// Result of an append. Carries the rows back so that the caller's thread, not the writer's, frees them.
pub struct Answer {
    pub outcome: Result<Incarnation, AppendError>,
    _written: (Rows, OwnedSemaphorePermit),
}

impl WriteRequest {
    /// Sends the result to the caller, with the rows, so that the caller's thread frees them.
    pub fn answer(self, outcome: Result<Incarnation, AppendError>) {
        let _written = (self.rows, self.room);
        // The caller may no longer wait. The result stands all the same.
        let _ = self.answer.send(Answer { outcome, _written });
    }
}

/// The rows of an append.
#[derive(Clone, PartialEq, Debug)]
pub struct Rows {
    pub log: LogId,
    pub expected: ExpectedHead,
    pub events: Vec<NewEventRow>,
    pub receipt: Option<ReceiptRow>,
    pub state: Option<Box<SavedState>>,
}

/// An event as a row.
#[derive(Clone, PartialEq, Debug)]
pub struct NewEventRow {
    pub json: String,
    pub part: PartRole,
    /// An append's offset and text, for [`crate::tail_runs`].
    pub appended: Option<(u64, String)>,
}

/// What an event does to a part, as far as sealing is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PartRole {
    Opens(PartKey),
    AddsTo(PartKey),
    Closes(PartKey),
    None,
}

impl PartRole {
    fn of(body: &EventBody) -> Self {
        match body {
            EventBody::PartOpened(body) => Self::Opens(PartKey::new(body.run, body.part)),
            EventBody::PartAppended(body) => Self::AddsTo(PartKey::new(body.run, body.part)),
            EventBody::PartClosed(body) => Self::Closes(PartKey::new(body.run, body.part)),
            _ => Self::None,
        }
    }
}

impl Rows {
    /// Takes the encoded events out of a recording.
    pub fn of(
        log: LogId,
        expected: ExpectedHead,
        recording: &mut Recording,
    ) -> Result<Self, AppendError> {
        let receipt = recording.receipt.as_ref().map(ReceiptRow::encode);
        let receipt = receipt
            .transpose()
            .map_err(|error| AppendError::Unavailable(Box::new(error)))?;
        let events = recording.events.iter_mut().map(|recorded| NewEventRow {
            json: std::mem::take(&mut recorded.json),
            part: PartRole::of(&recorded.event.body),
            appended: match &recorded.event.body {
                EventBody::PartAppended(body) => Some((body.offset, body.text.clone())),
                _ => None,
            },
        });
        Ok(Self {
            log,
            expected,
            events: events.collect(),
            receipt,
            state: recording.state.take().map(Box::new),
        })
    }

    /// Approximate size of the request in memory and in the WAL.
    pub fn bytes(&self) -> usize {
        /// A receipt, and the overhead of the rows.
        const FIXED_BYTES: usize = 512;
        let events = self.events.iter().map(|event| event.json.len() + 64);
        let state = self.state.as_ref().map_or(0, |state| state.json.len());
        events.sum::<usize>() + state + FIXED_BYTES
    }

    /// Pages that the request writes in addition to its events' pages, which it shares with its group. A receipt is stored in command order
    /// and a part's row in run order, so each takes a page of its own.
    pub fn pages_of_its_own(&self) -> usize {
        let role =
            |event: &&NewEventRow| matches!(event.part, PartRole::Opens(_) | PartRole::Closes(_));
        let creates = usize::from(self.expected == ExpectedHead::Absent);
        let parts = self.events.iter().filter(role).count();
        usize::from(self.receipt.is_some()) + parts + 2 * creates
    }
}

//! What travels to the writer: everything that can be made without the database is made before.

use baton_log::recording::Recording;
use baton_log::{AppendError, DeleteError, ExpectedHead, SavedState};
use baton_protocol::{EventBody, Incarnation, LogId};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::tables::events::PartKey;
use crate::tables::receipts::ReceiptRow;

/// What the writer is asked for.
pub enum Message {
    /// Record this.
    Append(WriteRequest),
    /// Let nobody find this log any more.
    Delete {
        log: LogId,
        answer: oneshot::Sender<Result<(), DeleteError>>,
    },
    /// Seal every closed part, give every event its place and take away what is left of deleted logs, then say so.
    SettleAll(oneshot::Sender<()>),
}

/// An append, ready to be written.
pub struct WriteRequest {
    pub rows: Rows,
    pub answer: oneshot::Sender<Answer>,
    /// The room that the request takes in the queue.
    pub room: OwnedSemaphorePermit,
}

/// What became of an append. Whoever asked lets go of what was written, rather than the one thread that everybody waits for.
pub struct Answer {
    pub outcome: Result<Incarnation, AppendError>,
    _written: (Rows, OwnedSemaphorePermit),
}

impl WriteRequest {
    /// Sends the result to the caller, with the rows, so that the caller's thread frees them.
    pub fn answer(self, outcome: Result<Incarnation, AppendError>) {
        let _written = (self.rows, self.room);
        // Whoever asked may have gone; the answer holds all the same.
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

/// An event for the table.
#[derive(Clone, PartialEq, Debug)]
pub struct NewEventRow {
    pub json: String,
    pub part: PartRole,
    /// Of an append: its offset and its text, for [`crate::tail_runs`].
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
    /// Takes the encodings out of a recording.
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

    /// About what the request takes in memory and in the WAL.
    pub fn bytes(&self) -> usize {
        /// A receipt, and the rows' own overhead.
        const FIXED_BYTES: usize = 512;
        let events = self.events.iter().map(|event| event.json.len() + 64);
        let state = self.state.as_ref().map_or(0, |state| state.json.len());
        events.sum::<usize>() + state + FIXED_BYTES
    }

    /// Pages that the request writes beside those of its events, which it shares with its group: a receipt stands in the order of its
    /// command, and what becomes of a part in the order of its run.
    pub fn pages_of_its_own(&self) -> usize {
        let role =
            |event: &&NewEventRow| matches!(event.part, PartRole::Opens(_) | PartRole::Closes(_));
        let creates = usize::from(self.expected == ExpectedHead::Absent);
        let parts = self.events.iter().filter(role).count();
        usize::from(self.receipt.is_some()) + parts + 2 * creates
    }
}

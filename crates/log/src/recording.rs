//! For backends: assigns seqs to new events and encodes each of them once.

use baton_protocol::{Event, EventBody, Receipt, Seq, limits};

use crate::{AppendError, AppendRequest, ExpectedHead, NewReceipt, SavedState, StoredReceipt};

/// A request with everything that does not depend on the log's content. It is valid if the head is where the writer expects it.
#[derive(Clone, PartialEq, Debug)]
pub struct Recording {
    /// The head before the append.
    pub after: Seq,
    /// The events as the log will store them.
    pub events: Vec<RecordedEvent>,
    /// The receipt as the log will store it.
    pub receipt: Option<StoredReceipt>,
    /// The state at `after`.
    pub state: Option<SavedState>,
}

/// An event with its only encoding.
#[derive(Clone, PartialEq, Debug)]
pub struct RecordedEvent {
    pub event: Event,
    pub json: String,
}

/// What most events need as JSON: a piece of an answer and its envelope.
const ENCODED_BYTES: usize = 768;

impl RecordedEvent {
    /// Encodes an event. Refuses one that exceeds [`limits::EVENT_BYTES_MAX`].
    pub fn encode(event: Event) -> Result<Self, AppendError> {
        let mut json = Vec::with_capacity(ENCODED_BYTES);
        serde_json::to_writer(&mut json, &event)
            .map_err(|error| AppendError::Unavailable(Box::new(error)))?;
        let json =
            String::from_utf8(json).map_err(|error| AppendError::Unavailable(Box::new(error)))?;
        if json.len() > limits::EVENT_BYTES_MAX {
            return Err(AppendError::EventTooLarge { bytes: json.len() });
        }
        Ok(Self { event, json })
    }
}

impl Recording {
    /// Assigns seqs and encodes. Needs no access to the log, so a backend can call it outside its writer.
    pub fn of(request: AppendRequest) -> Result<Self, AppendError> {
        let after = match request.expected {
            ExpectedHead::Absent if request.events.is_empty() => {
                return Err(AppendError::NoFirstEvent);
            }
            ExpectedHead::Absent => Seq::ZERO,
            ExpectedHead::At(seq) => seq,
        };
        let state = request.state;
        assert!(
            state.as_ref().is_none_or(|state| state.seq == after),
            "a writer saves the state that it decided on"
        );
        let mut events = Vec::with_capacity(request.events.len());
        let mut head = after;
        for new in request.events {
            head = head.next();
            events.push(RecordedEvent::encode(new.at(head, request.recorded_at))?);
        }
        let receipt = request.receipt.map(|new: NewReceipt| StoredReceipt {
            receipt: Receipt {
                command: new.command,
                log: request.log,
                seq: head,
                recorded_at: request.recorded_at,
                outcome: new.outcome,
            },
            digest: new.digest,
        });
        Ok(Self {
            after,
            events,
            receipt,
            state,
        })
    }
}

/// The part to which an event appends text.
pub(crate) fn appended_part(
    event: &Event,
) -> Option<(baton_protocol::RunId, baton_protocol::PartIndex)> {
    match &event.body {
        EventBody::PartAppended(body) => Some((body.run, body.part)),
        _ => None,
    }
}

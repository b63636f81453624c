//! The results of a decision: events to which the log has not yet given a seq and a time.

use baton_protocol::{
    CommandEffect, CommandId, ErrorBody, Event, EventBody, Principal, ProducerSeq, ReceiptOutcome,
    Seq, TimestampMs,
};

/// An event that is not recorded yet.
#[derive(Clone, PartialEq, Debug)]
pub struct NewEvent {
    pub by: Principal,
    /// The command that caused it.
    pub command: Option<CommandId>,
    /// The runner's count, if a runner wrote it.
    pub producer: Option<ProducerSeq>,
    /// When another hub recorded it, if it is imported; absent: now.
    pub recorded_at: Option<TimestampMs>,
    pub body: EventBody,
}

impl NewEvent {
    /// The event at its place in the log. Recorded at `now`, unless it was imported with a time of its own.
    pub fn at(self, seq: Seq, now: TimestampMs) -> Event {
        Event {
            seq,
            recorded_at: self.recorded_at.unwrap_or(now),
            by: self.by,
            command: self.command,
            producer: self.producer,
            body: self.body,
        }
    }
}

/// The result of a command: events to append, and the outcome for its receipt. A refusal has no events.
#[derive(Clone, PartialEq, Debug)]
pub struct Decision {
    /// In order; all of them are recorded, or none.
    pub events: Vec<NewEvent>,
    pub outcome: ReceiptOutcome,
}

impl Decision {
    pub(crate) fn accept(effect: CommandEffect, events: Vec<NewEvent>) -> Self {
        Self {
            events,
            outcome: ReceiptOutcome::Accepted { effect },
        }
    }

    /// Refuses the command for this reason; nothing is recorded.
    pub fn refuse(error: ErrorBody) -> Self {
        Self {
            events: Vec::new(),
            outcome: ReceiptOutcome::Refused { error },
        }
    }
}

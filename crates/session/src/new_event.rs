//! What a decision gives: events before the log has given them a seq and a time.

use baton_protocol::{
    CommandEffect, CommandId, ErrorBody, Event, EventBody, Principal, ProducerSeq, ReceiptOutcome,
    Seq, TimestampMs,
};

/// An event that is not recorded yet.
#[derive(Clone, PartialEq, Debug)]
pub struct NewEvent {
    /// Who did it.
    pub by: Principal,
    /// The command that caused it.
    pub command: Option<CommandId>,
    /// The runner's count, for what a runner wrote.
    pub producer: Option<ProducerSeq>,
    /// When another hub recorded it, for an imported event; absent: now.
    pub recorded_at: Option<TimestampMs>,
    /// What happens.
    pub body: EventBody,
}

impl NewEvent {
    /// The event at its place in the log, recorded at `now` unless it was imported with a time of its own.
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

/// What becomes of a command: events to append, and the outcome for its receipt. A refusal has no events.
#[derive(Clone, PartialEq, Debug)]
pub struct Decision {
    /// In order; all of them or none are recorded.
    pub events: Vec<NewEvent>,
    /// For the receipt.
    pub outcome: ReceiptOutcome,
}

impl Decision {
    pub(crate) fn accept(effect: CommandEffect, events: Vec<NewEvent>) -> Self {
        Self {
            events,
            outcome: ReceiptOutcome::Accepted { effect },
        }
    }

    /// Nothing is recorded, and the command is refused for this reason.
    pub fn refuse(error: ErrorBody) -> Self {
        Self {
            events: Vec::new(),
            outcome: ReceiptOutcome::Refused { error },
        }
    }
}

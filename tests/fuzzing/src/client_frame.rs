//! From a socket's text to a frame, and from a command to events.

use baton_hub::{Parsed, parse};
use baton_protocol::{
    AccountId, ClientFrame, Command, DeviceId, Principal, Receipt, ReceiptOutcome, TimestampMs,
};
use baton_session::{DecideFacts, NoTranscript, SessionState, decide};

/// Reads each line as a hub does, and lets a session decide the commands among them.
///
/// # Panics
/// Where a frame that was read is written as something else, a decision does not fold or is not the same the second time, or a refusal
/// records something.
pub fn client_frame(data: &[u8]) {
    let mut state = SessionState::default();
    for line in crate::lines(data) {
        let Parsed::Frame(frame) = parse(line) else {
            continue;
        };
        let written = serde_json::to_string(&frame).expect("a frame can be written");
        let Parsed::Frame(again) = parse(&written) else {
            panic!("a frame that was read is not read again: {written}");
        };
        assert_eq!(again, frame);
        if let ClientFrame::Command { command } = frame {
            decide_and_fold(&mut state, &command);
        }
    }
}

fn decide_and_fold(state: &mut SessionState, command: &Command) {
    let nobody = uuid::Uuid::nil();
    let by = Principal::Device {
        account: AccountId::from_uuid(nobody),
        device: DeviceId::from_uuid(nobody),
    };
    let facts = DecideFacts { can_steer: true };
    let decision = decide(state, command, &by, &facts);
    assert_eq!(decide(state, command, &by, &facts), decision);
    if matches!(decision.outcome, ReceiptOutcome::Refused { .. }) {
        assert_eq!(decision.events, [], "a refusal records nothing");
    }
    let receipt = Receipt {
        command: command.id,
        log: command.log,
        seq: state.head(),
        recorded_at: TimestampMs(0),
        outcome: decision.outcome,
    };
    serde_json::to_string(&receipt).expect("a receipt can be written");
    for event in decision.events {
        let event = event.at(state.head().next(), TimestampMs(0));
        state
            .apply(&event, &mut NoTranscript)
            .expect("a decision folds");
    }
}

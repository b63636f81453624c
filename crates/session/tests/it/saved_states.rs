//! Saved states: within one format, a saved state must always equal the folded one.
//!
//! An updated hub wakes its sessions from states that the previous version saved. So every change to the fold or to the state's JSON needs
//! a new `FORMAT`, and a new golden file next to the old ones.

use std::path::PathBuf;

use baton_protocol::*;
use baton_session::{NoTranscript, SessionState};
use serde_json::Value;

use crate::rig::{Rig, desk, laptop};

fn file() -> PathBuf {
    let name = format!("tests/golden/session-state-{}.json", SessionState::FORMAT);
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Events of many kinds, after which nothing runs.
fn events() -> Vec<Event> {
    let mut rig = Rig::new();
    let first = rig.send(laptop(), "first", Delivery::Queue);
    let run = rig.start().expect("a prompt waits");
    let part = PartIndex(0);
    let kind = PartKind::Text;
    rig.write(run, vec![RunWrite::OpenPart { part, kind }]);
    let text = "half".to_owned();
    rig.write(
        run,
        vec![RunWrite::AppendText {
            part,
            offset: 0,
            text,
        }],
    );
    let end = PartEnd::Complete;
    rig.write(run, vec![RunWrite::ClosePart { part, end }]);
    let (failure, usage) = (None, None);
    rig.write(
        run,
        vec![RunWrite::EndRun {
            failure,
            usage,
            finish_reason: None,
        }],
    );
    rig.send(desk(), "second", Delivery::Queue);
    let stopped = rig.start().expect("a prompt waits");
    rig.send(laptop(), "third", Delivery::Queue);
    rig.stop(desk(), stopped);
    let resend = ResendPromptCommand {
        prompt: first,
        text: "first, otherwise".into(),
        delivery: Delivery::Queue,
    };
    rig.accept(laptop(), CommandBody::ResendPrompt(resend));
    rig.log
}

fn folded(events: &[Event]) -> SessionState {
    let mut state = SessionState::default();
    for event in events {
        state.apply(event, &mut NoTranscript).expect("folds");
    }
    state
}

#[test]
fn a_state_that_was_saved_is_what_folding_gives() {
    let events = events();
    if std::env::var_os("BATON_NEW_STATE_FORMAT").is_some() {
        let pair = serde_json::json!({ "events": events, "state": folded(&events) });
        std::fs::write(file(), serde_json::to_string_pretty(&pair).unwrap() + "\n").unwrap();
    }
    let text = std::fs::read_to_string(file()).expect("the file of this format");
    let kept: Value = serde_json::from_str(&text).expect("JSON");
    let events: Vec<Event> = serde_json::from_value(kept["events"].clone()).expect("events");
    let state = folded(&events);
    let why = "raise `SessionState::FORMAT`: states that were saved before are other ones now";
    assert_eq!(
        serde_json::to_value(&state).unwrap(),
        kept["state"],
        "{why}"
    );
    let read: SessionState = serde_json::from_value(kept["state"].clone()).expect("it reads");
    assert_eq!(read, state, "{why}");
}

//! What version 1 looks like on the wire. A change to these files is a change to the protocol.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{approval_samples, ending_samples, import_samples, order_samples, samples};

fn lines<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(samples: &[T]) -> String {
    let line = |sample: &T| {
        let json = serde_json::to_string(sample).expect("serialises");
        let back: T = serde_json::from_str(&json).expect("comes back");
        assert_eq!(&back, sample);
        json
    };
    samples.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Compares with `tests/golden/v1/NAME.jsonl`. With `UPDATE_GOLDEN=1`, creates a missing file but never changes an existing one.
fn golden(name: &str, found: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(format!("tests/golden/v1/{name}.jsonl"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() && !path.exists() {
        std::fs::create_dir_all(path.parent().expect("has a folder")).expect("makes the folder");
        std::fs::write(&path, format!("{found}\n")).expect("writes");
    }
    let expected = std::fs::read_to_string(&path)
        .expect("the golden file is there; UPDATE_GOLDEN=1 writes a new one");
    assert_eq!(
        found,
        expected.trim_end(),
        "the format of {name} has changed: published kinds never do, add a new one"
    );
}

#[test]
fn events_are_as_published() {
    golden("events", &lines(&samples::events()));
}

#[test]
fn commands_are_as_published() {
    golden("commands", &lines(&samples::commands()));
}

#[test]
fn receipts_are_as_published() {
    golden("receipts", &lines(&samples::receipts()));
}

#[test]
fn client_frames_are_as_published() {
    golden("client-frames", &lines(&samples::client_frames()));
}

#[test]
fn hub_frames_are_as_published() {
    golden("hub-frames", &lines(&samples::hub_frames()));
}

#[test]
fn what_came_second_is_as_published() {
    golden("order-events", &lines(&order_samples::bodies()));
    golden("order-commands", &lines(&order_samples::commands()));
    golden("order-writes", &lines(&order_samples::writes()));
    let (attend, attention) = order_samples::attention();
    golden(
        "attention",
        &format!("{}\n{}", lines(&[attend]), lines(&[attention])),
    );
}

#[test]
fn moving_is_as_published() {
    golden("import-events", &lines(&import_samples::bodies()));
    golden("import-commands", &lines(&import_samples::commands()));
    golden("import-effects", &lines(&import_samples::effects()));
}

#[test]
fn taking_an_approval_back_is_as_published() {
    golden("approval-events", &lines(&approval_samples::bodies()));
    golden("approval-commands", &lines(&approval_samples::commands()));
    golden("heartbeats", &lines(&approval_samples::heartbeats()));
}

#[test]
fn endings_and_retries_are_as_published() {
    golden("ending-events", &lines(&ending_samples::bodies()));
    golden("ending-run-ended", &lines(&ending_samples::ended()));
    golden("ending-writes", &lines(&ending_samples::writes()));
}

#[test]
fn saved_states_are_as_published() {
    let (asked, given) = order_samples::saved_states();
    golden(
        "saved-states",
        &format!("{}\n{}", lines(&asked), lines(&given)),
    );
}

#[test]
fn a_reader_of_the_newest_is_as_published() {
    golden("newest", &lines(&order_samples::newest()));
}

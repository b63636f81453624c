//! Compares the windows, the hub's log and what the model server sent for the same conversation.

use baton_protocol::Event;
use baton_protocol::view::TranscriptRow;
use baton_session::{SessionState, Transcript};

use crate::desktop::Desktop;
use crate::programs::{self, Tail};
use crate::screen::ShownRow;
use crate::stage::Stage;

/// Returns the hub's log, read by a device that never had a window, once `runs` runs have ended.
pub async fn log(stage: &Stage, session: &str, runs: usize) -> Vec<Event> {
    let tail: Tail = stage.witness.tail(session);
    tail.wait_end(runs - 1).await;
    tail.events()
}

/// Folds events into rows.
pub fn rows(events: &[Event]) -> Vec<ShownRow> {
    let mut state = SessionState::default();
    let mut transcript = Transcript::default();
    for event in events {
        state
            .apply(event, &mut transcript)
            .expect("the hub's log folds");
    }
    transcript.rows.iter().map(shown).collect()
}

fn shown(row: &TranscriptRow) -> ShownRow {
    let row = serde_json::to_value(row).expect("rows are plain JSON");
    ShownRow {
        id: row["id"].as_str().unwrap_or_default().to_owned(),
        kind: row["body"]["type"].as_str().unwrap_or_default().to_owned(),
        body: row["body"].clone(),
    }
}

/// Waits until every window shows exactly the rows of the hub's log, and compares the answer's bytes with what the model server sent.
pub async fn assert_same_everywhere(
    stage: &Stage,
    session: &str,
    windows: &[&Desktop],
    sent: &[&str],
) -> Vec<Event> {
    let runs = windows[0]
        .wait("an ended run", |screen| {
            Some(screen.outcomes().len()).filter(|&count| count > 0)
        })
        .await;
    let events = log(stage, session, runs).await;
    let sent: String = sent.concat();
    assert_eq!(
        programs::answer(&events),
        sent,
        "the log holds what the model's server sent"
    );
    let expected = rows(&events);
    for window in windows {
        window
            .wait_equal("the rows of the hub's log", &expected, |screen| {
                screen.rows()
            })
            .await;
    }
    events
}

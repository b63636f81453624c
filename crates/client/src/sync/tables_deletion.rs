//! Deleted sessions leave the mirror when the account's log says so.

use super::bench::*;
use super::*;
use crate::limits::MIRROR_RETRY_MS;
use baton_protocol::{ClientFrame, HubFrame, TimestampMs};

fn drops(outputs: &[Output]) -> usize {
    let is_drop = |output: &&Output| **output == Output::DropLog(log(1));
    outputs.iter().filter(is_drop).count()
}

#[test]
fn a_deleted_session_is_forgotten_though_nobody_looks_at_it() {
    let mut bench = Bench::with(vec![(log(1), cursor(8))], Vec::new());
    bench.connect();
    // The engine asked for it because it is unlisted; the hub has it, so the engine unsubscribes.
    bench.hear(HubFrame::Batch(batch(log(1), 8, 8, 8)));
    let outputs = bench.give(Input::Deleted(vec![session(1), session(2)]));
    assert_eq!(drops(&outputs), 1);
    assert_eq!(sent(&outputs), []);
    assert_eq!(drops(&bench.give(Input::Deleted(vec![session(1)]))), 0);
    bench.give(lost());
    bench.give(Input::Nudge);
    let asked = sent(&bench.open());
    assert!(!asked.contains(&subscribe(log(1), None)), "{asked:?}");
}

#[test]
fn one_that_is_behind_is_not_fetched_any_more() {
    let mut bench = Bench::live();
    let position = SessionPosition {
        session: session(1),
        seq: baton_protocol::Seq(9),
        updated_at: TimestampMs(5),
        running: true,
    };
    let outputs = bench.give(Input::Summaries(vec![position]));
    assert_eq!(sent(&outputs), [subscribe(log(1), None)]);
    bench.hear(HubFrame::Batch(batch(log(1), 0, 4, 9)));
    assert_eq!(drops(&bench.give(Input::Deleted(vec![session(1)]))), 1);
    // Frames in transit change nothing, and neither does the hub's own report of the deletion.
    for frame in [
        HubFrame::Batch(batch(log(1), 4, 9, 9)),
        HubFrame::Missing {
            log: log(1),
            incarnation: None,
        },
    ] {
        let outputs = bench.hear(frame);
        let applies = |output: &Output| matches!(output, Output::ApplyBatch(_));
        assert!(!outputs.iter().any(applies), "{outputs:?}");
        assert_eq!((drops(&outputs), sent(&outputs)), (0, Vec::new()));
    }
    bench.give(lost());
    bench.give(Input::Nudge);
    let subscribes = |frame: &ClientFrame| matches!(frame, ClientFrame::Subscribe { log, .. } if *log != account_log());
    assert!(!sent(&bench.open()).iter().any(subscribes));
}

#[test]
fn what_could_not_be_dropped_before_a_start_is_dropped_by_it_without_a_hub() {
    let cursors = vec![(log(1), cursor(8)), (log(2), cursor(3))];
    let mut bench = Bench::knowing(cursors, Vec::new(), vec![session(1)]);
    assert_eq!(drops(&bench.give(Input::Start)), 1);
    let asked = sent(&bench.open());
    assert!(
        asked.contains(&subscribe(log(2), Some(cursor(3)))),
        "{asked:?}"
    );
    let about_it = |frame: &ClientFrame| matches!(frame, ClientFrame::Subscribe { log: of, .. } if *of == log(1));
    assert!(!asked.iter().any(about_it), "{asked:?}");
}

/// A viewer sees that the session is gone, and the engine does not ask the hub for it again on this connection.
#[test]
fn a_view_of_a_deleted_session_is_level_with_nothing() {
    let mut bench = Bench::live();
    bench.give(Input::Want(log(1)));
    bench.hear(HubFrame::Batch(batch(log(1), 0, 4, 4)));
    let outputs = bench.give(Input::Deleted(vec![session(1)]));
    assert_eq!(drops(&outputs), 1);
    let level = Output::CaughtUp {
        log: log(1),
        caught_up: true,
    };
    assert!(outputs.contains(&level), "{outputs:?}");
    assert_eq!(sent(&outputs), []);
}

/// A full disk prevents both the batch and the drop; the batch's failure must not make the engine forget the drop.
#[test]
fn a_drop_that_failed_behind_a_batch_that_failed_comes_again() {
    let mut bench = Bench::live();
    bench.give(Input::Want(log(1)));
    bench.hear(HubFrame::Batch(batch(log(1), 0, 4, 4)));
    assert_eq!(drops(&bench.give(Input::Deleted(vec![session(1)]))), 1);
    let moved = Input::MirrorMoved {
        log: log(1),
        cursor: Some(cursor(2)),
    };
    let outputs = bench.give(moved);
    assert_eq!((drops(&outputs), sent(&outputs)), (1, Vec::new()));
    bench.give(Input::DropFailed(log(1)));
    let mut again = 0;
    let until_ms = bench.now.mono_ms + MIRROR_RETRY_MS;
    while bench.now.mono_ms < until_ms {
        let due = bench.engine.deadline_ms().unwrap();
        again += drops(&bench.pass(due - bench.now.mono_ms));
        bench.hear(HubFrame::HeartbeatAck {});
    }
    assert_eq!(again, 1);
}

/// A hub that was restored may have the session again.
#[test]
fn a_session_that_is_listed_again_is_mirrored_again() {
    let mut bench = Bench::with(vec![(log(1), cursor(8))], Vec::new());
    bench.connect();
    bench.hear(HubFrame::Batch(batch(log(1), 8, 8, 8)));
    bench.give(Input::Deleted(vec![session(1)]));
    let listed = SessionPosition {
        session: session(1),
        seq: baton_protocol::Seq(5),
        updated_at: TimestampMs(9),
        running: false,
    };
    let outputs = bench.give(Input::Summaries(vec![listed]));
    assert_eq!(sent(&outputs), [subscribe(log(1), None)]);
    let outputs = bench.hear(HubFrame::Batch(batch(log(1), 0, 5, 5)));
    assert!(matches!(outputs[0], Output::ApplyBatch(_)), "{outputs:?}");
    let moved = Input::MirrorMoved {
        log: log(1),
        cursor: Some(cursor(2)),
    };
    assert_eq!(drops(&bench.give(moved)), 0);
}

//! Tables for connections and logs: (what happened) → (what must be done).

use super::bench::*;
use super::*;
use crate::limits::{
    BACKGROUND_FETCHES_MAX, MIRROR_RETRY_MS, MISFIT_RETRY_MS, RECONNECT_DELAY_MS_MAX,
    STALE_AFTER_MS,
};
use baton_protocol::limits::{HEARTBEAT_INTERVAL_MS, HEARTBEAT_TIMEOUT_MS, PROTOCOL_VERSION};
use baton_protocol::view::ConnectionPhase;
use baton_protocol::{Batch, ClientFrame, ErrorCode, HubFrame, LogId, Seq, TimestampMs};

#[test]
fn a_start_greets_and_follows_the_account_from_the_mirrors_cursor() {
    let mut bench = Bench::with(vec![(account_log(), cursor(5))], Vec::new());
    assert_eq!(bench.give(Input::Start)[0], Output::Connect);
    let hello = sent(&bench.give(Input::Connected));
    assert_eq!(
        hello,
        [ClientFrame::Hello {
            protocol: PROTOCOL_VERSION,
            capabilities: Vec::new(),
            runner: None
        }]
    );
    let outputs = bench.open();
    assert_eq!(sent(&outputs), [subscribe(account_log(), Some(cursor(5)))]);
    assert_eq!(phase(&outputs), Some(ConnectionPhase::CatchingUp));
    let outputs = bench.hear(HubFrame::Batch(batch(account_log(), 5, 5, 5)));
    assert_eq!(phase(&outputs), Some(ConnectionPhase::Live));
    assert!(
        !outputs
            .iter()
            .any(|output| matches!(output, Output::ApplyBatch(_)))
    );
}

#[test]
fn batches_that_continue_each_other_may_be_taken_as_one_and_no_others() {
    let mut bench = Bench::live();
    bench.give(Input::Want(log(1)));
    bench.give(Input::Want(log(2)));
    let batches = [
        batch(log(1), 0, 4, 9),
        batch(log(1), 4, 6, 9),
        batch(log(2), 0, 6, 9),
        batch(log(1), 6, 8, 9),
        batch(log(1), 8, 9, 9),
    ];
    for batch in &batches {
        let frame = HubFrame::Batch(batch.clone());
        let heard = Input::FrameReceived(Box::new(frame));
        bench.engine.handle(bench.now, heard);
    }
    let taken = std::iter::from_fn(|| {
        let Output::ApplyBatch(first) = bench.engine.next_output()? else {
            return Some(Vec::new());
        };
        let mut joined = vec![first];
        while let Some(next) = bench.engine.next_batch_after(&joined[joined.len() - 1]) {
            joined.push(next);
        }
        Some(joined)
    });
    let taken: Vec<Vec<Batch>> = taken.filter(|joined| !joined.is_empty()).collect();
    let expected = [&batches[..2], &batches[2..3], &batches[3..]].map(<[Batch]>::to_vec);
    assert_eq!(taken, expected);
}

#[test]
fn a_batch_is_applied_only_where_it_continues_the_cursor() {
    let mut bench = Bench::live();
    bench.give(Input::Want(log(1)));
    let first = batch(log(1), 0, 4, 9);
    let outputs = bench.hear(HubFrame::Batch(first.clone()));
    assert!(outputs.contains(&Output::ApplyBatch(first.clone())));

    let again = bench.hear(HubFrame::Batch(first));
    assert_eq!(again, []);

    let gap = bench.hear(HubFrame::Batch(batch(log(1), 6, 9, 9)));
    assert_eq!(gap, [Output::Send(subscribe(log(1), Some(cursor(4))))]);
    // Frames of the earlier subscription that are still in transit cause no second request.
    assert_eq!(bench.hear(HubFrame::Batch(batch(log(1), 6, 9, 9))), []);

    let next = batch(log(1), 4, 9, 9);
    let outputs = bench.hear(HubFrame::Batch(next.clone()));
    assert_eq!(outputs[0], Output::ApplyBatch(next));
    let caught_up = Output::CaughtUp {
        log: log(1),
        caught_up: true,
    };
    assert!(outputs.contains(&caught_up));
}

#[test]
fn events_out_of_order_are_no_batch() {
    let mut bench = Bench::live();
    let mut wrong = batch(account_log(), 3, 2, 3);
    wrong.upto = Seq(2);
    assert_eq!(bench.hear(HubFrame::Batch(wrong))[0], Output::Close);
}

#[test]
fn a_missing_cursor_drops_the_mirror_and_begins_anew() {
    let mut bench = Bench::with(vec![(log(1), cursor(8))], Vec::new());
    bench.connect();
    bench.give(Input::Want(log(1)));
    let outputs = bench.hear(HubFrame::Missing {
        log: log(1),
        incarnation: Some(incarnation(9)),
    });
    assert_eq!(outputs[0], Output::DropLog(log(1)));
    assert_eq!(sent(&outputs), [subscribe(log(1), None)]);
    let fresh = Batch {
        incarnation: incarnation(9),
        ..batch(log(1), 0, 2, 2)
    };
    let outputs = bench.hear(HubFrame::Batch(fresh.clone()));
    assert_eq!(outputs[0], Output::ApplyBatch(fresh));
}

fn missing(log: LogId) -> HubFrame {
    HubFrame::Missing {
        log,
        incarnation: None,
    }
}

#[test]
fn a_log_that_could_not_be_dropped_is_dropped_again_unless_it_came_anew() {
    for comes_anew in [false, true] {
        let mut bench = Bench::with(vec![(log(1), cursor(8))], Vec::new());
        bench.connect();
        assert_eq!(bench.hear(missing(log(1)))[0], Output::DropLog(log(1)));
        bench.give(Input::DropFailed(log(1)));
        if comes_anew {
            bench.give(Input::MirrorMoved {
                log: log(1),
                cursor: Some(cursor(2)),
            });
        }
        let mut drops = 0;
        let wanted = bench.now.mono_ms + MIRROR_RETRY_MS;
        while bench.now.mono_ms < wanted {
            let due = bench.engine.deadline_ms().unwrap();
            let outputs = bench.pass(due - bench.now.mono_ms);
            bench.hear(HubFrame::HeartbeatAck {});
            let drop = |output: &&Output| **output == Output::DropLog(log(1));
            drops += outputs.iter().filter(drop).count();
        }
        assert_eq!(drops, usize::from(!comes_anew));
    }
}

#[test]
fn a_mirrored_session_that_the_list_has_not_is_asked_for_once() {
    let mut bench = Bench::with(vec![(log(1), cursor(8))], Vec::new());
    let outputs = bench.connect();
    assert!(sent(&outputs).contains(&subscribe(log(1), Some(cursor(8)))));
    let outputs = bench.hear(HubFrame::Batch(batch(log(1), 8, 8, 8)));
    let let_go = ClientFrame::Unsubscribe { log: log(1) };
    assert!(sent(&outputs).contains(&let_go), "it is there: {outputs:?}");
    bench.give(lost());
    bench.give(Input::Nudge);
    let asked = sent(&bench.open());
    assert!(!asked.contains(&subscribe(log(1), Some(cursor(8)))));
}

#[test]
fn a_session_that_is_not_there_is_asked_for_again_once_its_creation_is_answered() {
    let mut bench = Bench::live();
    bench.give(Input::Want(log(1)));
    let missing = HubFrame::Missing {
        log: log(1),
        incarnation: None,
    };
    assert_eq!(sent(&bench.hear(missing)), []);
    let begin = create(1, log(1));
    bench.give(queued(begin.clone()));
    let outputs = bench.hear(accepted(&begin));
    assert_eq!(sent(&outputs), [subscribe(log(1), None)]);
}

#[test]
fn another_incarnation_in_mid_stream_begins_anew() {
    let mut bench = Bench::live();
    bench.give(Input::Want(log(1)));
    bench.hear(HubFrame::Batch(batch(log(1), 0, 4, 4)));
    let other = Batch {
        incarnation: incarnation(9),
        ..batch(log(1), 4, 5, 5)
    };
    let outputs = bench.hear(HubFrame::Batch(other));
    assert_eq!(outputs[0], Output::DropLog(log(1)));
    assert_eq!(sent(&outputs), [subscribe(log(1), None)]);
}

#[test]
fn heartbeats_go_out_and_silence_is_first_stale_then_dead() {
    let mut bench = Bench::live();
    assert_eq!(
        sent(&bench.pass(HEARTBEAT_INTERVAL_MS)),
        [ClientFrame::Heartbeat { runs: None }]
    );
    let mut phases = Vec::new();
    for _ in 0..20 {
        let due = bench.engine.deadline_ms().unwrap();
        let outputs = bench.pass(due - bench.now.mono_ms);
        phases.extend(phase(&outputs));
        if outputs.contains(&Output::Close) {
            break;
        }
    }
    assert_eq!(
        phases,
        [ConnectionPhase::Stale, ConnectionPhase::Reconnecting]
    );
    assert_eq!(bench.now.mono_ms, 1_000 + HEARTBEAT_TIMEOUT_MS);
    const { assert!(STALE_AFTER_MS < HEARTBEAT_TIMEOUT_MS) };
}

#[test]
fn an_answer_makes_a_stale_line_live_again() {
    let mut bench = Bench::live();
    bench.pass(HEARTBEAT_INTERVAL_MS);
    bench.pass(HEARTBEAT_INTERVAL_MS);
    assert_eq!(
        phase(&bench.pass(HEARTBEAT_INTERVAL_MS / 2)),
        Some(ConnectionPhase::Stale)
    );
    assert_eq!(
        phase(&bench.hear(HubFrame::HeartbeatAck {})),
        Some(ConnectionPhase::Live)
    );
}

#[test]
fn a_lost_line_is_made_anew_within_the_limits_and_at_once_after_a_nudge() {
    let mut bench = Bench::live();
    let outputs = bench.give(lost());
    assert_eq!(phase(&outputs), Some(ConnectionPhase::Reconnecting));
    let due = bench.engine.deadline_ms().unwrap();
    assert!(due - bench.now.mono_ms <= RECONNECT_DELAY_MS_MAX);
    assert_eq!(bench.give(Input::Nudge)[0], Output::Connect);
}

#[test]
fn a_wall_clock_that_ran_ahead_is_a_sleep_and_the_line_is_made_anew() {
    let mut bench = Bench::live();
    bench.now.wall.0 += 3_600_000;
    let outputs = bench.pass(1_000);
    assert_eq!(outputs[0], Output::Close);
    assert!(outputs.contains(&Output::Connect));
}

#[test]
fn a_hub_that_does_not_want_this_device_is_not_asked_again() {
    let mut bench = Bench::live();
    let refused = ErrorCode::Revoked.with("revoked", "");
    let outputs = bench.give(Input::Disconnected(Problem::lasting(refused)));
    assert_eq!(phase(&outputs), Some(ConnectionPhase::Refused));
    assert_eq!(bench.engine.deadline_ms(), None);
}

#[test]
fn sessions_that_are_behind_are_fetched_a_few_at_a_time_and_let_go() {
    let mut bench = Bench::live();
    let position = |n: u128| SessionPosition {
        session: session(n),
        seq: Seq(5),
        running: false,
        updated_at: TimestampMs(i64::try_from(n).unwrap()),
    };
    let outputs = bench.give(Input::Summaries((0..10).map(position).collect()));
    assert_eq!(sent(&outputs).len(), BACKGROUND_FETCHES_MAX);
    // The newest first.
    assert_eq!(sent(&outputs)[0], subscribe(log(6), None));

    let outputs = bench.hear(HubFrame::Batch(batch(log(6), 0, 5, 5)));
    assert_eq!(
        sent(&outputs),
        [
            ClientFrame::Unsubscribe { log: log(6) },
            subscribe(log(5), None)
        ]
    );
}

#[test]
fn running_sessions_are_followed_until_they_end() {
    let mut bench = Bench::live();
    let position = |running, seq| SessionPosition {
        session: session(1),
        seq: Seq(seq),
        running,
        updated_at: TimestampMs(1),
    };
    let outputs = bench.give(Input::Summaries(vec![position(true, 2)]));
    assert_eq!(sent(&outputs), [subscribe(log(1), None)]);
    assert_eq!(
        sent(&bench.hear(HubFrame::Batch(batch(log(1), 0, 9, 9)))),
        []
    );
    let outputs = bench.give(Input::Summaries(vec![position(false, 9)]));
    assert_eq!(sent(&outputs), [ClientFrame::Unsubscribe { log: log(1) }]);
}

#[test]
fn a_summary_beyond_the_logs_head_asks_once_and_not_for_ever() {
    let mut bench = Bench::live();
    let position = SessionPosition {
        session: session(1),
        seq: Seq(50),
        running: false,
        updated_at: TimestampMs(1),
    };
    bench.give(Input::Summaries(vec![position]));
    let outputs = bench.hear(HubFrame::Batch(batch(log(1), 0, 5, 5)));
    assert_eq!(sent(&outputs), [ClientFrame::Unsubscribe { log: log(1) }]);
}

#[test]
fn a_mirror_that_moved_is_followed_from_where_it_stands() {
    let mut bench = Bench::live();
    bench.give(Input::Want(log(1)));
    bench.hear(HubFrame::Batch(batch(log(1), 0, 4, 4)));
    let cursor = Some(cursor(7));
    let outputs = bench.give(Input::MirrorMoved {
        log: log(1),
        cursor,
    });
    assert_eq!(sent(&outputs), [subscribe(log(1), cursor)]);
}

/// Even if the connection is good: otherwise a full disk would be tried several times a second.
#[test]
fn a_mirror_that_cannot_be_written_is_left_in_peace_for_a_while() {
    let error = ErrorCode::StorageUnavailable.with("full", "make room");
    let mut bench = Bench::live();
    let outputs = bench.give(Input::MirrorFailed(Problem::passing(error.clone())));
    assert_eq!(outputs[0], Output::Close);
    assert!(!bench.pass(MIRROR_RETRY_MS - 1).contains(&Output::Connect));
    assert!(bench.pass(1).contains(&Output::Connect));

    let mut bench = Bench::live();
    let outputs = bench.give(Input::MirrorFailed(Problem::lasting(error)));
    assert_eq!(phase(&outputs), Some(ConnectionPhase::Refused));
    assert!(!bench.pass(60 * MIRROR_RETRY_MS).contains(&Output::Connect));
    let nudged = bench.give(Input::Nudge);
    assert!(
        nudged.contains(&Output::Connect),
        "a person may try: {nudged:?}"
    );
}

#[test]
fn how_far_the_hubs_clock_is_ahead_is_told_where_the_hub_says_its_time() {
    let offset = |hub_ms: Option<i64>| {
        let mut bench = Bench::new();
        bench.give(Input::Start);
        let here = bench.now.wall.0;
        let outputs = bench.open_at(hub_ms.map(|ahead| TimestampMs(here + ahead)));
        outputs.into_iter().find_map(|output| match output {
            Output::Welcomed {
                clock_offset_ms, ..
            } => Some(clock_offset_ms),
            _ => None,
        })
    };
    assert_eq!(offset(Some(7_200_000)), Some(Some(7_200_000)));
    assert_eq!(offset(Some(-7_200_000)), Some(Some(-7_200_000)));
    assert_eq!(offset(None), Some(None));
}

#[test]
fn a_frame_that_cannot_be_read_ends_the_line_for_a_while_however_good_it_was() {
    let mut bench = Bench::live();
    for _ in 0..3 {
        let outputs = bench.give(Input::FrameUnreadable);
        assert_eq!(outputs[0], Output::Close);
        let status = outputs.iter().find_map(|output| match output {
            Output::Connection(status) => Some(status.clone()),
            _ => None,
        });
        let problem = status.and_then(|status| status.problem);
        assert_eq!(
            problem.map(|error| error.code),
            Some(ErrorCode::MalformedFrame)
        );
        let due = bench.engine.deadline_ms().unwrap() - bench.now.mono_ms;
        assert!(due >= MISFIT_RETRY_MS);
        bench.pass(due);
        bench.open();
        // A connection that delivered a whole log resets the backoff.
        bench.hear(HubFrame::Batch(batch(account_log(), 3, 3, 3)));
    }
}

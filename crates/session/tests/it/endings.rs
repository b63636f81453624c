//! How runs end, and what the log records about model retries.

use baton_protocol::*;
use baton_session::*;

use crate::rig::*;

fn running() -> (Rig, RunId) {
    let mut rig = Rig::new();
    rig.send(laptop(), "count", Delivery::Queue);
    let run = rig.start().expect("starts");
    (rig, run)
}

fn retry(attempt: u32) -> RunWrite {
    RunWrite::ReportRetry {
        attempt,
        delay_ms: 3_000,
        reason: RetryReason::Busy,
        message: "503".into(),
    }
}

fn end(failure: Option<&str>, reason: FinishReason) -> RunWrite {
    RunWrite::EndRun {
        failure: failure.map(str::to_owned),
        usage: None,
        finish_reason: Some(reason),
    }
}

fn shown(rig: &Rig, run: RunId) -> Option<(u32, RunRetry)> {
    let active = rig.state.active_run(run).expect("on");
    active.retry.clone().map(|retry| (active.retries, retry))
}

#[test]
fn the_reason_of_an_end_is_in_the_event_and_in_the_row() {
    for reason in [
        FinishReason::LengthLimit,
        FinishReason::ContentFilter,
        FinishReason::Refusal,
        FinishReason::Unknown("boredom".into()),
    ] {
        let (mut rig, run) = running();
        rig.say(run, "half");
        rig.write(run, vec![end(None, reason.clone())]);
        let ended = rig.log.iter().find_map(|event| match &event.body {
            EventBody::RunEnded(body) => Some(body.clone()),
            _ => None,
        });
        let ended = ended.expect("it ended");
        assert_eq!(ended.outcome, RunOutcome::Completed);
        assert_eq!(ended.finish_reason, Some(reason.clone()));
        let row = rig.transcript.rows.last().expect("there are rows");
        let view::RowBody::RunEnd { finish_reason, .. } = &row.body else {
            panic!("{row:?}");
        };
        assert_eq!(*finish_reason, Some(reason));
        let activity = rig.state.summary().expect("there").activity;
        assert_eq!(activity, SessionActivity::Idle);
    }
}

#[test]
fn a_retry_is_shown_until_the_run_goes_on_and_counts_to_its_end() {
    let (mut rig, run) = running();
    rig.write(run, vec![retry(1)]);
    let at = rig.log.last().expect("recorded").recorded_at;
    let waiting = RunRetry {
        until: TimestampMs(at.0 + 3_000),
        reason: RetryReason::Busy,
        message: "503".into(),
    };
    assert_eq!(shown(&rig, run), Some((1, waiting)));
    rig.write(run, vec![open(PartIndex(0))]);
    assert_eq!(shown(&rig, run), None, "the model answers");
    rig.write(run, vec![close(PartIndex(0))]);
    let steer = rig.send(laptop(), "faster", Delivery::Steer);
    rig.write(run, vec![retry(2)]);
    rig.write(
        run,
        vec![RunWrite::ConsumeSteer {
            prompts: vec![steer],
        }],
    );
    assert_eq!(shown(&rig, run), None, "another call begins");
    rig.write(run, vec![retry(3)]);
    assert_eq!(shown(&rig, run).map(|(attempt, _)| attempt), Some(3));
}

#[test]
fn a_stop_in_a_pause_ends_the_run_at_once() {
    let (mut rig, run) = running();
    rig.write(run, vec![retry(1)]);
    let before = rig.log.len();
    rig.stop(laptop(), run);
    assert_eq!(rig.since(before), ["runEnded", "sessionRenamed"]);
    let epoch = Epoch(1);
    assert_eq!(
        rig.try_write(run, epoch, vec![retry(2)]),
        Err(ErrorCode::LeaseFenced)
    );
}

#[test]
fn what_does_not_fit_is_refused_whole() {
    let (mut rig, run) = running();
    let epoch = rig.epoch(run);
    let odd = |attempt, delay_ms, reason: &str, bytes| RunWrite::ReportRetry {
        attempt,
        delay_ms,
        reason: RetryReason::from(reason.to_owned()),
        message: "x".repeat(bytes),
    };
    let name = "x".repeat(limits::REASON_NAME_BYTES_MAX + 1);
    let (delay, bytes) = (
        limits::MODEL_RETRY_DELAY_MS_MAX,
        limits::RETRY_MESSAGE_BYTES_MAX,
    );
    let misfits = [
        vec![retry(0)],
        vec![retry(2)],
        vec![retry(1), retry(1)],
        vec![odd(1, delay + 1, "busy", 0)],
        vec![odd(1, 0, "", 0)],
        vec![odd(1, 0, &name, 0)],
        vec![odd(1, 0, "busy", bytes + 1)],
        vec![open(PartIndex(0)), retry(1)],
        vec![end(Some("no"), FinishReason::LengthLimit)],
        vec![end(None, FinishReason::Unknown(String::new()))],
        vec![end(None, FinishReason::Unknown(name.clone()))],
        (1..=limits::MODEL_RETRIES_PER_RUN_MAX + 1)
            .map(retry)
            .collect(),
    ];
    for writes in misfits {
        assert_eq!(
            rig.try_write(run, epoch, writes.clone()),
            Err(ErrorCode::InvalidRunWrite),
            "{writes:?}"
        );
    }
    let edge = odd(1, delay, "later", bytes);
    let rest = (2..=limits::MODEL_RETRIES_PER_RUN_MAX).map(retry);
    rig.write(run, std::iter::once(edge).chain(rest).collect());
}

#[test]
fn a_retry_changes_neither_the_digest_nor_the_rows() {
    let outcome = |retries: u32| {
        let (mut rig, run) = running();
        rig.write(run, (1..=retries).map(retry).collect());
        rig.say(run, "whole");
        rig.complete(run);
        let ended = rig.log.iter().find_map(|event| match &event.body {
            EventBody::RunEnded(body) => Some(body.digest.clone()),
            _ => None,
        });
        (ended.expect("it ended"), rig.transcript.rows.len())
    };
    assert_eq!(outcome(0), outcome(4));
}

#[test]
fn a_state_saved_in_a_pause_goes_on_as_the_state_that_was_folded() {
    let (mut rig, run) = running();
    rig.write(run, vec![retry(1)]);
    let json = serde_json::to_string(&rig.state).expect("serialises");
    let saved: SessionState = serde_json::from_str(&json).expect("reads");
    assert_eq!(saved, rig.state);
    rig.state = saved;
    rig.write(run, vec![retry(2)]);
    assert_eq!(rig.state.active_run(run).expect("on").retries, 2);
}

use baton_protocol::*;
use baton_session::*;

use crate::rig::*;

fn running() -> (Rig, RunId) {
    let mut rig = Rig::new();
    rig.send(laptop(), "count", Delivery::Queue);
    let run = rig.start().expect("starts");
    (rig, run)
}

fn entries(from: u64, writes: Vec<RunWrite>) -> Vec<RunWriteEntry> {
    (from..)
        .zip(writes)
        .map(|(n, write)| RunWriteEntry {
            producer: ProducerSeq(n),
            write,
        })
        .collect()
}

#[test]
fn one_root_run_a_session() {
    let (mut rig, run) = running();
    rig.send(laptop(), "second", Delivery::Queue);
    assert_eq!(rig.start(), None);
    rig.complete(run);
    assert!(rig.start().is_some());
}

#[test]
fn a_resent_frame_records_only_what_the_log_does_not_have() {
    let (mut rig, run) = running();
    let epoch = rig.epoch(run);
    let part = PartIndex(0);
    let first = entries(1, vec![open(part), append(part, 0, "ab")]);
    let events = decide_run_write(&rig.state, run, epoch, RUNNER, &first, &[]).expect("fits");
    rig.record(events);
    let overlapping = entries(
        1,
        vec![open(part), append(part, 0, "ab"), append(part, 2, "cd")],
    );
    let events = decide_run_write(&rig.state, run, epoch, RUNNER, &overlapping, &[]).expect("fits");
    assert_eq!(events.len(), 1);
    rig.record(events);
    assert_eq!(
        rig.state.active_run(run).expect("on").last_producer,
        ProducerSeq(3)
    );
    let known = decide_run_write(&rig.state, run, epoch, RUNNER, &overlapping, &[]).expect("known");
    assert!(known.is_empty());
}

#[test]
fn gaps_strangers_and_misfits_are_refused_whole() {
    let (rig, run) = running();
    let epoch = rig.epoch(run);
    let part = PartIndex(0);
    let refusal = |epoch, writer, entries: Vec<RunWriteEntry>| {
        decide_run_write(&rig.state, run, epoch, writer, &entries, &[]).map_err(|error| error.code)
    };
    let stranger = RunnerId::from_uuid(uuid::Uuid::from_u128(7));
    assert_eq!(
        refusal(epoch, RUNNER, entries(2, vec![open(part)])),
        Err(ErrorCode::ProducerGap)
    );
    assert_eq!(
        refusal(epoch.next(), RUNNER, entries(1, vec![open(part)])),
        Err(ErrorCode::LeaseFenced)
    );
    assert_eq!(
        refusal(epoch, stranger, entries(1, vec![open(part)])),
        Err(ErrorCode::LeaseFenced)
    );
    let misfits = [
        vec![append(part, 0, "no part")],
        vec![open(PartIndex(1))],
        vec![open(part), append(part, 1, "hole")],
        vec![open(part), append(part, 0, "")],
        vec![
            open(part),
            append(part, 0, &"x".repeat(limits::APPEND_TEXT_BYTES_MAX + 1)),
        ],
        vec![open(part), close(part), append(part, 0, "late")],
        vec![
            RunWrite::EndRun {
                failure: None,
                usage: None,
                finish_reason: None,
            },
            open(part),
        ],
        vec![RunWrite::ConsumeSteer { prompts: vec![] }],
    ];
    for writes in misfits {
        assert_eq!(
            refusal(epoch, RUNNER, entries(1, writes.clone())),
            Err(ErrorCode::InvalidRunWrite),
            "{writes:?}"
        );
    }
}

#[test]
fn a_part_does_not_grow_beyond_its_limit() {
    let (mut rig, run) = running();
    let part = PartIndex(0);
    rig.write(run, vec![open(part)]);
    let piece = "x".repeat(limits::APPEND_TEXT_BYTES_MAX);
    for n in 0..limits::PART_TEXT_BYTES_MAX / piece.len() {
        rig.write(run, vec![append(part, (n * piece.len()) as u64, &piece)]);
    }
    let epoch = rig.epoch(run);
    let offset = limits::PART_TEXT_BYTES_MAX as u64;
    assert_eq!(
        rig.try_write(run, epoch, vec![append(part, offset, "x")]),
        Err(ErrorCode::InvalidRunWrite)
    );
}

#[test]
fn a_failed_run_says_why_pauses_what_waits_and_can_be_tried_again() {
    let (mut rig, run) = running();
    rig.send(desk(), "later", Delivery::Queue);
    rig.say(run, "half");
    let failure = Some("the model does not answer".to_owned());
    rig.write(
        run,
        vec![RunWrite::EndRun {
            failure,
            usage: None,
            finish_reason: None,
        }],
    );
    assert_eq!(
        rig.state.pause().map(|pause| pause.reason),
        Some(PauseReason::Failed)
    );
    assert_eq!(rig.start(), None);
    let rows = rig.transcript.rows.len();

    rig.accept(desk(), CommandBody::RetryRun(RetryRunCommand { run }));
    let again = rig.start().expect("a retry goes past the pause");
    assert_eq!(
        rig.transcript.rows.len(),
        rows,
        "the prompt stands in the transcript already"
    );
    let active = rig.state.active_run(again).expect("on");
    assert_eq!(
        active.prompt,
        rig.state.run_record(run).expect("ended").prompt
    );
    assert_eq!(active.started_by, laptop());
    rig.complete(again);
    assert_eq!(
        rig.refused(desk(), CommandBody::RetryRun(RetryRunCommand { run })),
        ErrorCode::RunNotRetryable
    );
}

#[test]
fn a_retry_twice_is_one_retry() {
    let (mut rig, run) = running();
    rig.stop(laptop(), run);
    let retry = CommandBody::RetryRun(RetryRunCommand { run });
    assert_eq!(
        rig.accept(laptop(), retry.clone()).1,
        CommandEffect::Applied
    );
    assert_eq!(
        rig.accept(desk(), retry.clone()).1,
        CommandEffect::Unchanged
    );
    rig.start().expect("starts");
    assert_eq!(rig.refused(laptop(), retry), ErrorCode::RunNotRetryable);
}

#[test]
fn a_lost_host_ends_the_run_once_with_its_partial_text() {
    let (mut rig, run) = running();
    let part = PartIndex(0);
    rig.write(run, vec![open(part), append(part, 0, "half an ans")]);
    let before = rig.log.len();
    let events = lose_run(&rig.state, run);
    rig.record(events);
    assert_eq!(
        rig.since(before),
        ["partClosed", "runEnded", "sessionRenamed"]
    );
    assert!(lose_run(&rig.state, run).is_empty());
    assert!(matches!(
        rig.state.summary().expect("there").activity,
        SessionActivity::Failed { .. }
    ));
}

#[test]
fn each_run_has_a_higher_epoch() {
    let (mut rig, run) = running();
    let first = rig.epoch(run);
    rig.stop(laptop(), run);
    rig.send(laptop(), "next", Delivery::Queue);
    let next = rig.start().expect("starts");
    assert!(rig.epoch(next) > first);
}

#[test]
fn a_planted_divergence_is_noticed_at_the_end_of_the_run() {
    let (mut rig, run) = running();
    rig.say(run, "right");
    rig.complete(run);
    let mut state = SessionState::default();
    let result: Result<(), FoldError> = rig.log.iter().try_for_each(|event| {
        let mut event = event.clone();
        if let EventBody::PartAppended(append) = &mut event.body {
            append.text = "wrong".into();
        }
        state.apply(&event, &mut NoTranscript)
    });
    assert!(
        matches!(result, Err(FoldError::DigestMismatch { .. })),
        "{result:?}"
    );
}

#[test]
fn the_state_of_a_long_session_holds_no_closed_text() {
    let mut rig = Rig::new();
    for n in 0..50 {
        rig.send(laptop(), &format!("prompt {n}"), Delivery::Queue);
        let run = rig.start().expect("starts");
        rig.say(run, &"a long answer ".repeat(500));
        rig.complete(run);
    }
    let bytes = serde_json::to_vec(&rig.state).expect("serialises").len();
    assert!(bytes < 50 * 500, "{bytes} bytes for 50 runs");
}

#[test]
fn a_run_has_a_bounded_number_of_parts_with_bounded_kinds() {
    let mut rig = Rig::new();
    rig.send(laptop(), "go", Delivery::Queue);
    let run = rig.start().expect("starts");
    let epoch = rig.epoch(run);
    let kind = |bytes| {
        PartKind::ToolCall(ToolCallPart {
            call: CallId("c".repeat(bytes)),
            tool: "shell".into(),
        })
    };
    let part = PartIndex(0);
    let long = RunWrite::OpenPart {
        part,
        kind: kind(limits::PART_KIND_BYTES_MAX),
    };
    assert_eq!(
        rig.try_write(run, epoch, vec![long]),
        Err(ErrorCode::InvalidRunWrite)
    );
    let pieces = |from: usize| {
        let parts = (from..limits::PARTS_PER_RUN_MAX).take(100);
        let part = |index| PartIndex(u32::try_from(index).expect("few"));
        let writes = parts.flat_map(|index| [open(part(index)), close(part(index))]);
        writes.collect::<Vec<_>>()
    };
    for from in (0..limits::PARTS_PER_RUN_MAX).step_by(100) {
        rig.write(run, pieces(from));
    }
    let next = PartIndex(u32::try_from(limits::PARTS_PER_RUN_MAX).expect("few"));
    assert_eq!(
        rig.try_write(run, epoch, vec![open(next)]),
        Err(ErrorCode::InvalidRunWrite)
    );
    rig.complete(run);
}

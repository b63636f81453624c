use baton_protocol::view::{PartState, RowBody};
use baton_protocol::*;
use baton_session::{NewEvent, report_teardown};

use crate::rig::*;

fn running() -> (Rig, RunId) {
    let mut rig = Rig::new();
    rig.send(laptop(), "count", Delivery::Queue);
    let run = rig.start().expect("starts");
    rig.write(
        run,
        vec![open(PartIndex(0)), append(PartIndex(0), 0, "one two")],
    );
    (rig, run)
}

#[test]
fn a_stop_keeps_the_partial_answer_and_fences_the_writer_in_one_append() {
    let (mut rig, run) = running();
    let epoch = rig.epoch(run);
    let before = rig.log.len();
    assert_eq!(
        rig.stop(desk(), run),
        CommandEffect::Stopped { runs: vec![run] }
    );
    assert_eq!(
        rig.since(before),
        ["partClosed", "runEnded", "sessionRenamed"]
    );
    let late = rig.try_write(run, epoch, vec![append(PartIndex(0), 7, " three")]);
    assert_eq!(late, Err(ErrorCode::LeaseFenced));
    let partial = rig.transcript.rows.iter().find_map(|row| match &row.body {
        RowBody::Text { text, state } => Some((text.as_str(), *state)),
        _ => None,
    });
    assert_eq!(partial, Some(("one two", PartState::Interrupted)));
}

#[test]
fn a_late_stop_says_how_the_run_ended_and_never_touches_the_next_one() {
    let (mut rig, run) = running();
    rig.send(laptop(), "next", Delivery::Queue);
    rig.complete(run);
    let next = rig.start().expect("starts");
    let outcome = RunOutcome::Completed;
    assert_eq!(
        rig.stop(desk(), run),
        CommandEffect::AlreadyEnded {
            outcome: outcome.clone()
        }
    );
    let everything = CommandBody::StopRun(StopRunCommand {
        target: StopTarget::Run { run },
        scope: StopScope::Session,
    });
    assert_eq!(
        rig.accept(desk(), everything).1,
        CommandEffect::AlreadyEnded { outcome }
    );
    assert!(rig.state.active_run(next).is_some());
}

#[test]
fn a_stop_of_a_prompt_works_before_its_run_exists_and_after() {
    let mut rig = Rig::new();
    let prompt = rig.send(laptop(), "count", Delivery::Queue);
    let stop = CommandBody::StopRun(StopRunCommand {
        target: StopTarget::Prompt { prompt },
        scope: StopScope::Run,
    });
    assert_eq!(rig.accept(desk(), stop.clone()).1, CommandEffect::Withdrawn);
    assert_eq!(rig.start(), None);
    assert_eq!(rig.accept(desk(), stop).1, CommandEffect::Unchanged);

    let prompt = rig.send(laptop(), "again", Delivery::Queue);
    let run = rig.start().expect("starts");
    let stop = CommandBody::StopRun(StopRunCommand {
        target: StopTarget::Prompt { prompt },
        scope: StopScope::Run,
    });
    assert_eq!(
        rig.accept(desk(), stop).1,
        CommandEffect::Stopped { runs: vec![run] }
    );
}

#[test]
fn a_stop_pauses_the_queue_only_where_something_waits() {
    let (mut rig, run) = running();
    rig.stop(laptop(), run);
    assert!(rig.state.pause().is_none());
    rig.send(laptop(), "next", Delivery::Queue);
    let run = rig.start().expect("the next prompt starts clean");
    rig.send(laptop(), "steer", Delivery::Steer);
    rig.stop(desk(), run);
    assert_eq!(
        rig.state
            .pause()
            .map(|pause| (pause.reason, pause.by.clone())),
        Some((PauseReason::Stopped, desk()))
    );
    assert_eq!(rig.queue_texts(), ["steer"]);
}

#[test]
fn the_hosts_report_reaches_the_row_of_the_end() {
    let (mut rig, run) = running();
    rig.stop(laptop(), run);
    let report = |rig: &Rig, writer, instance| {
        report_teardown(&rig.state, run, writer, instance, 2, vec!["make".into()])
    };
    let stranger = RunnerId::from_uuid(uuid::Uuid::from_u128(7));
    assert!(report(&rig, stranger, INSTANCE).is_empty());
    let later = RunnerInstanceId::from_uuid(uuid::Uuid::from_u128(8));
    assert!(
        report(&rig, RUNNER, later).is_empty(),
        "another process knows nothing of it"
    );
    let events = report(&rig, RUNNER, INSTANCE);
    rig.record(events);
    assert!(report(&rig, RUNNER, INSTANCE).is_empty(), "told already");
    let said = rig.transcript.rows.iter().find_map(|row| match &row.body {
        RowBody::RunEnd { teardown, .. } => teardown.clone(),
        _ => None,
    });
    let said = said.expect("a report");
    assert_eq!(
        (said.tools_cancelled, said.still_running),
        (2, vec!["make".to_owned()])
    );
}

#[test]
fn no_report_is_awaited_of_a_run_that_ended_by_itself() {
    let (mut rig, run) = running();
    assert!(report_teardown(&rig.state, run, RUNNER, INSTANCE, 0, vec![]).is_empty());
    rig.complete(run);
    assert!(report_teardown(&rig.state, run, RUNNER, INSTANCE, 0, vec![]).is_empty());
}

/// The largest prompt that fits an event: JSON escapes each of its characters with six bytes.
fn escaped() -> String {
    let (bare, escaped) = (limits::EVENT_BYTES_MAX, 6);
    "\u{1}".repeat((bare - 4 * 1024 - 2) / escaped)
}

fn largest_event(rig: &Rig) -> usize {
    let bytes = |event: &Event| serde_json::to_vec(event).expect("serialises").len();
    rig.log.iter().map(bytes).max().expect("there are events")
}

#[test]
fn no_event_that_follows_from_a_prompt_is_too_large_for_the_log() {
    let (mut rig, run) = running();
    let send = |text: String| {
        CommandBody::SendPrompt(SendPromptCommand {
            run: None,
            text,
            delivery: Delivery::Steer,
        })
    };
    let too_long = send(escaped() + "\u{1}");
    assert_eq!(rig.refused(laptop(), too_long), ErrorCode::TextTooLong);
    let prompt = PromptId(rig.accept(laptop(), send(escaped())).0);
    let text = escaped();
    let edit = EditPromptCommand { prompt, text };
    rig.accept(laptop(), CommandBody::EditPrompt(edit));
    rig.stop(desk(), run);
    assert_eq!(rig.queue_texts(), [escaped()], "it is in the queue");
    assert!(largest_event(&rig) <= limits::EVENT_BYTES_MAX);
}

#[test]
fn a_steer_of_an_older_version_that_is_too_large_does_not_hold_up_the_stop() {
    let (mut rig, run) = running();
    let by = laptop();
    let prompt = PromptId(CommandId::from_uuid(rig.id()));
    let sent = PromptSentEvent {
        prompt,
        text: "\u{1}".repeat(limits::EVENT_BYTES_MAX / 6),
        delivery: Delivery::Steer,
        requested: Delivery::Steer,
        run: Some(run),
        branch_of: None,
    };
    rig.record(vec![NewEvent {
        by,
        command: None,
        producer: None,
        recorded_at: None,
        body: EventBody::PromptSent(sent),
    }]);
    let before = rig.log.len();
    rig.stop(desk(), run);
    assert_eq!(
        rig.since(before)[..3],
        ["partClosed", "runEnded", "promptWithdrawn"]
    );
}

#[test]
fn stopping_what_never_was_is_refused() {
    let (mut rig, _) = running();
    let stop = |target| {
        CommandBody::StopRun(StopRunCommand {
            target,
            scope: StopScope::Run,
        })
    };
    let nobody = uuid::Uuid::from_u128(9);
    let run = StopTarget::Run {
        run: RunId::from_uuid(nobody),
    };
    assert_eq!(rig.refused(laptop(), stop(run)), ErrorCode::RunNotFound);
    let prompt = StopTarget::Prompt {
        prompt: PromptId(CommandId::from_uuid(nobody)),
    };
    assert_eq!(
        rig.refused(laptop(), stop(prompt)),
        ErrorCode::PromptNotFound
    );
}

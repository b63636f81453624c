//! Tables of intents: (what happened) → (what must be done).

use super::bench::*;
use super::*;
use crate::limits::{MISFIT_RETRY_MS, OUTBOX_IN_FLIGHT_MAX};
use baton_protocol::{
    ClientFrame, Command, CommandBody, CommandId, ErrorCode, HubFrame, PauseQueueCommand, PromptId,
    ReceiptOutcome, RunId, StopRunCommand, StopScope, StopTarget,
};

#[test]
fn intents_are_marked_then_sent_in_order_and_again_after_each_reconnect() {
    let mut bench = Bench::new();
    let (one, two) = (prompt(1, log(1)), prompt(2, log(1)));
    bench.give(queued(one.clone()));
    bench.give(queued(two.clone()));
    let outputs = bench.connect();
    let frame = |command: &Command| ClientFrame::Command {
        command: command.clone(),
    };
    let mark = Output::MarkSent(vec![one.id]);
    let at = |output: &Output| outputs.iter().position(|given| given == output);
    assert!(at(&mark).unwrap() < at(&Output::Send(frame(&one))).unwrap());
    assert_eq!(sent(&outputs)[1..], [frame(&one)]);

    let outputs = bench.hear(accepted(&one));
    assert_eq!(sent(&outputs), [frame(&two)]);
    bench.give(lost());
    bench.give(Input::Nudge);
    let outputs = bench.open();
    assert_eq!(sent(&outputs)[1..], [frame(&two)]);
    assert!(
        !outputs
            .iter()
            .any(|output| matches!(output, Output::MarkSent(_)))
    );
}

#[test]
fn a_session_is_created_before_anything_is_said_in_it() {
    let mut bench = Bench::live();
    let (begin, ask) = (create(1, log(1)), prompt(2, log(1)));
    bench.give(queued(begin.clone()));
    assert_eq!(sent(&bench.give(queued(ask.clone()))), []);
    let outputs = bench.hear(accepted(&begin));
    assert!(sent(&outputs).contains(&ClientFrame::Command { command: ask }));
}

#[test]
fn a_refused_creation_refuses_what_was_meant_for_the_session() {
    let mut bench = Bench::live();
    let (begin, ask) = (create(1, log(1)), prompt(2, log(1)));
    bench.give(queued(begin.clone()));
    bench.give(queued(ask.clone()));
    let error = ErrorCode::Forbidden.with("not allowed", "ask");
    let outputs = bench.hear(answer(&begin, ReceiptOutcome::Refused { error }));
    let refused = outputs.iter().find_map(|output| match output {
        Output::RefuseIntent { command, error } => Some((*command, error.message.clone())),
        _ => None,
    });
    let message = "the session could not be created: not allowed".to_owned();
    assert_eq!(refused, Some((ask.id, message)));
}

#[test]
fn what_the_hub_cannot_answer_now_waits_and_holds_its_log_only() {
    let mut bench = Bench::live();
    let stuck = prompt(1, log(1));
    bench.give(queued(stuck.clone()));
    bench.hear(HubFrame::Refused {
        command: Some(stuck.id),
        log: Some(log(1)),
        error: ErrorCode::StorageUnavailable.with("later", ""),
    });
    assert_eq!(sent(&bench.give(queued(prompt(2, log(1))))), []);
    let pause = CommandBody::PauseQueue(PauseQueueCommand {});
    let other = command(3, log(2), pause);
    assert_eq!(sent(&bench.give(queued(other))).len(), 1);
    let due = bench.engine.deadline_ms().unwrap();
    let outputs = bench.pass(due - bench.now.mono_ms);
    let again = ClientFrame::Command {
        command: stuck.clone(),
    };
    assert_eq!(sent(&outputs), [again]);
    let outputs = bench.hear(accepted(&stuck));
    let command = prompt(2, log(1));
    assert_eq!(sent(&outputs), [ClientFrame::Command { command }]);
}

#[test]
fn a_stop_that_names_its_run_waits_for_no_prompt() {
    let mut bench = Bench::live();
    bench.give(queued(prompt(1, log(1))));
    let stop = |n, target| {
        let scope = StopScope::Run;
        let body = CommandBody::StopRun(StopRunCommand { target, scope });
        command(n, log(1), body)
    };
    let run = RunId::mint();
    let of_run = stop(2, StopTarget::Run { run });
    let prompt = PromptId(prompt(1, log(1)).id);
    let of_prompt = stop(3, StopTarget::Prompt { prompt });
    assert_eq!(sent(&bench.give(queued(of_prompt))), []);
    let outputs = bench.give(queued(of_run.clone()));
    assert_eq!(sent(&outputs), [ClientFrame::Command { command: of_run }]);
}

#[test]
fn only_a_stop_that_names_its_run_goes_ahead_of_the_disk_and_only_where_it_goes_at_once() {
    let stop = |n, session, target| {
        let scope = StopScope::Run;
        let body = CommandBody::StopRun(StopRunCommand { target, scope });
        command(n, log(session), body)
    };
    let of_run = |n, session| stop(n, session, StopTarget::Run { run: RunId::mint() });
    let offline = Bench::new();
    assert!(!offline.engine.goes_ahead(&of_run(1, 1)));

    let mut bench = Bench::live();
    let target = StopTarget::Prompt {
        prompt: PromptId(prompt(1, log(1)).id),
    };
    assert!(!bench.engine.goes_ahead(&stop(2, 1, target)));
    assert!(!bench.engine.goes_ahead(&prompt(3, log(1))));
    assert!(bench.engine.goes_ahead(&of_run(4, 1)));
    bench.give(queued(prompt(5, log(1))));
    assert!(bench.engine.goes_ahead(&of_run(6, 1)));
    bench.give(queued(create(7, log(2))));
    assert!(!bench.engine.goes_ahead(&of_run(8, 2)));
}

#[test]
fn a_stop_that_was_sent_and_could_not_be_written_is_forgotten() {
    let mut bench = Bench::live();
    let scope = StopScope::Run;
    let target = StopTarget::Run { run: RunId::mint() };
    let body = CommandBody::StopRun(StopRunCommand { target, scope });
    let stop = command(1, log(1), body);
    let ahead = PendingIntent {
        command: stop.clone(),
        maybe_sent: true,
    };
    let frame = ClientFrame::Command {
        command: stop.clone(),
    };
    assert_eq!(
        bench.give(Input::IntentQueued(ahead)),
        [Output::Send(frame)]
    );
    bench.engine.retract(stop.id);
    assert_eq!(bench.hear(accepted(&stop)), []);
    bench.give(lost());
    bench.give(Input::Nudge);
    assert_eq!(sent(&bench.open()).len(), 1, "hello alone");
}

#[test]
fn only_so_many_intents_are_on_the_line_at_once() {
    let intents = (0..100).map(|n| PendingIntent {
        command: prompt(n, log(n)),
        maybe_sent: false,
    });
    let mut bench = Bench::with(Vec::new(), intents.collect());
    let outputs = bench.connect();
    assert_eq!(sent(&outputs).len(), 1 + OUTBOX_IN_FLIGHT_MAX);
    let outputs = bench.hear(accepted(&prompt(0, log(0))));
    assert_eq!(sent(&outputs).len(), 1);
}

#[test]
fn only_what_was_never_sent_can_be_taken_back() {
    let mut bench = Bench::new();
    let ask = prompt(1, log(1));
    bench.give(queued(ask.clone()));
    assert_eq!(bench.engine.cancel(ask.id), CancelOutcome::Cancelled);
    assert_eq!(bench.engine.cancel(ask.id), CancelOutcome::NotWaiting);
    bench.connect();
    bench.give(queued(ask.clone()));
    assert_eq!(bench.engine.cancel(ask.id), CancelOutcome::MaybeSent);
}

fn refused(command: &Command) -> HubFrame {
    HubFrame::Refused {
        command: Some(command.id),
        log: Some(command.log),
        error: ErrorCode::SessionNotFound.with("there is no such session", ""),
    }
}

fn refusals(outputs: &[Output]) -> Vec<CommandId> {
    let refused = outputs.iter().filter_map(|output| match output {
        Output::RefuseIntent { command, .. } => Some(*command),
        _ => None,
    });
    refused.collect()
}

#[test]
fn a_refusal_that_cannot_be_made_durable_is_told_to_nobody_and_the_intent_goes_again() {
    let mut bench = Bench::live();
    let (first, next) = (prompt(1, log(1)), prompt(2, log(1)));
    bench.give(queued(first.clone()));
    bench.give(queued(next.clone()));
    let outputs = bench.hear(refused(&first));
    assert_eq!(refusals(&outputs), [first.id]);
    assert_eq!(sent(&outputs), [], "its log waits for the disk");
    assert_eq!(sent(&bench.give(Input::RefusalUnnoted(first.id))), []);
    let due = bench.engine.deadline_ms().unwrap();
    let outputs = bench.pass(due - bench.now.mono_ms);
    let again = ClientFrame::Command {
        command: first.clone(),
    };
    assert_eq!(sent(&outputs), [again]);
    assert_eq!(refusals(&bench.hear(refused(&first))), [first.id]);
    let outputs = bench.give(Input::RefusalNoted(first.id));
    assert_eq!(sent(&outputs), [ClientFrame::Command { command: next }]);
}

#[test]
fn what_was_refused_goes_onto_no_later_line() {
    let mut bench = Bench::live();
    let ask = prompt(1, log(1));
    bench.give(queued(ask.clone()));
    bench.hear(refused(&ask));
    bench.give(lost());
    bench.give(Input::Nudge);
    let commands = |outputs: &[Output]| {
        let frames = sent(outputs);
        let command = |frame: &&ClientFrame| matches!(frame, ClientFrame::Command { .. });
        frames.iter().filter(command).count()
    };
    assert_eq!(commands(&bench.open()), 0);
    assert_eq!(commands(&bench.give(Input::RefusalNoted(ask.id))), 0);
}

/// The hub says that it could not read a frame.
fn misfit() -> Input {
    let error = ErrorCode::MalformedFrame.with("a `command` frame does not fit", "");
    Input::Disconnected(Problem::passing(error))
}

/// Waits for the next attempt and opens the connection again. Returns the commands that are sent at once.
fn reconnected(bench: &mut Bench) -> Vec<CommandId> {
    let due = bench.engine.deadline_ms().unwrap();
    bench.pass(due - bench.now.mono_ms);
    commands(&bench.open())
}

fn commands(outputs: &[Output]) -> Vec<CommandId> {
    let commands = sent(outputs).into_iter().filter_map(|frame| match frame {
        ClientFrame::Command { command } => Some(command.id),
        _ => None,
    });
    commands.collect()
}

#[test]
fn an_intent_that_the_hub_cannot_read_is_found_and_set_aside_and_the_rest_goes_on() {
    let mut bench = Bench::live();
    let intents = [prompt(1, log(1)), prompt(2, log(2)), prompt(3, log(3))];
    for intent in &intents {
        bench.give(queued(intent.clone()));
    }
    assert_eq!(
        bench
            .give(misfit())
            .iter()
            .find(|given| matches!(given, Output::RefuseIntent { .. })),
        None
    );
    let [good, bad, last] = intents.each_ref().map(|intent| intent.id);
    assert_eq!(reconnected(&mut bench), [good], "one at a time");
    assert_eq!(commands(&bench.hear(accepted(&intents[0]))), [bad]);
    let refused = bench
        .give(misfit())
        .into_iter()
        .find_map(|given| match given {
            Output::RefuseIntent { command, error } => Some((command, error.code)),
            _ => None,
        });
    assert_eq!(refused, Some((bad, ErrorCode::MalformedFrame)));
    bench.give(Input::RefusalNoted(bad));
    assert_eq!(
        reconnected(&mut bench),
        [last],
        "never again the one that was set aside"
    );
    let outputs = bench.hear(accepted(&intents[2]));
    assert_eq!(commands(&outputs), []);
    // No intent is suspect any more.
    let two = [prompt(4, log(4)), prompt(5, log(5))];
    for intent in &two {
        assert_eq!(commands(&bench.give(queued(intent.clone()))), [intent.id]);
    }
}

#[test]
fn an_intent_that_was_alone_on_one_such_line_has_a_second_chance() {
    let mut bench = Bench::live();
    let ask = prompt(1, log(1));
    bench.give(queued(ask.clone()));
    for is_refused in [false, true] {
        let outputs = bench.give(misfit());
        let refuses = |given: &Output| matches!(given, Output::RefuseIntent { command, .. } if *command == ask.id);
        assert_eq!(outputs.iter().any(refuses), is_refused);
        if !is_refused {
            assert_eq!(reconnected(&mut bench), [ask.id]);
        }
    }
}

#[test]
fn a_line_on_which_nothing_is_to_blame_is_not_made_anew_at_once() {
    let mut bench = Bench::live();
    let outputs = bench.give(misfit());
    let due = bench.engine.deadline_ms().unwrap() - bench.now.mono_ms;
    assert!(due >= MISFIT_RETRY_MS);
    let shown = outputs.iter().find_map(|given| match given {
        Output::Connection(status) => status.problem.clone(),
        _ => None,
    });
    assert_eq!(
        shown.map(|error| error.code),
        Some(ErrorCode::MalformedFrame)
    );
}

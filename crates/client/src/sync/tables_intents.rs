//! Tables of intents: (what happened) → (what is to be done).

use super::bench::*;
use super::*;
use crate::limits::OUTBOX_IN_FLIGHT_MAX;
use baton_protocol::{
    ClientFrame, Command, CommandBody, CommandId, ErrorCode, HubFrame, PauseQueueCommand,
    ReceiptOutcome,
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
    let mark = Output::MarkSent(vec![one.id, two.id]);
    let at = |output: &Output| outputs.iter().position(|given| given == output);
    assert!(at(&mark).unwrap() < at(&Output::Send(frame(&one))).unwrap());
    assert_eq!(sent(&outputs)[1..], [frame(&one), frame(&two)]);

    bench.hear(accepted(&one));
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
    let texts: Vec<CommandId> = sent(&outputs)
        .into_iter()
        .filter_map(|frame| match frame {
            ClientFrame::Command { command } => Some(command.id),
            _ => None,
        })
        .collect();
    assert_eq!(texts, [stuck.id, prompt(2, log(1)).id]);
}

#[test]
fn only_so_many_intents_are_on_the_line_at_once() {
    let intents = (0..100).map(|n| PendingIntent {
        command: prompt(n, log(1)),
        maybe_sent: false,
    });
    let mut bench = Bench::with(Vec::new(), intents.collect());
    let outputs = bench.connect();
    assert_eq!(sent(&outputs).len(), 1 + OUTBOX_IN_FLIGHT_MAX);
    let outputs = bench.hear(accepted(&prompt(0, log(1))));
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

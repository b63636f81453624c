use baton_protocol::*;
use baton_session::*;

use crate::rig::*;

const FORK: SessionId = SessionId::from_uuid(uuid::Uuid::from_u128(0xf0));

fn fork_command(rig: &mut Rig, at: ForkPoint) -> (Command, ForkSessionCommand) {
    let body = ForkSessionCommand {
        from: SESSION,
        at,
        title: None,
    };
    let command = Command {
        id: CommandId::from_uuid(rig.id()),
        log: LogId::Session(FORK),
        only_if: None,
        body: CommandBody::ForkSession(body.clone()),
    };
    (command, body)
}

fn forked(rig: &mut Rig, at: ForkPoint) -> Result<Rig, ErrorCode> {
    let (command, body) = fork_command(rig, at);
    let decision = fork(&command, &body, &desk(), &rig.log).expect("the source folds");
    match decision.outcome {
        ReceiptOutcome::Refused { error } => Err(error.code),
        ReceiptOutcome::Accepted { .. } => {
            let mut copy = Rig::empty();
            copy.record(decision.events);
            Ok(copy)
        }
    }
}

/// The content of the shown rows, without row ids, times and durations.
fn said(transcript: &Transcript) -> Vec<baton_protocol::view::RowBody> {
    let shown = transcript.shown().map(|row| row.body.clone());
    shown
        .map(|mut body| {
            if let view::RowBody::RunEnd { duration_ms, .. } = &mut body {
                *duration_ms = 0;
            }
            body
        })
        .collect()
}

fn conversation() -> (Rig, PromptId, RunId, PromptId, RunId) {
    let mut rig = Rig::new();
    let a = rig.send(laptop(), "a", Delivery::Queue);
    let first = rig.start().expect("starts");
    rig.say(first, "to a");
    let child = rig.child(first, "task");
    rig.say(child, "from the child");
    rig.complete(child);
    let steer = rig.send(desk(), "steer", Delivery::Steer);
    rig.write(
        first,
        vec![RunWrite::ConsumeSteer {
            prompts: vec![steer],
        }],
    );
    rig.say(first, "steered");
    rig.complete(first);
    let b = rig.send(laptop(), "b", Delivery::Queue);
    let second = rig.start().expect("starts");
    rig.say(second, "half");
    rig.stop(desk(), second);
    (rig, a, first, b, second)
}

#[test]
fn a_fork_after_an_answer_shows_the_same_rows_and_goes_on_by_itself() {
    let (mut rig, _, _, _, second) = conversation();
    let before = said(&rig.transcript);
    rig.send(laptop(), "waits", Delivery::Queue);
    let mut copy = forked(&mut rig, ForkPoint::After { run: second }).expect("forks");
    assert_eq!(said(&copy.transcript), before);
    assert_eq!(copy.state.queue(), [], "what waits stays behind");
    assert!(
        matches!(&copy.log[1].body, EventBody::SessionForked(forked) if forked.from == SESSION)
    );
    copy.send(laptop(), "on its own", Delivery::Queue);
    let run = copy.start().expect("starts");
    copy.say(run, "yes");
    copy.complete(run);
    assert_eq!(said(&copy.transcript).len(), before.len() + 3);
}

#[test]
fn a_fork_before_a_prompt_leaves_it_and_all_after_it() {
    let (mut rig, a, first, b, _) = conversation();
    let before = forked(&mut rig, ForkPoint::Before { prompt: b }).expect("forks");
    let after = forked(&mut rig, ForkPoint::After { run: first }).expect("forks");
    assert_eq!(said(&before.transcript), said(&after.transcript));
    let nothing = forked(&mut rig, ForkPoint::Before { prompt: a }).expect("forks");
    assert_eq!(said(&nothing.transcript), []);
}

#[test]
fn retries_come_along_and_other_branches_do_not() {
    let (mut rig, a, _, _, second) = conversation();
    rig.accept(
        laptop(),
        CommandBody::RetryRun(RetryRunCommand { run: second }),
    );
    let retried = rig.start().expect("starts");
    rig.say(retried, "whole");
    rig.complete(retried);
    let main = said(&rig.transcript);
    rig.accept(
        desk(),
        CommandBody::ResendPrompt(ResendPromptCommand {
            prompt: a,
            text: "A".into(),
            delivery: Delivery::Queue,
        }),
    );
    let branch = rig.start().expect("starts");
    assert!(matches!(
        forked(&mut rig, ForkPoint::After { run: branch }),
        Err(ErrorCode::SessionBusy)
    ));
    rig.complete(branch);
    let copy = forked(&mut rig, ForkPoint::After { run: retried }).expect("forks");
    assert_eq!(said(&copy.transcript), main);
}

#[test]
fn a_fork_of_a_sealed_log_is_the_same_fork() {
    let (mut rig, _, _, _, second) = conversation();
    let plain = forked(&mut rig, ForkPoint::After { run: second }).expect("forks");
    let mut sealed = Vec::new();
    for event in &rig.log {
        match &event.body {
            EventBody::PartAppended(_) => {}
            EventBody::PartClosed(closed) => {
                let of_part: Vec<Event> = rig.log.iter().filter(|other| matches!(
                    &other.body, EventBody::PartAppended(body) if (body.run, body.part) == (closed.run, closed.part)
                )).cloned().collect();
                sealed.push(sealing::seal_part(&of_part, event).unwrap_or_else(|| event.clone()));
            }
            _ => sealed.push(event.clone()),
        }
    }
    rig.log = sealed;
    let copy = forked(&mut rig, ForkPoint::After { run: second }).expect("forks");
    assert_eq!(said(&copy.transcript), said(&plain.transcript));
}

#[test]
fn a_fork_takes_no_answer_for_later_calls_along() {
    let mut rig = Rig::new();
    rig.send(laptop(), "tidy up", Delivery::Queue);
    let run = rig.start().expect("starts");
    let wanted = ToolUse {
        tool: "shell".into(),
        tool_digest: "d1".into(),
        arguments: "make".into(),
    };
    let ask = |rig: &mut Rig, run| {
        let approval = ApprovalId::from_uuid(rig.id());
        let request = RunWrite::RequestApproval {
            approval,
            call: CallId("c1".into()),
            wanted: wanted.clone(),
            pattern: "make".into(),
            place: "build-box".into(),
            reason: None,
        };
        rig.write(run, vec![request]);
        approval
    };
    let approval = ask(&mut rig, run);
    let answer = AnswerApprovalCommand {
        approval,
        digest: approval_digest(&wanted),
        answer: ApprovalAnswer::Allow,
        scope: ApprovalScope::Session,
        reason: None,
    };
    rig.accept(laptop(), CommandBody::AnswerApproval(answer));
    ask(&mut rig, run);
    assert!(rig.state.open_approvals().is_empty(), "it holds here");
    rig.complete(run);
    let mut copy = forked(&mut rig, ForkPoint::After { run }).expect("forks");
    copy.send(laptop(), "and again", Delivery::Queue);
    let run = copy.start().expect("starts");
    // The fork's rig starts its ids at the same number, so skip those that are in use.
    for _ in 0..100 {
        copy.id();
    }
    ask(&mut copy, run);
    assert_eq!(copy.state.open_approvals().len(), 1, "and not there");
}

#[test]
fn a_fork_of_a_long_part_has_no_event_that_a_log_refuses() {
    let mut rig = Rig::new();
    rig.send(laptop(), "go", Delivery::Queue);
    let run = rig.start().expect("starts");
    let part = PartIndex(0);
    // Each append fits, but the sealed part exceeds what one event may hold.
    let piece = "ü\u{1}".repeat(limits::APPEND_TEXT_BYTES_MAX / 3);
    let pieces = limits::PART_TEXT_BYTES_MAX / piece.len();
    rig.write(run, vec![open(part)]);
    for n in 0..pieces {
        rig.write(run, vec![append(part, (n * piece.len()) as u64, &piece)]);
    }
    rig.write(run, vec![close(part)]);
    rig.complete(run);
    let appends: Vec<Event> = rig
        .log
        .iter()
        .filter(|event| matches!(event.body, EventBody::PartAppended(_)))
        .cloned()
        .collect();
    let is_close = |event: &&Event| matches!(event.body, EventBody::PartClosed(_));
    let closed = rig.log.iter().find(is_close).expect("it is closed").clone();
    let sealed = sealing::seal_part(&appends, &closed).expect("it is sealed");
    let of_part = |event: &Event| matches!(event.body, EventBody::PartAppended(_));
    rig.log.retain(|event| !of_part(event));
    let place = rig.log.iter().position(|event| event.seq == closed.seq);
    rig.log[place.expect("it is there")] = sealed;
    let copy = forked(&mut rig, ForkPoint::After { run }).expect("forks");
    assert_eq!(said(&copy.transcript), said(&rig.transcript));
    for event in &copy.log {
        let bytes = serde_json::to_vec(event).expect("serialises").len();
        assert!(bytes <= limits::EVENT_BYTES_MAX, "{bytes}");
    }
}

#[test]
fn what_is_not_there_cannot_be_forked() {
    let (mut rig, ..) = conversation();
    let run = RunId::from_uuid(rig.id());
    assert!(matches!(
        forked(&mut rig, ForkPoint::After { run }),
        Err(ErrorCode::RunNotFound)
    ));
    let prompt = PromptId(CommandId::from_uuid(rig.id()));
    assert!(matches!(
        forked(&mut rig, ForkPoint::Before { prompt }),
        Err(ErrorCode::PromptNotFound)
    ));
}

#[test]
fn a_fork_is_read_twice_a_batch_at_a_time_and_a_part_may_be_sealed_in_between() {
    let (mut rig, _, _, _, second) = conversation();
    let plain = forked(&mut rig, ForkPoint::After { run: second }).expect("forks");
    let body = ForkSessionCommand {
        from: SESSION,
        at: ForkPoint::After { run: second },
        title: None,
    };
    let command = Command {
        id: CommandId::from_uuid(rig.id()),
        log: LogId::Session(FORK),
        only_if: None,
        body: CommandBody::ForkSession(body.clone()),
    };
    let closed = |event: &Event| match &event.body {
        EventBody::PartClosed(closed) => Some((closed.run, closed.part)),
        _ => None,
    };
    for (at, event) in rig.log.iter().enumerate() {
        let Some((run, part)) = closed(event) else {
            continue;
        };
        let of_part: Vec<Event> = rig.log[..at].iter().filter(|other| matches!(
            &other.body, EventBody::PartAppended(body) if (body.run, body.part) == (run, part)
        )).cloned().collect();
        let Some(sealed) = sealing::seal_part(&of_part, event) else {
            continue;
        };
        let mut source = ForkSource::default();
        for event in &rig.log {
            source
                .read(std::slice::from_ref(event))
                .expect("the source folds");
        }
        let mut copy = source.begin(&command, &body, &desk()).expect("begins");
        for event in &rig.log[..at] {
            copy.read(std::slice::from_ref(event)).expect("is small");
        }
        copy.read(&[sealed]).expect("is small");
        copy.read(&rig.log[at + 1..]).expect("is small");
        let mut forked = Rig::empty();
        forked.record(copy.finish().events);
        assert_eq!(said(&forked.transcript), said(&plain.transcript));
    }
}

#[test]
fn a_fork_that_would_copy_too_much_is_refused_before_all_of_it_is_read() {
    let mut rig = Rig::new();
    let text = "x".repeat(limits::APPEND_TEXT_BYTES_MAX);
    let mut last = None;
    for _ in 0..=(limits::FORK_BYTES_MAX / text.len() / 64) {
        rig.send(laptop(), "a", Delivery::Queue);
        let run = rig.start().expect("starts");
        (0..64).for_each(|_| rig.say(run, &text));
        rig.complete(run);
        last = Some(run);
    }
    let run = last.expect("there are runs");
    let at = ForkPoint::After { run };
    assert!(matches!(forked(&mut rig, at), Err(ErrorCode::TooLarge)));
    let (command, body) = fork_command(&mut rig, at);
    let mut source = ForkSource::default();
    source.read(&rig.log).expect("the source folds");
    let mut copy = source.begin(&command, &body, &desk()).expect("begins");
    let read = rig
        .log
        .iter()
        .take_while(|event| copy.read(std::slice::from_ref(event)).is_ok());
    assert!(read.count() < rig.log.len() - 64);
}

use baton_protocol::view::RowBody;
use baton_protocol::*;

use crate::rig::*;

#[test]
fn a_prompt_to_an_idle_session_starts_a_run_and_stands_before_its_answer() {
    let mut rig = Rig::new();
    rig.send(laptop(), "hello", Delivery::Queue);
    let run = rig.start().expect("starts");
    rig.say(run, "hi");
    rig.complete(run);
    assert_eq!(
        rig.since(1),
        [
            "promptSent",
            "runStarted",
            "partOpened",
            "partAppended",
            "partClosed",
            "runEnded",
            "sessionRenamed"
        ]
    );
    let texts: Vec<_> = rig
        .transcript
        .rows
        .iter()
        .map(|row| match &row.body {
            RowBody::Prompt { text, .. } | RowBody::Text { text, .. } => text.as_str(),
            RowBody::RunEnd { .. } => "end",
            _ => "?",
        })
        .collect();
    assert_eq!(texts, ["hello", "hi", "end"]);
    assert_eq!(rig.state.title(), Some("hello"));
}

#[test]
fn a_steer_waits_for_the_run_that_is_on_and_is_consumed_once() {
    let mut rig = Rig::new();
    rig.send(laptop(), "count", Delivery::Queue);
    let run = rig.start().expect("starts");
    let steer = rig.send(desk(), "faster", Delivery::Steer);
    assert_eq!(rig.state.steers()[0].run, Some(run));
    let consume = RunWrite::ConsumeSteer {
        prompts: vec![steer],
    };
    rig.write(run, vec![consume.clone()]);
    assert!(rig.state.steers().is_empty());
    let epoch = rig.epoch(run);
    assert_eq!(
        rig.try_write(run, epoch, vec![consume]),
        Err(ErrorCode::InvalidRunWrite)
    );
}

#[test]
fn a_steer_without_a_run_or_to_an_agent_that_cannot_is_queued_and_says_so() {
    let mut rig = Rig::new();
    let body = |text: &str| {
        CommandBody::SendPrompt(SendPromptCommand {
            run: None,
            text: text.into(),
            delivery: Delivery::Steer,
        })
    };
    let queued = CommandEffect::PromptAccepted {
        delivery: Delivery::Queue,
    };
    assert_eq!(rig.accept(laptop(), body("one")).1, queued);
    rig.start().expect("starts");
    rig.can_steer = false;
    assert_eq!(rig.accept(laptop(), body("two")).1, queued);
    assert_eq!(rig.queue_texts(), ["two"]);
}

#[test]
fn a_steer_that_the_run_missed_heads_the_queue_in_order() {
    let mut rig = Rig::new();
    rig.send(laptop(), "count", Delivery::Queue);
    let run = rig.start().expect("starts");
    rig.send(laptop(), "later", Delivery::Queue);
    rig.send(desk(), "first", Delivery::Steer);
    rig.send(desk(), "second", Delivery::Steer);
    rig.complete(run);
    assert_eq!(rig.queue_texts(), ["first", "second", "later"]);
    assert!(rig.state.pause().is_none());
    assert!(rig.start().is_some());
}

#[test]
fn interrupt_stops_the_run_and_goes_first_while_the_queue_stays() {
    let mut rig = Rig::new();
    rig.send(laptop(), "count", Delivery::Queue);
    let run = rig.start().expect("starts");
    rig.send(desk(), "queued", Delivery::Queue);
    rig.send(desk(), "steer", Delivery::Steer);
    let before = rig.log.len();
    rig.send(laptop(), "now this", Delivery::Interrupt);
    assert_eq!(
        rig.since(before),
        ["runEnded", "promptRequeued", "sessionRenamed", "promptSent"]
    );
    let stopped = RunOutcome::Stopped { by: laptop() };
    assert_eq!(
        rig.state
            .run_record(run)
            .and_then(|record| record.outcome.clone()),
        Some(stopped)
    );
    assert_eq!(rig.queue_texts(), ["now this", "steer", "queued"]);
    assert!(rig.state.pause().is_none());
}

#[test]
fn withdraw_is_atomic_and_the_same_again_changes_nothing() {
    let mut rig = Rig::new();
    rig.send(laptop(), "count", Delivery::Queue);
    let run = rig.start().expect("starts");
    let waiting = rig.send(laptop(), "later", Delivery::Queue);
    let withdraw = |prompt| CommandBody::WithdrawPrompt(WithdrawPromptCommand { prompt });
    assert_eq!(
        rig.accept(desk(), withdraw(waiting)).1,
        CommandEffect::Withdrawn
    );
    assert_eq!(
        rig.accept(laptop(), withdraw(waiting)).1,
        CommandEffect::Unchanged
    );
    let taken = rig.state.active_run(run).expect("on").prompt;
    assert_eq!(
        rig.refused(desk(), withdraw(taken)),
        ErrorCode::PromptAlreadyTaken
    );
}

#[test]
fn bad_prompts_are_refused_with_a_reason() {
    let mut rig = Rig::new();
    let send = |text: String| {
        CommandBody::SendPrompt(SendPromptCommand {
            run: None,
            text,
            delivery: Delivery::Queue,
        })
    };
    assert_eq!(
        rig.refused(laptop(), send("  \n".into())),
        ErrorCode::TextEmpty
    );
    assert_eq!(
        rig.refused(laptop(), send("x".repeat(limits::PROMPT_BYTES_MAX + 1))),
        ErrorCode::TextTooLong
    );
    for n in 0..limits::QUEUE_PROMPTS_MAX {
        rig.send(laptop(), &format!("{n}"), Delivery::Queue);
    }
    assert_eq!(
        rig.refused(laptop(), send("one more".into())),
        ErrorCode::QueueFull
    );
}

#[test]
fn an_automatic_title_never_replaces_a_persons() {
    let mut rig = Rig::new();
    rig.accept(
        laptop(),
        CommandBody::RenameSession(RenameSessionCommand {
            title: "Mine".into(),
        }),
    );
    rig.send(laptop(), "hello", Delivery::Queue);
    let run = rig.start().expect("starts");
    rig.complete(run);
    assert_eq!(rig.state.title(), Some("Mine"));
}

#[test]
fn a_long_first_prompt_gives_a_title_that_is_cut_at_a_word() {
    let mut rig = Rig::new();
    rig.send(laptop(), &"wonderful ".repeat(30), Delivery::Queue);
    let run = rig.start().expect("starts");
    rig.complete(run);
    assert_eq!(
        rig.state.title(),
        Some("wonderful wonderful wonderful wonderful wonderful wonderful…")
    );
}

#[test]
fn nothing_happens_in_a_session_that_is_not_there_and_none_is_made_twice() {
    let mut rig = Rig::empty();
    let send = CommandBody::SendPrompt(SendPromptCommand {
        run: None,
        text: "x".into(),
        delivery: Delivery::Queue,
    });
    assert_eq!(rig.refused(laptop(), send), ErrorCode::SessionNotFound);
    let mut rig = Rig::new();
    let create = CommandBody::CreateSession(CreateSessionCommand {
        agent: AgentId("assistant".into()),
        runner: None,
        title: None,
    });
    assert_eq!(rig.refused(desk(), create), ErrorCode::SessionExists);
}

use baton_protocol::*;

use crate::rig::*;

/// A session with an active run and `a b c` in the queue.
fn waiting() -> (Rig, RunId, [PromptId; 3]) {
    let mut rig = Rig::new();
    rig.send(laptop(), "count", Delivery::Queue);
    let run = rig.start().expect("starts");
    let prompts = ["a", "b", "c"].map(|text| rig.send(desk(), text, Delivery::Queue));
    (rig, run, prompts)
}

#[test]
fn prompts_move_to_any_place() {
    let (mut rig, _, [a, b, c]) = waiting();
    let mut moved = |prompt, before| {
        rig.accept(
            laptop(),
            CommandBody::MovePrompt(MovePromptCommand { prompt, before }),
        )
        .1
    };
    assert_eq!(moved(c, Some(a)), CommandEffect::Applied);
    assert_eq!(moved(a, None), CommandEffect::Applied);
    assert_eq!(moved(a, None), CommandEffect::Unchanged);
    assert_eq!(moved(b, Some(a)), CommandEffect::Unchanged);
    assert_eq!(rig.queue_texts(), ["c", "b", "a"]);
}

#[test]
fn moving_before_what_does_not_wait_is_refused() {
    let (mut rig, run, [a, ..]) = waiting();
    let taken = rig.state.active_run(run).expect("on").prompt;
    let to_taken = CommandBody::MovePrompt(MovePromptCommand {
        prompt: a,
        before: Some(taken),
    });
    assert_eq!(rig.refused(laptop(), to_taken), ErrorCode::PromptNotFound);
    let taken = CommandBody::MovePrompt(MovePromptCommand {
        prompt: taken,
        before: None,
    });
    assert_eq!(rig.refused(laptop(), taken), ErrorCode::PromptAlreadyTaken);
}

#[test]
fn a_paused_queue_starts_nothing_until_it_is_resumed() {
    let (mut rig, run, _) = waiting();
    rig.accept(desk(), CommandBody::PauseQueue(PauseQueueCommand {}));
    rig.complete(run);
    assert_eq!(rig.start(), None);
    rig.accept(laptop(), CommandBody::ResumeQueue(ResumeQueueCommand {}));
    assert!(rig.start().is_some());
}

#[test]
fn a_prompt_sent_with_interrupt_goes_past_a_pause_and_the_rest_stays_paused() {
    let (mut rig, run, _) = waiting();
    rig.stop(laptop(), run);
    assert_eq!(
        rig.state.pause().map(|pause| pause.reason),
        Some(PauseReason::Stopped)
    );
    rig.send(laptop(), "rather this", Delivery::Interrupt);
    let next = rig.start().expect("goes past the pause");
    rig.complete(next);
    assert_eq!(rig.start(), None);
    assert_eq!(rig.queue_texts(), ["a", "b", "c"]);
}

#[test]
fn send_now_stops_what_runs_and_takes_the_prompt_out_of_its_turn() {
    let (mut rig, run, [_, _, c]) = waiting();
    rig.accept(
        laptop(),
        CommandBody::SendPromptNow(SendPromptNowCommand { prompt: c }),
    );
    assert!(rig.state.active_run(run).is_none());
    assert_eq!(rig.queue_texts(), ["c", "a", "b"]);
    let next = rig.start().expect("starts");
    let record = rig.state.active_run(next).expect("on");
    assert_eq!((record.prompt, &record.started_by), (c, &desk()));
}

#[test]
fn an_edit_changes_what_will_run() {
    let (mut rig, run, [a, ..]) = waiting();
    let edit = |text: &str| {
        CommandBody::EditPrompt(EditPromptCommand {
            prompt: a,
            text: text.into(),
        })
    };
    assert_eq!(rig.accept(laptop(), edit("a!")).1, CommandEffect::Applied);
    assert_eq!(rig.accept(laptop(), edit("a!")).1, CommandEffect::Unchanged);
    assert_eq!(rig.queue_texts(), ["a!", "b", "c"]);
    rig.complete(run);
    rig.start().expect("starts");
    assert_eq!(
        rig.refused(laptop(), edit("too late")),
        ErrorCode::PromptAlreadyTaken
    );
}

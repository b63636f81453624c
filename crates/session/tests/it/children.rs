use baton_protocol::*;
use baton_session::lose_run;

use crate::rig::*;

fn family() -> (Rig, RunId, RunId) {
    let mut rig = Rig::new();
    rig.send(laptop(), "research", Delivery::Queue);
    let parent = rig.start().expect("starts");
    let child = rig.child(parent, "look at a");
    (rig, parent, child)
}

fn stop(rig: &mut Rig, run: RunId, scope: StopScope) -> CommandEffect {
    let target = StopTarget::Run { run };
    rig.accept(
        desk(),
        CommandBody::StopRun(StopRunCommand { target, scope }),
    )
    .1
}

#[test]
fn a_sub_agent_writes_its_own_events_under_its_own_lease() {
    let (mut rig, parent, child) = family();
    assert_ne!(rig.epoch(parent), rig.epoch(child));
    assert_eq!(
        rig.state.active_run(child).expect("on").parent,
        Some(parent)
    );
    assert_eq!(rig.state.root_run().expect("on").run, parent);
    rig.say(child, "found");
    rig.say(parent, "thinking");
    let wrong = rig.epoch(child);
    let fenced = rig.try_write(parent, wrong, vec![open(PartIndex(1))]);
    assert_eq!(
        fenced,
        Err(ErrorCode::LeaseFenced),
        "a lease writes for its own run"
    );
    rig.complete(child);
    assert!(rig.state.active_run(parent).is_some());
    let turn = rig.state.run_record(parent).expect("known").turn;
    assert_eq!(rig.state.run_record(child).expect("known").turn, turn);
    assert!(rig.transcript.rows.iter().all(|row| row.turn == Some(turn)));
}

#[test]
fn a_stop_reaches_as_far_as_its_scope() {
    let (mut rig, parent, child) = family();
    let grandchild = rig.child(child, "and at b");
    let sibling = rig.child(parent, "look at c");
    assert_eq!(
        stop(&mut rig, child, StopScope::Run),
        CommandEffect::Stopped { runs: vec![child] }
    );
    assert!(rig.state.active_run(grandchild).is_some());
    assert_eq!(
        stop(&mut rig, child, StopScope::Tree),
        CommandEffect::Stopped {
            runs: vec![grandchild]
        },
        "what it had begun goes on, and can still be stopped through it"
    );
    assert!(rig.state.active_run(sibling).is_some());
    let everything = stop(&mut rig, sibling, StopScope::Session);
    assert_eq!(
        everything,
        CommandEffect::Stopped {
            runs: vec![sibling, parent]
        }
    );
    assert_eq!(rig.state.active_runs().count(), 0);
}

#[test]
fn an_interrupt_stops_the_whole_tree_and_a_late_stop_of_a_child_touches_nothing() {
    let (mut rig, _, child) = family();
    rig.send(desk(), "no, this", Delivery::Interrupt);
    assert_eq!(rig.state.active_runs().count(), 0);
    let next = rig.start().expect("starts");
    for scope in [StopScope::Run, StopScope::Tree, StopScope::Session] {
        assert!(matches!(
            stop(&mut rig, child, scope),
            CommandEffect::AlreadyEnded { .. }
        ));
    }
    assert!(rig.state.active_run(next).is_some());
}

#[test]
fn a_steer_goes_to_the_run_that_it_names_and_is_not_lost_with_it() {
    let (mut rig, parent, child) = family();
    let body = CommandBody::SendPrompt(SendPromptCommand {
        text: "only the first page".into(),
        delivery: Delivery::Steer,
        run: Some(child),
    });
    let (id, effect) = rig.accept(desk(), body.clone());
    assert_eq!(
        effect,
        CommandEffect::PromptAccepted {
            delivery: Delivery::Steer
        }
    );
    let prompts = vec![PromptId(id)];
    let epoch = rig.epoch(parent);
    let stolen = rig.try_write(
        parent,
        epoch,
        vec![RunWrite::ConsumeSteer {
            prompts: prompts.clone(),
        }],
    );
    assert_eq!(
        stolen,
        Err(ErrorCode::InvalidRunWrite),
        "the parent takes in no steer of its sub-agent"
    );
    rig.write(child, vec![RunWrite::ConsumeSteer { prompts }]);
    let (missed, _) = rig.accept(desk(), body.clone());
    rig.complete(child);
    assert_eq!(
        rig.state.queue()[0].prompt,
        PromptId(missed),
        "missed, so it heads the queue"
    );
    let (_, effect) = rig.accept(desk(), body);
    assert_eq!(
        effect,
        CommandEffect::PromptAccepted {
            delivery: Delivery::Queue
        },
        "its run is over"
    );
}

#[test]
fn ids_are_new_and_the_number_of_runs_is_bounded() {
    let (mut rig, parent, child) = family();
    let epoch = rig.epoch(parent);
    let again = rig.start_child(child, "again");
    assert_eq!(
        rig.try_write(parent, epoch, vec![again]),
        Err(ErrorCode::InvalidRunWrite)
    );
    while rig.state.active_runs().count() < limits::RUNS_SIDE_BY_SIDE_MAX {
        rig.child(parent, "more");
    }
    let run = RunId::from_uuid(rig.id());
    let one_more = rig.start_child(run, "more");
    assert_eq!(
        rig.try_write(parent, epoch, vec![one_more]),
        Err(ErrorCode::InvalidRunWrite)
    );
}

fn steer(rig: &mut Rig, run: RunId) -> PromptId {
    let body = CommandBody::SendPrompt(SendPromptCommand {
        run: Some(run),
        text: "closer".into(),
        delivery: Delivery::Steer,
    });
    PromptId(rig.accept(laptop(), body).0)
}

#[test]
fn a_stop_of_everything_begins_nothing_from_what_a_sub_agent_missed() {
    for first in [true, false] {
        let (mut rig, parent, child) = family();
        steer(&mut rig, child);
        let target = if first { parent } else { child };
        stop(&mut rig, target, StopScope::Session);
        assert_eq!(rig.queue_texts(), ["closer"]);
        let pause = rig.state.pause().map(|pause| pause.reason);
        assert_eq!(pause, Some(PauseReason::Stopped));
        assert_eq!(rig.start(), None);
    }
}

#[test]
fn runs_that_are_lost_one_after_the_other_begin_nothing() {
    for root_first in [true, false] {
        let (mut rig, parent, child) = family();
        steer(&mut rig, child);
        let runs = if root_first {
            [parent, child]
        } else {
            [child, parent]
        };
        for run in runs {
            let lost = lose_run(&rig.state, run);
            rig.record(lost);
        }
        let pause = rig.state.pause().map(|pause| pause.reason);
        assert_eq!(pause, Some(PauseReason::Lost), "root first: {root_first}");
        assert_eq!(rig.start(), None);
    }
}

#[test]
fn a_sub_agent_that_ends_beside_its_root_pauses_nothing() {
    let (mut rig, parent, child) = family();
    steer(&mut rig, child);
    stop(&mut rig, child, StopScope::Run);
    assert!(rig.state.pause().is_none());
    rig.complete(parent);
    assert!(rig.start().is_some(), "what it missed goes on by itself");

    let (mut rig, _, child) = family();
    steer(&mut rig, child);
    let failure = Some("no".to_owned());
    let usage = None;
    rig.write(
        child,
        vec![RunWrite::EndRun {
            failure,
            usage,
            finish_reason: None,
        }],
    );
    assert!(rig.state.pause().is_none());
}

//! Laws that hold whatever people, runners and the hub do, in whatever order.

use std::collections::{BTreeMap, BTreeSet};

use baton_protocol::*;
use baton_session::*;
use proptest::prelude::*;

use crate::rig::*;

#[derive(Clone, Debug)]
enum Step {
    Send(Delivery),
    Withdraw(u8),
    SendNow(u8),
    StopRun,
    StopPrompt(u8),
    Pause,
    Resume,
    Retry,
    Start,
    Say,
    ConsumeSteers,
    Complete,
    Fail,
    Lose,
    LateWrite(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let delivery = prop_oneof![
        Just(Delivery::Steer),
        Just(Delivery::Queue),
        Just(Delivery::Interrupt)
    ];
    prop_oneof![
        4 => delivery.prop_map(Step::Send),
        1 => any::<u8>().prop_map(Step::Withdraw),
        1 => any::<u8>().prop_map(Step::SendNow),
        1 => Just(Step::StopRun),
        1 => any::<u8>().prop_map(Step::StopPrompt),
        1 => Just(Step::Pause),
        1 => Just(Step::Resume),
        1 => Just(Step::Retry),
        4 => Just(Step::Start),
        3 => Just(Step::Say),
        2 => Just(Step::ConsumeSteers),
        2 => Just(Step::Complete),
        1 => Just(Step::Fail),
        1 => Just(Step::Lose),
        1 => any::<u8>().prop_map(Step::LateWrite),
    ]
}

/// Everything that was ever sent or started, with the leases of old runs.
#[derive(Default)]
struct Seen {
    prompts: Vec<PromptId>,
    leases: Vec<(RunId, Epoch)>,
}

fn take(rig: &mut Rig, seen: &mut Seen, step: &Step) {
    let run = rig.state.root_run().map(|run| run.run);
    let pick = |n: u8| {
        seen.prompts
            .get(n as usize % seen.prompts.len().max(1))
            .copied()
    };
    let target = |target| {
        CommandBody::StopRun(StopRunCommand {
            target,
            scope: StopScope::Tree,
        })
    };
    match (step, run) {
        (Step::Send(delivery), _) => {
            let prompt = rig.send(laptop(), &format!("p{}", seen.prompts.len()), *delivery);
            seen.prompts.push(prompt);
        }
        (Step::Withdraw(n), _) => {
            if let Some(prompt) = pick(*n) {
                rig.command(
                    desk(),
                    CommandBody::WithdrawPrompt(WithdrawPromptCommand { prompt }),
                );
            }
        }
        (Step::SendNow(n), _) => {
            if let Some(prompt) = pick(*n) {
                rig.command(
                    desk(),
                    CommandBody::SendPromptNow(SendPromptNowCommand { prompt }),
                );
            }
        }
        (Step::StopPrompt(n), _) => {
            if let Some(prompt) = pick(*n) {
                rig.command(desk(), target(StopTarget::Prompt { prompt }));
            }
        }
        (Step::StopRun, Some(run)) => {
            rig.command(desk(), target(StopTarget::Run { run }));
        }
        (Step::Pause, _) => {
            rig.command(desk(), CommandBody::PauseQueue(PauseQueueCommand {}));
        }
        (Step::Resume, _) => {
            rig.command(desk(), CommandBody::ResumeQueue(ResumeQueueCommand {}));
        }
        (Step::Retry, _) => {
            if let Some(run) = rig.state.last_root_run() {
                rig.command(desk(), CommandBody::RetryRun(RetryRunCommand { run }));
            }
        }
        (Step::Start, _) => {
            if let Some(run) = rig.start() {
                seen.leases.push((run, rig.epoch(run)));
            }
        }
        (Step::Say, Some(run)) => rig.say(run, "word "),
        (Step::ConsumeSteers, Some(run)) => {
            let prompts: Vec<_> = rig
                .state
                .steers()
                .iter()
                .map(|steer| steer.prompt)
                .collect();
            if !prompts.is_empty() {
                rig.write(run, vec![RunWrite::ConsumeSteer { prompts }]);
            }
        }
        (Step::Complete, Some(run)) => rig.complete(run),
        (Step::Fail, Some(run)) => rig.write(
            run,
            vec![RunWrite::EndRun {
                failure: Some("no".into()),
                usage: None,
            }],
        ),
        (Step::Lose, Some(run)) => {
            let events = lose_run(&rig.state, run);
            rig.record(events);
        }
        (Step::LateWrite(n), _) => late_write(rig, seen, *n),
        (
            Step::StopRun
            | Step::Say
            | Step::ConsumeSteers
            | Step::Complete
            | Step::Fail
            | Step::Lose,
            None,
        ) => {}
    }
}

/// An old lease writes: nothing may come of it.
fn late_write(rig: &mut Rig, seen: &Seen, n: u8) {
    let Some((run, epoch)) = seen.leases.get(n as usize % seen.leases.len().max(1)) else {
        return;
    };
    if rig.state.active_run(*run).is_none() {
        let late = rig.try_write(*run, *epoch, vec![open(PartIndex(0))]);
        assert_eq!(late, Err(ErrorCode::LeaseFenced));
    }
}

/// One end for each run and nothing of it above; one root run at a time; each prompt in exactly one place.
fn check(rig: &Rig, seen: &Seen) {
    let mut on: BTreeSet<RunId> = BTreeSet::new();
    let mut ended: BTreeSet<RunId> = BTreeSet::new();
    let mut places: BTreeMap<PromptId, &str> = BTreeMap::new();
    for event in &rig.log {
        match &event.body {
            EventBody::RunStarted(body) => {
                assert!(on.is_empty(), "two root runs at once");
                on.insert(body.run);
                assert_eq!(places.insert(body.prompt, "run"), Some("waits"));
            }
            EventBody::RunEnded(body) => {
                assert!(on.remove(&body.run), "an end without a start");
                assert!(ended.insert(body.run), "two ends");
            }
            EventBody::PartOpened(body) => assert!(on.contains(&body.run)),
            EventBody::PartAppended(body) => assert!(on.contains(&body.run)),
            EventBody::SteerConsumed(body) => {
                assert!(on.contains(&body.run));
                for prompt in &body.prompts {
                    assert_eq!(
                        places.insert(*prompt, "run"),
                        Some("waits"),
                        "a steer is consumed once"
                    );
                }
            }
            EventBody::PromptSent(body) => assert_eq!(places.insert(body.prompt, "waits"), None),
            EventBody::PromptRequeued(body) => {
                assert!(places.insert(body.prompt, "waits").is_some())
            }
            EventBody::PromptWithdrawn(body) => {
                assert_eq!(places.insert(body.prompt, "withdrawn"), Some("waits"));
            }
            _ => {}
        }
    }
    let waiting: Vec<PromptId> = rig
        .state
        .steers()
        .iter()
        .chain(rig.state.queue())
        .map(|waiting| waiting.prompt)
        .collect();
    let expected: BTreeSet<PromptId> = places
        .iter()
        .filter(|(_, place)| **place == "waits")
        .map(|(prompt, _)| *prompt)
        .collect();
    assert_eq!(
        waiting.iter().copied().collect::<BTreeSet<_>>(),
        expected,
        "a prompt is lost or stands twice"
    );
    assert_eq!(waiting.len(), expected.len());
    assert_eq!(places.len(), seen.prompts.len());
    for steer in rig.state.steers() {
        assert!(
            steer
                .run
                .is_some_and(|run| rig.state.active_run(run).is_some()),
            "a steer waits for a run that is over"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn runs_end_once_and_prompts_are_never_lost_or_doubled(steps in prop::collection::vec(step(), 1..80)) {
        let mut rig = Rig::new();
        let mut seen = Seen::default();
        for step in &steps {
            take(&mut rig, &mut seen, step);
            check(&rig, &seen);
        }
    }
}

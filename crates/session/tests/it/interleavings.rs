//! Laws that hold for every order of actions by people, runners and the hub.

use std::collections::{BTreeMap, BTreeSet};

use baton_protocol::*;
use baton_session::*;
use proptest::prelude::*;

use crate::rig::*;

/// One action of a person, a runner or the hub.
#[derive(Clone, Debug)]
pub enum Step {
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
    StartChild,
    SayChild,
    EndChild,
    StopChild,
    Ask,
    Answer(u8, ApprovalAnswer),
    Resend(u8),
    Choose(u8),
    BeginEdit(u8),
    ExpireEdits,
}

pub fn step() -> impl Strategy<Value = Step> {
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
        2 => Just(Step::StartChild),
        2 => Just(Step::SayChild),
        1 => Just(Step::EndChild),
        1 => Just(Step::StopChild),
        2 => Just(Step::Ask),
        2 => (any::<u8>(), prop_oneof![Just(ApprovalAnswer::Allow), Just(ApprovalAnswer::Deny)])
            .prop_map(|(n, answer)| Step::Answer(n, answer)),
        1 => any::<u8>().prop_map(Step::Resend),
        1 => any::<u8>().prop_map(Step::Choose),
        1 => any::<u8>().prop_map(Step::BeginEdit),
        1 => Just(Step::ExpireEdits),
    ]
}

/// Every prompt and approval so far, and the leases of old runs.
#[derive(Default)]
pub struct Seen {
    prompts: Vec<PromptId>,
    leases: Vec<(RunId, Epoch)>,
    approvals: Vec<ApprovalId>,
}

pub fn take(rig: &mut Rig, seen: &mut Seen, step: &Step) {
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
                // A runner takes the steers that wait for its run and that no device edits.
                .filter(|steer| steer.may_be_taken_by(run))
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
                finish_reason: None,
            }],
        ),
        (Step::Lose, Some(run)) => {
            let events = lose_run(&rig.state, run);
            rig.record(events);
        }
        (Step::LateWrite(n), _) => late_write(rig, seen, *n),
        (step, run) => take_more(rig, seen, step, run),
    }
}

/// Takes the steps for sub-agents, approvals, branches and edits.
fn take_more(rig: &mut Rig, seen: &mut Seen, step: &Step, root: Option<RunId>) {
    let child = rig
        .state
        .active_runs()
        .find(|run| run.parent.is_some())
        .map(|run| run.run);
    let prompt = |n: u8| {
        let count = seen.prompts.len().max(1);
        seen.prompts.get(n as usize % count).copied()
    };
    match (step, root.or(child), child) {
        (Step::StartChild, Some(parent), _) if rig.state.active_runs().count() < 5 => {
            let run = rig.child(parent, "task");
            let started = rig.state.active_run(run).expect("on");
            seen.prompts.push(started.prompt);
            seen.leases.push((run, started.epoch));
        }
        (Step::SayChild, _, Some(child)) => rig.say(child, "word "),
        (Step::EndChild, _, Some(child)) => rig.complete(child),
        (Step::StopChild, _, Some(child)) => drop(rig.stop(desk(), child)),
        (Step::Ask, Some(run), _) => {
            let approval = ApprovalId::from_uuid(rig.id());
            let wanted = ToolUse {
                tool: "shell".into(),
                tool_digest: "d".into(),
                arguments: "ls".into(),
            };
            let (call, pattern) = (CallId("c".into()), approval.to_string());
            rig.write(
                run,
                vec![RunWrite::RequestApproval {
                    approval,
                    call,
                    wanted,
                    pattern,
                    place: "here".into(),
                    reason: None,
                }],
            );
            seen.approvals.push(approval);
        }
        (Step::Answer(n, answer), ..) => {
            let count = seen.approvals.len().max(1);
            if let Some(approval) = seen.approvals.get(*n as usize % count) {
                let open = rig.state.open_approvals().iter();
                let mut open = open.filter(|open| open.approval == *approval);
                let digest = open.next().map_or("?".into(), |open| open.digest.clone());
                let body = AnswerApprovalCommand {
                    approval: *approval,
                    digest,
                    answer: *answer,
                    scope: ApprovalScope::Session,
                    reason: None,
                };
                rig.command(desk(), CommandBody::AnswerApproval(body));
            }
        }
        (Step::Resend(n), ..) => {
            if let Some(prompt) = prompt(*n) {
                let body = ResendPromptCommand {
                    prompt,
                    text: "again".into(),
                    delivery: Delivery::Queue,
                };
                let (id, outcome) = rig.command(desk(), CommandBody::ResendPrompt(body));
                if matches!(outcome, ReceiptOutcome::Accepted { .. }) {
                    seen.prompts.push(PromptId(id));
                }
            }
        }
        (Step::Choose(n), ..) => {
            if let Some(prompt) = prompt(*n) {
                let body = CommandBody::ChooseBranch(ChooseBranchCommand { prompt });
                rig.command(laptop(), body);
            }
        }
        (Step::BeginEdit(n), ..) => {
            if let Some(prompt) = prompt(*n) {
                let body = CommandBody::BeginPromptEdit(BeginPromptEditCommand { prompt });
                rig.command(laptop(), body);
            }
        }
        (Step::ExpireEdits, ..) => {
            let edited: Vec<PromptId> = rig.state.edits().map(|(prompt, _)| prompt).collect();
            for prompt in edited {
                let expired = expire_edit(&rig.state, prompt);
                rig.record(expired);
            }
        }
        _ => {}
    }
}

/// Writes with an old lease, which must be fenced.
fn late_write(rig: &mut Rig, seen: &Seen, n: u8) {
    let Some((run, epoch)) = seen.leases.get(n as usize % seen.leases.len().max(1)) else {
        return;
    };
    if rig.state.active_run(*run).is_none() {
        let late = rig.try_write(*run, *epoch, vec![open(PartIndex(0))]);
        assert_eq!(late, Err(ErrorCode::LeaseFenced));
    }
}

/// Each run ends once and has no events after its end; there is one root run at a time; each prompt is in exactly one place.
fn check(rig: &Rig, seen: &Seen) {
    let mut on: BTreeSet<RunId> = BTreeSet::new();
    let mut ended: BTreeSet<RunId> = BTreeSet::new();
    let mut roots: BTreeSet<RunId> = BTreeSet::new();
    let mut places: BTreeMap<PromptId, &str> = BTreeMap::new();
    for event in &rig.log {
        match &event.body {
            EventBody::RunStarted(body) => {
                if body.parent.is_none() {
                    assert_eq!(roots.len(), 0, "two root runs at once");
                    roots.insert(body.run);
                }
                on.insert(body.run);
                assert_eq!(places.insert(body.prompt, "run"), Some("waits"));
            }
            EventBody::RunEnded(body) => {
                assert!(on.remove(&body.run), "an end without a start");
                roots.remove(&body.run);
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

/// Each approval waits for an active run, or was answered or cancelled once. Nothing is answered that was not requested.
fn check_approvals(rig: &Rig, seen: &Seen) {
    let mut open: BTreeMap<ApprovalId, RunId> = BTreeMap::new();
    let mut over: BTreeSet<ApprovalId> = BTreeSet::new();
    let mut on: BTreeSet<RunId> = BTreeSet::new();
    for event in &rig.log {
        match &event.body {
            EventBody::RunStarted(body) => drop(on.insert(body.run)),
            EventBody::RunEnded(body) => {
                on.remove(&body.run);
                assert!(
                    !open.values().any(|run| *run == body.run),
                    "it waits for nobody"
                );
            }
            EventBody::ApprovalRequested(body) => {
                assert!(on.contains(&body.run));
                assert_eq!(open.insert(body.approval, body.run), None);
            }
            EventBody::ApprovalAnswered(body) => {
                assert_eq!(open.remove(&body.approval), Some(body.run));
                assert!(over.insert(body.approval));
            }
            EventBody::ApprovalCancelled(body) => {
                assert_eq!(open.remove(&body.approval), Some(body.run));
                assert!(over.insert(body.approval));
            }
            _ => {}
        }
    }
    let waiting = rig.state.open_approvals().iter();
    assert_eq!(
        waiting.map(|open| open.approval).collect::<BTreeSet<_>>(),
        open.keys().copied().collect()
    );
    assert_eq!(open.len() + over.len(), seen.approvals.len());
}

/// The shown turns form one path, the hidden ones are all others, and every row belongs to one of them.
fn check_branches(rig: &Rig) {
    let turns = rig.state.turns();
    let (shown, hidden) = (turns.shown(), turns.hidden());
    assert_eq!(rig.transcript.hidden, hidden);
    assert!(
        shown
            .iter()
            .all(|turn| !hidden.contains(turn) && turns.beside(*turn).contains(turn))
    );
    if let Some(last) = shown.last() {
        assert_eq!(turns.path_to(*last), shown);
    }
    for row in &rig.transcript.rows {
        let turn = row.turn.expect("every row has a turn");
        assert!(
            shown.contains(&turn) != hidden.contains(&turn),
            "shown or hidden"
        );
    }
    if let Some(run) = rig.state.root_run() {
        assert!(
            shown.contains(&run.turn) && !hidden.contains(&run.turn),
            "what runs is shown"
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
            check_approvals(&rig, &seen);
            check_branches(&rig);
        }
    }
}

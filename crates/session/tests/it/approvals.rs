use baton_protocol::view::{ApprovalState, RowBody};
use baton_protocol::*;
use baton_session::{StandingApproval, approval_digest, revoke_answers_of};

use crate::rig::*;

fn wanted(arguments: &str) -> ToolUse {
    ToolUse {
        tool: "shell".into(),
        tool_digest: "d1".into(),
        arguments: arguments.into(),
    }
}

fn ask(rig: &mut Rig, run: RunId, wanted: ToolUse, pattern: &str) -> ApprovalId {
    let approval = ApprovalId::from_uuid(rig.id());
    rig.write(run, vec![request(approval, wanted, pattern)]);
    approval
}

fn request(approval: ApprovalId, wanted: ToolUse, pattern: &str) -> RunWrite {
    RunWrite::RequestApproval {
        approval,
        call: CallId("c1".into()),
        wanted,
        pattern: pattern.into(),
        place: "build-box".into(),
        reason: None,
    }
}

fn answer(
    approval: ApprovalId,
    wanted: &ToolUse,
    say: ApprovalAnswer,
    scope: ApprovalScope,
) -> CommandBody {
    CommandBody::AnswerApproval(AnswerApprovalCommand {
        approval,
        digest: approval_digest(wanted),
        answer: say,
        scope,
        reason: None,
    })
}

fn running() -> (Rig, RunId) {
    let mut rig = Rig::new();
    rig.send(laptop(), "tidy up", Delivery::Queue);
    let run = rig.start().expect("starts");
    (rig, run)
}

fn shown(rig: &Rig, approval: ApprovalId) -> ApprovalState {
    let row = rig.transcript.rows.iter().find_map(|row| match &row.body {
        RowBody::Approval {
            approval: id,
            state,
            ..
        } if *id == approval => Some(state.clone()),
        _ => None,
    });
    row.expect("the approval has a row")
}

#[test]
fn the_first_answer_counts_and_another_one_is_told_who_was_first() {
    let (mut rig, run) = running();
    let call = wanted("rm -r build");
    let approval = ask(&mut rig, run, call.clone(), "rm *");
    assert_eq!(rig.state.open_approvals().len(), 1);
    assert_eq!(rig.state.summary().expect("created").open_approvals, 1);

    let deny = answer(approval, &call, ApprovalAnswer::Deny, ApprovalScope::Once);
    assert_eq!(rig.accept(desk(), deny.clone()).1, CommandEffect::Applied);
    assert_eq!(rig.accept(laptop(), deny).1, CommandEffect::Unchanged);
    let allow = answer(approval, &call, ApprovalAnswer::Allow, ApprovalScope::Once);
    match rig.command(laptop(), allow).1 {
        ReceiptOutcome::Refused { error } => {
            assert_eq!(error.code, ErrorCode::ApprovalAnswered);
            assert!(
                error.message.contains(&DESK.to_string()),
                "{}",
                error.message
            );
            assert!(error.message.contains("denied"), "{}", error.message);
        }
        accepted => panic!("accepted: {accepted:?}"),
    }
    let answers = rig
        .kinds()
        .iter()
        .filter(|kind| *kind == "approvalAnswered")
        .count();
    assert_eq!(answers, 1);
    assert!(matches!(
        shown(&rig, approval),
        ApprovalState::Answered { answer: ApprovalAnswer::Deny, by, .. } if by == desk()
    ));
}

#[test]
fn an_answer_binds_to_the_exact_call() {
    let (mut rig, run) = running();
    let approval = ask(&mut rig, run, wanted("ls"), "ls");
    for other in [
        wanted("ls -a"),
        ToolUse {
            tool: "Shell".into(),
            ..wanted("ls")
        },
        ToolUse {
            tool_digest: "d2".into(),
            ..wanted("ls")
        },
    ] {
        let yes = answer(approval, &other, ApprovalAnswer::Allow, ApprovalScope::Once);
        assert_eq!(rig.refused(desk(), yes), ErrorCode::ApprovalMismatch);
    }
    assert_eq!(rig.state.open_approvals().len(), 1, "it still waits");
    let unknown = answer(
        ApprovalId::from_uuid(rig.id()),
        &wanted("ls"),
        ApprovalAnswer::Allow,
        ApprovalScope::Once,
    );
    assert_eq!(rig.refused(desk(), unknown), ErrorCode::ApprovalNotFound);
}

#[test]
fn an_answer_for_the_session_covers_the_same_pattern_of_the_same_tool_and_nothing_else() {
    let (mut rig, run) = running();
    let first = ask(&mut rig, run, wanted("cat a"), "cat *");
    rig.accept(
        desk(),
        answer(
            first,
            &wanted("cat a"),
            ApprovalAnswer::Allow,
            ApprovalScope::Session,
        ),
    );
    let second = ask(&mut rig, run, wanted("cat b"), "cat *");
    assert!(matches!(
        shown(&rig, second),
        ApprovalState::Answered { answer: ApprovalAnswer::Allow, scope: ApprovalScope::Session, by, .. } if by == desk()
    ));
    let changed = ToolUse {
        tool_digest: "d2".into(),
        ..wanted("cat b")
    };
    let asks_again = [
        (wanted("cat b"), "cat"),
        (wanted("cat b"), "cat * | sh"),
        (changed, "cat *"),
    ];
    for (n, (call, pattern)) in asks_again.into_iter().enumerate() {
        ask(&mut rig, run, call, pattern);
        assert_eq!(
            rig.state.open_approvals().len(),
            n + 1,
            "`{pattern}` is asked for again"
        );
    }
}

#[test]
fn an_answer_for_always_is_the_accounts_alone_and_no_session_keeps_a_copy() {
    let (mut rig, run) = running();
    let call = wanted("cat a");
    let first = ask(&mut rig, run, call.clone(), "cat *");
    let always = answer(first, &call, ApprovalAnswer::Allow, ApprovalScope::Always);
    rig.accept(desk(), always);
    let grant = StandingApproval {
        covers: ApprovalPattern {
            tool: "shell".into(),
            tool_digest: "d1".into(),
            pattern: "cat *".into(),
        },
        answer: ApprovalAnswer::Allow,
        scope: ApprovalScope::Always,
        by: desk(),
    };
    let (mut other, other_run) = running();
    // Use the session in which the approval was given, and another one. Both honour it, and both ask again once the account has revoked it.
    for (rig, run) in [(&mut rig, run), (&mut other, other_run)] {
        rig.always = vec![grant.clone()];
        let approval = ask(rig, run, wanted("cat b"), "cat *");
        assert!(matches!(
            shown(rig, approval),
            ApprovalState::Answered { scope: ApprovalScope::Always, by, .. } if by == desk()
        ));
        rig.always.clear();
        ask(rig, run, wanted("cat c"), "cat *");
        assert_eq!(rig.state.open_approvals().len(), 1, "asked again");
    }
}

/// A run without open approvals, and an answer that covers the session.
fn allowed_in_session() -> (Rig, RunId, ApprovalId) {
    let (mut rig, run) = running();
    let approval = ask(&mut rig, run, wanted("cat a"), "cat *");
    let call = wanted("cat a");
    let session = ApprovalScope::Session;
    rig.accept(
        desk(),
        answer(approval, &call, ApprovalAnswer::Allow, session),
    );
    let covered = ask(&mut rig, run, wanted("cat b"), "cat *");
    assert!(matches!(
        shown(&rig, covered),
        ApprovalState::Answered { .. }
    ));
    (rig, run, approval)
}

#[test]
fn an_answer_for_the_session_is_taken_back_however_often_it_was_used() {
    let (mut rig, run, approval) = allowed_in_session();
    let back = CommandBody::RevokeApproval(RevokeApprovalCommand { approval });
    assert_eq!(rig.accept(laptop(), back.clone()).1, CommandEffect::Applied);
    assert_eq!(rig.refused(laptop(), back), ErrorCode::GrantNotFound);
    ask(&mut rig, run, wanted("cat c"), "cat *");
    assert_eq!(rig.state.open_approvals().len(), 1, "asked again");
}

#[test]
fn what_a_principal_without_access_allowed_is_taken_back() {
    let (mut rig, run, approval) = allowed_in_session();
    let of_laptop = revoke_answers_of(&rig.state, |by| *by == laptop());
    assert_eq!(of_laptop, []);
    let of_desk = revoke_answers_of(&rig.state, |by| *by == desk());
    rig.record(of_desk);
    assert!(!rig.state.standing_approvals().contains_key(&approval));
    ask(&mut rig, run, wanted("cat c"), "cat *");
    assert_eq!(rig.state.open_approvals().len(), 1, "asked again");
}

#[test]
fn a_session_has_a_bounded_number_of_answers_for_later_calls() {
    let (mut rig, run) = running();
    for n in 0..=limits::APPROVAL_GRANTS_MAX {
        let call = wanted(&n.to_string());
        let approval = ask(&mut rig, run, call.clone(), &n.to_string());
        let session = answer(
            approval,
            &call,
            ApprovalAnswer::Deny,
            ApprovalScope::Session,
        );
        if n < limits::APPROVAL_GRANTS_MAX {
            rig.accept(desk(), session);
            continue;
        }
        assert_eq!(rig.refused(desk(), session), ErrorCode::TooMany);
        let once = answer(approval, &call, ApprovalAnswer::Deny, ApprovalScope::Once);
        rig.accept(desk(), once);
    }
}

#[test]
fn the_end_of_a_run_cancels_what_it_waits_for_and_no_answer_brings_it_back() {
    for end in 0..3 {
        let (mut rig, run) = running();
        let approval = ask(&mut rig, run, wanted("make"), "make");
        let before = rig.log.len();
        match end {
            0 => drop(rig.stop(desk(), run)),
            1 => rig.complete(run),
            _ => {
                let lost = baton_session::lose_run(&rig.state, run);
                rig.record(lost);
            }
        }
        assert_eq!(rig.since(before)[..2], ["approvalCancelled", "runEnded"]);
        assert_eq!(shown(&rig, approval), ApprovalState::Cancelled);
        let late = answer(
            approval,
            &wanted("make"),
            ApprovalAnswer::Allow,
            ApprovalScope::Always,
        );
        assert_eq!(rig.refused(laptop(), late), ErrorCode::ApprovalAnswered);
        assert!(rig.state.standing_approvals().is_empty());
    }
}

#[test]
fn an_id_is_asked_for_once_and_bounds_hold() {
    let (mut rig, run) = running();
    let approval = ask(&mut rig, run, wanted("make"), "make");
    let epoch = rig.epoch(run);
    let again = rig.try_write(run, epoch, vec![request(approval, wanted("make"), "make")]);
    assert_eq!(again, Err(ErrorCode::InvalidRunWrite));
    let long = "x".repeat(limits::APPROVAL_ARGUMENTS_BYTES_MAX + 1);
    let fresh = ApprovalId::from_uuid(rig.id());
    let too_long = rig.try_write(run, epoch, vec![request(fresh, wanted(&long), "make")]);
    assert_eq!(too_long, Err(ErrorCode::InvalidRunWrite));
    for _ in 1..limits::OPEN_APPROVALS_PER_RUN_MAX {
        ask(&mut rig, run, wanted("make"), "make");
    }
    let fresh = ApprovalId::from_uuid(rig.id());
    let one_more = rig.try_write(run, epoch, vec![request(fresh, wanted("make"), "make")]);
    assert_eq!(one_more, Err(ErrorCode::InvalidRunWrite));
}

#[test]
fn pieces_of_a_call_cannot_move_between_its_fields_under_one_digest() {
    let left = ToolUse {
        tool: "a\nb".into(),
        tool_digest: "c".into(),
        arguments: "d".into(),
    };
    let right = ToolUse {
        tool: "a".into(),
        tool_digest: "b\nc".into(),
        arguments: "d".into(),
    };
    assert_ne!(approval_digest(&left), approval_digest(&right));
}

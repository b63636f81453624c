//! A person's word, from whichever device it comes first.

use baton_protocol::*;
use baton_session::approval_digest;

use crate::client::{Client, Followed, Script, stop};
use crate::world::{new_session, on_each_log};

fn make() -> ToolUse {
    ToolUse {
        tool: "shell".into(),
        tool_digest: "d1".into(),
        arguments: "make".into(),
    }
}

fn answer(approval: ApprovalId, answer: ApprovalAnswer, scope: ApprovalScope) -> CommandBody {
    CommandBody::AnswerApproval(AnswerApprovalCommand {
        approval,
        digest: approval_digest(&make()),
        answer,
        scope,
        reason: None,
    })
}

fn answers(followed: &Followed) -> Vec<(ApprovalAnswer, Principal)> {
    let answered = followed
        .events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::ApprovalAnswered(body) => Some((body.answer, event.by.clone())),
            _ => None,
        });
    answered.collect()
}

/// A run that waits for a word, and the device that sees it.
async fn waiting(device: &mut Client, runner: &mut Client, log: LogId) -> (RunId, ApprovalId) {
    device.create(log).await;
    device.prompt(log, "build it", Delivery::Queue).await;
    let held = runner.assigned().await;
    let approval = ApprovalId::mint();
    runner
        .write_acked(held, vec![Script::new().ask(approval, &make(), "make")])
        .await;
    device
        .until(log, |followed| !followed.state.open_approvals().is_empty())
        .await;
    (held.run, approval)
}

on_each_log! {
    async fn the_first_answer_reaches_everybody_and_the_second_is_refused(world: World) {
        let (mut runner, _) = world.runner().await;
        let (mut laptop, mut desk) = (world.device("Laptop").await, world.device("Desk").await);
        let log = new_session();
        let (_, approval) = waiting(&mut laptop, &mut runner, log).await;
        desk.follow(log).await;
        desk.until(log, |followed| followed.state.open_approvals().len() == 1).await;

        let first = desk.command(log, answer(approval, ApprovalAnswer::Deny, ApprovalScope::Once)).await;
        assert_eq!(first.outcome, ReceiptOutcome::Accepted { effect: CommandEffect::Applied });
        let second = laptop.command(log, answer(approval, ApprovalAnswer::Allow, ApprovalScope::Once)).await;
        assert!(matches!(second.outcome, ReceiptOutcome::Refused { error } if error.code == ErrorCode::ApprovalAnswered));
        runner.follow(log).await;
        for client in [&mut laptop, &mut desk, &mut runner] {
            let followed = client.until(log, |followed| followed.state.open_approvals().is_empty()).await;
            assert!(matches!(&answers(followed)[..], [(ApprovalAnswer::Deny, _)]));
        }
    }

    async fn a_waiting_approval_survives_the_hub_and_a_stop_cancels_it(world: World) {
        let (mut runner, again) = world.runner().await;
        let laptop_token = world.link(Role::Device, "Laptop").await.token;
        let mut laptop = Client::device(world.hub(), &laptop_token).await;
        let log = new_session();
        let (run, approval) = waiting(&mut laptop, &mut runner, log).await;
        world.crash_and_start().await;
        let _runner = again.connect(world.hub()).await;
        let mut laptop = Client::device(world.hub(), &laptop_token).await;
        laptop.follow(log).await;
        laptop.until(log, |followed| followed.state.open_approvals().len() == 1).await;
        laptop.command(log, stop(run)).await;
        let followed = laptop.until(log, |followed| !followed.outcomes().is_empty()).await;
        assert!(followed.state.open_approvals().is_empty());
        let late = laptop.command(log, answer(approval, ApprovalAnswer::Allow, ApprovalScope::Always)).await;
        assert!(matches!(late.outcome, ReceiptOutcome::Refused { error } if error.code == ErrorCode::ApprovalAnswered));
    }

    async fn a_word_for_always_holds_in_other_sessions_until_it_is_taken_back(world: World) {
        let (mut runner, _) = world.runner().await;
        let mut laptop = world.device("Laptop").await;
        let account = world.account_log();
        laptop.follow(account).await;
        let first = new_session();
        let (_, approval) = waiting(&mut laptop, &mut runner, first).await;
        laptop.command(first, answer(approval, ApprovalAnswer::Allow, ApprovalScope::Always)).await;
        let granted = |followed: &Followed| followed.events.iter().any(|event| {
            matches!(&event.body, EventBody::ApprovalGranted(body) if body.grant == approval)
        });
        laptop.until(account, granted).await;

        let mut asks = async |laptop: &mut Client| {
            let log = new_session();
            laptop.create(log).await;
            laptop.prompt(log, "again", Delivery::Queue).await;
            let held = runner.assigned().await;
            let asked = ApprovalId::mint();
            runner.write_acked(held, vec![Script::new().ask(asked, &make(), "make")]).await;
            let followed = laptop.until(log, |followed| followed.events.iter().any(|event| {
                matches!(event.body, EventBody::ApprovalRequested(_))
            })).await;
            (followed.state.open_approvals().len(), answers(followed).len())
        };
        assert_eq!(asks(&mut laptop).await, (0, 1), "nobody is asked");
        let revoke = CommandBody::RevokeApprovalGrant(RevokeApprovalGrantCommand { grant: approval });
        laptop.command(account, revoke).await;
        assert_eq!(asks(&mut laptop).await, (1, 0), "asked again");
    }
}

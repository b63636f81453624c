//! A person's word, from whichever device it comes first.

use baton_protocol::*;
use baton_session::approval_digest;

use crate::client::{Assigned, Client, Followed, Script, stop};
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

/// Grants in the order in which the account's log got them.
fn granted(followed: &Followed) -> Vec<ApprovalId> {
    let granted = followed
        .events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::ApprovalGranted(body) => Some(body.grant),
            _ => None,
        });
    granted.collect()
}

/// A run that asks again and again.
struct Asking {
    log: LogId,
    held: Assigned,
    script: Script,
}

impl Asking {
    async fn begin(device: &mut Client, runner: &mut Client) -> Self {
        let log = new_session();
        device.create(log).await;
        device.prompt(log, "again", Delivery::Queue).await;
        let held = runner.assigned().await;
        let script = Script::new();
        Self { log, held, script }
    }

    /// Whether a person is asked.
    async fn ask(&mut self, device: &mut Client, runner: &mut Client) -> bool {
        let asked = ApprovalId::mint();
        let request = self.script.ask(asked, &make(), "make");
        runner.write_acked(self.held, vec![request]).await;
        let seen = |followed: &Followed| {
            followed.events.iter().any(|event| {
                matches!(&event.body, EventBody::ApprovalRequested(body) if body.approval == asked)
            })
        };
        let followed = device.until(self.log, seen).await;
        let open = followed.state.open_approvals();
        open.iter().any(|open| open.approval == asked)
    }
}

/// A run that waits for a word, and the device that sees it.
async fn waiting(device: &mut Client, runner: &mut Client, log: LogId) -> (Assigned, ApprovalId) {
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
    (held, approval)
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
        let (held, approval) = waiting(&mut laptop, &mut runner, log).await;
        world.crash_and_start().await;
        let _runner = again.connect(world.hub()).await;
        let mut laptop = Client::device(world.hub(), &laptop_token).await;
        laptop.follow(log).await;
        laptop.until(log, |followed| followed.state.open_approvals().len() == 1).await;
        laptop.command(log, stop(held.run)).await;
        let followed = laptop.until(log, |followed| !followed.outcomes().is_empty()).await;
        assert!(followed.state.open_approvals().is_empty());
        let late = laptop.command(log, answer(approval, ApprovalAnswer::Allow, ApprovalScope::Always)).await;
        assert!(matches!(late.outcome, ReceiptOutcome::Refused { error } if error.code == ErrorCode::ApprovalAnswered));
    }

    async fn a_word_for_always_holds_in_every_session_until_it_is_taken_back(world: World) {
        let (mut runner, _) = world.runner().await;
        let mut laptop = world.device("Laptop").await;
        let account = world.account_log();
        laptop.follow(account).await;
        let given = new_session();
        let (held, approval) = waiting(&mut laptop, &mut runner, given).await;
        let mut given = Asking { log: given, held, script: Script::after(1) };
        laptop.command(given.log, answer(approval, ApprovalAnswer::Allow, ApprovalScope::Always)).await;
        // At once, whether the account's log has it yet or not.
        assert!(!given.ask(&mut laptop, &mut runner).await, "where it was given");
        laptop.until(account, |followed| granted(followed) == [approval]).await;
        let mut used = Asking::begin(&mut laptop, &mut runner).await;
        assert!(!used.ask(&mut laptop, &mut runner).await, "where it was never said");

        let revoke = CommandBody::RevokeApprovalGrant(RevokeApprovalGrantCommand { grant: approval });
        laptop.command(account, revoke).await;
        let mut fresh = Asking::begin(&mut laptop, &mut runner).await;
        for asking in [&mut given, &mut used, &mut fresh] {
            assert!(asking.ask(&mut laptop, &mut runner).await, "it holds nowhere");
        }
    }

    async fn what_a_device_allowed_ends_with_its_access(world: World) {
        let (mut runner, _) = world.runner().await;
        let (mut laptop, mut desk) = (world.device("Laptop").await, world.device("Desk").await);
        let account = world.account_log();
        laptop.follow(account).await;
        let mut sessions = Vec::new();
        for scope in [ApprovalScope::Always, ApprovalScope::Session] {
            let log = new_session();
            let (held, approval) = waiting(&mut laptop, &mut runner, log).await;
            desk.command(log, answer(approval, ApprovalAnswer::Allow, scope)).await;
            let mut asking = Asking { log, held, script: Script::after(1) };
            assert!(!asking.ask(&mut laptop, &mut runner).await, "{scope:?} holds");
            sessions.push(asking);
            // In the second session the account's grant must not answer.
            if scope == ApprovalScope::Always {
                let given = laptop.until(account, |followed| !granted(followed).is_empty()).await;
                let grant = granted(given)[0];
                let revoke = CommandBody::RevokeApprovalGrant(RevokeApprovalGrantCommand { grant });
                laptop.command(account, revoke).await;
            }
        }
        let log = new_session();
        let (held, approval) = waiting(&mut laptop, &mut runner, log).await;
        desk.command(log, answer(approval, ApprovalAnswer::Allow, ApprovalScope::Always)).await;
        sessions.push(Asking { log, held, script: Script::after(1) });
        laptop.until(account, |followed| granted(followed).len() == 2).await;
        world.hub().revoke("Desk").await.unwrap();
        laptop.until(account, |followed| followed.events.iter().any(|event| {
            matches!(&event.body, EventBody::ApprovalGrantRevoked(body) if body.grant == approval)
        })).await;
        for asking in &mut sessions {
            assert!(asking.ask(&mut laptop, &mut runner).await, "nothing of the device holds");
        }
    }

    async fn a_word_for_the_session_is_taken_back_from_any_device(world: World) {
        let (mut runner, _) = world.runner().await;
        let (mut laptop, mut desk) = (world.device("Laptop").await, world.device("Desk").await);
        let log = new_session();
        let (held, approval) = waiting(&mut laptop, &mut runner, log).await;
        laptop.command(log, answer(approval, ApprovalAnswer::Allow, ApprovalScope::Session)).await;
        let mut asking = Asking { log, held, script: Script::after(1) };
        assert!(!asking.ask(&mut laptop, &mut runner).await);
        let back = CommandBody::RevokeApproval(RevokeApprovalCommand { approval });
        let receipt = desk.command(log, back.clone()).await;
        assert_eq!(receipt.outcome, ReceiptOutcome::Accepted { effect: CommandEffect::Applied });
        let again = desk.command(log, back).await;
        assert!(matches!(again.outcome, ReceiptOutcome::Refused { error } if error.code == ErrorCode::GrantNotFound));
        assert!(asking.ask(&mut laptop, &mut runner).await);
    }
}

//! Forks, deletion, edits that expire, and what people do at their devices.

use std::time::Duration;

use baton_hub::HubOptions;
use baton_protocol::*;

use crate::client::{Client, Script};
use crate::world::{Backend, World, new_session, on_each_log};

/// A session with one answer.
async fn answered(device: &mut Client, runner: &mut Client, log: LogId, text: &str) -> RunId {
    device.create(log).await;
    device.prompt(log, "hello?", Delivery::Queue).await;
    let held = runner.assigned().await;
    let mut script = Script::new();
    let writes = vec![
        script.open(),
        script.text(text),
        script.close(PartEnd::Complete),
        script.end(),
    ];
    runner.write_acked(held, writes).await;
    device
        .until(log, |followed| !followed.outcomes().is_empty())
        .await;
    held.run
}

fn session_of(log: LogId) -> SessionId {
    match log {
        LogId::Session(session) => session,
        LogId::Account(_) => panic!("no session"),
    }
}

fn fork(from: LogId, run: RunId) -> CommandBody {
    CommandBody::ForkSession(ForkSessionCommand {
        from: session_of(from),
        at: ForkPoint::After { run },
        title: None,
    })
}

fn missing(frame: &HubFrame) -> Option<(LogId, Option<Incarnation>)> {
    match frame {
        HubFrame::Missing { log, incarnation } => Some((*log, *incarnation)),
        _ => None,
    }
}

on_each_log! {
    async fn a_fork_is_a_session_of_its_own_with_the_same_history(world: World) {
        let (mut runner, _) = world.runner().await;
        let mut laptop = world.device("Laptop").await;
        let (log, copy) = (new_session(), new_session());
        let run = answered(&mut laptop, &mut runner, log, "the answer").await;
        let receipt = laptop.command(copy, fork(log, run)).await;
        assert_eq!(receipt.outcome, ReceiptOutcome::Accepted { effect: CommandEffect::Applied });
        laptop.follow(copy).await;
        let followed = laptop.until(copy, |followed| followed.outcomes().len() == 1).await;
        assert_eq!(followed.text(), "the answer");
        laptop.prompt(copy, "and now?", Delivery::Queue).await;
        let held = runner.assigned().await;
        runner.write_acked(held, vec![Script::new().end()]).await;
        laptop.until(copy, |followed| followed.outcomes().len() == 2).await;
        let mut desk = world.device("Desk").await;
        desk.follow(log).await;
        let followed = desk.until(log, |followed| followed.level).await;
        assert_eq!(followed.outcomes().len(), 1, "the other one is as it was");
    }

    async fn a_deleted_session_is_gone_for_everybody_and_for_ever(world: World) {
        let (mut runner, _) = world.runner().await;
        let token = world.link(Role::Device, "Laptop").await.token;
        let mut laptop = Client::device(world.hub(), &token).await;
        let mut desk = world.device("Desk").await;
        let log = new_session();
        answered(&mut laptop, &mut runner, log, "secret").await;
        laptop.prompt(log, "more", Delivery::Queue).await;
        let held = runner.assigned().await;
        runner.write_acked(held, vec![Script::new().open()]).await;
        desk.follow(log).await;
        desk.until(log, |followed| followed.level).await;

        let account = world.account_log();
        let delete = CommandBody::DeleteSession(DeleteSessionCommand { session: session_of(log) });
        laptop.follow(account).await;
        let summarized = |followed: &crate::client::Followed| followed.events.iter().any(|event| {
            matches!(&event.body, EventBody::SessionSummarized(body) if body.session == session_of(log))
        });
        laptop.until(account, summarized).await;
        let receipt = desk.command(account, delete.clone()).await;
        assert_eq!(receipt.outcome, ReceiptOutcome::Accepted { effect: CommandEffect::Applied });
        for device in [&mut laptop, &mut desk] {
            assert_eq!(device.take(missing).await, (log, None));
        }
        let mut late = Script::new();
        late.open();
        runner.write(held, vec![late.text("late")]).await;
        assert_eq!(runner.fenced(held.run).await, ErrorCode::LeaseFenced);

        for restarted in [false, true] {
            if restarted {
                world.crash_and_start().await;
            }
            let mut late = Client::device(world.hub(), &token).await;
            late.send(&ClientFrame::Subscribe { log, cursor: None, newest_chars: None, state_format: None }).await;
            assert_eq!(late.take(missing).await, (log, None));
            for body in [crate::client::create(), fork(log, held.run)] {
                let command = Command { id: CommandId::mint(), log, only_if: None, body };
                assert_eq!(late.refused(&command).await, ErrorCode::SessionNotFound, "its id is never used again");
            }
            late.follow(account).await;
            let again = late.command(account, delete.clone()).await;
            assert_eq!(again.outcome, ReceiptOutcome::Accepted { effect: CommandEffect::Unchanged });
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_that_is_not_renewed_expires_and_the_prompt_runs() {
    let options = HubOptions {
        prompt_edit: Duration::from_millis(50),
        ..HubOptions::default()
    };
    let world = World::start_with(Backend::Memory, options).await;
    let mut laptop = world.device("Laptop").await;
    let log = new_session();
    laptop.create(log).await;
    let receipt = laptop.prompt(log, "draft", Delivery::Queue).await;
    let prompt = PromptId(receipt.command);
    let begin = CommandBody::BeginPromptEdit(BeginPromptEditCommand { prompt });
    laptop.command(log, begin).await;
    let (mut runner, _) = world.runner().await;
    let held = runner.assigned().await;
    let followed = laptop
        .until(log, |followed| {
            followed.state.active_run(held.run).is_some()
        })
        .await;
    let kinds: Vec<_> = followed
        .events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::PromptEditEnded(body) => Some(body.reason),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, [EditEndReason::Expired]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_hears_what_is_done_at_another_one_and_when_it_is_gone() {
    let world = World::start(Backend::Memory).await;
    let token = world.link(Role::Device, "Laptop").await.token;
    let mut laptop = Client::attentive(world.hub(), &token).await;
    let desk_token = world.link(Role::Device, "Desk").await.token;
    let mut desk = Client::attentive(world.hub(), &desk_token).await;
    let session = SessionId::mint();
    let attend = ClientFrame::Attend {
        session: Some(session),
        typing: true,
        in_use: true,
    };
    desk.send(&attend).await;
    let heard = |frame: &HubFrame| match frame {
        HubFrame::Attention { devices } => Some(devices.clone()),
        _ => None,
    };
    let devices = laptop.take(heard).await;
    assert!(
        matches!(&devices[..], [one] if one.session == Some(session) && one.typing && one.in_use)
    );
    drop(desk);
    assert_eq!(laptop.take(heard).await, []);
}

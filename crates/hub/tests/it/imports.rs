//! Sessions that move here from another hub.

use baton_log::ReadLimit;
use baton_protocol::*;

use crate::client::{Client, Script};
use crate::world::{Backend, World, new_session, on_each_log};

/// A session at another hub with two answers and a prompt that waits, as its batches.
async fn elsewhere(log: LogId) -> Vec<Batch> {
    let world = World::start(Backend::Memory).await;
    let (mut runner, _) = world.runner().await;
    let mut laptop = world.device("Laptop").await;
    laptop.create(log).await;
    for (prompt, answer) in [("first?", "one"), ("second?", "two")] {
        laptop.prompt(log, prompt, Delivery::Queue).await;
        let held = runner.assigned().await;
        let mut script = Script::new();
        let writes = vec![
            script.open(),
            script.text(answer),
            script.close(PartEnd::Complete),
            script.end(),
        ];
        runner.write_acked(held, writes).await;
    }
    let pause = CommandBody::PauseQueue(PauseQueueCommand {});
    laptop.command(log, pause).await;
    laptop.prompt(log, "third?", Delivery::Queue).await;
    let source = world.log.clone().expect("a log in memory");
    let limit = ReadLimit {
        events: 4,
        bytes: 64 * 1024,
    };
    let mut batches: Vec<Batch> = Vec::new();
    while batches.last().is_none_or(|last| last.upto < last.head) {
        let after = batches.last().map_or(Seq::ZERO, |last| last.upto);
        batches.push(source.read(log, after, limit).await.unwrap());
    }
    assert!(batches.len() > 2, "it takes several batches");
    batches
}

fn import(batch: &Batch) -> CommandBody {
    CommandBody::ImportBatch(ImportBatchCommand {
        from: "attic".into(),
        batch: batch.clone(),
    })
}

async fn imported(device: &mut Client, log: LogId, batch: &Batch) -> CommandEffect {
    match device.command(log, import(batch)).await.outcome {
        ReceiptOutcome::Accepted { effect } => effect,
        ReceiptOutcome::Refused { error } => panic!("refused: {error:?}"),
    }
}

fn summaries(account: &crate::client::Followed) -> usize {
    let is_one = |event: &&Event| matches!(event.body, EventBody::SessionSummarized(_));
    account.events.iter().filter(is_one).count()
}

on_each_log! {
    async fn a_session_moves_whole_through_a_crash_and_goes_on(world: World) {
        let log = new_session();
        let batches = elsewhere(log).await;
        let link = world.link(Role::Device, "Desk").await;
        let account = world.account_log();
        for (n, batch) in batches.iter().enumerate() {
            let mut desk = Client::device(world.hub(), &link.token).await;
            // The device cannot tell what got through before the crash, and says it again.
            for again in &batches[n.saturating_sub(1)..n] {
                imported(&mut desk, log, again).await;
            }
            let complete = batch.upto == batch.head;
            desk.follow(account).await;
            let listed = desk.until(account, |account| account.level).await;
            assert_eq!(summaries(listed), 0, "half a session is in no list");
            let effect = imported(&mut desk, log, batch).await;
            assert_eq!(effect, CommandEffect::Imported { upto: batch.upto, complete });
            if !complete {
                world.crash_and_start().await;
            }
        }
        let mut desk = Client::device(world.hub(), &link.token).await;
        desk.follow(account).await;
        desk.until(account, |account| summaries(account) > 0).await;
        // The prompt that waited there, behind a pause, waits here and is answered.
        desk.command(log, CommandBody::ResumeQueue(ResumeQueueCommand {})).await;
        let (mut runner, _) = world.runner().await;
        let held = runner.assigned().await;
        let mut script = Script::new();
        let writes = vec![
            script.open(),
            script.text("three"),
            script.close(PartEnd::Complete),
            script.end(),
        ];
        runner.write_acked(held, writes).await;
        desk.follow(log).await;
        let followed = desk.until(log, |followed| followed.outcomes().len() == 3).await;
        assert_eq!(followed.text(), "onetwothree");
        let first = &batches[0].events[0];
        assert_eq!(followed.events[0].recorded_at, first.recorded_at);
    }

    async fn a_prompt_that_moved_along_is_not_asked_twice(world: World) {
        let log = new_session();
        let batches = elsewhere(log).await;
        let mut desk = world.device("Desk").await;
        for batch in &batches {
            imported(&mut desk, log, batch).await;
        }
        let sent = batches.iter().flat_map(|batch| &batch.events).find_map(|event| match &event.body {
            EventBody::PromptSent(sent) if sent.text == "third?" => event.command,
            _ => None,
        });
        // Its receipt was lost on the way from the other hub, so the device says it again.
        let again = Command {
            id: sent.expect("it was sent"),
            log,
            only_if: None,
            body: CommandBody::SendPrompt(SendPromptCommand {
                text: "third?".into(),
                delivery: Delivery::Queue,
                run: None,
            }),
        };
        let receipt = desk.repeat(&again).await;
        assert!(matches!(receipt.outcome, ReceiptOutcome::Accepted { effect: CommandEffect::PromptAccepted { .. } }));
        desk.follow(log).await;
        let followed = desk.until(log, |followed| followed.level).await;
        assert_eq!(followed.state.queue().len(), 1);
    }

    async fn a_runner_moves_nothing_and_a_session_of_this_hub_is_not_replaced(world: World) {
        let log = new_session();
        let batches = elsewhere(log).await;
        let command = Command { id: CommandId::mint(), log, only_if: None, body: import(&batches[0]) };
        let (mut runner, _) = world.runner().await;
        assert_eq!(runner.refused(&command).await, ErrorCode::Forbidden);
        let mut desk = world.device("Desk").await;
        desk.create(log).await;
        let receipt = desk.command(log, import(&batches[0])).await;
        assert!(matches!(receipt.outcome, ReceiptOutcome::Refused { error } if error.code == ErrorCode::SessionExists));
    }
}

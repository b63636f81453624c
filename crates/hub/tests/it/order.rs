//! One order for everybody: of commands that devices send at the same time, at the seam from history to live, and of runs.

use std::sync::atomic::{AtomicU64, Ordering};

use baton_protocol::*;

use crate::client::{Client, Script};
use crate::world::{new_session, on_each_log};

/// A command of one device, with the moments of a common logical clock between which the hub decided it.
struct Operation {
    sent: u64,
    answered: u64,
    seq: Seq,
}

/// Sends prompts one after the other: each begins when the one before was answered.
async fn send_prompts(mut device: Client, log: LogId, clock: &AtomicU64) -> Vec<Operation> {
    let mut operations = Vec::new();
    for n in 0..20 {
        let sent = clock.fetch_add(1, Ordering::SeqCst);
        let receipt = device
            .prompt(log, &format!("prompt {n}"), Delivery::Queue)
            .await;
        let answered = clock.fetch_add(1, Ordering::SeqCst);
        operations.push(Operation {
            sent,
            answered,
            seq: receipt.seq,
        });
    }
    operations
}

/// Asserts that no run begins while another one is on, and gives how many ended.
fn ended_one_by_one(events: &[Event]) -> usize {
    let (mut on, mut ended) = (None, 0);
    for event in events {
        match &event.body {
            EventBody::RunStarted(body) => {
                assert_eq!(on.replace(body.run), None, "two runs at once")
            }
            EventBody::RunEnded(body) => {
                assert_eq!(on.take(), Some(body.run));
                ended += 1;
            }
            _ => {}
        }
    }
    ended
}

on_each_log! {
    async fn commands_of_many_devices_have_one_order_which_is_that_of_their_receipts(world: World) {
        let log = new_session();
        let mut watcher = world.device("Watcher").await;
        watcher.create(log).await;
        let clock = AtomicU64::new(0);
        let mut devices = Vec::new();
        for n in 0..4 {
            devices.push(world.device(&format!("Device {n}")).await);
        }
        let sending = devices.into_iter().map(|device| send_prompts(device, log, &clock));
        let operations: Vec<Operation> = futures::future::join_all(sending).await.into_iter().flatten().collect();

        for first in &operations {
            for second in &operations {
                if first.answered < second.sent {
                    assert!(first.seq < second.seq, "answered before the other was sent, and recorded after it");
                }
            }
        }
        let mut seqs: Vec<Seq> = operations.iter().map(|operation| operation.seq).collect();
        seqs.sort();
        let followed = watcher.until(log, |followed| followed.state.queue().len() == operations.len()).await;
        let sent: Vec<Seq> = followed.events.iter().filter(|event| matches!(event.body, EventBody::PromptSent(_))).map(|event| event.seq).collect();
        assert_eq!(sent, seqs, "each receipt names its own event");
        let mut late = world.device("Late").await;
        late.follow(log).await;
        let late = late.until(log, |followed| followed.level).await;
        assert_eq!(late.events, watcher.logs[&log].events);
    }

    async fn whoever_comes_at_any_moment_gets_every_event_once(world: World) {
        let (mut runner, _) = world.runner().await;
        let mut laptop = world.device("Laptop").await;
        let log = new_session();
        laptop.create(log).await;
        laptop.prompt(log, "count", Delivery::Queue).await;
        let held = runner.assigned().await;
        let counted: String = (0..600).map(|n| format!("{n} ")).collect();
        let writing = async {
            let mut script = Script::new();
            runner.write_acked(held, vec![script.open()]).await;
            for n in 0..600 {
                runner.write_acked(held, vec![script.text(&format!("{n} "))]).await;
            }
            let writes = vec![script.close(PartEnd::Complete), script.end()];
            runner.write_acked(held, writes).await;
        };
        // Each comes as soon as the one before has caught up; the last of them after the end, perhaps.
        let coming = async {
            let mut readers = Vec::new();
            for n in 0..30 {
                let mut reader = world.device(&format!("Reader {n}")).await;
                reader.follow(log).await;
                reader.until(log, |followed| followed.level).await;
                readers.push(reader);
            }
            readers
        };
        let ((), readers) = tokio::join!(writing, coming);
        for mut reader in readers {
            // The client itself asserts that every batch continues the one before.
            let followed = reader.until(log, |followed| !followed.outcomes().is_empty()).await;
            assert_eq!(followed.text(), counted);
        }
    }

    async fn two_runners_that_race_hold_one_run_at_a_time(world: World) {
        let mut laptop = world.device("Laptop").await;
        let log = new_session();
        laptop.create(log).await;
        for n in 0..12 {
            laptop.prompt(log, &format!("prompt {n}"), Delivery::Queue).await;
        }
        // Both offer the agent, come at the same time, and take whatever they are given.
        let work = async |name: &str| {
            let linked = world.link(Role::Runner, name).await;
            let runner = crate::world::Runner { linked, instance: RunnerInstanceId::mint() };
            let mut runner = runner.connect(world.hub()).await;
            loop {
                let held = runner.assigned().await;
                let mut script = Script::new();
                let writes = vec![script.open(), script.text("done"), script.close(PartEnd::Complete), script.end()];
                runner.write(held, writes).await;
            }
        };
        let all_done = laptop.until(log, |followed| followed.outcomes().len() == 12);
        let followed = tokio::select! {
            followed = all_done => followed,
            _ = work("Build box") => unreachable!("it works for ever"),
            _ = work("Other box") => unreachable!("it works for ever"),
        };
        assert_eq!(ended_one_by_one(&followed.events), 12);
        assert_eq!(followed.text(), "done".repeat(12));
    }
}

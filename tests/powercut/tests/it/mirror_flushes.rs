//! What a device waits for its disk for, and what it does not: only what it alone knows is flushed, and a stop goes ahead even of that.

use std::sync::Arc;

use baton_client::{Device, IntentOutcome, OutboxState};
use baton_log::{EventLog, MemoryEventLog};
use baton_powercut::{Disk, Fault, Random};
use baton_protocol::view::ConnectionPhase;
use baton_protocol::*;
use tempfile::TempDir;

use crate::mirror_power::{hub, link, open, prompt, settled};
use crate::seeds::seeds;

async fn until(device: &Device, holds: impl Fn(&Device) -> bool) {
    let mut changes = device.changes();
    while !holds(device) {
        changes.changed().await.unwrap();
    }
}

async fn start_session(device: &Device) -> SessionId {
    let session = SessionId::mint();
    let create = CreateSessionCommand {
        agent: AgentId("assistant".to_owned()),
        runner: None,
        title: None,
    };
    let started = device.start_session(session, create, None).await.unwrap();
    let outcome = started.create.outcome().await;
    assert!(matches!(outcome, IntentOutcome::Answered(_)), "{outcome:?}");
    session
}

async fn say(device: &Device, session: SessionId, text: &str) {
    let asked = device.act(LogId::Session(session), prompt(text)).await;
    let outcome = asked.unwrap().outcome().await;
    assert!(matches!(outcome, IntentOutcome::Answered(_)), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_cost_no_flush_and_a_power_cut_takes_back_nothing_that_the_hub_does_not_give_again()
{
    let steady = TempDir::new().unwrap();
    let hub = hub(steady.path(), Arc::new(MemoryEventLog::new())).await;
    for seed in seeds(8) {
        let (linked, token) = link(&hub).await;
        let elsewhere = TempDir::new().unwrap();
        let other = open(elsewhere.path(), linked, &token).await.unwrap();
        let session = start_session(&other).await;
        let (linked, token) = link(&hub).await;
        let directory = TempDir::new().unwrap();
        let disk = Disk::over(directory.path()).unwrap();
        let device = open(directory.path(), linked.clone(), &token)
            .await
            .unwrap();
        settled(&device, session, 0).await;

        let flushes = disk.flushes();
        let mut said: Vec<String> = (0..5).map(|n| format!("w{seed}x{n}")).collect();
        for text in &said {
            say(&other, session, text).await;
        }
        assert_eq!(settled(&device, session, said.len()).await, said);
        assert_eq!(disk.flushes(), flushes, "seed {seed}: batches were flushed");

        said.push(format!("w{seed}own"));
        let own = device.act(LogId::Session(session), prompt(&said[5])).await;
        assert!(own.is_ok());
        assert!(
            disk.flushes() > flushes,
            "seed {seed}: an intent was not flushed"
        );
        // Its receipt and its event may be on their way to the disk, or not even sent.
        disk.cut();
        drop((device, own));
        let which = Random::new(seed).number();
        tokio::task::block_in_place(|| disk.power_on(which)).unwrap();

        let device = open(directory.path(), linked, &token).await.unwrap();
        for each in [&device, &other] {
            let mirrored = settled(each, session, said.len()).await;
            assert_eq!(mirrored, said, "seed {seed}: once each, in order");
        }
        drop(device);
        tokio::task::block_in_place(|| disk.power_on(0)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_reaches_the_hub_while_the_disk_stands_still_and_is_shown_and_kept_only_after() {
    let steady = TempDir::new().unwrap();
    let log = Arc::new(MemoryEventLog::new());
    let hub = hub(steady.path(), Arc::clone(&log)).await;
    for seed in seeds(4) {
        let (linked, token) = link(&hub).await;
        let directory = TempDir::new().unwrap();
        let disk = Disk::over(directory.path()).unwrap();
        let device = open(directory.path(), linked.clone(), &token)
            .await
            .unwrap();
        let session = start_session(&device).await;
        until(&device, |device| {
            device.outbox().is_empty() && device.connection().phase == ConnectionPhase::Live
        })
        .await;

        disk.set_fault(Fault::StandsStill);
        let body = CommandBody::StopRun(StopRunCommand {
            target: StopTarget::Run { run: RunId::mint() },
            scope: StopScope::Run,
        });
        let stop = Command {
            only_if: None,
            id: CommandId::mint(),
            log: LogId::Session(session),
            body,
        };
        let id = stop.id;
        let presser = device.clone();
        let pressed = tokio::spawn(async move { presser.act_as(stop).await });
        tokio::task::block_in_place(|| disk.wait_for_stuck_flush());
        let answered = loop {
            if let Some(receipt) = log.receipt(LogId::Session(session), id).await.unwrap() {
                break receipt;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(device.outbox(), [], "seed {seed}: shown before it is kept");
        assert!(!pressed.is_finished(), "seed {seed}: called durable");

        let is_cut = seed % 2 == 0;
        if is_cut {
            disk.cut();
        }
        disk.set_fault(Fault::None);
        let pressed = pressed.await.unwrap();
        assert_eq!(pressed.is_err(), is_cut, "seed {seed}: {pressed:?}");
        if let Ok(intent) = pressed {
            let outcome = intent.outcome().await;
            assert_eq!(outcome, IntentOutcome::Answered(answered.receipt.clone()));
        }
        drop(device);
        tokio::task::block_in_place(|| disk.power_on(seed)).unwrap();

        let device = open(directory.path(), linked, &token).await.unwrap();
        // The session's creation may be asked for once more: its receipt was a copy.
        let kept = device.outbox();
        let mut stops = kept.iter().filter(|entry| entry.command.id == id);
        assert!(
            stops.all(|entry| entry.state == OutboxState::Sent),
            "seed {seed}: {kept:?}"
        );
        until(&device, |device| device.outbox().is_empty()).await;
        let again = log.receipt(LogId::Session(session), id).await.unwrap();
        assert_eq!(again, Some(answered), "seed {seed}: it happened once");
        drop(device);
        tokio::task::block_in_place(|| disk.power_on(0)).unwrap();
    }
}

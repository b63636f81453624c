//! A hub that is killed repeatedly while devices keep the receipts that they got.

use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::Arc;

use baton_client::{Device, DeviceConfig, IntentOutcome, LinkedHub, TokenInMemory};
use baton_protocol::*;
use tokio::sync::{mpsc, watch};

use crate::stage::{Hub, LIMIT};

const ROUNDS: u64 = 8;
const DEVICES: usize = 3;

/// The highest number of receipts in one round before the kill.
const RECEIPTS_MAX: u64 = 60;

/// A command and the receipt that its device got.
type Answered = (Command, Receipt);

/// Links to a hub. Returns the link and the token.
pub async fn linked(hub: &Hub, name: &str) -> (LinkedHub, String) {
    let code: LinkCode = hub.link("device").await.parse().expect("a link");
    let linked = baton_client::link(&code, name).await.expect("links");
    let hub = LinkedHub {
        hub: code.hub,
        account: linked.account,
        principal: linked.principal,
        hub_name: linked.hub_name,
    };
    (hub, linked.token)
}

async fn device(hub: &Hub, folder: &std::path::Path, name: &str) -> Device {
    let (hub, token) = linked(hub, name).await;
    let config = DeviceConfig {
        data_dir: folder.join(name),
        hub,
        tokens: Arc::new(TokenInMemory(token)),
    };
    Device::open(config).await.expect("opens")
}

/// Creates a session, renames it again and again, and sends out each receipt.
async fn produce(
    device: Device,
    mut stop: watch::Receiver<bool>,
    out: mpsc::UnboundedSender<Answered>,
) {
    let session = SessionId::mint();
    let log = LogId::Session(session);
    let create = CommandBody::CreateSession(CreateSessionCommand {
        agent: AgentId("assistant".to_owned()),
        runner: None,
        title: None,
    });
    let titles = (0..).map(|n| {
        CommandBody::RenameSession(RenameSessionCommand {
            title: format!("title {n}"),
        })
    });
    for body in std::iter::once(create).chain(titles) {
        let command = Command {
            only_if: None,
            id: CommandId::mint(),
            log,
            body,
        };
        let intent = device.act_as(command.clone()).await.expect("durable");
        let outcome = tokio::select! {
            outcome = intent.outcome() => outcome,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match outcome {
            IntentOutcome::Answered(receipt) => out.send((command, receipt)).expect("listened to"),
            other => panic!("every intent is answered: {other:?}"),
        }
    }
}

/// Returns the titles in a session's log in order, each with its seq and command.
fn titles(events: &[Event]) -> Vec<(Seq, CommandId, String)> {
    let titles = events.iter().filter_map(|event| match &event.body {
        EventBody::SessionRenamed(renamed) => {
            Some((event.seq, event.command?, renamed.title.clone()))
        }
        _ => None,
    });
    titles.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_receipt_stands_for_ever_however_often_the_hub_is_killed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut hub = Hub::start().await;
    let (stop, stopped) = watch::channel(false);
    let (out, mut receipts) = mpsc::unbounded_channel();
    let mut producers = tokio::task::JoinSet::new();
    for n in 0..DEVICES {
        let device = device(&hub, folder.path(), &format!("device-{n}")).await;
        producers.spawn(produce(device, stopped.clone(), out.clone()));
    }
    let mut answered: Vec<Answered> = Vec::new();
    let mut random = std::hash::RandomState::new().build_hasher();
    for round in 0..ROUNDS {
        random.write_u64(round);
        let wanted = random.finish() % RECEIPTS_MAX;
        for _ in 0..=wanted {
            let next = tokio::time::timeout(LIMIT, receipts.recv()).await;
            let next = next.unwrap_or_else(|_| panic!("round {round}: no receipt in time"));
            answered.push(next.expect("the producers go on"));
        }
        hub.kill_9().await;
        hub.run().await;
    }
    stop.send(true).expect("the producers listen");
    producers.join_all().await;
    while let Ok(late) = receipts.try_recv() {
        answered.push(late);
    }
    assert!(answered.len() as u64 >= ROUNDS);
    hold(&mut hub, &answered, folder.path()).await;
}

/// Checks the log and every receipt with a device that took no part: it sends all commands again.
async fn hold(hub: &mut Hub, answered: &[Answered], folder: &std::path::Path) {
    let judge = device(hub, folder, "judge").await;
    let mut sessions: Vec<LogId> = answered.iter().map(|(command, _)| command.log).collect();
    sessions.sort();
    sessions.dedup();
    for log in sessions {
        let mut tail = judge.tail(log, baton_client::TailStart::After(Seq::ZERO));
        let mut events = Vec::new();
        let reading = async {
            loop {
                match tail.next().await.expect("the mirror can be read") {
                    baton_client::TailItem::Event(event) => events.push(*event),
                    baton_client::TailItem::AtEnd(end) if end.caught_up => return,
                    baton_client::TailItem::Deleted => panic!("nobody deleted it"),
                    _ => {}
                }
            }
        };
        tokio::time::timeout(LIMIT, reading)
            .await
            .expect("level in time");
        let recorded = titles(&events);
        let numbered: Vec<String> = (0..recorded.len()).map(|n| format!("title {n}")).collect();
        let found: Vec<&String> = recorded.iter().map(|(_, _, title)| title).collect();
        assert_eq!(
            found,
            numbered.iter().collect::<Vec<_>>(),
            "once each, in order"
        );
        for (command, receipt) in answered.iter().filter(|(command, _)| command.log == log) {
            let event = events
                .iter()
                .find(|event| event.command == Some(command.id));
            assert!(
                event.is_some_and(|event| event.seq <= receipt.seq),
                "what was acknowledged is there: {receipt:?}"
            );
        }
    }
    for (command, receipt) in answered {
        let again = judge.act_as(command.clone()).await.expect("durable");
        let again = tokio::time::timeout(LIMIT, again.outcome()).await;
        assert_eq!(
            again.expect("an answer in time"),
            IntentOutcome::Answered(receipt.clone()),
            "the same command has the same receipt for ever"
        );
    }
}

//! A device's mirror and outbox under power cuts: what a person did is there when the call returned, happens once, and the mirror is
//! whole again.

use std::path::Path;
use std::sync::Arc;

use baton_client::{Device, DeviceConfig, LinkedHub, TailItem, TailStart, TokenInMemory};
use baton_hub::{Hub, HubConfig, RunningHub, SystemClock, Tls};
use baton_log::{EventLog, MemoryEventLog, ReadLimit};
use baton_powercut::{Disk, Random};
use baton_protocol::view::SessionRow;
use baton_protocol::*;
use tempfile::TempDir;
use uuid::Uuid;

use crate::seeds::seeds;

fn nowhere() -> LinkedHub {
    let account = AccountId::from_uuid(Uuid::from_u128(1));
    LinkedHub {
        // Nobody listens on this port.
        hub: HubAddress {
            authority: "127.0.0.1:1".to_owned(),
            fingerprint: None,
            public_path: None,
        },
        account,
        principal: Principal::Device {
            account,
            device: DeviceId::from_uuid(Uuid::from_u128(2)),
        },
        hub_name: "nowhere".to_owned(),
    }
}

pub async fn open(directory: &Path, hub: LinkedHub, token: &str) -> Result<Device, String> {
    let config = DeviceConfig {
        data_dir: directory.to_owned(),
        hub,
        tokens: Arc::new(TokenInMemory(token.to_owned())),
    };
    Device::open(config)
        .await
        .map_err(|error| format!("{error:?}"))
}

pub fn prompt(text: &str) -> CommandBody {
    CommandBody::SendPrompt(SendPromptCommand {
        run: None,
        text: text.to_owned(),
        delivery: Delivery::Queue,
    })
}

fn waiting(device: &Device) -> Vec<CommandId> {
    let outbox = device.outbox();
    outbox.iter().map(|entry| entry.command.id).collect()
}

/// The device is gone; the disk has power again.
async fn power_on(disk: &Disk, seed: u64) {
    // Its tasks end while this waits.
    tokio::task::block_in_place(|| disk.power_on(seed)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_queued_without_a_hub_survives_a_cut_at_every_operation() {
    const INTENTS: usize = 4;
    let session = LogId::Session(SessionId::from_uuid(Uuid::from_u128(7)));
    let mut operation = 0;
    loop {
        operation += 1;
        let directory = TempDir::new().unwrap();
        let disk = Disk::over(directory.path()).unwrap();
        disk.cut_at(operation);
        let mut queued = Vec::new();
        let mut in_doubt = None;
        if let Ok(device) = open(directory.path(), nowhere(), "none").await {
            for n in 0..INTENTS {
                let command = Command {
                    only_if: None,
                    id: CommandId::from_uuid(Uuid::from_u128(100 + n as u128)),
                    log: session,
                    body: prompt(&format!("prompt {n}")),
                };
                let id = command.id;
                if device.act_as(command).await.is_err() {
                    in_doubt = Some(id);
                    break;
                }
                queued.push(id);
            }
        }
        let was_cut = disk.is_off();
        power_on(&disk, operation).await;
        let device = open(directory.path(), nowhere(), "none")
            .await
            .unwrap_or_else(|error| panic!("operation {operation}: {error}"));
        let found = waiting(&device);
        let with_doubt: Vec<CommandId> = queued.iter().copied().chain(in_doubt).collect();
        assert!(
            found == queued || found == with_doubt,
            "operation {operation}: queued {queued:?}, in doubt {in_doubt:?}, found {found:?}"
        );
        drop(device);
        power_on(&disk, 0).await;
        if !was_cut {
            assert_eq!(found.len(), INTENTS);
            break;
        }
    }
    assert!(operation > 20, "{operation} operations are few");
}

/// A hub of its own, on a disk that never fails.
pub async fn hub(directory: &Path, log: Arc<MemoryEventLog>) -> RunningHub {
    let config = HubConfig {
        name: "steady".to_owned(),
        data_dir: directory.to_owned(),
        listen: "127.0.0.1:0".parse().unwrap(),
        tls: Tls::Plain,
    };
    Hub::start(config, log, Arc::new(SystemClock))
        .await
        .unwrap()
}

pub async fn link(hub: &RunningHub) -> (LinkedHub, String) {
    let code = hub.link_code(Role::Device, hub.account()).await.unwrap();
    let linked = baton_client::link(&code, "Laptop").await.unwrap();
    let hub = LinkedHub {
        hub: code.hub,
        account: linked.account,
        principal: linked.principal,
        hub_name: linked.hub_name,
    };
    (hub, linked.token)
}

/// Waits until the outbox is empty, the list says how many prompts wait, and the mirror is level; gives the prompts that it has.
pub async fn settled(device: &Device, session: SessionId, prompts: usize) -> Vec<String> {
    let mut changes = device.changes();
    let is_listed = || {
        let rows = device.sessions();
        let mut rows = rows.iter();
        rows.any(|row| row.session == session && row.queued as usize == prompts)
    };
    let mut tail = device.tail(LogId::Session(session), TailStart::After(Seq::ZERO));
    let mut seen = Vec::new();
    let settling = async {
        while !(device.outbox().is_empty() && is_listed()) {
            changes.changed().await.unwrap();
        }
        loop {
            match tail.next().await.unwrap() {
                TailItem::Event(event) => seen.extend(prompt_of(*event)),
                TailItem::Restarted => seen.clear(),
                TailItem::Deleted => panic!("nobody deleted it"),
                // The list may know of a prompt before it is here: both are logs of their own.
                TailItem::AtEnd(end) if end.caught_up && seen.len() >= prompts => return,
                TailItem::AtEnd(_) => {}
            }
        }
    };
    let limit = std::time::Duration::from_secs(60);
    let waited = tokio::time::timeout(limit, settling).await;
    assert!(
        waited.is_ok(),
        "never level with {prompts} prompts: {:?}, {:?}, {:?}",
        device.connection(),
        device.sessions(),
        device.outbox()
    );
    seen
}

fn prompt_of(event: Event) -> Option<String> {
    match event.body {
        EventBody::PromptSent(sent) => Some(sent.text),
        _ => None,
    }
}

/// What the hub recorded, in order.
async fn prompts(hub: &dyn EventLog, log: LogId) -> Vec<String> {
    let batch = hub.read(log, Seq::ZERO, ReadLimit::default()).await;
    let events = batch.unwrap().events.into_iter();
    events.filter_map(prompt_of).collect()
}

/// A session in the list, as a device shows it.
fn row(device: &Device, session: SessionId) -> SessionRow {
    let rows = device.sessions();
    let row = rows.into_iter().find(|row| row.session == session);
    row.expect("a device that is level lists the session")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_loses_power_while_it_syncs_does_everything_once_and_is_whole_again() {
    let steady = TempDir::new().unwrap();
    let hubs_log = Arc::new(MemoryEventLog::new());
    let hub = hub(steady.path(), Arc::clone(&hubs_log)).await;
    for seed in seeds(25) {
        let mut random = Random::new(seed);
        let (linked, token) = link(&hub).await;
        let directory = TempDir::new().unwrap();
        let disk = Disk::over(directory.path()).unwrap();
        disk.cut_at(1 + random.below(260));
        let session = SessionId::mint();
        let log = LogId::Session(session);
        let word = |n: usize| format!("w{seed}x{n}");
        let (mut sure, mut asked) = (0, 0);
        if let Ok(device) = open(directory.path(), linked.clone(), &token).await {
            let create = CreateSessionCommand {
                agent: AgentId("assistant".to_owned()),
                runner: None,
                title: None,
            };
            if device.start_session(session, create, None).await.is_ok() {
                while asked < 12 {
                    asked += 1;
                    if device.act(log, prompt(&word(asked))).await.is_err() {
                        break;
                    }
                    sure = asked;
                }
            }
        }
        power_on(&disk, random.number()).await;

        let device = open(directory.path(), linked, &token)
            .await
            .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        if sure == 0 {
            drop(device);
            power_on(&disk, 0).await;
            continue;
        }
        let mut changes = device.changes();
        while !device.outbox().is_empty() {
            changes.changed().await.unwrap();
        }
        let sent = prompts(&*hubs_log, log).await;
        let right: Vec<String> = (1..=sent.len()).map(word).collect();
        assert_eq!(sent, right, "seed {seed}: once each, in order");
        assert!(
            (sure..=asked).contains(&sent.len()),
            "seed {seed}: {sure} were sure, {asked} asked for, {} sent",
            sent.len()
        );
        let (linked, token) = link(&hub).await;
        let elsewhere = TempDir::new().unwrap();
        let fresh = open(elsewhere.path(), linked, &token).await.unwrap();
        for each in [&device, &fresh] {
            let mirrored = settled(each, session, sent.len()).await;
            assert_eq!(
                mirrored, sent,
                "seed {seed}: the mirror is what the hub has"
            );
        }
        assert_eq!(row(&device, session), row(&fresh, session), "seed {seed}");
        drop(device);
        power_on(&disk, 0).await;
    }
}

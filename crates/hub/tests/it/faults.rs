//! A log that refuses.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use baton_hub::{Hub, HubOptions, SystemClock};
use baton_log::{
    AppendError, AppendRequest, Appended, DeleteError, EventLog, LogHead, MemoryEventLog,
    ReadError, ReadLimit, StoredReceipt,
};
use baton_protocol::*;
use baton_session::NewEvent;
use tokio::sync::watch;

use crate::client::{Client, Script};
use crate::world::{Backend, PATIENCE, Runner, World, new_session};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Good,
    DiskFull,
    Failed,
    /// Session logs wait until the mood changes.
    Stalled,
    /// Logs stay where they are; all else is well.
    RefusesDeletions,
}

pub struct MoodyLog {
    inner: MemoryEventLog,
    mood: watch::Sender<Mood>,
    /// Appends with text of an answer in them.
    text_appends: Mutex<usize>,
    pub deletions_refused: watch::Sender<usize>,
}

impl MoodyLog {
    pub fn set(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }
}

#[async_trait]
impl EventLog for MoodyLog {
    async fn append(&self, request: AppendRequest) -> Result<Appended, AppendError> {
        let mut moods = self.mood.subscribe();
        let is_stalled =
            |mood: &Mood| *mood == Mood::Stalled && matches!(request.log, LogId::Session(_));
        let mood = *moods.wait_for(|mood| !is_stalled(mood)).await.unwrap();
        let has_text = |event: &NewEvent| matches!(event.body, EventBody::PartAppended(_));
        *self.text_appends.lock().unwrap() += usize::from(request.events.iter().any(has_text));
        match mood {
            Mood::Good | Mood::Stalled | Mood::RefusesDeletions => self.inner.append(request).await,
            Mood::DiskFull => Err(AppendError::DiskFull),
            Mood::Failed => Err(AppendError::Failed),
        }
    }

    async fn read(&self, log: LogId, after: Seq, limit: ReadLimit) -> Result<Batch, ReadError> {
        self.inner.read(log, after, limit).await
    }

    async fn head(&self, log: LogId) -> Result<Option<LogHead>, ReadError> {
        self.inner.head(log).await
    }

    async fn receipt(
        &self,
        log: LogId,
        command: CommandId,
    ) -> Result<Option<StoredReceipt>, ReadError> {
        self.inner.receipt(log, command).await
    }

    async fn delete(&self, log: LogId) -> Result<(), DeleteError> {
        let mood = *self.mood.borrow();
        match mood {
            Mood::Good | Mood::Stalled => self.inner.delete(log).await,
            Mood::DiskFull | Mood::RefusesDeletions => {
                self.deletions_refused.send_modify(|refused| *refused += 1);
                Err(DeleteError::DiskFull)
            }
            Mood::Failed => Err(DeleteError::Failed),
        }
    }

    async fn logs(&self) -> Result<Vec<LogId>, ReadError> {
        self.inner.logs().await
    }
}

pub async fn moody_world(options: HubOptions) -> (World, Arc<MoodyLog>) {
    let log = Arc::new(MoodyLog {
        inner: MemoryEventLog::new(),
        mood: watch::Sender::new(Mood::Good),
        text_appends: Mutex::default(),
        deletions_refused: watch::Sender::new(0),
    });
    let dir = tempfile::tempdir().unwrap();
    let mut world = World {
        dir,
        log: None,
        hub: None,
        backend: Backend::Memory,
        options: options.clone(),
    };
    let hub = Hub::start_with(world.config(), options, log.clone(), Arc::new(SystemClock))
        .await
        .unwrap();
    world.hub = Some(hub);
    (world, log)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_refuses_gives_no_receipt_and_recovers() {
    let (world, log) = moody_world(HubOptions::default()).await;
    let mut laptop = world.device("Laptop").await;
    let session = new_session();
    laptop.create(session).await;
    for mood in [Mood::DiskFull, Mood::Failed] {
        log.set(mood);
        let title = SendPromptCommand {
            run: None,
            text: "hello?".into(),
            delivery: Delivery::Queue,
        };
        let command = Command {
            only_if: None,
            id: CommandId::mint(),
            log: session,
            body: CommandBody::SendPrompt(title),
        };
        for _ in 0..2 {
            assert_eq!(
                laptop.refused(&command).await,
                ErrorCode::StorageUnavailable
            );
        }
        // Reads go on.
        let mut desk = world.device_while_refusing(&log).await;
        desk.follow(session).await;
        desk.until(session, |followed| followed.level).await;
        log.set(Mood::Good);
        let receipt = laptop.repeat(&command).await;
        assert!(matches!(receipt.outcome, ReceiptOutcome::Accepted { .. }));
        laptop
            .until(session, |followed| {
                followed
                    .cursor
                    .is_some_and(|cursor| cursor.seq >= receipt.seq)
            })
            .await;
    }
}

impl World {
    /// Linking is written to the account's log, so the log is good for that moment.
    async fn device_while_refusing(&self, log: &MoodyLog) -> Client {
        let mood = *log.mood.borrow();
        log.set(Mood::Good);
        let device = self.device("Desk").await;
        log.set(mood);
        device
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_that_could_not_be_recorded_is_recorded_later() {
    let lease = Duration::from_millis(300);
    let (world, log) = moody_world(HubOptions {
        lease,
        ..HubOptions::default()
    })
    .await;
    let (mut runner, _) = world.runner().await;
    let mut laptop = world.device("Laptop").await;
    let session = new_session();
    laptop.create(session).await;
    laptop.prompt(session, "hello?", Delivery::Queue).await;
    let held = runner.assigned().await;
    let mut script = Script::new();
    let entries = vec![script.open(), script.text("x")];
    runner.write_acked(held, entries).await;
    log.set(Mood::DiskFull);
    let until = tokio::time::Instant::now() + 2 * lease;
    while tokio::time::Instant::now() < until {
        laptop.send(&ClientFrame::Heartbeat {}).await;
        laptop
            .take(|frame| matches!(frame, HubFrame::HeartbeatAck {}).then_some(()))
            .await;
    }
    assert_eq!(laptop.logs[&session].outcomes(), []);
    log.set(Mood::Good);
    laptop
        .until(session, |followed| {
            followed.outcomes() == [RunOutcome::Lost]
        })
        .await;
}

impl Client {
    /// Sends without waiting for the answer.
    pub async fn send_prompt(&mut self, log: LogId, text: &str) {
        let command = Command {
            only_if: None,
            id: CommandId::mint(),
            log,
            body: CommandBody::SendPrompt(SendPromptCommand {
                run: None,
                text: text.into(),
                delivery: Delivery::Queue,
            }),
        };
        self.send(&ClientFrame::Command { command }).await;
    }

    /// Sends a command again until the log takes it.
    async fn until_receipt(&mut self, command: &Command) {
        let wait = async {
            loop {
                self.send(&ClientFrame::Command {
                    command: command.clone(),
                })
                .await;
                let is_recorded = self
                    .take(|frame| match frame {
                        HubFrame::Receipt { receipt } if receipt.command == command.id => {
                            Some(true)
                        }
                        HubFrame::Refused { command: of, .. } if *of == Some(command.id) => {
                            Some(false)
                        }
                        _ => None,
                    })
                    .await;
                if is_recorded {
                    break;
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait)
            .await
            .expect("a receipt in time");
    }

    /// Returns when the hub has read everything that was sent before.
    pub async fn heard(&mut self) {
        self.send(&ClientFrame::Heartbeat {}).await;
        self.take(|frame| matches!(frame, HubFrame::HeartbeatAck {}).then_some(()))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_start_of_a_runner_writes_nothing_while_the_loss_of_the_one_before_waits_for_the_disk()
 {
    let (world, log) = moody_world(HubOptions::default()).await;
    let (mut old, linked) = world.runner().await;
    let mut laptop = world.device("Laptop").await;
    let session = new_session();
    laptop.create(session).await;
    laptop.prompt(session, "hello?", Delivery::Queue).await;
    let held = old.assigned().await;
    let mut script = Script::new();
    let writes = vec![script.open(), script.text("half")];
    old.write_acked(held, writes).await;

    // The run cannot be ended now, so it is still on when the new start writes with the lease that it read from the log.
    log.set(Mood::DiskFull);
    let restarted = Runner {
        linked: linked.linked,
        instance: RunnerInstanceId::mint(),
    };
    let mut new = restarted.connect(world.hub()).await;
    new.write(held, vec![script.text("forged")]).await;
    assert_eq!(new.fenced(held.run).await, ErrorCode::LeaseFenced);
    log.set(Mood::Good);
    let followed = laptop
        .until(session, |followed| !followed.outcomes().is_empty())
        .await;
    assert_eq!(
        (followed.outcomes(), followed.text()),
        (vec![RunOutcome::Lost], "half".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_an_actor_at_a_revoke_is_not_recorded() {
    let (world, log) = moody_world(HubOptions::default()).await;
    let mut laptop = world.device("Laptop").await;
    let mut desk = world.device("Desk").await;
    let session = new_session();
    laptop.create(session).await;
    log.set(Mood::Stalled);
    laptop.send_prompt(session, "first").await;
    laptop.heard().await;
    desk.send_prompt(session, "too late").await;
    desk.heard().await;
    world.hub().revoke("Desk").await.unwrap();
    log.set(Mood::Good);
    let receipt = laptop.prompt(session, "last", Delivery::Queue).await;
    let followed = laptop
        .until(session, |followed| {
            followed
                .cursor
                .is_some_and(|cursor| cursor.seq >= receipt.seq)
        })
        .await;
    let prompts: Vec<&str> = followed
        .events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::PromptSent(sent) => Some(sent.text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(prompts, ["first", "last"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_on_a_full_disk_gives_its_token_and_is_recorded_later() {
    let (world, log) = moody_world(HubOptions::default()).await;
    let mut laptop = world.device("Laptop").await;
    let account = world.account_log();
    laptop.follow(account).await;
    log.set(Mood::DiskFull);
    let linked = world.link(Role::Device, "Desk").await;
    drop(Client::device(world.hub(), &linked.token).await);
    log.set(Mood::Good);
    let is_desk = |event: &Event| matches!(&event.body, EventBody::DeviceLinked(linked) if linked.name == "Desk");
    laptop
        .until(account, |followed| followed.events.iter().any(is_desk))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_recovers_from_a_log_that_failed() {
    let (world, log) = moody_world(HubOptions::default()).await;
    let mut laptop = world.device("Laptop").await;
    let session = new_session();
    laptop.create(session).await;
    let mark = Command {
        only_if: None,
        id: CommandId::mint(),
        log: world.account_log(),
        body: CommandBody::MarkRead(MarkReadCommand {
            session: match session {
                LogId::Session(id) => id,
                LogId::Account(_) => unreachable!(),
            },
            seq: Seq(1),
        }),
    };
    log.set(Mood::Failed);
    assert_eq!(laptop.refused(&mark).await, ErrorCode::StorageUnavailable);
    log.set(Mood::Good);
    laptop.until_receipt(&mark).await;
}

/// Six writes of which the first one is at the disk and the others wait behind it.
async fn writes_behind_a_stalled_disk(
    log: &MoodyLog,
    runner: &mut Client,
    held: crate::client::Assigned,
    frames: Vec<Vec<RunWriteEntry>>,
) {
    log.set(Mood::Stalled);
    for entries in frames {
        runner.write(held, entries).await;
    }
    // Frames are served in order: all of them are in the session's mailbox.
    runner.send(&ClientFrame::Heartbeat {}).await;
    runner
        .take(|frame| matches!(frame, HubFrame::HeartbeatAck {}).then_some(()))
        .await;
    log.set(Mood::Good);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_wait_for_the_disk_are_recorded_together_and_acknowledged_each() {
    let (world, log) = moody_world(HubOptions::default()).await;
    let (mut runner, _) = world.runner().await;
    let mut laptop = world.device("Laptop").await;
    let session = new_session();
    laptop.create(session).await;
    laptop.prompt(session, "hello?", Delivery::Queue).await;
    let held = runner.assigned().await;
    let mut script = Script::new();
    runner.write_acked(held, vec![script.open()]).await;
    let frames: Vec<_> = (0..6)
        .map(|n| vec![script.text(&format!("{n},"))])
        .collect();
    let last: Vec<ProducerSeq> = frames.iter().map(|frame| frame[0].producer).collect();
    writes_behind_a_stalled_disk(&log, &mut runner, held, frames).await;
    for producer in last {
        assert_eq!(runner.acked(held.run).await, producer);
    }
    let followed = laptop
        .until(session, |followed| followed.text() == "0,1,2,3,4,5,")
        .await;
    assert_eq!(followed.text(), "0,1,2,3,4,5,");
    let text_appends = *log.text_appends.lock().unwrap();
    assert_eq!(text_appends, 2, "the first write, and all that waited");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_does_not_fit_takes_none_of_its_neighbours_with_it() {
    let (world, log) = moody_world(HubOptions::default()).await;
    let (mut runner, _) = world.runner().await;
    let mut laptop = world.device("Laptop").await;
    let session = new_session();
    laptop.create(session).await;
    laptop.prompt(session, "hello?", Delivery::Queue).await;
    let held = runner.assigned().await;
    let mut script = Script::new();
    runner.write_acked(held, vec![script.open()]).await;
    let mut frames: Vec<_> = (0..4)
        .map(|n| vec![script.text(&format!("{n},"))])
        .collect();
    let RunWrite::AppendText { offset, .. } = &mut frames[2][0].write else {
        panic!("a text");
    };
    *offset += 100;
    let last: Vec<ProducerSeq> = frames.iter().map(|frame| frame[0].producer).collect();
    writes_behind_a_stalled_disk(&log, &mut runner, held, frames).await;
    assert_eq!(runner.acked(held.run).await, last[0]);
    assert_eq!(runner.acked(held.run).await, last[1]);
    assert_eq!(runner.fenced(held.run).await, ErrorCode::InvalidRunWrite);
    assert_eq!(runner.fenced(held.run).await, ErrorCode::ProducerGap);
    laptop
        .until(session, |followed| followed.text() == "0,1,")
        .await;
}

/// What the hub's own log says, as lines.
#[derive(Clone, Default)]
struct Lines(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn errors(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let errors = text.lines().filter(|line| line.contains("ERROR"));
        errors.map(str::to_owned).collect()
    }
}

// On one thread, so that all of the hub writes where the test listens.
#[tokio::test]
async fn a_storage_that_fails_is_reported_once_and_not_for_each_request() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _listening = tracing::subscriber::set_default(subscriber);
    let (world, log) = moody_world(HubOptions::default()).await;
    let mut laptop = world.device("Laptop").await;
    let sessions = [new_session(), new_session()];
    for session in sessions {
        laptop.create(session).await;
    }
    for (mood, complaint) in [
        (Mood::DiskFull, "the disk is full"),
        (Mood::Failed, "the log has stopped"),
    ] {
        let before = lines.errors().len();
        log.set(mood);
        for n in 0..20 {
            let command = Command {
                only_if: None,
                id: CommandId::mint(),
                log: sessions[n % 2],
                body: CommandBody::RenameSession(RenameSessionCommand {
                    title: format!("title {n}"),
                }),
            };
            assert_eq!(
                laptop.refused(&command).await,
                ErrorCode::StorageUnavailable
            );
        }
        let said = lines.errors().split_off(before);
        assert_eq!(said.len(), 1, "{said:#?}");
        assert!(said[0].contains(complaint), "{said:#?}");
    }
}

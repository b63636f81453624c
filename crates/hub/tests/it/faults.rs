//! A log that refuses.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use baton_hub::{Hub, HubOptions, SystemClock};
use baton_log::{
    AppendError, AppendRequest, Appended, EventLog, LogHead, MemoryEventLog, ReadError, ReadLimit,
    StoredReceipt,
};
use baton_protocol::*;

use crate::client::{Client, Script};
use crate::world::{Backend, World, new_session};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Good,
    DiskFull,
    Failed,
}

struct MoodyLog {
    inner: MemoryEventLog,
    mood: Mutex<Mood>,
}

impl MoodyLog {
    fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }
}

#[async_trait]
impl EventLog for MoodyLog {
    async fn append(&self, request: AppendRequest) -> Result<Appended, AppendError> {
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Good => self.inner.append(request).await,
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

    async fn logs(&self) -> Result<Vec<LogId>, ReadError> {
        self.inner.logs().await
    }
}

async fn moody_world(options: HubOptions) -> (World, Arc<MoodyLog>) {
    let log = Arc::new(MoodyLog {
        inner: MemoryEventLog::new(),
        mood: Mutex::new(Mood::Good),
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
            text: "hello?".into(),
            delivery: Delivery::Queue,
        };
        let command = Command {
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
        let mood = *log.mood.lock().unwrap();
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

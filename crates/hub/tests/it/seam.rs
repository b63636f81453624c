//! The seam from history to live, held open: a log whose reads wait at a gate.

use std::sync::Arc;

use async_trait::async_trait;
use baton_hub::{Hub, HubOptions, SystemClock};
use baton_log::{
    AppendError, AppendRequest, Appended, DeleteError, EventLog, LogHead, MemoryEventLog,
    ReadError, ReadLimit, StoredReceipt,
};
use baton_protocol::*;
use tokio::sync::watch;

use crate::world::{Backend, World, new_session};

/// Whether what was read of session logs may be given out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gate {
    Open,
    Shut,
}

struct GatedLog {
    inner: MemoryEventLog,
    gate: watch::Sender<Gate>,
    /// Reads that have read and wait.
    waiting: watch::Sender<usize>,
}

#[async_trait]
impl EventLog for GatedLog {
    async fn append(&self, request: AppendRequest) -> Result<Appended, AppendError> {
        self.inner.append(request).await
    }

    async fn read(&self, log: LogId, after: Seq, limit: ReadLimit) -> Result<Batch, ReadError> {
        let batch = self.inner.read(log, after, limit).await;
        if matches!(log, LogId::Session(_)) {
            self.waiting.send_modify(|waiting| *waiting += 1);
            let mut gate = self.gate.subscribe();
            gate.wait_for(|gate| *gate == Gate::Open).await.unwrap();
            self.waiting.send_modify(|waiting| *waiting -= 1);
        }
        batch
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
        self.inner.delete(log).await
    }

    async fn logs(&self) -> Result<Vec<LogId>, ReadError> {
        self.inner.logs().await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_recorded_while_a_reader_catches_up_reaches_it_although_nothing_follows() {
    let log = Arc::new(GatedLog {
        inner: MemoryEventLog::new(),
        gate: watch::Sender::new(Gate::Open),
        waiting: watch::Sender::new(0),
    });
    let options = HubOptions::default();
    let mut world = World {
        dir: tempfile::tempdir().unwrap(),
        log: None,
        hub: None,
        backend: Backend::Memory,
        options: options.clone(),
    };
    let hub = Hub::start_with(world.config(), options, log.clone(), Arc::new(SystemClock)).await;
    world.hub = Some(hub.unwrap());
    let mut laptop = world.device("Laptop").await;
    let session = new_session();
    laptop.create(session).await;
    laptop.until(session, |followed| followed.level).await;

    // Something new, so that nobody has read it yet and the next reader must.
    let rename = RenameSessionCommand {
        title: "Tides".into(),
    };
    laptop
        .command(session, CommandBody::RenameSession(rename))
        .await;
    let mut desk = world.device("Desk").await;
    log.gate.send_replace(Gate::Shut);
    desk.follow(session).await;
    log.waiting
        .subscribe()
        .wait_for(|waiting| *waiting == 1)
        .await
        .unwrap();
    // The reader has its batch in hand: this is not in it, and it is the last thing that happens.
    let receipt = laptop
        .command(session, CommandBody::PauseQueue(PauseQueueCommand {}))
        .await;
    log.gate.send_replace(Gate::Open);
    let is_there = |followed: &crate::client::Followed| {
        followed
            .cursor
            .is_some_and(|cursor| cursor.seq == receipt.seq)
    };
    let followed = desk.until(session, is_there).await;
    assert!(followed.state.pause().is_some());
}

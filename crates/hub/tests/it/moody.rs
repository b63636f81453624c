//! A log in memory that refuses or stands still when it is told to.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use baton_hub::{HubOptions, SystemClock};
use baton_log::{
    AppendError, AppendRequest, Appended, EventLog, LogHead, MemoryEventLog, ReadError, ReadLimit,
    StoredReceipt,
};
use baton_protocol::*;
use baton_session::NewEvent;
use tokio::sync::watch;

use crate::world::World;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Good,
    DiskFull,
    Failed,
    /// Session logs wait until the mood changes.
    Stalled,
    /// All logs do.
    AllStalled,
}

pub struct MoodyLog {
    inner: MemoryEventLog,
    mood: watch::Sender<Mood>,
    /// Appends with text of an answer in them.
    text_appends: Mutex<usize>,
}

impl MoodyLog {
    pub fn set(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    pub fn mood(&self) -> Mood {
        *self.mood.borrow()
    }

    pub fn text_appends(&self) -> usize {
        *self.text_appends.lock().unwrap()
    }
}

#[async_trait]
impl EventLog for MoodyLog {
    async fn append(&self, request: AppendRequest) -> Result<Appended, AppendError> {
        let mut moods = self.mood.subscribe();
        let is_stalled = |mood: &Mood| match mood {
            Mood::Stalled => matches!(request.log, LogId::Session(_)),
            Mood::AllStalled => true,
            Mood::Good | Mood::DiskFull | Mood::Failed => false,
        };
        let mood = *moods.wait_for(|mood| !is_stalled(mood)).await.unwrap();
        let has_text = |event: &NewEvent| matches!(event.body, EventBody::PartAppended(_));
        *self.text_appends.lock().unwrap() += usize::from(request.events.iter().any(has_text));
        match mood {
            Mood::Good | Mood::Stalled | Mood::AllStalled => self.inner.append(request).await,
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

pub async fn moody_world(options: HubOptions) -> (World, Arc<MoodyLog>) {
    let log = Arc::new(MoodyLog {
        inner: MemoryEventLog::new(),
        mood: watch::Sender::new(Mood::Good),
        text_appends: Mutex::default(),
    });
    let world = World::over(options, log.clone(), Arc::new(SystemClock)).await;
    (world, log)
}

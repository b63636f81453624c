//! A log in memory that refuses or stands still when it is told to.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use baton_hub::{HubOptions, SystemClock};
use baton_log::{
    AppendError, AppendRequest, Appended, DeleteError, EventLog, LogHead, MemoryEventLog,
    ReadError, ReadLimit, StoredReceipt,
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
    /// Logs stay where they are; all else is well.
    RefusesDeletions,
}

pub struct MoodyLog {
    inner: Arc<MemoryEventLog>,
    mood: watch::Sender<Mood>,
    /// Appends with text of an answer in them.
    text_appends: Mutex<usize>,
    pub deletions_refused: watch::Sender<usize>,
    /// Whether reads of sessions wait.
    pub holds_reads: watch::Sender<bool>,
    /// Reads of sessions that have begun and are not over, whether or not their askers still wait.
    pub reads_on: watch::Sender<usize>,
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
            Mood::Good | Mood::DiskFull | Mood::Failed | Mood::RefusesDeletions => false,
        };
        let mood = *moods.wait_for(|mood| !is_stalled(mood)).await.unwrap();
        let has_text = |event: &NewEvent| matches!(event.body, EventBody::PartAppended(_));
        *self.text_appends.lock().unwrap() += usize::from(request.events.iter().any(has_text));
        match mood {
            Mood::Good | Mood::Stalled | Mood::AllStalled | Mood::RefusesDeletions => {
                self.inner.append(request).await
            }
            Mood::DiskFull => Err(AppendError::DiskFull),
            Mood::Failed => Err(AppendError::Failed),
        }
    }

    async fn read(&self, log: LogId, after: Seq, limit: ReadLimit) -> Result<Batch, ReadError> {
        if matches!(log, LogId::Account(_)) {
            return self.inner.read(log, after, limit).await;
        }
        // As of a log on a disk: a read that has begun goes to its end, also when its reader is gone.
        let (inner, reads_on) = (Arc::clone(&self.inner), self.reads_on.clone());
        let mut held = self.holds_reads.subscribe();
        reads_on.send_modify(|reads| *reads += 1);
        let read = tokio::spawn(async move {
            held.wait_for(|is_held| !is_held).await.unwrap();
            let read = inner.read(log, after, limit).await;
            reads_on.send_modify(|reads| *reads -= 1);
            read
        });
        read.await.unwrap()
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
        match self.mood() {
            Mood::Good | Mood::Stalled | Mood::AllStalled => self.inner.delete(log).await,
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
        inner: Arc::new(MemoryEventLog::new()),
        mood: watch::Sender::new(Mood::Good),
        text_appends: Mutex::default(),
        deletions_refused: watch::Sender::new(0),
        holds_reads: watch::Sender::new(false),
        reads_on: watch::Sender::new(0),
    });
    let world = World::over(options, log.clone(), Arc::new(SystemClock)).await;
    (world, log)
}

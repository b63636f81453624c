//! One log in the hands of its actor: load it, append to it, publish what was recorded.
//!
//! Invariant: nothing is published before the append returned, and an actor whose append ended in the unknown writes no more.

use std::sync::Arc;

use baton_log::{
    AppendError, AppendRequest, Appended, EventLog, ExpectedHead, NewReceipt, ReadError, ReadLimit,
    StoredReceipt,
};
use baton_protocol::{CommandId, ErrorBody, ErrorCode, Event, Incarnation, LogId, Seq};
use baton_session::NewEvent;

use crate::clock::Clock;
use crate::core::HubCore;
use crate::feed::Feed;
use crate::storage_health::StorageHealth;

/// Why nothing was recorded.
#[derive(Debug)]
pub enum CommitError {
    /// The command was answered before.
    Known(Box<StoredReceipt>),
    /// Not now, or not this; the actor goes on.
    Refused(ErrorBody),
    /// The actor's state is not the log's any more, or the log has stopped: the actor must end.
    Broken(ErrorBody),
}

/// Appends to one log.
pub struct LogWriter {
    log: Arc<dyn EventLog>,
    storage: Arc<StorageHealth>,
    clock: Arc<dyn Clock>,
    id: LogId,
    incarnation: Option<Incarnation>,
    feed: Arc<Feed>,
}

impl LogWriter {
    /// Nothing is read before [`LogWriter::load`].
    pub fn new(core: &HubCore, id: LogId) -> Self {
        Self {
            log: Arc::clone(&core.log),
            storage: Arc::clone(&core.storage),
            clock: Arc::clone(&core.clock),
            id,
            incarnation: None,
            feed: core.feeds.open(id),
        }
    }

    /// Which log.
    pub fn id(&self) -> LogId {
        self.id
    }

    /// Whether there is such a log.
    pub fn exists(&self) -> bool {
        self.incarnation.is_some()
    }

    /// Reads the whole log: gives each batch's events and its `upto`. Nothing where there is no such log.
    pub async fn load(
        &mut self,
        mut fold: impl FnMut(Vec<Event>, Seq) -> Result<(), ErrorBody>,
    ) -> Result<(), ErrorBody> {
        let Some(head) = self
            .log
            .head(self.id)
            .await
            .map_err(|error| unreadable(&self.storage, &error))?
        else {
            return Ok(());
        };
        let mut after = Seq::ZERO;
        while after < head.seq {
            let batch = self
                .log
                .read(self.id, after, ReadLimit::default())
                .await
                .map_err(|error| unreadable(&self.storage, &error))?;
            after = batch.upto;
            fold(batch.events, batch.upto)?;
        }
        self.incarnation = Some(head.incarnation);
        Ok(())
    }

    /// The answer that a command got before.
    pub async fn receipt(&self, command: CommandId) -> Result<Option<StoredReceipt>, ErrorBody> {
        if !self.exists() {
            return Ok(None);
        }
        self.log
            .receipt(self.id, command)
            .await
            .map_err(|error| unreadable(&self.storage, &error))
    }

    /// Records, durably.
    pub async fn append(
        &mut self,
        head: Seq,
        events: Vec<NewEvent>,
        receipt: Option<NewReceipt>,
    ) -> Result<Appended, CommitError> {
        let expected = if self.exists() {
            ExpectedHead::At(head)
        } else {
            ExpectedHead::Absent
        };
        let recorded_at = self.clock.now();
        let request = AppendRequest {
            log: self.id,
            expected,
            recorded_at,
            events,
            receipt,
        };
        let appended = self.log.append(request).await.map_err(|error| {
            self.storage.append_failed(self.id, &error);
            commit_error(self.id, error)
        })?;
        self.storage.recorded();
        self.incarnation = Some(appended.incarnation);
        Ok(appended)
    }

    /// Tells everybody who follows the log that it is gone.
    pub fn end_feed(&self) {
        self.feed.end();
    }

    /// Shows what was recorded.
    pub fn publish(&self, appended: &Appended) {
        if !appended.events.is_empty() {
            self.feed.publish(
                self.id,
                appended.incarnation,
                appended.after,
                &appended.events,
            );
        }
    }
}

fn commit_error(log: LogId, error: AppendError) -> CommitError {
    let hint = "nothing was recorded; try again in a moment";
    match error {
        AppendError::CommandKnown(stored) => CommitError::Known(stored),
        AppendError::EventTooLarge { bytes } => CommitError::Refused(ErrorCode::TooLarge.with(
            format!("an event of {bytes} bytes does not fit the log"),
            "send less at once",
        )),
        AppendError::DiskFull => CommitError::Refused(
            ErrorCode::StorageUnavailable
                .with("the hub's disk is full", "make room on the hub's disk"),
        ),
        AppendError::Unavailable(_) => CommitError::Refused(
            ErrorCode::StorageUnavailable.with("the hub's storage refused the write", hint),
        ),
        AppendError::Failed => {
            let hint = "look at the hub's log and its disk, then start the hub again";
            CommitError::Broken(
                ErrorCode::StorageUnavailable.with("the hub's storage has stopped", hint),
            )
        }
        error => {
            tracing::error!(log.id = %log, %error, "another writer touched the log");
            CommitError::Broken(
                ErrorCode::StorageUnavailable.with("the hub lost its place in the log", hint),
            )
        }
    }
}

/// The answer where a log cannot be read.
pub fn unreadable(storage: &StorageHealth, error: &ReadError) -> ErrorBody {
    storage.read_failed(error);
    ErrorCode::StorageUnavailable.with(
        "the hub cannot read its storage",
        "look at the hub's log and its disk",
    )
}

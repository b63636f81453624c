//! One log in the hands of its actor: load it, append to it, publish what was recorded.
//!
//! Invariant: nothing is published before the append returned, and an actor whose append ended in the unknown writes no more.

use std::sync::Arc;

use baton_log::{
    AppendError, AppendRequest, Appended, EventLog, ExpectedHead, NewReceipt, ReadError, ReadLimit,
    SavedState, StoredReceipt,
};
use baton_protocol::{Batch, CommandId, ErrorBody, ErrorCode, Event, Incarnation, LogId, Seq};
use baton_session::{FoldError, NewEvent};

use crate::authorize::deleted;
use crate::clock::Clock;
use crate::core::HubCore;
use crate::feed::Feed;
use crate::log_state::{LogState, Unsaved, restore};
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

    /// The log's state: a saved one, and what stands behind it, of which `each` sees every event after the state has moved over it. Nothing
    /// where there is no such log.
    pub async fn load<S: LogState>(
        &mut self,
        mut each: impl FnMut(&S, &Event),
    ) -> Result<(S, Unsaved), ErrorBody> {
        let found = self.log.head(self.id).await;
        let head = found.map_err(|error| unreadable(&self.storage, &error))?;
        let Some(head) = head else {
            return Ok((S::default(), Unsaved::default()));
        };
        let saved = self.log.saved_state(self.id, S::FORMAT, head.seq).await;
        let saved = saved.map_err(|error| unreadable(&self.storage, &error))?;
        let restored =
            saved.and_then(|saved| Some((restore::<S>(&saved)?, Unsaved::behind(&saved))));
        let mut loaded = restored.unwrap_or_default();
        if let Err(error) = self.fold_behind(&mut loaded, &mut each).await? {
            tracing::warn!(log.id = %self.id, %error, "a log does not fold over its saved state: it is folded from its beginning");
            loaded = (S::default(), Unsaved::default());
            if let Err(error) = self.fold_behind(&mut loaded, &mut each).await? {
                return Err(unfoldable(self.id, &error));
            }
        }
        self.incarnation = Some(head.incarnation);
        Ok(loaded)
    }

    /// Folds what stands behind a state.
    async fn fold_behind<S: LogState>(
        &self,
        (state, unsaved): &mut (S, Unsaved),
        each: &mut impl FnMut(&S, &Event),
    ) -> Result<Result<(), FoldError>, ErrorBody> {
        let mut reading = Reading::behind(&*self.log, self.id, state.head());
        loop {
            let batch = reading.next().await;
            let Some(batch) = batch.map_err(|error| unreadable(&self.storage, &error))? else {
                return Ok(Ok(()));
            };
            for event in &batch.events {
                unsaved.count(event);
                if let Err(error) = state.fold(event) {
                    return Ok(Err(error));
                }
                each(state, event);
            }
            state.set_head(batch.upto);
        }
    }

    /// The newest state of a format that was saved beside the log.
    pub async fn saved(&self, format: u32) -> Result<Option<SavedState>, ErrorBody> {
        let saved = self.log.saved_state(self.id, format, Seq(u64::MAX)).await;
        saved.map_err(|error| unreadable(&self.storage, &error))
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

    /// Records, durably. `state` is the one at `head`, where it is worth saving.
    pub async fn append(
        &mut self,
        head: Seq,
        events: Vec<NewEvent>,
        receipt: Option<NewReceipt>,
        state: Option<SavedState>,
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
            state,
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

/// A log, read batch by batch up to its head.
pub struct Reading<'a> {
    log: &'a dyn EventLog,
    id: LogId,
    after: Seq,
    is_level: bool,
}

impl<'a> Reading<'a> {
    /// What stands behind a seq.
    pub fn behind(log: &'a dyn EventLog, id: LogId, after: Seq) -> Self {
        Self {
            log,
            id,
            after,
            is_level: false,
        }
    }

    /// The next batch; nothing where the one before reached the head.
    pub async fn next(&mut self) -> Result<Option<Batch>, ReadError> {
        if self.is_level {
            return Ok(None);
        }
        let batch = self
            .log
            .read(self.id, self.after, ReadLimit::default())
            .await?;
        self.after = batch.upto;
        self.is_level = batch.upto >= batch.head;
        Ok(Some(batch))
    }
}

/// The answer where a log contradicts the machine.
pub fn unfoldable(log: LogId, error: &FoldError) -> ErrorBody {
    tracing::error!(log.id = %log, %error, "a log does not fold");
    ErrorCode::Internal.with(
        "the hub cannot make sense of this log",
        "look at the hub's log",
    )
}

fn commit_error(log: LogId, error: AppendError) -> CommitError {
    let hint = "nothing was recorded; try again in a moment";
    match error {
        AppendError::CommandKnown(stored) => CommitError::Known(stored),
        AppendError::EventTooLarge { bytes } => CommitError::Refused(ErrorCode::TooLarge.with(
            format!("an event of {bytes} bytes does not fit the log"),
            "send less at once",
        )),
        AppendError::Deleted => CommitError::Refused(deleted()),
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

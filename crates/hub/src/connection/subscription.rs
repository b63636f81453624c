//! One connection following one log.
//!
//! It holds a cursor and nothing else. While it is level it passes on what the log's actor publishes, encoded once for everybody. When
//! a frame does not continue its cursor, or it was too slow and frames were forgotten, it reads the log from its own cursor until it is
//! level again. A slow socket stops this task alone.
//!
//! Invariant: what it sends is an unbroken chain of batches from the cursor that the client gave.

use std::sync::Arc;

use baton_log::{LogHead, ReadError, ReadLimit, SavedState};
use baton_protocol::{
    Cursor, ErrorBody, ErrorCode, HubFrame, Incarnation, LogId, Seq, SessionId, limits,
};
use tokio::sync::broadcast::{self, error::RecvError};

use super::outgoing::Outgoing;
use super::snapshot;
use crate::actor::SessionActors;
use crate::authorize::{Action, Caller, authorize};
use crate::core::HubCore;
use crate::feed::Feed;
use crate::frame_text::{EncodedBatch, EncodedFrame};
use crate::log_writer::unreadable;
use crate::measures::Counted;
use crate::pulls::{PulledBatch, Stretch};

/// A log, followed.
pub struct Subscription {
    core: Arc<HubCore>,
    log: LogId,
    outgoing: Outgoing,
    cursor: Seq,
    feed: Arc<Feed>,
    live: broadcast::Receiver<EncodedBatch>,
    /// A state that goes first, and the log's identity.
    snapshot: Option<(Incarnation, SavedState)>,
}

/// What a reader asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wish {
    /// Which log.
    pub log: LogId,
    /// From where on.
    pub cursor: Option<Cursor>,
    /// The format of saved states that it understands.
    pub state_format: Option<u32>,
}

/// Why a subscription ended by itself.
enum End {
    /// The connection is over.
    Gone,
    /// The client is told.
    Told(HubFrame),
}

/// Follows a log until the connection ends or the task is aborted.
pub async fn follow(core: Arc<HubCore>, caller: Caller, wish: Wish, outgoing: Outgoing) {
    let _counted = Counted::on(&core.measures.subscriptions);
    let answers = outgoing.clone();
    let end = match begin(core, &caller, wish, outgoing).await {
        Ok(subscription) => subscription.run().await,
        Err(end) => end,
    };
    if let End::Told(frame) = end {
        answers.bulk(EncodedFrame::of(&frame)).await;
    }
}

async fn begin(
    core: Arc<HubCore>,
    caller: &Caller,
    wish: Wish,
    outgoing: Outgoing,
) -> Result<Subscription, End> {
    let Wish { log, cursor, .. } = wish;
    let after = cursor.map_or(Seq::ZERO, |cursor| cursor.seq);
    if let LogId::Session(session) = log {
        wait_for_creation(&core, session).await;
    }
    // Listen first, look at the log after: whatever is recorded in between is in both, and nothing is in neither. A session that may
    // be read now is deleted later, and this very feed says so.
    let feed = core.feeds.open(log);
    let live = feed.listen();
    may_read(&core, caller, log).map_err(End::Told)?;
    let known = cursor.filter(|cursor| {
        let stretch = Stretch {
            log,
            after: cursor.seq,
            stamp: feed.stamp(),
        };
        core.pulls.is_ready(stretch, cursor.incarnation)
    });
    let mut snapshot = None;
    if known.is_none() {
        let head = fitting(&core, log, cursor).await?;
        if let Some(format) = wish.state_format
            && head.seq.0 >= after.0 + limits::SNAPSHOT_BEHIND_EVENTS_MIN
        {
            let state = snapshot::offer(&core, log, after, format).await;
            snapshot = state.map(|state| (head.incarnation, state));
        }
    }
    Ok(Subscription {
        core,
        log,
        outgoing,
        cursor: after,
        feed,
        live,
        snapshot,
    })
}

/// The log's identity and end, where the cursor can be followed from.
async fn fitting(core: &HubCore, log: LogId, cursor: Option<Cursor>) -> Result<LogHead, End> {
    let head = match core.log.head(log).await {
        Ok(Some(head)) => head,
        Ok(None) | Err(ReadError::NotFound) => {
            return Err(End::Told(HubFrame::Missing {
                log,
                incarnation: None,
            }));
        }
        Err(error) => return Err(End::Told(refused(log, unreadable(&core.storage, &error)))),
    };
    let matches = cursor
        .is_none_or(|cursor| cursor.incarnation == head.incarnation && cursor.seq <= head.seq);
    if matches {
        Ok(head)
    } else {
        Err(End::Told(HubFrame::Missing {
            log,
            incarnation: Some(head.incarnation),
        }))
    }
}

/// A session that its device creates and follows in one go may be on its way into its log.
async fn wait_for_creation(core: &Arc<HubCore>, session: SessionId) {
    if core.owners.of(session).is_none() && core.sessions.is_live(session) {
        SessionActors::barrier(core, session).await;
    }
}

/// Whether a client may read a log; else what it is told.
pub(super) fn may_read(core: &HubCore, caller: &Caller, log: LogId) -> Result<(), HubFrame> {
    authorize(caller, Action::Read, log, core.owner(log)).map_err(|error| match error.code {
        // Absent, or of another account: the same answer.
        ErrorCode::LogNotFound => HubFrame::Missing {
            log,
            incarnation: None,
        },
        _ => refused(log, error),
    })
}

/// A log cannot be read (any more).
pub(super) fn refused(log: LogId, error: ErrorBody) -> HubFrame {
    HubFrame::Refused {
        command: None,
        log: Some(log),
        error,
    }
}

impl Subscription {
    async fn run(mut self) -> End {
        if let Some((incarnation, state)) = self.snapshot.take()
            && let Err(end) = self.send_snapshot(incarnation, state).await
        {
            return end;
        }
        if let Err(end) = self.catch_up().await {
            return end;
        }
        loop {
            let received = tokio::select! {
                received = self.live.recv() => received,
                () = self.feed.ended() => {
                    return End::Told(HubFrame::Missing {
                        log: self.log,
                        incarnation: None,
                    });
                }
            };
            let is_behind = match received {
                Ok(batch) if batch.upto <= self.cursor => false,
                Ok(batch) if batch.after == self.cursor => {
                    if !self.outgoing.bulk(batch.frame).await {
                        return End::Gone;
                    }
                    self.cursor = batch.upto;
                    false
                }
                Ok(_) => true,
                Err(RecvError::Lagged(_)) => {
                    self.core.measures.subscribers_lagged.increment(1);
                    true
                }
                // This task holds the feed open.
                Err(RecvError::Closed) => return End::Gone,
            };
            if is_behind && let Err(end) = self.catch_up().await {
                return end;
            }
        }
    }

    async fn send_snapshot(
        &mut self,
        incarnation: Incarnation,
        state: SavedState,
    ) -> Result<(), End> {
        let seq = state.seq;
        for frame in snapshot::pieces(self.log, incarnation, self.cursor, state) {
            let Some(room) = self.outgoing.room_for_pulled().await else {
                return Err(End::Gone);
            };
            if !self.outgoing.pulled(frame, room).await {
                return Err(End::Gone);
            }
        }
        self.cursor = seq;
        Ok(())
    }

    /// Reads the log until level. Sends at least one batch, so that a reader who is level knows it.
    async fn catch_up(&mut self) -> Result<(), End> {
        loop {
            // Room first, reading after: a slow socket holds one batch here, not a pile.
            let Some(room) = self.outgoing.room_for_pulled().await else {
                return Err(End::Gone);
            };
            let stretch = Stretch {
                log: self.log,
                after: self.cursor,
                stamp: self.feed.stamp(),
            };
            let pull = self.core.pulls.begin(stretch);
            let batch = pull.get_or_try_init(|| self.read(stretch)).await?;
            let is_level = batch.encoded.upto >= batch.head;
            self.cursor = batch.encoded.upto;
            let frame = batch.encoded.frame.clone();
            if !self.outgoing.pulled(frame, room).await {
                return Err(End::Gone);
            }
            if is_level {
                return Ok(());
            }
        }
    }

    async fn read(&self, stretch: Stretch) -> Result<PulledBatch, End> {
        let read = self
            .core
            .log
            .read(self.log, stretch.after, ReadLimit::default());
        match read.await {
            Ok(batch) => {
                let pulled = PulledBatch {
                    encoded: EncodedBatch::of(&batch),
                    incarnation: batch.incarnation,
                    head: batch.head,
                };
                self.core.pulls.read(stretch, &pulled);
                Ok(pulled)
            }
            Err(ReadError::NotFound) => Err(End::Told(HubFrame::Missing {
                log: self.log,
                incarnation: None,
            })),
            Err(error) => Err(End::Told(refused(
                self.log,
                unreadable(&self.core.storage, &error),
            ))),
        }
    }
}

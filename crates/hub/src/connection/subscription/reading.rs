//! What a subscription that is behind does in its turn: it looks whether it may follow, and reads one frame's worth.

use std::collections::VecDeque;
use std::sync::Arc;

use baton_log::{LogHead, ReadError, ReadLimit};
use baton_protocol::{Cursor, HubFrame, Incarnation, LogId, Seq, limits};
use futures::FutureExt as _;

use super::{Place, Stage, Subscription, may_read, missing, refused};
use crate::actor::SessionActors;
use crate::connection::outgoing::{PulledRoom, Reader};
use crate::connection::snapshot::{self, StateWish};
use crate::core::HubCore;
use crate::feed::Feed;
use crate::frame_text::{EncodedBatch, EncodedFrame};
use crate::log_writer::unreadable;
use crate::pulls::{PulledBatch, Stretch};
use crate::tasks::TaskGroup;

/// A saved state on its way.
pub(super) struct Pieces {
    frames: VecDeque<EncodedFrame>,
    seq: Seq,
}

/// What was read.
enum Next {
    Batch(Arc<PulledBatch>),
    /// The first piece of what the place holds now.
    Piece,
}

impl Reader for Subscription {
    /// At once where it is at hand, else in a task of its own.
    fn read_on(self: Arc<Self>, room: PulledRoom) {
        if self.place().stage == Stage::Over {
            return;
        }
        let mut reading = Box::pin(Arc::clone(&self).read_and_put(room));
        if reading.as_mut().now_or_never().is_some() {
            return;
        }
        self.core
            .tasks
            .spawn(TaskGroup::Edge, "subscription", reading);
    }
}

impl Subscription {
    /// Waits for its first turn: at once, or once a session that its device creates and follows in one go is in its log. That may take as
    /// long as the disk does, and nobody else's turn waits for it.
    pub(super) fn queue(this: &Arc<Self>) {
        let core = &this.core;
        let created = match this.log {
            LogId::Session(session)
                if core.owners.of(session).is_none() && core.sessions.is_live(session) =>
            {
                session
            }
            _ => return this.outgoing.behind(Arc::clone(this) as _),
        };
        let subscription = Arc::clone(this);
        let creation = async move {
            SessionActors::barrier(&subscription.core, created).await;
            let mut place = subscription.place();
            place.creation = None;
            if place.stage != Stage::Over {
                let me = Arc::clone(&subscription);
                subscription.outgoing.behind(me);
            }
        };
        // The lock is held so that the task, which takes its handle away when it is done, comes after.
        let mut place = this.place();
        place.creation = Some(core.tasks.spawn(TaskGroup::Edge, "subscription", creation));
    }

    async fn read_and_put(self: Arc<Self>, room: PulledRoom) {
        match self.read_next().await {
            Ok(next) => self.put(next, room),
            Err(frame) => {
                self.last_word(&frame, Some(room));
                self.leave();
            }
        }
    }

    /// What comes next from the cursor, or the last word to the client.
    async fn read_next(&self) -> Result<Next, HubFrame> {
        let (stage, cursor) = {
            let place = self.place();
            if place.snapshot.is_some() {
                return Ok(Next::Piece);
            }
            (place.stage, place.cursor)
        };
        let feed = match stage {
            Stage::New {
                incarnation,
                states,
            } => {
                let feed = self.begin(cursor, incarnation, states).await?;
                let place = self.place();
                if place.snapshot.is_some() || place.stage == Stage::Over {
                    return Ok(Next::Piece);
                }
                feed
            }
            _ => self.core.feeds.open(self.log),
        };
        let stretch = Stretch {
            log: self.log,
            after: cursor,
            stamp: feed.stamp(),
        };
        let pull = self.core.pulls.begin(stretch);
        let batch = pull.get_or_try_init(|| self.read(stretch)).await?;
        Ok(Next::Batch(Arc::clone(batch)))
    }

    /// Whether the log may be followed from the cursor; listens to it then, and looks for a saved state that brings the client nearer.
    async fn begin(
        &self,
        after: Seq,
        incarnation: Option<Incarnation>,
        states: StateWish,
    ) -> Result<Arc<Feed>, HubFrame> {
        let (core, log) = (&self.core, self.log);
        // Listen first, look at the log after: whatever is recorded in between is in both, and nothing is in neither. A session that may
        // be read now is deleted later, and this very feed says so.
        let feed = core.feeds.open(log);
        self.listen(&feed)?;
        may_read(core, &self.caller, log)?;
        let cursor = incarnation.map(|incarnation| Cursor {
            incarnation,
            seq: after,
        });
        let known = cursor.filter(|cursor| {
            let stretch = Stretch {
                log,
                after,
                stamp: feed.stamp(),
            };
            core.pulls.is_ready(stretch, cursor.incarnation)
        });
        if known.is_none() {
            let head = fitting(core, log, cursor).await?;
            if head.seq.0 >= after.0 + limits::SNAPSHOT_BEHIND_EVENTS_MIN
                && let Some(state) = snapshot::offer(core, log, after, states).await
            {
                let seq = state.seq;
                let frames = snapshot::pieces(log, head.incarnation, after, state).collect();
                self.place().snapshot = Some(Box::new(Pieces { frames, seq }));
            }
        }
        Ok(feed)
    }

    async fn read(&self, stretch: Stretch) -> Result<Arc<PulledBatch>, HubFrame> {
        let core = &self.core;
        let read = core.log.read(self.log, stretch.after, ReadLimit::default());
        match read.await {
            Ok(batch) => {
                let pulled = Arc::new(PulledBatch {
                    encoded: EncodedBatch::of(&batch),
                    incarnation: batch.incarnation,
                    head: batch.head,
                });
                core.pulls.read(stretch, &pulled);
                Ok(pulled)
            }
            Err(ReadError::NotFound) => Err(missing(self.log, None)),
            Err(error) => Err(refused(self.log, unreadable(&core.storage, &error))),
        }
    }

    /// Passes on what was read. Even an empty batch: a reader who has everything is to know it.
    fn put(&self, next: Next, room: PulledRoom) {
        let mut place = self.place();
        if place.stage == Stage::Over {
            return;
        }
        match next {
            Next::Batch(batch) => {
                place.cursor = batch.encoded.upto;
                room.fill(batch.encoded.frame.clone());
                if place.cursor >= batch.head && place.cursor >= place.published {
                    place.stage = Stage::Level;
                    return;
                }
            }
            Next::Piece => {
                if let Some(frame) = place.next_piece() {
                    room.fill(frame);
                }
            }
        }
        self.falls_behind(&mut place);
    }
}

impl Place {
    /// The next piece of the saved state. With the last one the client stands where the state was saved.
    fn next_piece(&mut self) -> Option<EncodedFrame> {
        let pieces = self.snapshot.as_mut()?;
        let frame = pieces.frames.pop_front();
        if pieces.frames.is_empty() {
            self.cursor = pieces.seq;
            self.snapshot = None;
        }
        frame
    }
}

/// The log's identity and end, where the cursor can be followed from.
async fn fitting(core: &HubCore, log: LogId, cursor: Option<Cursor>) -> Result<LogHead, HubFrame> {
    let head = match core.log.head(log).await {
        Ok(Some(head)) => head,
        Ok(None) | Err(ReadError::NotFound) => return Err(missing(log, None)),
        Err(error) => return Err(refused(log, unreadable(&core.storage, &error))),
    };
    let matches = cursor
        .is_none_or(|cursor| cursor.incarnation == head.incarnation && cursor.seq <= head.seq);
    if matches {
        Ok(head)
    } else {
        Err(missing(log, Some(head.incarnation)))
    }
}

//! One connection following one log.
//!
//! It holds a cursor and nothing else. While it is level, the log's actor puts each batch, encoded once for everybody, straight into the
//! connection's outgoing queue. When a batch does not continue its cursor, or the socket was too slow for it, the subscription waits for its
//! turn and reads the log from its own cursor, batch by batch, until it is level again. A slow socket stops its own subscriptions alone.
//!
//! Invariant: what it sends is an unbroken chain of batches from the cursor that the client gave. Where it stands is changed under its
//! lock, together with what goes into that queue.

mod reading;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use baton_protocol::{Cursor, ErrorBody, ErrorCode, HubFrame, Incarnation, LogId, Seq};
use tokio::task::AbortHandle;

use self::reading::Pieces;
use super::outgoing::{Outgoing, PulledRoom, Taken};
use super::snapshot::StateWish;
use crate::authorize::{Action, Caller, authorize};
use crate::core::HubCore;
use crate::feed::{Feed, Listener, ListenerName};
use crate::frame_text::{EncodedBatch, EncodedFrame};
use crate::measures::Counted;

/// A log, followed. Ends when dropped.
pub struct Following(Arc<Subscription>);

/// What a reader asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wish {
    /// Which log.
    pub log: LogId,
    /// From where on.
    pub cursor: Option<Cursor>,
    /// What it takes in place of events.
    pub states: StateWish,
}

/// What the connection and the log's feed share of it.
struct Subscription {
    me: Weak<Self>,
    core: Arc<HubCore>,
    caller: Arc<Caller>,
    outgoing: Arc<Outgoing>,
    log: LogId,
    place: Mutex<Place>,
}

/// Where a subscription stands.
struct Place {
    stage: Stage,
    /// Up to where its client has or will have everything.
    cursor: Seq,
    /// The newest that was published while it read.
    published: Seq,
    /// A saved state that goes first.
    snapshot: Option<Box<Pieces>>,
    /// Where it listens.
    listens: Option<(Arc<Feed>, ListenerName)>,
    /// The task that waits for the session to be in its log.
    creation: Option<AbortHandle>,
    counted: Option<Counted>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Nobody has looked yet whether it may follow from this cursor.
    New {
        incarnation: Option<Incarnation>,
        states: StateWish,
    },
    /// It waits for its turn to read, or reads.
    Behind,
    /// Each batch that continues its cursor goes out at once.
    Level,
    /// It says nothing more.
    Over,
}

/// Follows a log. The client is told there where that cannot be.
pub fn follow(
    core: &Arc<HubCore>,
    caller: &Arc<Caller>,
    outgoing: &Arc<Outgoing>,
    wish: Wish,
) -> Following {
    let Wish {
        log,
        cursor,
        states,
    } = wish;
    let subscription = Arc::new_cyclic(|me| Subscription {
        me: Weak::clone(me),
        core: Arc::clone(core),
        caller: Arc::clone(caller),
        outgoing: Arc::clone(outgoing),
        log,
        place: Mutex::new(Place {
            stage: Stage::New {
                incarnation: cursor.map(|cursor| cursor.incarnation),
                states,
            },
            cursor: cursor.map_or(Seq::ZERO, |cursor| cursor.seq),
            published: Seq::ZERO,
            snapshot: None,
            listens: None,
            creation: None,
            counted: Some(Counted::on(&core.measures.subscriptions)),
        }),
    });
    Subscription::queue(&subscription);
    Following(subscription)
}

impl Following {
    /// Whether it says nothing more: its client was told why.
    pub fn is_over(&self) -> bool {
        self.0.place().stage == Stage::Over
    }

    /// Which log.
    pub fn log(&self) -> LogId {
        self.0.log
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let subscription = &self.0;
        subscription.end(&mut subscription.place());
        subscription.leave();
        subscription.outgoing.forget(&**subscription);
    }
}

impl Listener for Subscription {
    fn hear(&self, batch: &EncodedBatch) {
        let mut place = self.place();
        match place.stage {
            Stage::Over => {}
            Stage::New { .. } | Stage::Behind => place.published = place.published.max(batch.upto),
            Stage::Level if batch.upto <= place.cursor => {}
            Stage::Level if batch.after != place.cursor => self.falls_behind(&mut place),
            Stage::Level => match self.outgoing.live(&batch.frame) {
                Taken::Yes => place.cursor = batch.upto,
                Taken::NoRoom => {
                    self.core.measures.subscribers_lagged.increment(1);
                    self.falls_behind(&mut place);
                }
            },
        }
    }

    fn log_is_gone(&self) {
        self.last_word(&missing(self.log, None), None);
    }
}

impl Subscription {
    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn falls_behind(&self, place: &mut Place) {
        place.stage = Stage::Behind;
        match self.me.upgrade() {
            Some(me) if place.snapshot.is_some() => self.outgoing.goes_on(me),
            Some(me) => self.outgoing.behind(me),
            None => {}
        }
    }

    /// Listens from now on. The last word to the client, where the log is gone.
    fn listen(&self, feed: &Arc<Feed>) -> Result<(), HubFrame> {
        let gone = || missing(self.log, None);
        let me = self.me.upgrade().ok_or_else(gone)?;
        let name = feed.listen(me).ok_or_else(gone)?;
        let mut place = self.place();
        place.listens = Some((Arc::clone(feed), name));
        let is_over = place.stage == Stage::Over;
        if !is_over {
            place.stage = Stage::Behind;
        }
        drop(place);
        if is_over {
            self.leave();
        }
        Ok(())
    }

    /// Tells the client why nothing follows.
    fn last_word(&self, frame: &HubFrame, room: Option<PulledRoom>) {
        let mut place = self.place();
        if place.stage == Stage::Over {
            return;
        }
        let frame = EncodedFrame::of(frame);
        match room {
            Some(room) => room.fill(frame),
            None => self.outgoing.last_word(frame),
        }
        self.end(&mut place);
    }

    /// From here on it says nothing. A read that is on goes to its end: it has one of the log's few readers until then, so its room is not
    /// given back before.
    fn end(&self, place: &mut Place) {
        place.stage = Stage::Over;
        place.snapshot = None;
        place.counted = None;
        if let Some(creation) = place.creation.take() {
            creation.abort();
        }
    }

    /// No feed holds it any more. Never under its lock: a feed calls its listeners under its own.
    fn leave(&self) {
        let listens = self.place().listens.take();
        if let Some((feed, name)) = listens {
            feed.leave(name);
        }
    }
}

/// Whether a client may read a log; else what it is told.
pub(super) fn may_read(core: &HubCore, caller: &Caller, log: LogId) -> Result<(), HubFrame> {
    authorize(caller, Action::Read, log, core.owner(log)).map_err(|error| match error.code {
        // Absent, or of another account: the same answer.
        ErrorCode::LogNotFound => missing(log, None),
        _ => refused(log, error),
    })
}

/// A log cannot be followed from the cursor.
pub(super) fn missing(log: LogId, incarnation: Option<Incarnation>) -> HubFrame {
    HubFrame::Missing { log, incarnation }
}

/// A log cannot be read (any more).
pub(super) fn refused(log: LogId, error: ErrorBody) -> HubFrame {
    HubFrame::Refused {
        command: None,
        log: Some(log),
        error,
    }
}

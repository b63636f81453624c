//! Following a log's events from the mirror, as they come.
//!
//! A tail pulls: however slow its reader is, nothing piles up. What grew faster than it was read comes sealed, as the hub would send
//! it to a reader with the same cursor.

use std::collections::VecDeque;

use baton_protocol::{Cursor, Event, Incarnation, LogId, Seq};
use tokio::sync::watch;

use super::Device;
use crate::limits::TAIL_PAGE_EVENTS;
use crate::mirror::{Store, StoreError};
use crate::view::{LivePage, is_idle};

/// Where a tail begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TailStart {
    /// Behind this seq; 0 for everything.
    After(Seq),
    /// Behind what the mirror has now.
    Mirror,
}

/// What a tail gives.
#[derive(Clone, PartialEq, Debug)]
pub enum TailItem {
    /// The next event.
    Event(Box<Event>),
    /// Every mirrored event was given. Comes again whenever something about this changes.
    AtEnd(SessionAtEnd),
    /// The log is another one now: what follows begins at its first event.
    Restarted,
    /// The session is deleted, on whichever device. Nothing follows.
    Deleted,
}

/// How things stand at the end of what is mirrored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionAtEnd {
    /// The mirror's cursor; 0 where nothing is mirrored.
    pub seq: Seq,
    /// Whether that is the hub's head, as far as known.
    pub caught_up: bool,
    /// Whether nothing runs and nothing will start by itself.
    pub idle: bool,
}

/// Follows one log. Dropped, it follows no more.
pub struct Tail {
    device: Device,
    log: LogId,
    start: Option<TailStart>,
    after: Seq,
    incarnation: Option<Incarnation>,
    page: VecDeque<Event>,
    said: Option<SessionAtEnd>,
    changes: watch::Receiver<u64>,
}

impl Tail {
    pub(super) fn new(device: Device, log: LogId, start: TailStart) -> Self {
        device.want(log);
        // What is given without a gap must be here without one.
        device.want_history(log);
        if let LogId::Session(session) = log {
            device.views().begin_tail(session);
        }
        let changes = device.changes();
        Self {
            device,
            log,
            start: Some(start),
            after: Seq::ZERO,
            incarnation: None,
            page: VecDeque::new(),
            said: None,
            changes,
        }
    }

    /// Fixes where the tail begins, before the mirror moves on. [`Self::next`] does it too, when it is first called.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub async fn begin(&mut self) -> Result<(), StoreError> {
        match self.start {
            Some(TailStart::Mirror) => {
                let cursor = self.device.mirror().cursor(self.log).await?;
                self.after = cursor.map(|cursor| cursor.seq).unwrap_or_default();
                self.incarnation = cursor.map(|cursor| cursor.incarnation);
            }
            Some(TailStart::After(after)) => self.after = after,
            None => return Ok(()),
        }
        self.start = None;
        Ok(())
    }

    /// The next item; waits until there is one. Cancel safe.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub async fn next(&mut self) -> Result<TailItem, StoreError> {
        self.begin().await?;
        loop {
            if let Some(event) = self.page.pop_front() {
                self.after = event.seq;
                return Ok(TailItem::Event(Box::new(event)));
            }
            self.changes.mark_unchanged();
            if self.device.views().is_deleted(self.log) {
                return Ok(TailItem::Deleted);
            }
            // Before the mirror is read: what was caught up then is at least what is read now.
            let caught_up = self.device.is_caught_up(self.log);
            let (seq, idle) = if let Some(live) = self.live() {
                self.page.extend(live.events);
                (live.upto, Some(live.idle))
            } else {
                let mirror = self.device.mirror();
                let page = mirror.events_after(self.log, self.after, TAIL_PAGE_EVENTS);
                let (events, cursor) = page.await?;
                let incarnation = cursor.map(|cursor| cursor.incarnation);
                if self.incarnation.is_some() && incarnation != self.incarnation {
                    self.incarnation = incarnation;
                    self.after = Seq::ZERO;
                    return Ok(TailItem::Restarted);
                }
                self.incarnation = incarnation;
                self.page.extend(events);
                (cursor.map(|cursor| cursor.seq).unwrap_or_default(), None)
            };
            if !self.page.is_empty() {
                continue;
            }
            let idle = match idle {
                Some(idle) => Some(idle),
                None => self.is_idle(seq).await?,
            };
            let Some(idle) = idle else {
                // The session stands beyond what was read: something came meanwhile, or lies in a gap and is still to come.
                self.changed().await?;
                continue;
            };
            let end = SessionAtEnd {
                seq,
                caught_up,
                idle,
            };
            if self.said != Some(end) {
                self.said = Some(end);
                return Ok(TailItem::AtEnd(end));
            }
            self.changed().await?;
        }
    }

    /// Returns when anything has changed since the mirror was looked at.
    async fn changed(&mut self) -> Result<(), StoreError> {
        self.changes.changed().await.map_err(|_| StoreError::Closed)
    }

    /// What stands behind the tail's place, where the device has it in memory.
    fn live(&self) -> Option<LivePage> {
        let LogId::Session(session) = self.log else {
            return None;
        };
        let place = Cursor {
            incarnation: self.incarnation?,
            seq: self.after,
        };
        self.device.views().live_after(session, place)
    }

    /// Whether nothing goes on in the session at this seq; `None` where it has moved on.
    async fn is_idle(&self, seq: Seq) -> Result<Option<bool>, StoreError> {
        let LogId::Session(session) = self.log else {
            return Ok(Some(true));
        };
        let look = move |store: &mut Store| {
            let opened = store.open_session(session, 0)?;
            let Some(state) = opened.state else {
                return Ok((seq == Seq::ZERO).then_some(true));
            };
            Ok((state.head() == seq).then(|| is_idle(state)))
        };
        self.device.mirror().write(look).await
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.device.unwant(self.log);
        if let LogId::Session(session) = self.log {
            self.device.views().end_tail(session);
        }
    }
}

//! Follows a log's events from the mirror as they arrive.
//!
//! A tail pulls: nothing piles up however slow its reader is. What grew faster than it was read arrives sealed, as the hub would send it to
//! a reader with the same cursor.

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
    /// After this seq; 0 for everything.
    After(Seq),
    /// After what the mirror has now.
    Mirror,
}

/// An item of a tail.
#[derive(Clone, PartialEq, Debug)]
pub enum TailItem {
    Event(Box<Event>),
    /// The reader has every mirrored event. Repeated whenever this state changes.
    AtEnd(SessionAtEnd),
    /// The log was replaced: what follows begins at the new log's first event.
    Restarted,
    /// The session was deleted, on any device. Nothing follows.
    Deleted,
}

/// The state of the session at the end of what is mirrored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionAtEnd {
    /// The mirror's cursor; 0 if nothing is mirrored.
    pub seq: Seq,
    /// Whether that is the hub's head, as far as this device knows.
    pub caught_up: bool,
    /// Whether no run is active and none will start on its own.
    pub idle: bool,
}

/// Follows one log until it is dropped.
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
        // A tail gives events without a gap, so the mirror needs the whole history.
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

    /// Fixes where the tail begins, before the mirror moves on. [`Self::next`] does the same on its first call.
    ///
    /// # Errors
    /// If the mirror cannot be read.
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

    /// Waits for the next item and returns it. Cancel safe.
    ///
    /// # Errors
    /// If the mirror cannot be read.
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
            // Ask before reading the mirror: what was caught up now is at most what is read then.
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
                // The session's state is beyond the events read: more arrived meanwhile, or lies in a gap and is still to come.
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

    /// Returns once something has changed since the last look at the mirror.
    async fn changed(&mut self) -> Result<(), StoreError> {
        self.changes.changed().await.map_err(|_| StoreError::Closed)
    }

    /// The events after the tail's position, if the device has them in memory.
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

    /// Whether the session is idle at this seq; `None` if it has moved on.
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

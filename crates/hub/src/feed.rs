//! The live end of a log: what an actor recorded goes to every listener.
//!
//! A feed is a hint, never the source: whoever missed something reads the log. It keeps nothing; each listener takes a batch at once or
//! remembers that it has to read.
//!
//! Invariant: only what the log has recorded durably is ever published.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use baton_protocol::{Batch, Event, Incarnation, LogId, Seq, limits};

use crate::frame_text::EncodedBatch;

/// Whoever is told of a log's news. It is called by the log's actor: it waits for nothing, and calls no feed.
pub trait Listener: Send + Sync {
    /// Was recorded.
    fn hear(&self, batch: &EncodedBatch);

    /// The log is gone for good.
    fn log_is_gone(&self);
}

/// One log's live end. Lives as long as its actor or one listener holds it.
pub struct Feed {
    listeners: Mutex<Listeners>,
    /// What was published last.
    stamp: AtomicU64,
    stamps: Arc<AtomicU64>,
}

#[derive(Default)]
struct Listeners {
    by_name: BTreeMap<u64, Arc<dyn Listener>>,
    next: u64,
    is_gone: bool,
}

/// A listener's name in its feed.
#[derive(Debug)]
pub struct ListenerName(u64);

/// Names a state of a feed; every publication makes a new one, and no two feeds ever share one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp(u64);

impl Feed {
    fn listeners(&self) -> MutexGuard<'_, Listeners> {
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, until [`Feed::leave`]. Whatever was recorded before stands in the log already. None where the log is gone for good.
    pub fn listen(&self, listener: Arc<dyn Listener>) -> Option<ListenerName> {
        let mut listeners = self.listeners();
        if listeners.is_gone {
            return None;
        }
        let name = listeners.next;
        listeners.next += 1;
        listeners.by_name.insert(name, listener);
        Some(ListenerName(name))
    }

    /// Nothing more is told to this listener.
    pub fn leave(&self, ListenerName(name): ListenerName) {
        let left = self.listeners().by_name.remove(&name);
        // After the lock: it may be the last that is held of the listener.
        drop(left);
    }

    /// The log is gone for good: everybody who listens is told.
    pub fn end(&self) {
        let mut listeners = self.listeners();
        listeners.is_gone = true;
        for listener in listeners.by_name.values() {
            listener.log_is_gone();
        }
    }

    /// The newest publication. Asked for after [`Feed::listen`], everything newer comes to the listener.
    pub fn stamp(&self) -> Stamp {
        Stamp(self.stamp.load(Ordering::SeqCst))
    }

    /// Gives recorded events to everybody who listens, in frames within the protocol's limits.
    pub fn publish(&self, log: LogId, incarnation: Incarnation, after: Seq, events: &[Event]) {
        // Before anybody gets them: whoever sees the old stamp listens already.
        let next = self.stamps.fetch_add(1, Ordering::SeqCst);
        self.stamp.store(next, Ordering::SeqCst);
        if self.listeners().by_name.is_empty() {
            return;
        }
        let head = events.last().map_or(after, |event| event.seq);
        self.send(Batch {
            log,
            incarnation,
            after,
            upto: head,
            head,
            events: events.to_vec(),
        });
    }

    /// One frame nearly always; halves where one would be larger than a frame may be.
    fn send(&self, mut batch: Batch) {
        let encoded = EncodedBatch::of(&batch);
        if encoded.frame.len() <= limits::FRAME_BYTES_MAX || batch.events.len() < 2 {
            for listener in self.listeners().by_name.values() {
                listener.hear(&encoded);
            }
            return;
        }
        let second = batch.events.split_off(batch.events.len() / 2);
        let middle = batch.events.last().map_or(batch.after, |event| event.seq);
        let rest = Batch {
            after: middle,
            events: second,
            ..batch.clone()
        };
        self.send(Batch {
            upto: middle,
            ..batch
        });
        self.send(rest);
    }
}

/// The feeds of all logs that somebody writes or follows.
#[derive(Default)]
pub struct Feeds {
    open: Mutex<HashMap<LogId, Weak<Feed>>>,
    stamps: Arc<AtomicU64>,
}

/// Entries at which dead ones are swept out for the first time.
const SWEEP_AT: usize = 1_024;

impl Feeds {
    /// The feed of a log; the same one for everybody.
    pub fn open(&self, log: LogId) -> Arc<Feed> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(feed) = open.get(&log).and_then(Weak::upgrade) {
            return feed;
        }
        if open.len() >= SWEEP_AT && open.len() == open.capacity() {
            open.retain(|_, feed| feed.strong_count() > 0);
        }
        let feed = Arc::new(Feed {
            listeners: Mutex::default(),
            stamp: AtomicU64::new(self.stamps.fetch_add(1, Ordering::SeqCst)),
            stamps: Arc::clone(&self.stamps),
        });
        open.insert(log, Arc::downgrade(&feed));
        feed
    }
}

#[cfg(test)]
mod tests {
    use baton_protocol::{
        EventBody, Principal, QueueResumedEvent, SessionId, SessionRenamedEvent, TimestampMs,
        TitleSource,
    };

    use super::*;

    #[derive(Default)]
    struct Spans(Mutex<Vec<(u64, u64)>>);

    impl Listener for Spans {
        fn hear(&self, batch: &EncodedBatch) {
            self.0.lock().unwrap().push((batch.after.0, batch.upto.0));
        }

        fn log_is_gone(&self) {}
    }

    fn event(seq: u64, body: EventBody) -> Event {
        Event {
            seq: Seq(seq),
            recorded_at: TimestampMs(0),
            by: Principal::Hub,
            command: None,
            producer: None,
            body,
        }
    }

    fn long(seq: u64) -> Event {
        let title = "x".repeat(limits::FRAME_BYTES_MAX / 2);
        event(
            seq,
            EventBody::SessionRenamed(SessionRenamedEvent {
                title,
                source: TitleSource::Person,
            }),
        )
    }

    #[test]
    fn events_that_do_not_fit_one_frame_are_split_and_stay_joined() {
        let feed = Feeds::default().open(LogId::Session(SessionId::mint()));
        let listener = Arc::new(Spans::default());
        let name = feed.listen(Arc::clone(&listener) as _).unwrap();
        let events = [
            long(5),
            event(6, EventBody::QueueResumed(QueueResumedEvent {})),
            long(7),
        ];
        let publish = || {
            feed.publish(
                LogId::Session(SessionId::mint()),
                Incarnation::mint(),
                Seq(4),
                &events,
            );
        };
        publish();
        let spans = || listener.0.lock().unwrap().clone();
        assert_eq!(spans(), [(4, 5), (5, 7)]);
        feed.leave(name);
        publish();
        assert_eq!(spans().len(), 2, "who has left hears nothing");
    }

    #[test]
    fn nobody_listens_to_a_log_that_is_gone() {
        let feed = Feeds::default().open(LogId::Session(SessionId::mint()));
        feed.end();
        assert!(feed.listen(Arc::new(Spans::default())).is_none());
    }

    #[test]
    fn everybody_gets_the_same_feed_while_somebody_holds_it() {
        let feeds = Feeds::default();
        let log = LogId::Session(SessionId::mint());
        let first = feeds.open(log);
        assert!(Arc::ptr_eq(&first, &feeds.open(log)));
    }
}

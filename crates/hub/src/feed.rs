//! The live end of a log: what an actor recorded goes to every subscriber that is level.
//!
//! A feed is a hint, never the source: whoever missed something reads the log. It holds a bounded number of frames, and a subscriber
//! that is further behind than that is told so.
//!
//! Invariant: only what the log has recorded durably is ever published.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use baton_protocol::{Batch, Event, Incarnation, LogId, Seq, limits};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::config::LIVE_FRAMES_MAX;
use crate::frame_text::EncodedBatch;

/// One log's live end. Lives as long as its actor or one subscriber holds it.
#[derive(Debug)]
pub struct Feed {
    sender: broadcast::Sender<EncodedBatch>,
    /// What was published last.
    stamp: AtomicU64,
    stamps: Arc<AtomicU64>,
    gone: CancellationToken,
}

/// Names a state of a feed; every publication makes a new one, and no two feeds ever share one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp(u64);

impl Feed {
    /// From now on. Whatever was recorded before stands in the log already.
    pub fn listen(&self) -> broadcast::Receiver<EncodedBatch> {
        self.sender.subscribe()
    }

    /// The log is gone for good: everybody who listens is told.
    pub fn end(&self) {
        self.gone.cancel();
    }

    /// Returns once the log is gone for good.
    pub async fn ended(&self) {
        self.gone.cancelled().await;
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
        if self.sender.receiver_count() == 0 {
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
            // Nobody listens any more: that is no fault.
            let _ = self.sender.send(encoded);
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
#[derive(Default, Debug)]
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
            sender: broadcast::Sender::new(LIVE_FRAMES_MAX),
            stamp: AtomicU64::new(self.stamps.fetch_add(1, Ordering::SeqCst)),
            stamps: Arc::clone(&self.stamps),
            gone: CancellationToken::new(),
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
        let mut listener = feed.listen();
        let events = [
            long(5),
            event(6, EventBody::QueueResumed(QueueResumedEvent {})),
            long(7),
        ];
        feed.publish(
            LogId::Session(SessionId::mint()),
            Incarnation::mint(),
            Seq(4),
            &events,
        );
        let spans: Vec<(u64, u64)> = std::iter::from_fn(|| listener.try_recv().ok())
            .map(|batch| (batch.after.0, batch.upto.0))
            .collect();
        assert_eq!(spans, [(4, 5), (5, 7)]);
    }

    #[test]
    fn everybody_gets_the_same_feed_while_somebody_holds_it() {
        let feeds = Feeds::default();
        let log = LogId::Session(SessionId::mint());
        let first = feeds.open(log);
        assert!(Arc::ptr_eq(&first, &feeds.open(log)));
    }
}

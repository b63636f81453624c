//! Batches that were read from a log for one subscriber and serve the next ones too.
//!
//! When a hub comes back, everybody does, and most stand at the same cursor. The first one's read is everybody's: whoever asks for the
//! same stretch while it is read waits for it, and for a moment afterwards it is at hand.
//!
//! Invariant: what is given was read after the asker began to listen to the log's live end, or nothing was published in between. So
//! nothing is missed between a batch of here and the first live one.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use baton_protocol::{Incarnation, LogId, Seq};
use tokio::sync::OnceCell;

use crate::feed::Stamp;
use crate::frame_text::EncodedBatch;

/// Stretches that are remembered, of all logs.
const PULLS_MAX: usize = 32;

/// A batch beyond this is not kept: it is a history, and few ask for the same one at once.
const PULL_BYTES_MAX: usize = 64 * 1024;

/// A batch that was read.
#[derive(Debug)]
pub struct PulledBatch {
    /// Encoded, with its cursors.
    pub encoded: EncodedBatch,
    /// Of the log.
    pub incarnation: Incarnation,
    /// Where the log ended then.
    pub head: Seq,
}

/// A stretch that is being read or was read.
pub type Pull = Arc<OnceCell<Arc<PulledBatch>>>;

/// The newest stretches.
#[derive(Default)]
pub struct Pulls {
    recent: Mutex<VecDeque<(Stretch, Pull)>>,
}

/// What a batch is the answer to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stretch {
    /// Of which log.
    pub log: LogId,
    /// Behind which seq.
    pub after: Seq,
    /// What was published last when its reader asked.
    pub stamp: Stamp,
}

impl Pulls {
    /// The stretch, to be read by whoever is first.
    pub fn begin(&self, stretch: Stretch) -> Pull {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, pull)) = recent.iter().find(|(known, _)| *known == stretch) {
            return Arc::clone(pull);
        }
        if recent.len() >= PULLS_MAX {
            recent.pop_front();
        }
        let pull = Pull::default();
        recent.push_back((stretch, Arc::clone(&pull)));
        pull
    }

    /// Whether the stretch was read and continues this incarnation: then nobody needs to look at the log for it.
    pub fn is_ready(&self, stretch: Stretch, incarnation: Incarnation) -> bool {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let found = recent.iter().find(|(known, _)| *known == stretch);
        found
            .and_then(|(_, pull)| pull.get())
            .is_some_and(|batch| batch.incarnation == incarnation)
    }

    /// A stretch has been read: a large one is not kept.
    pub fn read(&self, stretch: Stretch, batch: &PulledBatch) {
        if batch.encoded.frame.len() > PULL_BYTES_MAX {
            let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
            recent.retain(|(known, _)| *known != stretch);
        }
    }
}

#[cfg(test)]
mod tests {
    use baton_protocol::{Batch, SessionId};

    use super::*;
    use crate::feed::Feeds;

    fn batch(log: LogId) -> Arc<PulledBatch> {
        let batch = Batch {
            log,
            incarnation: Incarnation::mint(),
            after: Seq(1),
            upto: Seq(2),
            head: Seq(2),
            events: Vec::new(),
        };
        Arc::new(PulledBatch {
            encoded: EncodedBatch::of(&batch),
            incarnation: batch.incarnation,
            head: batch.head,
        })
    }

    #[test]
    fn what_was_published_since_makes_a_stretch_another_one() {
        let (feeds, pulls) = (Feeds::default(), Pulls::default());
        let log = LogId::Session(SessionId::mint());
        let feed = feeds.open(log);
        let stretch = || Stretch {
            log,
            after: Seq(1),
            stamp: feed.stamp(),
        };
        let known = batch(log);
        let incarnation = known.incarnation;
        assert!(pulls.begin(stretch()).set(known).is_ok());
        assert!(pulls.is_ready(stretch(), incarnation));
        assert!(!pulls.is_ready(stretch(), Incarnation::mint()));
        feed.publish(log, incarnation, Seq(2), &[]);
        assert!(!pulls.is_ready(stretch(), incarnation));
        assert!(pulls.begin(stretch()).get().is_none());
    }

    #[test]
    fn a_feed_that_was_opened_anew_has_a_stamp_of_its_own() {
        let feeds = Feeds::default();
        let log = LogId::Session(SessionId::mint());
        let first = feeds.open(log).stamp();
        assert_ne!(feeds.open(log).stamp(), first);
    }

    #[test]
    fn only_the_newest_stretches_are_kept() {
        let (feeds, pulls) = (Feeds::default(), Pulls::default());
        let log = LogId::Session(SessionId::mint());
        let stamp = feeds.open(log).stamp();
        let stretch = |after| Stretch {
            log,
            after: Seq(after),
            stamp,
        };
        let first = pulls.begin(stretch(0));
        for after in 1..=PULLS_MAX as u64 {
            pulls.begin(stretch(after));
        }
        assert!(!Arc::ptr_eq(&first, &pulls.begin(stretch(0))));
    }
}

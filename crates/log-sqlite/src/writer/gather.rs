//! How long a group waits for more requests before it is committed.
//!
//! Whoever was just answered is likely to ask again at once. Where a flush costs far more than that takes, it is worth waiting for
//! them: else each of them finds a flush under way that began with whoever came first, and every round costs two flushes. Where they
//! do not come back, nobody waits for them for a while.

use std::time::Duration;

/// The part of a flush's time that a group may wait.
const FLUSH_SHARE: u32 = 4;

/// The longest wait: a person's stop may be in the group.
const WAIT_MAX: Duration = Duration::from_millis(1);

/// The weight of one flush in the average, as a divisor.
const FLUSH_WEIGHT: u32 = 8;

/// Groups that do not wait after waits that were for nothing, at most.
const REST_GROUPS_MAX: u32 = 64;

/// What the writer learns from its groups.
#[derive(Debug, Default)]
pub struct Gathering {
    /// The average flush.
    flush: Duration,
    /// Requests that the next group should have: those that waited when the last one was answered, and those that were answered.
    expected: usize,
    /// Groups that do not wait any more.
    rest: u32,
    /// How many the next wait for nothing adds.
    rest_next: u32,
}

impl Gathering {
    /// How long a group of so many requests may wait for the next one, from when its first one came.
    pub fn patience(&self, requests: usize) -> Option<Duration> {
        let waits = self.rest == 0 && requests < self.expected;
        let patience = (self.flush / FLUSH_SHARE).min(WAIT_MAX);
        (waits && !patience.is_zero()).then_some(patience)
    }

    /// A group is complete.
    pub fn gathered(&mut self, requests: usize) {
        if self.rest > 0 {
            self.rest -= 1;
        } else if requests < self.expected {
            self.rest_next = (self.rest_next * 2).clamp(1, REST_GROUPS_MAX);
            self.rest = self.rest_next;
        } else {
            self.rest_next = 0;
        }
    }

    /// A group was flushed; `waiting` others stood behind it when that was done.
    pub fn flushed(&mut self, requests: usize, waiting: usize, took: Duration) {
        self.expected = requests + waiting;
        let kept = self.flush / FLUSH_WEIGHT * (FLUSH_WEIGHT - 1);
        self.flush = if self.flush.is_zero() {
            took
        } else {
            kept + took / FLUSH_WEIGHT
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLUSH: Duration = Duration::from_millis(2);

    #[test]
    fn one_producer_is_never_waited_with() {
        let mut gathering = Gathering::default();
        gathering.flushed(1, 0, FLUSH);
        assert_eq!(gathering.patience(1), None);
    }

    #[test]
    fn those_who_were_answered_are_waited_for_while_they_come_back() {
        let mut gathering = Gathering::default();
        gathering.flushed(3, 5, FLUSH);
        assert_eq!(gathering.patience(5), Some(FLUSH / FLUSH_SHARE));
        assert_eq!(gathering.patience(8), None);
        gathering.gathered(8);
        gathering.flushed(8, 0, FLUSH);
        assert_eq!(gathering.patience(1), Some(FLUSH / FLUSH_SHARE));
    }

    #[test]
    fn a_wait_for_nothing_is_made_ever_more_seldom() {
        let mut gathering = Gathering::default();
        let mut waits = 0;
        for _ in 0..1_000 {
            gathering.flushed(4, 4, FLUSH);
            waits += u32::from(gathering.patience(4).is_some());
            gathering.gathered(4);
        }
        assert!((7..=25).contains(&waits), "{waits} waits");
    }

    #[test]
    fn a_wait_is_short_whatever_the_disk_does() {
        let mut gathering = Gathering::default();
        gathering.flushed(3, 5, Duration::from_secs(3));
        assert_eq!(gathering.patience(5), Some(WAIT_MAX));
    }
}

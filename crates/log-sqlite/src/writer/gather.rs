//! Decides how long a group waits for more requests before it is committed.
//!
//! A caller that just got its answer is likely to send another request at once. If a flush takes much longer than that, waiting pays off:
//! otherwise, each such request arrives during a flush that began with the first one, and every round costs two flushes. After waits that
//! brought nothing, groups stop waiting for a while.

use std::time::Duration;

/// Divisor: the fraction of an average flush for which a group may wait.
const FLUSH_SHARE: u32 = 4;

/// Upper bound of the wait, because the group may contain a person's stop.
const WAIT_MAX: Duration = Duration::from_millis(1);

/// Divisor: each new flush counts for one part in this many of the average.
const FLUSH_WEIGHT: u32 = 8;

/// Maximum number of groups that skip waiting after unsuccessful waits.
const REST_GROUPS_MAX: u32 = 64;

/// Statistics of past groups.
#[derive(Debug, Default)]
pub struct Gathering {
    /// The average duration of a flush.
    flush: Duration,
    /// Expected size of the next group: the requests answered with the last group, and those that were waiting by then.
    expected: usize,
    /// Number of groups left that skip waiting.
    rest: u32,
    /// The value that the last unsuccessful wait gave to `rest`; each further one doubles it.
    rest_next: u32,
}

impl Gathering {
    /// How long a group of `requests` may wait for more, counted from the first time it has to wait; `None`: not at all.
    pub fn patience(&self, requests: usize) -> Option<Duration> {
        let waits = self.rest == 0 && requests < self.expected;
        let patience = (self.flush / FLUSH_SHARE).min(WAIT_MAX);
        (waits && !patience.is_zero()).then_some(patience)
    }

    /// Notes that a group is complete.
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

    /// Notes that a group of `requests` was flushed, with `waiting` further requests in the queue by then.
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

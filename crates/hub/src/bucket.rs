//! A token bucket on the monotonic clock.

use tokio::time::Instant;

/// Lets a burst through, then so many a second. Every connection has some, so none holds what is the same for all.
#[derive(Debug)]
pub struct TokenBucket<const BURST: u32, const PER_SECOND: u32> {
    tokens: f64,
    updated: Instant,
}

impl<const BURST: u32, const PER_SECOND: u32> TokenBucket<BURST, PER_SECOND> {
    /// A full bucket.
    pub fn new(now: Instant) -> Self {
        Self {
            tokens: f64::from(BURST),
            updated: now,
        }
    }

    /// Takes one token, if there is one.
    pub fn take(&mut self, now: Instant) -> bool {
        self.refill(now);
        let has_one = self.tokens >= 1.0;
        if has_one {
            self.tokens -= 1.0;
        }
        has_one
    }

    /// Puts one token back: what it was taken for turned out to be harmless.
    pub fn give_back(&mut self) {
        self.tokens = (self.tokens + 1.0).min(f64::from(BURST));
    }

    /// Whether the bucket holds all that it can, so that forgetting it changes nothing.
    pub fn is_full(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.tokens >= f64::from(BURST)
    }

    fn refill(&mut self, now: Instant) {
        let seconds = now.saturating_duration_since(self.updated).as_secs_f64();
        self.tokens = (self.tokens + seconds * f64::from(PER_SECOND)).min(f64::from(BURST));
        self.updated = now;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let start = Instant::now();
        let mut bucket = TokenBucket::<3, 2>::new(start);
        assert_eq!(
            [(); 4].map(|()| bucket.take(start)),
            [true, true, true, false]
        );
        let later = start + Duration::from_millis(500);
        assert_eq!([(); 2].map(|()| bucket.take(later)), [true, false]);
        bucket.give_back();
        assert!(bucket.take(later));
        assert!(!bucket.is_full(later));
        assert!(bucket.is_full(later + Duration::from_secs(2)));
    }
}

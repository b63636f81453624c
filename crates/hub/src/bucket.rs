//! A token bucket on the monotonic clock.

use tokio::time::Instant;

/// Lets a burst through, then so many a second.
#[derive(Debug)]
pub struct TokenBucket {
    burst: f64,
    per_second: f64,
    tokens: f64,
    updated: Instant,
}

impl TokenBucket {
    /// A full bucket.
    pub fn new(burst: u32, per_second: u32, now: Instant) -> Self {
        let tokens = f64::from(burst);
        Self {
            burst: tokens,
            per_second: f64::from(per_second),
            tokens,
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
        self.tokens = (self.tokens + 1.0).min(self.burst);
    }

    /// Whether the bucket holds all that it can, so that forgetting it changes nothing.
    pub fn is_full(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.tokens >= self.burst
    }

    fn refill(&mut self, now: Instant) {
        let seconds = now.saturating_duration_since(self.updated).as_secs_f64();
        self.tokens = (self.tokens + seconds * self.per_second).min(self.burst);
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
        let mut bucket = TokenBucket::new(3, 2, start);
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

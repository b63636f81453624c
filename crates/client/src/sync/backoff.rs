//! Reconnect delays with decorrelated jitter, so that a thousand devices do not reconnect at the same moment.

use crate::limits::{RECONNECT_DELAY_MS_MAX, RECONNECT_DELAY_MS_MIN};

/// Draws each delay between the minimum and three times the previous delay.
#[derive(Clone, Debug)]
pub struct Backoff {
    random: u64,
    last_ms: u64,
}

impl Backoff {
    /// Starts at the minimum delay.
    pub fn new(seed: u64) -> Self {
        Self {
            random: seed,
            last_ms: RECONNECT_DELAY_MS_MIN,
        }
    }

    /// The next delay, in milliseconds.
    pub fn next_ms(&mut self) -> u64 {
        let upper = (self.last_ms * 3).min(RECONNECT_DELAY_MS_MAX);
        let span = upper - RECONNECT_DELAY_MS_MIN + 1;
        self.last_ms = RECONNECT_DELAY_MS_MIN + self.next_random() % span;
        self.last_ms
    }

    /// Resets the delay to the minimum, after a good connection.
    pub fn reset(&mut self) {
        self.last_ms = RECONNECT_DELAY_MS_MIN;
    }

    /// SplitMix64: small, and good enough to spread attempts over time.
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_stay_within_their_limits_and_grow_on_average() {
        let mut backoff = Backoff::new(7);
        let delays: Vec<u64> = (0..200).map(|_| backoff.next_ms()).collect();
        assert!(
            delays
                .iter()
                .all(|ms| (RECONNECT_DELAY_MS_MIN..=RECONNECT_DELAY_MS_MAX).contains(ms))
        );
        assert!(delays[0] <= 3 * RECONNECT_DELAY_MS_MIN);
        assert!(delays.iter().max().unwrap() > &(RECONNECT_DELAY_MS_MAX / 2));
    }

    #[test]
    fn two_seeds_spread() {
        let (mut one, mut other) = (Backoff::new(1), Backoff::new(2));
        let differ = (0..20).filter(|_| one.next_ms() != other.next_ms()).count();
        assert!(differ > 10);
    }
}

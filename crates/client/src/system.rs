//! The one place that reads the machine's clocks and random source.

use std::time::Duration;

use async_trait::async_trait;
use baton_protocol::TimestampMs;

use crate::sync::Now;

/// A source of time and of delays.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// The current time of this clock.
    fn now(&self) -> Now;

    /// Waits for a duration, measured on this clock.
    async fn sleep(&self, wait: Duration);
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: std::time::Instant,
}

impl Default for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where clocks are read")]
    fn default() -> Self {
        Self {
            start: std::time::Instant::now(),
        }
    }
}

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where clocks are read")]
    fn now(&self) -> Now {
        let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let wall_ms = wall.map_or(0, |since| {
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        });
        let mono_ms = self.start.elapsed().as_millis();
        Now {
            mono_ms: u64::try_from(mono_ms).unwrap_or(u64::MAX),
            wall: TimestampMs(wall_ms),
        }
    }

    async fn sleep(&self, wait: Duration) {
        tokio::time::sleep(wait).await;
    }
}

/// A seed for jitter. It protects nothing, so a machine without a random source still works.
#[expect(
    clippy::disallowed_methods,
    reason = "this is where the random source is read"
)]
pub(crate) fn random_seed() -> u64 {
    let mut seed = [0; 8];
    match getrandom::fill(&mut seed) {
        Ok(()) => u64::from_le_bytes(seed),
        Err(_) => 1,
    }
}

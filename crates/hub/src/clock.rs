//! The wall clock, as a part that tests replace. It gives times for display and for link codes only: order is by seq, and leases
//! run on the monotonic clock.

use std::time::{SystemTime, UNIX_EPOCH};

use baton_protocol::TimestampMs;

/// Says what time it is.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the Unix epoch.
    fn now(&self) -> TimestampMs;
}

/// The computer's own clock.
#[derive(Clone, Copy, Default, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> TimestampMs {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        TimestampMs(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

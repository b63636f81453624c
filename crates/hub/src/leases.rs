//! Leases: how long a run may go on without a sign of its runner. In memory, on the monotonic clock.
//!
//! Any frame of the runner's connection is a sign for the runs that its heartbeats name. A run that they leave out has been given up by
//! its host, whatever else the host does: its lease is over a while after it was last named. (An older runner names none; for it any frame
//! is a sign for all of its runs.) A closed socket is not the end of a lease; silence is. A hub that was itself away
//! (a stopped process, a suspended machine) blames nobody: it gives one full lease again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use baton_protocol::RunId;
use tokio::time::Instant;

/// A timer that fires this late was not late by itself: the hub did not run.
pub const HUB_AWAY_AFTER: Duration = Duration::from_secs(1);

/// When one side was last heard. Touched for each frame, so it is one atomic store.
#[derive(Debug)]
pub struct LastHeard {
    origin: Instant,
    after_ms: AtomicU64,
}

impl LastHeard {
    /// Heard right now.
    pub fn now() -> Self {
        Self {
            origin: Instant::now(),
            after_ms: AtomicU64::new(0),
        }
    }

    /// Heard again.
    pub fn touch(&self) {
        let after = u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.after_ms.fetch_max(after, Ordering::Relaxed);
    }

    /// When that was, to the millisecond.
    pub fn at(&self) -> Instant {
        self.origin + Duration::from_millis(self.after_ms.load(Ordering::Relaxed))
    }
}

/// What the hub knows of a run's host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HostSign {
    /// Nothing since the hub started.
    None,
    /// The instance that began the run was last heard then, and its newest heartbeat named the run or was not counted yet.
    Heard(Instant),
    /// The instance that began the run is there, and its newest heartbeat left the run out.
    LeftOut {
        /// When the instance was last heard.
        heard: Instant,
        /// When the heartbeat came that left it out.
        told: Instant,
        /// When a heartbeat last named it.
        named: Option<Instant>,
    },
    /// The instance that began the run is gone for good: another one is there, or its access was taken away.
    Gone,
}

/// What is to be done about a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It goes on at least until then.
    HoldsUntil(Instant),
    /// It is lost.
    Expired,
}

/// The leases of one session's runs.
#[derive(Debug)]
pub struct Leases {
    length: Duration,
    granted: HashMap<RunId, Instant>,
}

impl Leases {
    /// None yet.
    pub fn new(length: Duration) -> Self {
        Self {
            length,
            granted: HashMap::new(),
        }
    }

    /// A full lease from now: a run that begins, or one that the hub finds when it starts.
    pub fn grant(&mut self, run: RunId, now: Instant) {
        self.granted.insert(run, now);
    }

    /// Forgets every run but these.
    pub fn retain(&mut self, is_on: impl Fn(RunId) -> bool) {
        self.granted.retain(|run, _| is_on(*run));
    }

    /// What becomes of a run.
    pub fn judge(&mut self, run: RunId, sign: HostSign, now: Instant) -> Verdict {
        let granted = *self.granted.entry(run).or_insert(now);
        let since = match sign {
            HostSign::Gone => return Verdict::Expired,
            HostSign::None => granted,
            HostSign::Heard(at) => at.max(granted),
            HostSign::LeftOut { heard, told, named } => {
                let known = named.map_or(granted, |at| at.max(granted));
                // A host that has just been told of the run may not have counted it yet.
                if told < known + self.length / 2 {
                    heard.max(known)
                } else {
                    known
                }
            }
        };
        let deadline = since + self.length;
        if now < deadline {
            return Verdict::HoldsUntil(deadline);
        }
        if now.duration_since(deadline) >= HUB_AWAY_AFTER {
            self.granted.insert(run, now);
            return Verdict::HoldsUntil(now + self.length);
        }
        Verdict::Expired
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(15);

    #[test]
    fn silence_ends_a_lease_and_a_sign_renews_it() {
        let start = Instant::now();
        let run = RunId::mint();
        let mut leases = Leases::new(LEASE);
        leases.grant(run, start);
        assert_eq!(
            leases.judge(run, HostSign::None, start),
            Verdict::HoldsUntil(start + LEASE)
        );
        let heard = start + Duration::from_secs(10);
        assert_eq!(
            leases.judge(run, HostSign::Heard(heard), start + LEASE),
            Verdict::HoldsUntil(heard + LEASE)
        );
        assert_eq!(
            leases.judge(run, HostSign::None, start + LEASE),
            Verdict::Expired
        );
        assert_eq!(leases.judge(run, HostSign::Gone, start), Verdict::Expired);
    }

    #[test]
    fn a_host_that_is_there_and_leaves_a_run_out_does_not_keep_it() {
        let start = Instant::now();
        let run = RunId::mint();
        let mut leases = Leases::new(LEASE);
        leases.grant(run, start);
        let sign = |told, named| HostSign::LeftOut {
            heard: told,
            told,
            named,
        };
        let second = Duration::from_secs(1);
        // Assigned a moment ago, and the heartbeat was on its way: as long as nothing newer comes, any sign counts.
        let early = start + second;
        assert_eq!(
            leases.judge(run, sign(early, None), early),
            Verdict::HoldsUntil(early + LEASE)
        );
        let late = start + 14 * second;
        assert_eq!(
            leases.judge(run, sign(late, None), late),
            Verdict::HoldsUntil(start + LEASE)
        );
        assert_eq!(
            leases.judge(run, sign(late, None), start + LEASE),
            Verdict::Expired
        );
        // Named once, and left out since.
        let named = Some(start + 5 * second);
        assert_eq!(
            leases.judge(run, sign(late, named), late),
            Verdict::HoldsUntil(start + 20 * second)
        );
    }

    #[test]
    fn a_hub_that_was_away_gives_one_lease_again() {
        let start = Instant::now();
        let run = RunId::mint();
        let mut leases = Leases::new(LEASE);
        leases.grant(run, start);
        let woke = start + Duration::from_secs(600);
        assert_eq!(
            leases.judge(run, HostSign::Heard(start), woke),
            Verdict::HoldsUntil(woke + LEASE)
        );
        assert_eq!(
            leases.judge(run, HostSign::Heard(start), woke + LEASE),
            Verdict::Expired
        );
    }
}

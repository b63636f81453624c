//! What everything in a simulation shares: the time, the disk, the network, the checker.

use std::fmt::Arguments;
use std::time::{Duration, Instant};

use baton_log::ReadLimit;
use baton_protocol::{AccountId, DeviceId, LogId, RunnerId, SessionId, TimestampMs};

use crate::checker::Checker;
use crate::net::Net;
use crate::plan::Snapshots;
use crate::planted::Planted;
use crate::rng::Rng;
use crate::store::{Store, StoreFault};
use crate::trace::Trace;

/// The day on which every simulation begins.
const WALL_START_MS: i64 = 1_795_000_000_000;

/// Names that do not change in a simulation.
#[derive(Clone, Debug)]
pub struct Cast {
    /// Whose everything is.
    pub account: AccountId,
    /// By number.
    pub devices: Vec<DeviceId>,
    /// By number.
    pub runners: Vec<RunnerId>,
    /// By number; they need not exist yet.
    pub sessions: Vec<SessionId>,
}

/// The shared parts.
pub struct Sim {
    /// The seed.
    pub seed: u64,
    /// Milliseconds since the start: the monotonic clock of everybody.
    pub now_ms: u64,
    /// Where monotonic clocks begin.
    pub base: Instant,
    /// How far the hub's wall clock is off.
    pub hub_clock_ms: i64,
    /// Chance that belongs to the hub.
    pub hub_rng: Rng,
    /// Chance that decides at which checkpoint a runner begins.
    pub checkpoint_rng: Rng,
    /// Whether it gives saved states.
    pub snapshots: Snapshots,
    /// Ids.
    pub ids: Rng,
    /// Who there is.
    pub cast: Cast,
    /// The hub's disk.
    pub store: Store,
    /// The lines.
    pub net: Net,
    /// What must hold.
    pub checker: Checker,
    /// What happened.
    pub trace: Trace,
    /// What is wrong on purpose.
    pub planted: Option<Planted>,
    /// The hub's process has died in the middle of its work.
    pub hub_crashed: bool,
}

impl Sim {
    /// Notes a line of the trace.
    pub fn note(&mut self, what: Arguments<'_>) {
        self.trace.note(self.now_ms, what);
    }

    /// The monotonic clock.
    pub fn instant(&self) -> Instant {
        self.base + Duration::from_millis(self.now_ms)
    }

    /// The hub's wall clock.
    pub fn hub_wall(&self) -> TimestampMs {
        self.wall(self.hub_clock_ms)
    }

    /// A wall clock that is off by so much.
    pub fn wall(&self, off_ms: i64) -> TimestampMs {
        let now = i64::try_from(self.now_ms).expect("a simulation is short");
        TimestampMs(WALL_START_MS + now + off_ms)
    }

    /// How much the hub reads at once: mostly what it always does, now and then very little, so that batches end everywhere.
    pub fn read_limit(&mut self) -> ReadLimit {
        match self.hub_rng.chance(600) {
            true => ReadLimit::default(),
            false => ReadLimit {
                events: usize::try_from(self.hub_rng.between(1, 6)).expect("a small number"),
                bytes: 512 * 1024,
            },
        }
    }

    /// The hub lets its disk delete a log.
    ///
    /// # Errors
    /// What the hub was told; the log may be gone all the same.
    pub fn delete_log(&mut self, log: LogId) -> Result<(), StoreFault> {
        let was_there = self.store.head(log).ok().flatten().is_some();
        let (is_gone, told) = self.store.delete(self.now_ms, log);
        if is_gone && was_there {
            self.note(format_args!("log {log} is gone"));
            self.checker.deleted(log);
        }
        told
    }

    /// Whether this fault was planted.
    pub fn is_planted(&self, fault: Planted) -> bool {
        self.planted == Some(fault)
    }
}

//! A device: the client's own sync engine, in the hands of a driver that does what the client's driver does, in its order.

mod acts;
mod bodies;
mod catching_up;
mod driver;
mod mirror;

use std::collections::BTreeSet;

use anyhow::Result;
use baton_client::sync::SyncEngine;
use baton_client::{OutboxEntry, OutboxState};
use baton_protocol::{CommandId, LogId};

pub use acts::AGENT;
pub use bodies::{newest, runs};
pub use mirror::Mirror;

use crate::net::LineId;
use crate::plan::MirrorKind;
use crate::sim::Sim;

/// One installation: its disk, and its process while there is one.
pub struct Device {
    number: usize,
    mirror: Mirror,
    process: Option<Process>,
    /// How often it was started.
    starts: u64,
    /// When it is started (again).
    start_ms: Option<u64>,
    /// Until then it does nothing.
    paused_until_ms: u64,
    /// How far its monotonic clock is behind, for it stood still.
    slept_ms: u64,
    /// How far its wall clock is off.
    clock_ms: i64,
    disk_full_until_ms: u64,
    /// Outputs until it dies.
    dies_after: Option<(u64, u64)>,
}

/// What it has in memory.
struct Process {
    engine: SyncEngine,
    outbox: Vec<OutboxEntry>,
    line: Option<LineId>,
    unfoldable: BTreeSet<LogId>,
    /// Sessions that somebody looks at.
    looked_at: BTreeSet<LogId>,
    /// For a planted fault: what was sent before.
    sent: BTreeSet<CommandId>,
}

impl Device {
    /// With an empty disk. Started at once.
    pub fn new(sim: &Sim, number: usize, kind: MirrorKind) -> Result<Self> {
        Ok(Self {
            number,
            mirror: Mirror::new(kind, sim.cast.account)?,
            process: None,
            starts: 0,
            start_ms: Some(0),
            paused_until_ms: 0,
            slept_ms: 0,
            clock_ms: 0,
            disk_full_until_ms: 0,
            dies_after: None,
        })
    }

    /// Until when it takes nothing.
    pub fn asleep_until_ms(&self) -> u64 {
        self.paused_until_ms
    }

    /// When something is due.
    pub fn wake_ms(&self) -> Option<u64> {
        let due = match &self.process {
            Some(process) => process.engine.deadline_ms().map(|at| at + self.slept_ms),
            None => self.start_ms,
        };
        due.map(|at| at.max(self.paused_until_ms))
    }

    /// It stands still until then.
    pub fn pause(&mut self, until_ms: u64) {
        self.paused_until_ms = self.paused_until_ms.max(until_ms);
    }

    /// It stands still, and its monotonic clock with it.
    pub fn sleep(&mut self, now_ms: u64, ms: u64) {
        if self.paused_until_ms <= now_ms {
            self.pause(now_ms + ms);
            self.slept_ms += ms;
        }
    }

    /// Its wall clock jumps.
    pub fn set_clock(&mut self, by_ms: i64) {
        self.clock_ms += by_ms;
    }

    /// It cannot write until then.
    pub fn disk_full(&mut self, until_ms: u64) {
        self.disk_full_until_ms = until_ms;
    }

    /// It dies when it has done so many things more, and comes back after a while.
    pub fn die_after(&mut self, outputs: u64, down_ms: u64) {
        self.dies_after = Some((outputs, down_ms));
    }

    /// Nothing is wrong with it from now on.
    pub fn heal(&mut self, now_ms: u64) {
        self.paused_until_ms = self.paused_until_ms.min(now_ms);
        self.disk_full_until_ms = 0;
        self.dies_after = None;
        if self.process.is_none() {
            self.start_ms = Some(now_ms);
        }
    }

    /// Whether it runs and everything that people wanted on it is answered.
    pub fn is_quiet(&self) -> bool {
        self.process.as_ref().is_some_and(|process| {
            let is_kept = |entry: &OutboxEntry| matches!(entry.state, OutboxState::Refused(_));
            process.line.is_some() && process.outbox.iter().all(is_kept)
        })
    }

    /// Whether its mirror stands at the hub's head in this log, as far as it knows.
    pub fn is_caught_up(&self, log: LogId) -> bool {
        let process = self.process.as_ref();
        process.is_some_and(|process| process.engine.caught_up(log))
    }

    /// Its disk, to be looked at.
    pub fn mirror_mut(&mut self) -> &mut Mirror {
        &mut self.mirror
    }
}

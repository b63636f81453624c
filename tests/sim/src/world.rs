//! One simulation: everybody in it, and the loop that moves the time on.

use anyhow::Result;
use baton_protocol::{AccountId, DeviceId, RunnerId, SessionId};

use crate::checker::Checker;
use crate::device::Device;
use crate::hub::Process;
use crate::net::{Arrival, Net, ToHub};
use crate::plan::{Plan, Step, Who};
use crate::planted::Planted;
use crate::rng::Rng;
use crate::runner::Runner;
use crate::sim::{Cast, Sim};
use crate::store::Store;
use crate::trace::{Keep, Trace};

/// How long the hub waits before it starts again where its storage refused.
const START_AGAIN_MS: u64 = 1_000;

/// Steps that one simulation may take; one that needs more goes round in circles.
const STEPS_MAX: u64 = 400_000;

/// The hub: its process while there is one.
pub(crate) struct HubHost {
    pub process: Option<Process>,
    pub start_ms: Option<u64>,
    pub paused_until_ms: u64,
    /// How long it is away when it dies at a commit or for a failed flush.
    pub down_ms: u64,
    /// A flush has failed, and somebody will start it again then.
    pub restart_ms: Option<u64>,
    pub starts: u64,
}

/// Everybody.
pub struct World {
    pub(crate) sim: Sim,
    pub(crate) hub: HubHost,
    pub(crate) devices: Vec<Device>,
    pub(crate) runners: Vec<Runner>,
    plan: Plan,
    next_step: usize,
    taken: u64,
}

/// Whose turn it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Turn {
    Plan,
    Arrival,
    Hub,
    Device(usize),
    Runner(usize),
}

impl World {
    /// Before anything has happened.
    ///
    /// # Errors
    /// Where there is no temporary folder.
    pub fn new(plan: Plan, planted: Option<Planted>, keep: Keep) -> Result<Self> {
        let seed = plan.seed;
        let mut ids = Rng::named(seed, 10);
        let setup = &plan.setup;
        let cast = Cast {
            account: AccountId::from_uuid(ids.uuid()),
            devices: (0..setup.devices)
                .map(|_| DeviceId::from_uuid(ids.uuid()))
                .collect(),
            runners: (0..setup.runners)
                .map(|_| RunnerId::from_uuid(ids.uuid()))
                .collect(),
            sessions: (0..setup.sessions)
                .map(|_| SessionId::from_uuid(ids.uuid()))
                .collect(),
        };
        let devices = (0..setup.devices).map(Who::Device);
        let clients = devices.chain((0..setup.runners).map(Who::Runner));
        let sim = Sim {
            seed,
            now_ms: 0,
            base: std::time::Instant::now(),
            hub_clock_ms: 0,
            hub_rng: Rng::named(seed, 11),
            checkpoint_rng: Rng::named(seed, 12),
            snapshots: setup.snapshots,
            ids,
            store: Store::new(setup.store)?,
            net: Net::new(seed, clients, setup.wire),
            checker: Checker::new(cast.account, cast.devices.clone()),
            cast,
            trace: Trace::new(keep),
            planted,
            hub_crashed: false,
        };
        let devices = (0..setup.devices).map(|number| Device::new(&sim, number, setup.mirror));
        let devices = devices.collect::<Result<_>>()?;
        let runners = (0..setup.runners).map(|number| Runner::new(&sim, number));
        let runners = runners.collect();
        Ok(Self {
            sim,
            hub: HubHost {
                process: None,
                start_ms: Some(0),
                paused_until_ms: 0,
                down_ms: 0,
                restart_ms: None,
                starts: 0,
            },
            devices,
            runners,
            plan,
            next_step: 0,
            taken: 0,
        })
    }

    /// Steps that were taken.
    pub fn steps(&self) -> u64 {
        self.taken
    }

    /// Runs the plan, then lets everything come to rest, and looks at all of it.
    ///
    /// # Errors
    /// Where the simulation itself fails. What the product does wrong is in the checker.
    pub fn run(&mut self) -> Result<()> {
        self.run_until(self.plan.setup.horizon_ms)?;
        if self.sim.checker.violation().is_none() {
            self.come_to_rest()?;
        }
        Ok(())
    }

    /// Lets time pass.
    pub(crate) fn run_until(&mut self, end_ms: u64) -> Result<()> {
        while self.sim.checker.violation().is_none() {
            let Some((at_ms, turn)) = self.next_turn().filter(|(at, _)| *at <= end_ms) else {
                self.sim.now_ms = self.sim.now_ms.max(end_ms);
                return Ok(());
            };
            self.sim.now_ms = self.sim.now_ms.max(at_ms);
            self.take(turn)?;
            self.after_step()?;
            self.taken += 1;
            if self.taken > STEPS_MAX {
                self.sim.checker.violated("it goes round in circles");
            }
        }
        Ok(())
    }

    fn next_turn(&mut self) -> Option<(u64, Turn)> {
        let planned = self.plan.steps.get(self.next_step);
        let planned = planned.map(|planned| (planned.at_ms, Turn::Plan));
        let asleep = |who| asleep_until_ms(&self.hub, &self.devices, &self.runners, who);
        let arrival = self.sim.net.next_at(&asleep).map(|at| (at, Turn::Arrival));
        let hub = hub_wake_ms(&mut self.hub, &self.sim).map(|at| (at, Turn::Hub));
        let devices = self.devices.iter().enumerate();
        let devices =
            devices.map(|(number, device)| Some((device.wake_ms()?, Turn::Device(number))));
        let runners = self.runners.iter().enumerate();
        let runners = runners
            .map(|(number, runner)| Some((runner.wake_ms(&self.sim)?, Turn::Runner(number))));
        let others = [planned, arrival, hub].into_iter();
        others.chain(devices).chain(runners).flatten().min()
    }

    fn take(&mut self, turn: Turn) -> Result<()> {
        match turn {
            Turn::Plan => {
                let step = self.plan.steps[self.next_step].step.clone();
                self.next_step += 1;
                match step {
                    Step::Act { device, act } => self.devices[device].act(&mut self.sim, &act),
                    Step::Fault(fault) => self.suffer(&fault),
                }
            }
            Turn::Arrival => self.deliver(),
            Turn::Hub => {
                match &mut self.hub.process {
                    Some(process) => process.tick(&mut self.sim),
                    None => self.start_hub(),
                }
                Ok(())
            }
            Turn::Device(number) => self.devices[number].tick(&mut self.sim),
            Turn::Runner(number) => self.runners[number].tick(&mut self.sim),
        }
    }

    fn deliver(&mut self) -> Result<()> {
        let asleep = |who| asleep_until_ms(&self.hub, &self.devices, &self.runners, who);
        let Some(arrival) = self.sim.net.take(self.sim.now_ms, &asleep) else {
            return Ok(());
        };
        match arrival {
            Arrival::Up(line, who, what) => {
                match &mut self.hub.process {
                    Some(process) => process.arrived(&mut self.sim, who, line, what),
                    // Nobody listens there.
                    None if matches!(what, ToHub::Open) => {
                        self.sim.net.close_by_hub(line, self.sim.now_ms, None);
                    }
                    None => {}
                }
                Ok(())
            }
            Arrival::Down(line, Who::Device(number), what) => {
                self.devices[number].arrived(&mut self.sim, line, what)
            }
            Arrival::Down(line, Who::Runner(number), what) => {
                self.runners[number].arrived(&mut self.sim, line, what)
            }
        }
    }

    fn start_hub(&mut self) {
        self.hub.start_ms = None;
        self.hub.starts += 1;
        self.sim.note(format_args!("the hub starts"));
        match Process::start(&mut self.sim) {
            Ok(process) => self.hub.process = Some(process),
            Err(_) => {
                self.sim.hub_crashed = false;
                self.hub.start_ms = Some(self.sim.now_ms + START_AGAIN_MS);
            }
        }
    }

    /// The hub's process is gone, and comes back after a while.
    pub(crate) fn kill_hub(&mut self, down_ms: u64) -> Result<()> {
        self.sim.note(format_args!("the hub dies"));
        self.sim.hub_crashed = false;
        self.hub.process = None;
        self.hub.restart_ms = None;
        self.hub.paused_until_ms = 0;
        self.hub.start_ms = Some(self.sim.now_ms + down_ms);
        self.sim.net.hub_died(self.sim.now_ms);
        self.sim.store.process_died()
    }

    fn after_step(&mut self) -> Result<()> {
        if self.sim.hub_crashed {
            let down_ms = self.hub.down_ms;
            self.kill_hub(down_ms)?;
        }
        if self.sim.store.has_failed() {
            match self.hub.restart_ms {
                None => self.hub.restart_ms = Some(self.sim.now_ms + self.hub.down_ms),
                Some(at) if at <= self.sim.now_ms => self.kill_hub(0)?,
                Some(_) => {}
            }
        }
        Ok(())
    }
}

fn hub_wake_ms(hub: &mut HubHost, sim: &Sim) -> Option<u64> {
    let due = match &mut hub.process {
        Some(process) => process.wake_ms(sim),
        None => hub.start_ms,
    };
    let due = due.map(|at| at.max(hub.paused_until_ms));
    due.into_iter().chain(hub.restart_ms).min()
}

fn asleep_until_ms(hub: &HubHost, devices: &[Device], runners: &[Runner], who: Option<Who>) -> u64 {
    match who {
        None => hub.paused_until_ms,
        Some(Who::Device(number)) => devices[number].asleep_until_ms(),
        Some(Who::Runner(number)) => runners[number].asleep_until_ms(),
    }
}

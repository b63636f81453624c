//! What breaks.

use anyhow::Result;
use baton_protocol::{
    ClientFrame, EventBody, LogId, PartIndex, ProducerSeq, RunWrite, RunWriteEntry,
};

use crate::device::{newest, runs};
use crate::net::ToHub;
use crate::plan::{Fault, OnTheWay};
use crate::planted::Planted;
use crate::world::World;

impl World {
    pub(crate) fn suffer(&mut self, fault: &Fault) -> Result<()> {
        let now_ms = self.sim.now_ms;
        self.sim.note(format_args!("{fault:?}"));
        match *fault {
            Fault::Cut {
                who,
                after_frames,
                on_the_way,
            } => self
                .sim
                .net
                .break_after(who, after_frames, on_the_way, now_ms),
            Fault::LateHello { who } => {
                self.sim.net.delay_next_hello(who);
                self.sim
                    .net
                    .break_after(who, 0, OnTheWay::StillArrives, now_ms);
            }
            Fault::HalfOpen { who } => self.sim.net.half_open(who),
            Fault::NoNetwork { who, ms } => self.sim.net.block(who, now_ms + ms),
            Fault::Slow {
                who,
                latency_ms,
                ms,
            } => self.sim.net.slow(who, latency_ms, now_ms + ms),
            Fault::CrashHub { down_ms } => {
                if self.hub.process.is_some() {
                    self.kill_hub(down_ms)?;
                }
            }
            Fault::CrashHubAtCommit {
                commits,
                at,
                down_ms,
            } => {
                self.hub.down_ms = down_ms;
                self.sim.store.crash_at(commits, at);
            }
            Fault::PauseHub { ms } => self.hub.paused_until_ms = now_ms + ms,
            Fault::PutActorsAway => {
                if let Some(process) = &mut self.hub.process {
                    process.put_actors_away();
                }
            }
            Fault::ForgetQueues => {
                if let Some(process) = &mut self.hub.process {
                    process.forget_queues();
                }
            }
            Fault::HubClock { by_ms } => self.sim.hub_clock_ms += by_ms,
            Fault::WriteAgain { runner } => self.runners[runner].write_again(&mut self.sim),
            Fault::WriteLate { runner, pick } => self.write_late(runner, pick),
            _ => return self.suffer_elsewhere(fault),
        }
        Ok(())
    }

    /// Faults of devices, runners and the disk.
    fn suffer_elsewhere(&mut self, fault: &Fault) -> Result<()> {
        let now_ms = self.sim.now_ms;
        match *fault {
            Fault::CrashDevice {
                device,
                after_outputs,
                down_ms,
            } => self.devices[device].die_after(after_outputs, down_ms),
            Fault::PauseDevice { device, ms } => self.devices[device].pause(now_ms + ms),
            Fault::SleepDevice { device, ms } => self.devices[device].sleep(now_ms, ms),
            Fault::DeviceDiskFull { device, ms } => self.devices[device].disk_full(now_ms + ms),
            Fault::DeviceClock { device, by_ms } => self.devices[device].set_clock(by_ms),
            Fault::CrashRunner { runner, down_ms } => {
                self.runners[runner].die(&mut self.sim, down_ms);
            }
            Fault::PauseRunner { runner, ms } => self.runners[runner].pause(now_ms + ms),
            Fault::DiskFull { ms } => self.sim.store.full_until(now_ms + ms),
            Fault::RefuseAppends { count } => self.sim.store.refuse(count),
            Fault::FlushFails { recorded, down_ms } => {
                self.hub.down_ms = down_ms;
                self.sim.store.fail_next(recorded);
            }
            Fault::Seal => self.sim.store.seal(),
            Fault::Backup => self.back_up(),
            Fault::Restore { down_ms } => self.restore(down_ms)?,
            _ => {}
        }
        Ok(())
    }

    fn back_up(&mut self) {
        if self.sim.store.back_up() {
            self.sim.checker.backed_up();
        }
    }

    fn restore(&mut self, down_ms: u64) -> Result<()> {
        let keeps = self.sim.is_planted(Planted::RestoreKeepsIncarnation);
        if !self.sim.store.restore(keeps) {
            return Ok(());
        }
        self.kill_hub(down_ms)?;
        let store = &self.sim.store;
        self.sim.checker.restored(|log| {
            let head = store.head(log).ok().flatten();
            head.map(|head| head.incarnation)
        });
        Ok(())
    }

    /// A runner writes for a run that is over.
    fn write_late(&mut self, runner: usize, pick: u64) {
        let Some(line) = self.runners[runner].line() else {
            return;
        };
        for session in self.sim.cast.sessions.clone() {
            let log = LogId::Session(session);
            let mut over = runs(&self.sim, log);
            over.retain(|run| self.sim.checker.outcome(*run).is_some());
            let Some(run) = newest(&over, pick) else {
                continue;
            };
            let started = self.sim.checker.truth().log(log).and_then(|log| {
                log.events().iter().find_map(|event| match &event.body {
                    EventBody::RunStarted(body) if body.run == run => Some(body.epoch),
                    _ => None,
                })
            });
            let Some(epoch) = started else {
                continue;
            };
            let write = RunWrite::AppendText {
                part: PartIndex(0),
                offset: 0,
                text: "too late".to_owned(),
            };
            let entries = vec![RunWriteEntry {
                producer: ProducerSeq(1_000),
                write,
            }];
            let frame = ClientFrame::WriteRun {
                session,
                run,
                epoch,
                entries,
            };
            self.sim
                .net
                .send_up(line, self.sim.now_ms, ToHub::Frame(frame));
        }
    }
}

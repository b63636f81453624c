//! Saved states and history on their way into a device's mirror, as `device::catching_up` in the client.

use anyhow::Result;
use baton_client::sync::{Input, Snapshot};
use baton_client::{HistoryOutcome, SnapshotOutcome};
use baton_protocol::{Batch, Cursor, LogId};

use super::Device;
use super::driver::position;
use crate::sim::Sim;

impl Device {
    pub(super) fn apply_snapshot(&mut self, sim: &mut Sim, snapshot: &Snapshot) -> Result<()> {
        let (log, number) = (snapshot.log, self.number);
        let before = (snapshot.after.0 > 0).then_some(Cursor {
            incarnation: snapshot.incarnation,
            seq: snapshot.after,
        });
        if !self.can_write(sim) {
            self.mirror_failed(sim, log, before)?;
            return self.gap_moved(sim, log);
        }
        match self.mirror.apply_snapshot(snapshot)? {
            SnapshotOutcome::Applied => {
                sim.note(format_args!(
                    "device {number} has the state of {log} at {}",
                    snapshot.seq
                ));
                // Where it stands now is looked at as after a batch.
                let whole = Batch {
                    log,
                    incarnation: snapshot.incarnation,
                    after: snapshot.after,
                    upto: snapshot.seq,
                    head: snapshot.seq,
                    events: Vec::new(),
                };
                self.look(sim, &whole)?;
                let account = match log {
                    LogId::Account(_) => self.mirror.account(log)?,
                    LogId::Session(_) => None,
                };
                let (mut positions, mut deleted) = (Vec::new(), Vec::new());
                if let Some(account) = account {
                    positions.extend(account.sessions().iter().map(position));
                    deleted.extend(account.deleted());
                }
                self.feed_only(sim, Input::Deleted(deleted))?;
                self.feed_only(sim, Input::Summaries(positions))
            }
            SnapshotOutcome::Moved(cursor) => {
                self.gap_moved(sim, log)?;
                self.feed_only(sim, Input::MirrorMoved { log, cursor })
            }
            SnapshotOutcome::Unfit { stands_at } => {
                self.feed_only(sim, Input::SnapshotUnfit(log))?;
                self.gap_moved(sim, log)?;
                let cursor = stands_at;
                self.feed_only(sim, Input::MirrorMoved { log, cursor })
            }
        }
    }

    pub(super) fn apply_history(&mut self, sim: &mut Sim, batch: &Batch) -> Result<()> {
        let (log, number) = (batch.log, self.number);
        if !self.can_write(sim) {
            self.feed_only(sim, Input::HistoryUnwritten(log))?;
            return self.gap_moved(sim, log);
        }
        match self.mirror.apply_history(batch)? {
            HistoryOutcome::Applied => Ok(()),
            HistoryOutcome::Closed => {
                sim.note(format_args!("device {number} has all of {log}"));
                Ok(())
            }
            HistoryOutcome::Elsewhere(gap) => self.feed_only(sim, Input::GapMoved { log, gap }),
            HistoryOutcome::Dropped { reason } => {
                sim.checker.violated(format!(
                    "the history of {log} does not fit its saved state at device {number}: {reason}"
                ));
                sim.checker.dropped(number, log);
                self.feed_only(sim, Input::SnapshotUnfit(log))?;
                self.feed_only(sim, Input::MirrorMoved { log, cursor: None })
            }
        }
    }

    fn gap_moved(&mut self, sim: &Sim, log: LogId) -> Result<()> {
        let gap = self.mirror.gap(log)?;
        self.feed_only(sim, Input::GapMoved { log, gap })
    }

    /// Whether it has every log from its beginning.
    pub fn is_whole(&self) -> bool {
        self.mirror.gaps().is_ok_and(|gaps| gaps.is_empty())
    }
}

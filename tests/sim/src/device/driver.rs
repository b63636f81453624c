//! What the client's `device::driver` does: it feeds the engine, and does what the engine says, in its order.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use baton_client::sync::{
    Input, Now, Output, PendingIntent, Problem, SessionPosition, SyncConfig, SyncEngine,
};
use baton_client::{AppliedBatch, DirectMirror, OutboxEntry, OutboxState};
use baton_protocol::{
    AfterClose, Batch, ClientFrame, Command, CommandId, Cursor, ErrorBody, ErrorCode, EventBody,
    HubFrame, LogId, Receipt, ReceiptOutcome, SessionActivity, SessionId, SessionSummary,
};

use super::{Device, Process};
use crate::net::{LineId, ToClient, ToHub};
use crate::plan::Who;
use crate::planted::Planted;
use crate::rng::Rng;
use crate::sim::Sim;

impl Device {
    fn now(&self, sim: &Sim) -> Now {
        Now {
            mono_ms: sim.now_ms.saturating_sub(self.slept_ms),
            wall: sim.wall(self.clock_ms),
        }
    }

    /// Starts it from what is on its disk.
    fn start(&mut self, sim: &mut Sim) -> Result<()> {
        self.start_ms = None;
        self.starts += 1;
        let account = LogId::Account(sim.cast.account);
        let cursors = self.mirror.cursors()?;
        sim.checker.reopened(self.number, &cursors);
        let state = self.mirror.account(account)?;
        let sessions = state
            .iter()
            .flat_map(|state| state.sessions().iter().map(position));
        let sessions = sessions.collect();
        let deleted = state.iter().flat_map(|state| state.deleted());
        let deleted = deleted.copied().collect();
        let outbox = self.mirror.outbox()?;
        let stream = 1_000 + self.number as u64 * 100 + self.starts;
        let engine = SyncEngine::new(SyncConfig {
            account: sim.cast.account,
            seed: Rng::named(sim.seed, stream).next_u64(),
            cursors,
            gaps: self.mirror.gaps()?,
            sessions,
            deleted,
            intents: outbox.iter().filter_map(pending).collect(),
        });
        self.process = Some(Process {
            engine,
            outbox,
            line: None,
            unfoldable: BTreeSet::new(),
            looked_at: BTreeSet::new(),
            sent: BTreeSet::new(),
        });
        sim.note(format_args!("device {} starts", self.number));
        self.feed(sim, Input::Start)
    }

    /// The process is gone, and comes back after a while.
    pub fn die(&mut self, sim: &mut Sim, down_ms: u64) -> Result<()> {
        if self.process.take().is_none() {
            return Ok(());
        }
        sim.note(format_args!("device {} dies", self.number));
        sim.net.client_died(Who::Device(self.number), sim.now_ms);
        self.dies_after = None;
        self.start_ms = Some(sim.now_ms + down_ms);
        self.mirror.process_died()
    }

    /// Time has passed.
    pub fn tick(&mut self, sim: &mut Sim) -> Result<()> {
        if self.process.is_some() {
            return self.feed(sim, Input::Tick);
        }
        match self.start_ms {
            Some(at) if at <= sim.now_ms => self.start(sim),
            _ => Ok(()),
        }
    }

    /// Something arrived on a line.
    pub fn arrived(&mut self, sim: &mut Sim, line: LineId, what: ToClient) -> Result<()> {
        let Some(process) = self
            .process
            .as_mut()
            .filter(|process| process.line == Some(line))
        else {
            return Ok(());
        };
        let input = match what {
            ToClient::Opened => Input::Connected,
            ToClient::Frame(frame) => {
                if sim.is_planted(Planted::DeviceIgnoresAfter)
                    && let HubFrame::Batch(batch) = &frame
                {
                    return self.apply_anyhow(sim, batch);
                }
                Input::FrameReceived(Box::new(frame))
            }
            ToClient::Closed(why) => {
                process.line = None;
                Input::Disconnected(problem(why))
            }
        };
        self.feed(sim, input)
    }

    pub(super) fn feed(&mut self, sim: &mut Sim, input: Input) -> Result<()> {
        let now = self.now(sim);
        if let Some(process) = &mut self.process {
            process.engine.handle(now, input);
        }
        self.obey(sim)
    }

    fn obey(&mut self, sim: &mut Sim) -> Result<()> {
        while let Some(output) = self
            .process
            .as_mut()
            .and_then(|process| process.engine.next_output())
        {
            if let Some((outputs, down_ms)) = &mut self.dies_after {
                if *outputs == 0 {
                    let down_ms = *down_ms;
                    return self.die(sim, down_ms);
                }
                *outputs -= 1;
            }
            self.do_one(sim, output)?;
        }
        Ok(())
    }

    fn do_one(&mut self, sim: &mut Sim, output: Output) -> Result<()> {
        match output {
            Output::Connect => {
                self.close(sim);
                let line = sim.net.connect(Who::Device(self.number), sim.now_ms);
                sim.note(format_args!(
                    "device {} connects by line {line}",
                    self.number
                ));
                self.process_mut()?.line = Some(line);
            }
            Output::Close => self.close(sim),
            Output::Send(frame) => self.send(sim, frame),
            Output::MarkSent(commands) => self.mark_sent(sim, &commands)?,
            Output::ApplyBatch(batch) => self.apply(sim, &batch)?,
            Output::ApplySnapshot(snapshot) => self.apply_snapshot(sim, &snapshot)?,
            Output::ApplyHistory(batch) => self.apply_history(sim, &batch)?,
            Output::DropLog(log) => {
                if self.can_write(sim) {
                    self.mirror.drop_log(log)?;
                    sim.checker.dropped(self.number, log);
                } else {
                    self.feed_only(sim, Input::DropFailed(log))?;
                }
            }
            Output::StoreReceipt(receipt) => self.store_receipt(sim, &receipt)?,
            Output::RefuseIntent { command, error } => self.refuse(sim, command, &error)?,
            Output::Welcomed { .. }
            | Output::Presence(_)
            | Output::Connection(_)
            | Output::CaughtUp { .. } => {}
        }
        Ok(())
    }

    pub(super) fn process_mut(&mut self) -> Result<&mut Process> {
        match &mut self.process {
            Some(process) => Ok(process),
            None => bail!("a device that is not there does something"),
        }
    }

    fn close(&mut self, sim: &mut Sim) {
        let line = self
            .process
            .as_mut()
            .and_then(|process| process.line.take());
        if let Some(line) = line {
            sim.net.close_by_client(line, sim.now_ms);
        }
    }

    fn send(&mut self, sim: &mut Sim, frame: ClientFrame) {
        let frame = self.under_new_id(sim, frame);
        if let Some(line) = self.process.as_ref().and_then(|process| process.line) {
            if let ClientFrame::Command { command } = &frame {
                let kind = kind_of(command);
                sim.note(format_args!(
                    "device {} sends {kind} `{}`",
                    self.number, command.id
                ));
                self.forget_sent(sim, command);
            }
            sim.net.send_up(line, sim.now_ms, ToHub::Frame(frame));
        }
    }

    fn forget_sent(&mut self, sim: &Sim, command: &Command) {
        if sim.is_planted(Planted::DeviceForgetsSent) {
            let _ = self.mirror.remove(command.id);
        }
    }

    fn under_new_id(&mut self, sim: &mut Sim, mut frame: ClientFrame) -> ClientFrame {
        if sim.is_planted(Planted::DeviceSendsUnderNewId)
            && let ClientFrame::Command { command } = &mut frame
            && let Some(process) = &mut self.process
            && !process.sent.insert(command.id)
        {
            command.id = CommandId::from_uuid(sim.ids.uuid());
        }
        frame
    }

    fn lose_line(&mut self, sim: &mut Sim, what: &str) -> Result<()> {
        self.close(sim);
        let error = ErrorCode::HeartbeatMissed.with(what, "");
        self.feed_only(sim, Input::Disconnected(Problem::passing(error)))
    }

    /// Feeds while outputs are being done: they are done in their turn.
    pub(super) fn feed_only(&mut self, sim: &Sim, input: Input) -> Result<()> {
        let now = self.now(sim);
        self.process_mut()?.engine.handle(now, input);
        Ok(())
    }

    pub(super) fn can_write(&self, sim: &Sim) -> bool {
        sim.now_ms >= self.disk_full_until_ms
    }

    fn mark_sent(&mut self, sim: &mut Sim, commands: &[CommandId]) -> Result<()> {
        for entry in &mut self.process_mut()?.outbox {
            if commands.contains(&entry.command.id) {
                entry.state = OutboxState::Sent;
            }
        }
        if !self.can_write(sim) {
            return self.lose_line(sim, "the outbox cannot be written");
        }
        self.mirror.mark_sent(commands)
    }

    fn apply(&mut self, sim: &mut Sim, batch: &Batch) -> Result<()> {
        let log = batch.log;
        if !self.can_write(sim) {
            let before = (batch.after.0 > 0).then_some(Cursor {
                incarnation: batch.incarnation,
                seq: batch.after,
            });
            return self.mirror_failed(sim, log, before);
        }
        match self.mirror.apply(batch)? {
            AppliedBatch::Applied => {
                self.look(sim, batch)?;
                let deleted = deleted_in(batch);
                let mut positions = positions_in(batch);
                positions.retain(|position| !deleted.contains(&position.session));
                if !deleted.is_empty() && !sim.is_planted(Planted::DeviceKeepsDeleted) {
                    self.feed_only(sim, Input::Deleted(deleted))?;
                }
                if !positions.is_empty() {
                    self.feed_only(sim, Input::Summaries(positions))?;
                }
                Ok(())
            }
            AppliedBatch::Moved(cursor) => self.feed_only(sim, Input::MirrorMoved { log, cursor }),
            AppliedBatch::Dropped(reason) => {
                let number = self.number;
                sim.checker
                    .violated(format!("{log} does not fold at device {number}: {reason}"));
                sim.checker.dropped(number, log);
                if !self.process_mut()?.unfoldable.insert(log) {
                    self.feed_only(sim, Input::Quarantine(log))?;
                }
                self.feed_only(sim, Input::MirrorMoved { log, cursor: None })
            }
        }
    }

    pub(super) fn mirror_failed(
        &mut self,
        sim: &Sim,
        log: LogId,
        cursor: Option<Cursor>,
    ) -> Result<()> {
        self.feed_only(sim, Input::MirrorMoved { log, cursor })?;
        let error = ErrorCode::StorageUnavailable.with("the mirror cannot be written", "");
        self.feed_only(sim, Input::MirrorFailed(Problem::passing(error)))
    }

    fn apply_anyhow(&mut self, sim: &mut Sim, batch: &Batch) -> Result<()> {
        self.mirror.apply_anyhow(batch);
        self.look(sim, batch)
    }

    /// Lets the checker see where the mirror stands now.
    pub(super) fn look(&mut self, sim: &mut Sim, batch: &Batch) -> Result<()> {
        let upto = Cursor {
            incarnation: batch.incarnation,
            seq: batch.upto,
        };
        let (log, step) = (batch.log, (batch.after, upto));
        sim.note(format_args!(
            "device {} has {log} from {} to {}",
            self.number, batch.after, batch.upto
        ));
        match log {
            LogId::Session(session) => {
                if let Some(state) = self.mirror.session(session)? {
                    sim.checker.applied_session(self.number, log, step, &state);
                }
            }
            LogId::Account(_) => {
                if let Some(state) = self.mirror.account(log)? {
                    sim.checker.applied_account(self.number, log, step, &state);
                }
            }
        }
        Ok(())
    }

    fn keeps_refusal(&self, command: CommandId) -> bool {
        let outbox = self.process.iter().flat_map(|process| &process.outbox);
        let mut entries = outbox.filter(|entry| entry.command.id == command);
        entries.any(|entry| DirectMirror::keeps_refusal(&entry.command.body))
    }

    fn store_receipt(&mut self, sim: &mut Sim, receipt: &Receipt) -> Result<()> {
        let keeps = self.keeps_refusal(receipt.command);
        sim.note(format_args!(
            "device {} has the receipt of `{}`",
            self.number, receipt.command
        ));
        sim.checker.answered(receipt);
        if self.can_write(sim) {
            self.mirror.store_receipt(receipt, keeps)?;
        }
        match &receipt.outcome {
            ReceiptOutcome::Accepted { .. } => self.take_entry(receipt.command),
            ReceiptOutcome::Refused { error } => self.note_refusal(receipt.command, keeps, error),
        }
        Ok(())
    }

    fn refuse(&mut self, sim: &mut Sim, command: CommandId, error: &ErrorBody) -> Result<()> {
        let keeps = self.keeps_refusal(command);
        let (number, code) = (self.number, error.code.as_str());
        let tells_anyhow = sim.is_planted(Planted::DeviceTellsOfUnnotedRefusals);
        if !self.can_write(sim) && !tells_anyhow {
            return self.feed_only(sim, Input::RefusalUnnoted(command));
        }
        sim.note(format_args!("device {number} gives `{command}` up: {code}"));
        sim.checker.refused(command);
        if self.can_write(sim) {
            self.mirror.refuse(command, error, keeps)?;
        }
        self.feed_only(sim, Input::RefusalNoted(command))?;
        self.note_refusal(command, keeps, error);
        Ok(())
    }

    pub(super) fn take_entry(&mut self, command: CommandId) {
        if let Some(process) = &mut self.process {
            process.outbox.retain(|entry| entry.command.id != command);
        }
    }

    fn note_refusal(&mut self, command: CommandId, keeps: bool, error: &ErrorBody) {
        if !keeps {
            return self.take_entry(command);
        }
        let entries = self
            .process
            .iter_mut()
            .flat_map(|process| &mut process.outbox);
        for entry in entries.filter(|entry| entry.command.id == command) {
            entry.state = OutboxState::Refused(error.clone());
        }
    }
}

fn kind_of(command: &Command) -> String {
    let body = format!("{:?}", command.body);
    body.split(['(', ' ']).next().unwrap_or_default().to_owned()
}

fn problem(why: Option<ErrorBody>) -> Problem {
    let Some(error) = why else {
        let error = ErrorCode::HeartbeatMissed.with("the connection is gone", "");
        return Problem::passing(error);
    };
    match error.code.after_close() {
        AfterClose::StayAway => Problem::lasting(error),
        AfterClose::ConnectAgain | AfterClose::SetAside => Problem::passing(error),
    }
}

/// An outbox entry as the engine wants it; a refused one is nothing to it.
pub(super) fn pending(entry: &OutboxEntry) -> Option<PendingIntent> {
    Some(PendingIntent {
        command: entry.command.clone(),
        maybe_sent: match entry.state {
            OutboxState::Waiting => false,
            OutboxState::Sent => true,
            OutboxState::Refused(_) => return None,
        },
    })
}

pub(super) fn position((session, summary): (&SessionId, &SessionSummary)) -> SessionPosition {
    SessionPosition {
        session: *session,
        seq: summary.seq,
        running: matches!(summary.activity, SessionActivity::Running { .. }),
        updated_at: summary.updated_at,
    }
}

fn positions_in(batch: &Batch) -> Vec<SessionPosition> {
    let summarized = batch.events.iter().filter_map(|event| match &event.body {
        EventBody::SessionSummarized(body) => Some(position((&body.session, &body.summary))),
        _ => None,
    });
    summarized.collect()
}

fn deleted_in(batch: &Batch) -> Vec<SessionId> {
    let deleted = batch.events.iter().filter_map(|event| match &event.body {
        EventBody::SessionDeleted(body) => Some(body.session),
        _ => None,
    });
    deleted.collect()
}

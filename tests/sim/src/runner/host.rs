//! One runner: its process while there is one, its line, its calls.

use anyhow::{Result, bail};
use baton_protocol::{
    AfterClose, AgentDescription, AgentId, ClientFrame, ErrorBody, HubFrame, ProducerSeq, RunId,
    RunWrite, RunWriteEntry, RunnerHello, RunnerInstanceId, limits,
};
use baton_runner::limits::{RECONNECT_MS_MAX, RECONNECT_MS_MIN};
use baton_runner::provider::{ModelEvent, ModelRequest, ModelRole};
use baton_runner::{AgentSpec, Core, Effect, ModelOutput, Taken};

use super::calls::{Call, Script};
use crate::checker::Said;
use crate::device::AGENT;
use crate::net::{LineId, ToClient, ToHub};
use crate::plan::Who;
use crate::planted::Planted;
use crate::rng::Rng;
use crate::sim::Sim;

/// Characters of the context, small enough that long sessions go beyond it.
const CONTEXT_CHARS_MAX: usize = 2_000;

/// Bytes of sessions that it keeps: one or two short ones, so that they come and go.
const KEPT_BYTES_MAX: usize = 24 * 1024;

/// A runner that is linked.
pub struct Runner {
    number: usize,
    rng: Rng,
    /// Where models refuse at times: one seed in eight.
    refusals: Option<Rng>,
    process: Option<Process>,
    start_ms: Option<u64>,
    paused_until_ms: u64,
}

struct Process {
    core: Core,
    instance: RunnerInstanceId,
    line: Line,
    failures: u32,
    calls: Vec<Call>,
    /// For planted faults: how far the counts of each connection are off.
    connections: u64,
    /// What was written last on this connection.
    last_write: Option<ClientFrame>,
}

/// The connection to the hub.
#[derive(Clone, Copy, Debug)]
enum Line {
    Down {
        until_ms: u64,
    },
    Connecting {
        id: LineId,
        until_ms: u64,
    },
    Greeting {
        id: LineId,
        until_ms: u64,
    },
    Up {
        id: LineId,
        heard_ms: u64,
        beat_ms: u64,
    },
}

impl Line {
    fn id(&self) -> Option<LineId> {
        match self {
            Self::Down { .. } => None,
            Self::Connecting { id, .. } | Self::Greeting { id, .. } | Self::Up { id, .. } => {
                Some(*id)
            }
        }
    }

    fn wake_ms(&self) -> Option<u64> {
        match self {
            Self::Down { until_ms }
            | Self::Connecting { until_ms, .. }
            | Self::Greeting { until_ms, .. } => Some(*until_ms),
            Self::Up {
                heard_ms, beat_ms, ..
            } => Some((*heard_ms + limits::HEARTBEAT_TIMEOUT_MS).min(*beat_ms)),
        }
    }
}

fn description() -> AgentDescription {
    AgentDescription {
        id: AgentId(AGENT.to_owned()),
        name: "Assistant".to_owned(),
        model: "model".to_owned(),
        can_steer: true,
    }
}

fn agent() -> AgentSpec {
    AgentSpec {
        description: description(),
        system_prompt: "You are simulated.".to_owned(),
        context_chars_max: CONTEXT_CHARS_MAX,
    }
}

impl Runner {
    /// Started at once.
    pub fn new(sim: &Sim, number: usize) -> Self {
        Self {
            number,
            rng: Rng::named(sim.seed, 20_000 + number as u64),
            refusals: (sim.seed % 8 == 3).then(|| Rng::named(sim.seed, 30_000 + number as u64)),
            process: None,
            start_ms: Some(0),
            paused_until_ms: 0,
        }
    }

    /// Until when it takes nothing.
    pub fn asleep_until_ms(&self) -> u64 {
        self.paused_until_ms
    }

    /// When something is due.
    pub fn wake_ms(&self, sim: &Sim) -> Option<u64> {
        let Some(process) = &self.process else {
            return self.start_ms;
        };
        let core = process.core.wake_at().map(|at| {
            let after = at.saturating_duration_since(sim.base);
            // Rounded up: what is due within this millisecond is done in the next one.
            u64::try_from(after.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
        });
        let calls = process.calls.iter().filter_map(Call::next_ms);
        let due = calls.chain(core).chain(process.line.wake_ms()).min();
        due.map(|at| at.max(self.paused_until_ms))
    }

    /// It stands still until then.
    pub fn pause(&mut self, until_ms: u64) {
        self.paused_until_ms = self.paused_until_ms.max(until_ms);
    }

    /// Nothing is wrong with it from now on; one that is gone for good stays away.
    pub fn heal(&mut self, now_ms: u64) {
        self.paused_until_ms = self.paused_until_ms.min(now_ms);
        if let Some(at) = &mut self.start_ms {
            *at = (*at).min(now_ms);
        }
    }

    /// Whether it is there, or will be.
    pub fn is_alive(&self) -> bool {
        self.process.is_some() || self.start_ms.is_some()
    }

    /// Whether it is connected and asks nothing.
    pub fn is_quiet(&self) -> bool {
        let at_rest =
            |process: &Process| matches!(process.line, Line::Up { .. }) && process.calls.is_empty();
        !self.is_alive() || self.process.as_ref().is_some_and(at_rest)
    }

    fn start(&mut self, sim: &mut Sim) {
        self.start_ms = None;
        let instance = RunnerInstanceId::from_uuid(sim.ids.uuid());
        self.process = Some(Process {
            core: Core::new(instance, [agent()]).with_kept_bytes_max(KEPT_BYTES_MAX),
            instance,
            line: Line::Down {
                until_ms: sim.now_ms,
            },
            failures: 0,
            calls: Vec::new(),
            connections: 0,
            last_write: None,
        });
        sim.note(format_args!("runner {} starts", self.number));
    }

    /// The process is gone; absent: for good.
    pub fn die(&mut self, sim: &mut Sim, down_ms: Option<u64>) {
        sim.note(format_args!("runner {} dies", self.number));
        sim.net.client_died(Who::Runner(self.number), sim.now_ms);
        self.process = None;
        self.start_ms = down_ms.map(|ms| sim.now_ms + ms);
    }

    /// Time has passed.
    pub fn tick(&mut self, sim: &mut Sim) -> Result<()> {
        if self.process.is_none() {
            if self.start_ms.is_some_and(|at| at <= sim.now_ms) {
                self.start(sim);
            }
            return Ok(());
        }
        self.keep_line(sim)?;
        self.hear_models(sim)?;
        self.work(sim)
    }

    fn process_mut(&mut self) -> Result<&mut Process> {
        match &mut self.process {
            Some(process) => Ok(process),
            None => bail!("a runner that is not there does something"),
        }
    }

    fn keep_line(&mut self, sim: &mut Sim) -> Result<()> {
        let now_ms = sim.now_ms;
        let who = Who::Runner(self.number);
        let process = self.process_mut()?;
        match process.line {
            Line::Down { until_ms } if now_ms >= until_ms => {
                let id = sim.net.connect(who, now_ms);
                process.line = Line::Connecting {
                    id,
                    until_ms: now_ms + 10_000,
                };
                sim.note(format_args!("{who:?} connects by line {id}"));
            }
            Line::Connecting { id, until_ms } | Line::Greeting { id, until_ms }
                if now_ms >= until_ms =>
            {
                sim.net.close_by_client(id, now_ms);
                self.lost(sim)?;
            }
            Line::Up { id, heard_ms, .. } if now_ms >= heard_ms + limits::HEARTBEAT_TIMEOUT_MS => {
                sim.net.close_by_client(id, now_ms);
                self.lost(sim)?;
            }
            Line::Up {
                id,
                heard_ms,
                beat_ms,
            } if now_ms >= beat_ms => {
                // A run that is forgotten ends with its lease where the heartbeats leave it out: an older runner's named none.
                let is_old = sim.is_planted(Planted::RunnerForgetsReplacedLogs);
                let held = process.core.held_runs();
                let runs = (!is_old).then(|| held.collect());
                let beat = ToHub::Frame(ClientFrame::Heartbeat { runs });
                sim.net.send_up(id, now_ms, beat);
                process.line = Line::Up {
                    id,
                    heard_ms,
                    beat_ms: now_ms + limits::HEARTBEAT_INTERVAL_MS,
                };
            }
            _ => {}
        }
        Ok(())
    }

    /// The connection is gone, or an attempt failed: the line waits, longer with each failure.
    fn lost(&mut self, sim: &mut Sim) -> Result<()> {
        let full = |failures: u32| {
            let full = RECONNECT_MS_MIN.saturating_mul(1 << failures.min(16));
            full.min(RECONNECT_MS_MAX)
        };
        let chance = self.rng.below(1_000);
        let process = self.process_mut()?;
        let half = full(process.failures) / 2;
        process.failures += 1;
        process.line = Line::Down {
            until_ms: sim.now_ms + half + half * chance / 1_000,
        };
        process.core.disconnected();
        Ok(())
    }

    /// Something arrived on a line.
    pub fn arrived(&mut self, sim: &mut Sim, line: LineId, what: ToClient) -> Result<()> {
        let Some(process) = self
            .process
            .as_mut()
            .filter(|process| process.line.id() == Some(line))
        else {
            return Ok(());
        };
        match what {
            ToClient::Opened => {
                let hello = RunnerHello {
                    instance: process.instance,
                    agents: vec![description()],
                };
                let hello = ClientFrame::Hello {
                    protocol: limits::PROTOCOL_VERSION,
                    capabilities: Vec::new(),
                    runner: Some(hello),
                };
                process.line = Line::Greeting {
                    id: line,
                    until_ms: sim.now_ms + limits::HELLO_TIMEOUT_MS,
                };
                sim.net.send_up(line, sim.now_ms, ToHub::Frame(hello));
            }
            ToClient::Closed(why) => {
                self.closed(sim, why)?;
                if self.process.is_none() {
                    return Ok(());
                }
            }
            ToClient::Frame(frame) => self.frame(sim, line, frame)?,
        }
        self.work(sim)
    }

    fn closed(&mut self, sim: &mut Sim, why: Option<ErrorBody>) -> Result<()> {
        let is_final = why.is_some_and(|error| error.code.after_close() == AfterClose::StayAway);
        if !is_final {
            return self.lost(sim);
        }
        let number = self.number;
        sim.checker.violated(format!(
            "runner {number} is sent away, and is the newest one"
        ));
        self.die(sim, None);
        Ok(())
    }

    fn frame(&mut self, sim: &mut Sim, line: LineId, frame: HubFrame) -> Result<()> {
        let now = sim.instant();
        let process = self.process_mut()?;
        match (&process.line, &frame) {
            (Line::Greeting { .. }, HubFrame::Welcome { capabilities, .. }) => {
                process.failures = 0;
                process.connections += 1;
                process.line = Line::Up {
                    id: line,
                    heard_ms: sim.now_ms,
                    beat_ms: sim.now_ms,
                };
                process.core.hub_can(capabilities);
                process.core.connected(now);
                process.last_write = None;
                if sim.is_planted(Planted::RunnerAsksAgain) && process.connections > 1 {
                    for call in &process.calls {
                        sim.checker.model_called(call.run);
                    }
                }
            }
            (Line::Up { beat_ms, .. }, _) => {
                process.line = Line::Up {
                    id: line,
                    heard_ms: sim.now_ms,
                    beat_ms: *beat_ms,
                };
                process.core.frame(as_planted(sim, frame), now);
            }
            _ => {}
        }
        Ok(())
    }

    fn hear_models(&mut self, sim: &mut Sim) -> Result<()> {
        let now = sim.instant();
        let number = self.number;
        let process = self.process_mut()?;
        for call in &mut process.calls {
            while call.next_ms().is_some_and(|at| at <= sim.now_ms) {
                let Some(output) = call.next() else {
                    break;
                };
                let heard = heard(&output);
                let (id, run) = (call.id, call.run);
                let taken = process.core.model(id, output, now);
                if taken == Taken::Yes && call.is_dropped {
                    let what = "was taken after its call was dropped";
                    sim.checker
                        .violated(format!("runner {number}: text of run `{run}` {what}"));
                }
                if taken == Taken::Yes {
                    tell(sim, run, heard);
                }
            }
        }
        process.calls.retain(|call| !call.is_over(sim.now_ms));
        Ok(())
    }

    /// Does what the core wants, and sends what it has to say.
    fn work(&mut self, sim: &mut Sim) -> Result<()> {
        let (now, number) = (sim.instant(), self.number);
        self.process_mut()?.core.tick(now);
        self.apply_effects(sim)?;
        while let Line::Up { id, .. } = self.process_mut()?.line {
            let process = self.process_mut()?;
            let Some(frame) = process.core.next_frame(now) else {
                break;
            };
            let frame = count_anew(sim, frame, process.connections);
            note_frame(sim, number, &frame);
            if matches!(frame, ClientFrame::WriteRun { .. }) {
                process.last_write = may_come_again(&frame).then(|| frame.clone());
            }
            sim.net.send_up(id, sim.now_ms, ToHub::Frame(frame));
            self.apply_effects(sim)?;
        }
        Ok(())
    }

    fn apply_effects(&mut self, sim: &mut Sim) -> Result<()> {
        for effect in self.process_mut()?.core.take_effects() {
            match effect {
                Effect::Call {
                    call,
                    session,
                    run,
                    request,
                    ..
                } => {
                    let number = self.number;
                    sim.note(format_args!("runner {number} asks the model for run {run}"));
                    sim.checker.model_called(run);
                    check_request(sim, &request);
                    let asked = &request.messages;
                    sim.checker.context_holds((session, run), &agent(), asked);
                    let refusal = self
                        .refusals
                        .as_mut()
                        .and_then(|rng| Script::refuse(rng, sim.now_ms));
                    let script =
                        refusal.unwrap_or_else(|| Script::write(&mut self.rng, sim.now_ms));
                    self.process_mut()?.calls.push(Call::new(call, run, script));
                }
                Effect::Drop { call } => {
                    let calls = &mut self.process_mut()?.calls;
                    for known in calls.iter_mut().filter(|known| known.id == call) {
                        known.is_dropped = true;
                    }
                }
                Effect::Settled { .. } | Effect::Forgotten { .. } => {}
            }
        }
        Ok(())
    }

    /// What was written last on this line comes once more.
    pub fn write_again(&mut self, sim: &mut Sim) {
        let Some(line) = self.line() else {
            return;
        };
        let last = self
            .process
            .as_ref()
            .and_then(|process| process.last_write.clone());
        if let Some(frame) = last {
            note_frame(sim, self.number, &frame);
            sim.net.send_up(line, sim.now_ms, ToHub::Frame(frame));
        }
    }

    /// The line that it speaks on, for a frame that it never would send.
    pub fn line(&self) -> Option<LineId> {
        match self.process.as_ref()?.line {
            Line::Up { id, .. } => Some(id),
            _ => None,
        }
    }
}

/// What a piece says.
enum Heard {
    Text(Said, String),
    End(Result<(), String>),
    /// The call gave nothing, for this reason.
    Refusal(String),
    Nothing,
}

fn heard(output: &ModelOutput) -> Heard {
    match output {
        ModelOutput::Event(ModelEvent::Text(text)) => Heard::Text(Said::Text, text.clone()),
        ModelOutput::Event(ModelEvent::Reasoning(text)) => {
            Heard::Text(Said::Reasoning, text.clone())
        }
        ModelOutput::Event(ModelEvent::Done(_)) => Heard::End(Ok(())),
        ModelOutput::Event(ModelEvent::Usage(_)) => Heard::Nothing,
        ModelOutput::NotBegun { message, .. } => Heard::Refusal(message.clone()),
        ModelOutput::Failed(why) => Heard::End(Err(why.clone())),
    }
}

fn tell(sim: &mut Sim, run: RunId, heard: Heard) {
    match heard {
        Heard::Text(said, text) => sim.checker.model_said(run, said, &text),
        Heard::End(end) => sim.checker.model_ended(run, end),
        Heard::Refusal(why) => sim.checker.model_refused(run, why),
        Heard::Nothing => {}
    }
}

/// The model gets turns that begin and end with the person.
fn check_request(sim: &mut Sim, request: &ModelRequest) {
    let mut turns = request.messages.iter();
    let system = turns.next().map(|message| message.role);
    let roles: Vec<ModelRole> = turns.map(|message| message.role).collect();
    let take_turns = roles.chunks(2).all(|pair| {
        pair.first() == Some(&ModelRole::User)
            && pair.get(1).is_none_or(|role| *role == ModelRole::Assistant)
    });
    let holds =
        system == Some(ModelRole::System) && take_turns && roles.last() == Some(&ModelRole::User);
    if !holds {
        sim.checker.violated(format!(
            "the model is asked with turns {system:?} {roles:?}"
        ));
    }
}

/// A steer may be refused, and is taken back then: no runner would say it a second time on the same line.
fn may_come_again(frame: &ClientFrame) -> bool {
    let is_steer = |entry: &RunWriteEntry| matches!(entry.write, RunWrite::ConsumeSteer { .. });
    matches!(frame, ClientFrame::WriteRun { entries, .. } if !entries.iter().any(is_steer))
}

fn as_planted(sim: &Sim, frame: HubFrame) -> HubFrame {
    match frame {
        HubFrame::Missing { log, .. } if sim.is_planted(Planted::RunnerForgetsReplacedLogs) => {
            let incarnation = None;
            HubFrame::Missing { log, incarnation }
        }
        HubFrame::Batch(mut batch) if sim.is_planted(Planted::RunnerTakesBatchesForLogs) => {
            batch.head = batch.upto;
            HubFrame::Batch(batch)
        }
        frame => frame,
    }
}

fn count_anew(sim: &Sim, mut frame: ClientFrame, connections: u64) -> ClientFrame {
    if sim.is_planted(Planted::RunnerCountsAnew)
        && let ClientFrame::WriteRun { entries, .. } = &mut frame
    {
        for entry in entries {
            entry.producer = ProducerSeq(entry.producer.0 + connections - 1);
        }
    }
    frame
}

fn note_frame(sim: &mut Sim, number: usize, frame: &ClientFrame) {
    if let ClientFrame::WriteRun { run, entries, .. } = frame {
        let first = entries.first().map(|entry| entry.producer.0);
        let last = entries.last().map(|entry| entry.producer.0);
        sim.note(format_args!(
            "runner {number} writes {first:?} to {last:?} of run {run}"
        ));
    }
}

//! Connections: hello, frames, silence. As `connection` in the hub.

use std::collections::BTreeMap;

use baton_protocol::{
    ClientFrame, Command, ErrorBody, ErrorCode, HubFrame, LogId, Principal, RunnerHello, RunnerId,
    RunnerInstanceId, SessionId, limits,
};

use super::actor::{Request, refusal};
use super::deletion::deleted;
use super::process::{Process, refused_id};
use super::subscription::Subscription;
use crate::net::{LineId, ToClient, ToHub};
use crate::plan::Who;
use crate::planted::Planted;
use crate::sim::Sim;

/// A timer that fires this late was not late by itself: the hub did not run.
const HUB_AWAY_MS: u64 = 1_000;

/// One socket.
#[derive(Debug)]
pub(super) struct Connection {
    pub who: Who,
    /// Among all of this process: given before the client hears that the line is open, and so before it speaks.
    number: u64,
    opened_ms: u64,
    heard_ms: u64,
    /// Who it is, once it has said hello.
    caller: Option<Caller>,
    pub subscriptions: BTreeMap<LogId, Subscription>,
}

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub line: LineId,
    pub principal: Principal,
    pub instance: Option<RunnerInstanceId>,
}

impl Caller {
    /// The runner's id, for one that is a runner.
    pub fn runner(&self) -> Option<RunnerId> {
        match self.principal {
            Principal::Runner { runner, .. } => Some(runner),
            Principal::Device { .. } | Principal::Hub => None,
        }
    }
}

impl Connection {
    /// When silence ends it, or a subscription has its turn.
    pub fn wake_ms(&self) -> u64 {
        let hello = self.opened_ms + limits::HELLO_TIMEOUT_MS;
        let hello = if self.caller.is_none() {
            hello
        } else {
            u64::MAX
        };
        let silence = self.heard_ms + limits::HEARTBEAT_TIMEOUT_MS;
        let due = self.subscriptions.values().filter_map(|sub| sub.due_ms);
        due.min().unwrap_or(u64::MAX).min(hello).min(silence)
    }

    pub fn forget_queues(&mut self) {
        let at_ms = self.heard_ms;
        for subscription in self.subscriptions.values_mut() {
            subscription.forget_queue(at_ms);
        }
    }
}

impl Process {
    /// Something arrived on a line.
    pub fn arrived(&mut self, sim: &mut Sim, who: Who, line: LineId, what: ToHub) {
        match what {
            ToHub::Open => {
                self.shared.opened += 1;
                let connection = Connection {
                    who,
                    number: self.shared.opened,
                    opened_ms: sim.now_ms,
                    heard_ms: sim.now_ms,
                    caller: None,
                    subscriptions: BTreeMap::new(),
                };
                self.shared.connections.insert(line, connection);
                sim.net.send_down(line, sim.now_ms, ToClient::Opened);
            }
            ToHub::Closed => self.forget(line),
            ToHub::Frame(frame) => self.frame(sim, line, frame),
        }
    }

    fn forget(&mut self, line: LineId) {
        let connection = self.shared.connections.remove(&line);
        if let Some(runner) = connection.and_then(|gone| gone.caller?.runner()) {
            self.shared.directory.leave(runner, line);
        }
    }

    fn end(&mut self, sim: &mut Sim, line: LineId, why: ErrorBody) {
        sim.note(format_args!(
            "the hub ends line {line}: {}",
            why.code.as_str()
        ));
        self.forget(line);
        sim.net.close_by_hub(line, sim.now_ms, Some(why));
    }

    fn frame(&mut self, sim: &mut Sim, line: LineId, frame: ClientFrame) {
        let Some(connection) = self.shared.connections.get_mut(&line) else {
            return;
        };
        connection.heard_ms = sim.now_ms;
        let Some(caller) = connection.caller.clone() else {
            return self.hello(sim, line, frame);
        };
        if let (Some(runner), Some(instance)) = (caller.runner(), caller.instance) {
            self.shared.directory.heard(runner, instance, sim.now_ms);
        }
        match frame {
            ClientFrame::Hello { .. } => {
                let error = ErrorCode::MalformedFrame.with("hello came twice", "");
                self.end(sim, line, error);
            }
            ClientFrame::Attend { .. } => {}
            ClientFrame::Heartbeat { runs } => {
                if let (Some(runner), Some(runs)) = (caller.runner(), runs) {
                    self.shared.directory.named(runner, line, runs, sim.now_ms);
                }
                self.shared.send(sim, line, HubFrame::HeartbeatAck {});
            }
            ClientFrame::Subscribe {
                log,
                cursor,
                state_format,
                newest_chars,
            } => {
                let wish = (state_format, newest_chars);
                self.shared.subscribe(sim, line, (log, cursor), wish);
            }
            ClientFrame::ReadHistory {
                log,
                incarnation,
                after,
                upto,
            } => self
                .shared
                .read_history(sim, line, (log, incarnation), (after, upto)),
            ClientFrame::Unsubscribe { log } => {
                let connection = self.shared.connections.get_mut(&line);
                if let Some(connection) = connection {
                    connection.subscriptions.remove(&log);
                }
            }
            ClientFrame::Command { command } => self.command(sim, &caller, command),
            ClientFrame::ResumeRun {
                session,
                run,
                epoch,
            } => self.run_request(sim, &caller, session, Request::Resume { run, epoch }),
            ClientFrame::WriteRun {
                session,
                run,
                epoch,
                entries,
            } => {
                let request = Request::Write {
                    run,
                    epoch,
                    entries,
                };
                self.run_request(sim, &caller, session, request);
            }
            ClientFrame::ReportTeardown {
                session,
                run,
                tools_cancelled,
                still_running,
            } => {
                let request = Request::Teardown {
                    run,
                    tools_cancelled,
                    still_running,
                };
                self.run_request(sim, &caller, session, request);
            }
        }
    }

    fn hello(&mut self, sim: &mut Sim, line: LineId, frame: ClientFrame) {
        let ClientFrame::Hello { runner: hello, .. } = frame else {
            let error = ErrorCode::MalformedFrame.with("the first frame is not a hello", "");
            return self.end(sim, line, error);
        };
        let account = sim.cast.account;
        let connection = self.shared.connections.get_mut(&line);
        let connection = connection.expect("its caller looked");
        let number = connection.number;
        let principal = match connection.who {
            Who::Device(number) => Principal::Device {
                account,
                device: sim.cast.devices[number],
            },
            Who::Runner(number) => Principal::Runner {
                runner: sim.cast.runners[number],
                agent: None,
            },
        };
        connection.caller = Some(Caller {
            line,
            principal: principal.clone(),
            instance: hello.as_ref().map(|hello| hello.instance),
        });
        let welcome = HubFrame::Welcome {
            account,
            principal: principal.clone(),
            hub_name: "attic".to_owned(),
            capabilities: vec![limits::MODEL_RETRY_CAPABILITY.to_owned()],
            hub_time: None,
        };
        self.shared.send(sim, line, welcome);
        self.announce(sim);
        if let (Some(hello), Principal::Runner { runner, .. }) = (hello, principal) {
            self.runner_says_hello(sim, runner, hello, (line, number));
        }
    }

    fn runner_says_hello(
        &mut self,
        sim: &mut Sim,
        runner: RunnerId,
        hello: RunnerHello,
        (line, number): (LineId, u64),
    ) {
        let agents = hello.agents.clone();
        let takes_late_ones = sim.is_planted(Planted::HubTakesLateHellos)
            || sim.is_planted(Planted::HubSendsRunnersAway);
        let number = match takes_late_ones {
            true => u64::MAX,
            false => number,
        };
        let directory = &mut self.shared.directory;
        let ended = directory.arrive(runner, hello, (line, number), sim.now_ms);
        let goes_on = ended.as_ref().is_none_or(|ended| ended.line != line);
        if let Some(ended) = ended {
            let is_own = ended.same_instance;
            let may_come_back = is_own && !sim.is_planted(Planted::HubSendsRunnersAway);
            let code = match may_come_back {
                true => ErrorCode::HeartbeatMissed,
                false => ErrorCode::LeaseFenced,
            };
            if is_own && !code.is_retryable() {
                sim.checker
                    .violated("the hub sends a runner away for good for its own late hello");
            }
            let error = code.with("this runner has connected again", "");
            self.end(sim, ended.line, error);
        }
        if goes_on {
            let at_ms = sim.now_ms + sim.hub_rng.skewed(40);
            self.shared.arrivals.push((at_ms, runner, agents));
        }
    }

    fn announce(&mut self, sim: &mut Sim) {
        let here = self.shared.connections.iter();
        let here = here.filter_map(|(line, connection)| {
            let caller = connection.caller.as_ref()?;
            Some((*line, caller.principal.clone()))
        });
        let here: Vec<(LineId, Principal)> = here.collect();
        let connected: Vec<Principal> = here.iter().map(|(_, who)| who.clone()).collect();
        for (line, _) in here {
            let connected = connected.clone();
            self.shared
                .send(sim, line, HubFrame::Presence { connected });
        }
    }

    fn command(&mut self, sim: &mut Sim, caller: &Caller, command: Command) {
        let session = match command.log {
            LogId::Session(session) => session,
            LogId::Account(_) => {
                let frames = self
                    .account
                    .command(sim, &mut self.shared, caller, &command);
                return self.shared.answer(sim, caller.line, frames);
            }
        };
        if self.shared.deleted.contains(&session) {
            let frames = refusal(command.log, Some(command.id), deleted());
            return self.shared.answer(sim, caller.line, frames);
        }
        let creates = command.body.begins_session();
        let is_known = self.shared.owned.contains(&session) || self.is_live(session);
        if !creates && !is_known {
            let error = ErrorCode::SessionNotFound.with("there is no such session", "create it");
            let id = refused_id(caller, command.log, command.id);
            self.shared.refusals.insert(id, error.clone());
            let frames = refusal(command.log, Some(command.id), error);
            return self.shared.answer(sim, caller.line, frames);
        }
        self.request(sim, caller, session, Request::Command(command));
    }

    fn run_request(
        &mut self,
        sim: &mut Sim,
        caller: &Caller,
        session: SessionId,
        request: Request,
    ) {
        let is_known =
            self.shared.owned.contains(&session) || self.shared.deleted.contains(&session);
        if caller.instance.is_none() || !is_known {
            let error = ErrorCode::LogNotFound.with("there is no such log", "");
            let frames = refusal(LogId::Session(session), None, error);
            return self.shared.answer(sim, caller.line, frames);
        }
        self.request(sim, caller, session, request);
    }

    /// Ends connections that are silent, and gives subscriptions their turn.
    pub(super) fn tick_connections(&mut self, sim: &mut Sim) {
        let now_ms = sim.now_ms;
        let lines: Vec<LineId> = self.shared.connections.keys().copied().collect();
        for line in lines {
            let Some(connection) = self.shared.connections.get_mut(&line) else {
                continue;
            };
            let deadline = connection.heard_ms + limits::HEARTBEAT_TIMEOUT_MS;
            if now_ms >= deadline + HUB_AWAY_MS {
                connection.heard_ms = now_ms;
            } else if now_ms >= deadline {
                let error = ErrorCode::HeartbeatMissed.with("nothing was heard", "");
                self.end(sim, line, error);
                continue;
            }
            let is_greeted = connection.caller.is_some();
            if !is_greeted && now_ms >= connection.opened_ms + limits::HELLO_TIMEOUT_MS {
                let error = ErrorCode::HeartbeatMissed.with("no hello came", "");
                self.end(sim, line, error);
                continue;
            }
            let due = |sub: &Subscription| sub.due_ms.is_some_and(|at| at <= now_ms);
            let logs = connection.subscriptions.iter();
            let logs: Vec<LogId> = logs
                .filter(|(_, sub)| due(sub))
                .map(|(log, _)| *log)
                .collect();
            for log in logs {
                self.shared.pump(sim, line, log);
            }
        }
    }
}

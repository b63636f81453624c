//! Which runners there are, which instance of each, and when it was last heard: as `runners` in the hub.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use baton_hub::HostSign;
use baton_protocol::{
    AgentDescription, AgentId, RunId, RunnerHello, RunnerId, RunnerInstanceId, SessionId, limits,
};
use baton_session::ActiveRun;

use crate::net::LineId;

/// All runners.
#[derive(Debug, Default)]
pub struct Directory {
    seats: BTreeMap<RunnerId, Seat>,
}

#[derive(Debug)]
struct Seat {
    agents: Vec<AgentDescription>,
    instance: Option<Instance>,
    /// Sessions in which it has a run.
    sessions: BTreeSet<SessionId>,
}

#[derive(Debug)]
struct Instance {
    id: RunnerInstanceId,
    heard_ms: u64,
    line: Option<LineId>,
    /// The number of the newest connection that has said hello.
    newest: u64,
    told_ms: Option<u64>,
    named: BTreeMap<RunId, u64>,
}

/// What an arrival does to the older connection of the same runner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Replaced {
    /// The line that ends.
    pub line: LineId,
    /// Whether it was of the same start of the process.
    pub same_instance: bool,
}

impl Directory {
    /// What a runner offered when it last was there.
    pub fn remember(&mut self, runner: RunnerId, agents: Vec<AgentDescription>) {
        self.seats.entry(runner).or_insert(Seat {
            agents,
            instance: None,
            sessions: BTreeSet::new(),
        });
    }

    /// A runner is there. Gives the connection that ends: its older one, or this one, where its hello came late.
    pub fn arrive(
        &mut self,
        runner: RunnerId,
        hello: RunnerHello,
        (line, number): (LineId, u64),
        now_ms: u64,
    ) -> Option<Replaced> {
        let known = self.seats.get(&runner);
        let known = known.and_then(|seat| seat.instance.as_ref());
        if let Some(newer) = known.filter(|known| known.newest > number) {
            let same_instance = newer.id == hello.instance;
            return Some(Replaced {
                line,
                same_instance,
            });
        }
        let seat = self.seats.remove(&runner);
        let sessions = seat.as_ref().map(|seat| seat.sessions.clone());
        let before = seat.and_then(|seat| seat.instance);
        let replaced = before.as_ref().and_then(|instance| {
            instance.line.map(|line| Replaced {
                line,
                same_instance: instance.id == hello.instance,
            })
        });
        let (told_ms, named) = match before {
            Some(before) if before.id == hello.instance => (before.told_ms, before.named),
            _ => (None, BTreeMap::new()),
        };
        let instance = Instance {
            id: hello.instance,
            heard_ms: now_ms,
            line: Some(line),
            newest: number,
            told_ms,
            named,
        };
        self.seats.insert(
            runner,
            Seat {
                agents: hello.agents,
                instance: Some(instance),
                sessions: sessions.unwrap_or_default(),
            },
        );
        replaced
    }

    /// A connection is over. The instance keeps its leases.
    pub fn leave(&mut self, runner: RunnerId, line: LineId) {
        let seat = self.seats.get_mut(&runner);
        if let Some(instance) = seat.and_then(|seat| seat.instance.as_mut()) {
            instance.line.take_if(|held| *held == line);
        }
    }

    /// Something came from this instance, on whatever line.
    pub fn heard(&mut self, runner: RunnerId, instance: RunnerInstanceId, now_ms: u64) {
        let seat = self.seats.get_mut(&runner);
        if let Some(known) = seat.and_then(|seat| seat.instance.as_mut())
            && known.id == instance
        {
            known.heard_ms = known.heard_ms.max(now_ms);
        }
    }

    /// A heartbeat names the runs that a runner works for.
    pub fn named(&mut self, runner: RunnerId, line: LineId, runs: Vec<RunId>, now_ms: u64) {
        let seat = self.seats.get_mut(&runner);
        let instance = seat.and_then(|seat| seat.instance.as_mut());
        if let Some(instance) = instance.filter(|instance| instance.line == Some(line)) {
            instance.told_ms = Some(now_ms);
            instance
                .named
                .extend(runs.into_iter().map(|run| (run, now_ms)));
        }
    }

    /// A session has runs on no runner but these. Whether a runner that had no room has some now.
    pub fn release(&mut self, session: SessionId, hosts: impl Fn(RunnerId) -> bool) -> bool {
        let mut has_freed = false;
        for (runner, seat) in &mut self.seats {
            let was_full = seat.sessions.len() >= limits::SESSIONS_PER_RUNNER_MAX;
            has_freed |= !hosts(*runner) && seat.sessions.remove(&session) && was_full;
        }
        has_freed
    }

    /// A runner has a run in a session that began before this hub did.
    pub fn occupy(&mut self, runner: RunnerId, session: SessionId) {
        if let Some(seat) = self.seats.get_mut(&runner) {
            seat.sessions.insert(session);
        }
    }

    /// A connected runner that offers the agent and has room for a run in the session.
    pub fn choose(
        &mut self,
        session: SessionId,
        agent: &AgentId,
        wanted: Option<RunnerId>,
    ) -> Option<(RunnerId, RunnerInstanceId)> {
        self.seats.iter_mut().find_map(|(runner, seat)| {
            let instance = seat.instance.as_ref()?;
            let has_room = seat.sessions.len() < limits::SESSIONS_PER_RUNNER_MAX
                || seat.sessions.contains(&session);
            let fits = instance.line.is_some()
                && wanted.is_none_or(|wanted| wanted == *runner)
                && seat.agents.iter().any(|offered| offered.id == *agent);
            let chosen = (*runner, instance.id);
            (fits && has_room).then(|| {
                seat.sessions.insert(session);
                chosen
            })
        })
    }

    /// Whether the agent can be steered, as its runner last said.
    pub fn can_steer(&self, runner: RunnerId, agent: &AgentId) -> bool {
        let agents = self.seats.get(&runner).map_or(&[][..], |seat| &seat.agents);
        let mut agents = agents.iter();
        agents.any(|offered| offered.id == *agent && offered.can_steer)
    }

    /// What is known of a run's host.
    pub fn sign(&self, run: &ActiveRun, base: Instant) -> HostSign {
        let seat = self.seats.get(&run.runner);
        match seat.and_then(|seat| seat.instance.as_ref()) {
            None => HostSign::None,
            Some(instance) if instance.id == run.instance => instance.sign(run.run, base),
            Some(_) => HostSign::Gone,
        }
    }

    /// The connection that is told of a runner's runs.
    pub fn line(&self, runner: RunnerId) -> Option<LineId> {
        self.seats.get(&runner)?.instance.as_ref()?.line
    }
}

impl Instance {
    fn sign(&self, run: RunId, base: Instant) -> HostSign {
        let at = |ms| (base + Duration::from_millis(ms)).into();
        let named = self.named.get(&run).copied();
        match self.told_ms {
            Some(told) if named != Some(told) => HostSign::LeftOut {
                heard: at(self.heard_ms),
                told: at(told),
                named: named.map(at),
            },
            _ => HostSign::Heard(at(self.heard_ms)),
        }
    }
}

/// Sessions that somebody must look at when a runner comes.
pub type Attention = std::collections::BTreeSet<SessionId>;

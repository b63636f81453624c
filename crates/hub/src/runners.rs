//! The runners of all accounts: what they offer, which instance is connected, when it was last heard.
//!
//! Owns no run: a session's actor decides about its runs with what it finds here.
//!
//! **Invariant:** a runner has runs in at most [`limits::SESSIONS_PER_RUNNER_MAX`] sessions: it follows each of them, and its connection
//! follows a bounded number of logs.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use baton_protocol::{
    AccountId, AgentDescription, AgentId, ErrorBody, ErrorCode, RunId, RunnerHello, RunnerId,
    RunnerInstanceId, SessionId, limits,
};
use baton_session::ActiveRun;
use tokio::time::Instant;

use crate::connection_handle::ConnectionHandle;
use crate::frame_text::EncodedFrame;
use crate::leases::{HostSign, LastHeard};
use crate::presence::ConnectionId;

/// Every runner that has been linked and has offered something.
#[derive(Default)]
pub struct RunnerDirectory {
    seats: Mutex<BTreeMap<RunnerId, Seat>>,
}

struct Seat {
    account: AccountId,
    agents: Vec<AgentDescription>,
    instance: Option<Instance>,
    access: Access,
    /// Sessions in which it has a run, or is about to have one.
    sessions: HashSet<SessionId>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Given,
    TakenAway,
}

struct Instance {
    id: RunnerInstanceId,
    heard: Arc<LastHeard>,
    connection: Option<ConnectionHandle>,
    /// The newest connection that has said hello, whether it is still there or not.
    newest: ConnectionId,
    named: Named,
}

/// What the heartbeats of an instance name.
#[derive(Default)]
struct Named {
    /// When the newest one came that names runs; `None`: none did.
    told: Option<Instant>,
    /// When each run was last named, for [`NAMED_FOR`].
    runs: HashMap<RunId, Instant>,
}

/// How long it is known when a run was last named: many times a lease. A run that is on was named since, or is given up.
const NAMED_FOR: Duration = Duration::from_secs(600);

/// A runner that can take a run now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChosenRunner {
    /// Which.
    pub runner: RunnerId,
    /// Which start of it.
    pub instance: RunnerInstanceId,
}

impl RunnerDirectory {
    fn seats(&self) -> MutexGuard<'_, BTreeMap<RunnerId, Seat>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what a runner that is not connected offered when it last was.
    pub fn remember(&self, account: AccountId, runner: RunnerId, agents: Vec<AgentDescription>) {
        self.seats().entry(runner).or_insert(Seat {
            account,
            agents,
            instance: None,
            access: Access::Given,
            sessions: HashSet::new(),
        });
    }

    /// A runner is there. Its older connection, of the same instance or of another one, ends. None where it is the older one itself,
    /// whose hello came late: then it ends, and nothing else changes.
    pub fn arrive(
        &self,
        account: AccountId,
        runner: RunnerId,
        hello: RunnerHello,
        connection: ConnectionHandle,
    ) -> Option<Arc<LastHeard>> {
        let mut seats = self.seats();
        let known = seats.get(&runner).and_then(|seat| seat.instance.as_ref());
        if let Some(newer) = known.filter(|known| known.newest > connection.id()) {
            connection.end(replaced(Some(newer.id), hello.instance));
            return None;
        }
        let (before, sessions) = match seats.remove(&runner) {
            Some(seat) => (seat.instance, seat.sessions),
            None => (None, HashSet::new()),
        };
        if let Some(older) = before
            .as_ref()
            .and_then(|instance| instance.connection.as_ref())
        {
            older.end(replaced(
                before.as_ref().map(|instance| instance.id),
                hello.instance,
            ));
        }
        let (heard, named) = match before {
            Some(instance) if instance.id == hello.instance => (instance.heard, instance.named),
            _ => (Arc::new(LastHeard::now()), Named::default()),
        };
        heard.touch();
        let instance = Instance {
            id: hello.instance,
            heard: Arc::clone(&heard),
            newest: connection.id(),
            connection: Some(connection),
            named,
        };
        seats.insert(
            runner,
            Seat {
                account,
                agents: hello.agents,
                instance: Some(instance),
                access: Access::Given,
                sessions,
            },
        );
        Some(heard)
    }

    /// A connection is over. The instance keeps its leases.
    pub fn leave(&self, runner: RunnerId, connection: ConnectionId) {
        if let Some(instance) = self
            .seats()
            .get_mut(&runner)
            .and_then(|seat| seat.instance.as_mut())
        {
            instance.connection.take_if(|held| held.id() == connection);
        }
    }

    /// A runner lost its access: it is offered no run, and those that it has are lost.
    pub fn take_access(&self, account: AccountId, runner: RunnerId) {
        let seat = Seat {
            account,
            agents: Vec::new(),
            instance: None,
            access: Access::TakenAway,
            sessions: HashSet::new(),
        };
        self.seats().insert(runner, seat);
    }

    /// A heartbeat names the runs that a runner works for.
    pub fn named(&self, runner: RunnerId, connection: ConnectionId, runs: Vec<RunId>) {
        let mut seats = self.seats();
        let instance = seats
            .get_mut(&runner)
            .and_then(|seat| seat.instance.as_mut());
        if let Some(instance) = instance.filter(|instance| instance.newest == connection) {
            let now = Instant::now();
            instance.named.told = Some(now);
            let is_recent = |at: &Instant| now.duration_since(*at) < NAMED_FOR;
            instance.named.runs.retain(|_, at| is_recent(at));
            let named = runs.into_iter().map(|run| (run, now));
            instance.named.runs.extend(named);
        }
    }

    /// A connected runner of the account that offers the agent and has room for a run in this session; the wanted one where one is wanted.
    /// Its place is kept for the session until [`Self::release`].
    pub fn choose(
        &self,
        account: AccountId,
        session: SessionId,
        agent: &AgentId,
        wanted: Option<RunnerId>,
    ) -> Option<ChosenRunner> {
        self.seats().iter_mut().find_map(|(runner, seat)| {
            let instance = seat
                .instance
                .as_ref()
                .filter(|instance| instance.connection.is_some())?;
            let has_room = seat.sessions.len() < limits::SESSIONS_PER_RUNNER_MAX
                || seat.sessions.contains(&session);
            let fits = seat.account == account
                && wanted.is_none_or(|wanted| wanted == *runner)
                && seat.agents.iter().any(|offered| offered.id == *agent);
            let chosen = ChosenRunner {
                runner: *runner,
                instance: instance.id,
            };
            (fits && has_room).then(|| {
                seat.sessions.insert(session);
                chosen
            })
        })
    }

    /// A runner has a run in a session: one that began before this hub did.
    pub fn occupy(&self, runner: RunnerId, session: SessionId) {
        if let Some(seat) = self.seats().get_mut(&runner) {
            seat.sessions.insert(session);
        }
    }

    /// A session has runs on no runner but these. Gives the runners that had no room and have some now.
    pub fn release(&self, session: SessionId, hosts: impl Fn(RunnerId) -> bool) -> Vec<RunnerId> {
        let mut freed = Vec::new();
        for (runner, seat) in self.seats().iter_mut() {
            let was_full = seat.sessions.len() >= limits::SESSIONS_PER_RUNNER_MAX;
            if !hosts(*runner) && seat.sessions.remove(&session) && was_full {
                freed.push(*runner);
            }
        }
        freed
    }

    /// Whether an agent can be steered, as its runner last said.
    pub fn can_steer(&self, runner: RunnerId, agent: &AgentId) -> bool {
        let seats = self.seats();
        let agents = seats.get(&runner).map_or(&[][..], |seat| &seat.agents);
        agents
            .iter()
            .any(|offered| offered.id == *agent && offered.can_steer)
    }

    /// What is known of a run's host.
    pub fn sign(&self, run: &ActiveRun) -> HostSign {
        let seats = self.seats();
        let Some(seat) = seats.get(&run.runner) else {
            return HostSign::None;
        };
        match &seat.instance {
            _ if seat.access == Access::TakenAway => HostSign::Gone,
            None => HostSign::None,
            Some(instance) if instance.id == run.instance => instance.sign(run.run),
            Some(_) => HostSign::Gone,
        }
    }

    /// Tells a runner's connection of its run, where there is one. Never waits.
    pub fn assign(&self, runner: RunnerId, run: RunId, frame: EncodedFrame) {
        let seats = self.seats();
        let instance = seats.get(&runner).and_then(|seat| seat.instance.as_ref());
        if let Some(connection) = instance.and_then(|instance| instance.connection.as_ref()) {
            connection.assign(run, frame);
        }
    }
}

impl Instance {
    fn sign(&self, run: RunId) -> HostSign {
        let heard = self.heard.at();
        let named = self.named.runs.get(&run).copied();
        match self.named.told {
            Some(told) if named != Some(told) => HostSign::LeftOut { heard, told, named },
            _ => HostSign::Heard(heard),
        }
    }
}

/// Why an older connection of a runner ends. Another process with its token sends the older one away for good; the same process may
/// come back.
fn replaced(before: Option<RunnerInstanceId>, now: RunnerInstanceId) -> ErrorBody {
    if before == Some(now) {
        return ErrorCode::HeartbeatMissed.with(
            "this runner has connected again",
            "connect again if this is the newest connection",
        );
    }
    ErrorCode::LeaseFenced.with(
        "this runner has connected again elsewhere",
        "run one process with a token",
    )
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::connection_handle::{Assignments, Ending};

    struct Scene {
        directory: RunnerDirectory,
        account: AccountId,
        runner: RunnerId,
    }

    impl Scene {
        fn new() -> Self {
            Self {
                directory: RunnerDirectory::default(),
                account: AccountId::mint(),
                runner: RunnerId::mint(),
            }
        }

        /// Says hello on a connection. Gives its end.
        fn hello(&self, connection: u64, instance: RunnerInstanceId) -> Ending {
            let (assignments, ending) = (Arc::new(Assignments::default()), Ending::default());
            let id = ConnectionId(connection);
            let handle = ConnectionHandle::new(id, assignments, ending.clone());
            let agent = AgentDescription {
                id: AgentId("assistant".to_owned()),
                name: "Assistant".to_owned(),
                model: "none".to_owned(),
                can_steer: true,
            };
            let hello = RunnerHello {
                instance,
                agents: vec![agent],
            };
            self.directory
                .arrive(self.account, self.runner, hello, handle);
            ending
        }

        fn chosen(&self) -> Option<RunnerInstanceId> {
            let agent = AgentId("assistant".to_owned());
            let session = SessionId::mint();
            let chosen = self.directory.choose(self.account, session, &agent, None);
            chosen.map(|chosen| chosen.instance)
        }
    }

    fn reason(ending: &Ending) -> Option<ErrorCode> {
        ending.decided().now_or_never().map(|reason| reason.code)
    }

    /// A runner connects twice. Why its first connection ends.
    fn first_ends(instances: [RunnerInstanceId; 2]) -> ErrorCode {
        let scene = Scene::new();
        let first = scene.hello(0, instances[0]);
        scene.hello(1, instances[1]);
        reason(&first).expect("it is decided")
    }

    #[test]
    fn the_same_process_may_come_back_and_another_one_takes_its_place_for_good() {
        let (one, other) = (RunnerInstanceId::mint(), RunnerInstanceId::mint());
        assert!(first_ends([one, one]).is_retryable());
        assert_eq!(first_ends([one, other]), ErrorCode::LeaseFenced);
    }

    #[test]
    fn the_late_hello_of_an_earlier_process_sends_itself_away_and_nobody_else() {
        let (earlier, later) = (RunnerInstanceId::mint(), RunnerInstanceId::mint());
        let scene = Scene::new();
        let newest = scene.hello(1, later);
        let late = scene.hello(0, earlier);
        assert_eq!(reason(&late), Some(ErrorCode::LeaseFenced));
        assert_eq!(reason(&newest), None);
        assert_eq!(scene.chosen(), Some(later));
        // Nor does it take the place of one that is between two connections.
        scene.directory.leave(scene.runner, ConnectionId(1));
        scene.hello(0, earlier);
        assert_eq!(scene.chosen(), None);
        scene.hello(2, later);
        assert_eq!(scene.chosen(), Some(later));
    }

    #[test]
    fn a_runner_that_is_full_takes_no_further_session_until_one_is_over() {
        let scene = Scene::new();
        scene.hello(0, RunnerInstanceId::mint());
        let agent = AgentId("assistant".to_owned());
        let choose = |session| {
            let chosen = scene.directory.choose(scene.account, session, &agent, None);
            chosen.is_some()
        };
        let sessions: Vec<SessionId> = (0..limits::SESSIONS_PER_RUNNER_MAX)
            .map(|_| SessionId::mint())
            .collect();
        assert!(sessions.iter().all(|session| choose(*session)));
        let waits = SessionId::mint();
        assert!(!choose(waits), "it is full");
        assert!(choose(sessions[0]), "but goes on where it is");
        let freed = scene.directory.release(sessions[0], |_| false);
        assert_eq!(freed, [scene.runner]);
        assert!(choose(waits));
    }
}

//! The runners of all accounts: what they offer, which instance is connected, when it was last heard.
//!
//! Owns no run: a session's actor decides about its runs with what it finds here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use baton_protocol::{
    AccountId, AgentDescription, AgentId, ErrorBody, ErrorCode, RunId, RunnerHello, RunnerId,
    RunnerInstanceId,
};
use baton_session::ActiveRun;

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
}

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
        let before = seats.remove(&runner).and_then(|seat| seat.instance);
        if let Some(older) = before
            .as_ref()
            .and_then(|instance| instance.connection.as_ref())
        {
            older.end(replaced(
                before.as_ref().map(|instance| instance.id),
                hello.instance,
            ));
        }
        let heard = match before {
            Some(instance) if instance.id == hello.instance => instance.heard,
            _ => Arc::new(LastHeard::now()),
        };
        heard.touch();
        let instance = Instance {
            id: hello.instance,
            heard: Arc::clone(&heard),
            newest: connection.id(),
            connection: Some(connection),
        };
        seats.insert(
            runner,
            Seat {
                account,
                agents: hello.agents,
                instance: Some(instance),
                access: Access::Given,
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
        };
        self.seats().insert(runner, seat);
    }

    /// A connected runner of the account that offers the agent; the wanted one where one is wanted.
    pub fn choose(
        &self,
        account: AccountId,
        agent: &AgentId,
        wanted: Option<RunnerId>,
    ) -> Option<ChosenRunner> {
        self.seats().iter().find_map(|(runner, seat)| {
            let instance = seat
                .instance
                .as_ref()
                .filter(|instance| instance.connection.is_some())?;
            let fits = seat.account == account
                && wanted.is_none_or(|wanted| wanted == *runner)
                && seat.agents.iter().any(|offered| offered.id == *agent);
            fits.then_some(ChosenRunner {
                runner: *runner,
                instance: instance.id,
            })
        })
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
            Some(instance) if instance.id == run.instance => HostSign::Heard(instance.heard.at()),
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
            let chosen = self.directory.choose(self.account, &agent, None);
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
}

//! Actors that end at the wrong moment.

use std::time::Duration;

use baton_log::{MemoryEventLog, ReadLimit};
use baton_protocol::{
    AgentDescription, AgentId, Command, CommandBody, CommandId, CreateSessionCommand, Delivery,
    DeviceId, EventBody, LogId, Principal, Role, RunOutcome, RunnerHello, RunnerInstanceId,
    SendPromptCommand, Seq,
};

use super::*;
use crate::clock::SystemClock;
use crate::config::HubOptions;
use crate::connection_handle::{Assignments, ConnectionHandle, Ending};
use crate::core::CoreParts;
use crate::credentials::{CredentialStore, Credentials};
use crate::data_dir::DataDirClaim;
use crate::feed::Listener;
use crate::frame_text::EncodedBatch;
use crate::presence::ConnectionId;

const PATIENCE: Duration = Duration::from_secs(20);

fn core(dir: &std::path::Path, options: HubOptions) -> Arc<HubCore> {
    let store = CredentialStore::open(dir, baton_protocol::TimestampMs(0)).unwrap();
    HubCore::new(CoreParts {
        name: "test hub".into(),
        options,
        log: Arc::new(MemoryEventLog::new()),
        clock: Arc::new(SystemClock),
        credentials: Credentials::new(store),
        claim: DataDirClaim::take(dir).unwrap(),
    })
}

fn device(account: AccountId) -> Caller {
    Caller {
        account,
        principal: Principal::Device {
            account,
            device: DeviceId::mint(),
        },
        role: Role::Device,
        instance: None,
        connection: ConnectionId(1),
        grant: crate::grants::tests::any(),
    }
}

/// A runner that is connected and never says anything.
fn silent_runner(core: &HubCore, account: AccountId) {
    let agent = AgentDescription {
        id: AgentId("assistant".into()),
        name: "Assistant".into(),
        model: "fake".into(),
        can_steer: true,
    };
    let hello = RunnerHello {
        instance: RunnerInstanceId::mint(),
        agents: vec![agent],
    };
    let handle = ConnectionHandle::new(
        ConnectionId(2),
        Arc::new(Assignments::default()),
        Ending::default(),
    );
    core.runners
        .arrive(account, RunnerId::mint(), hello, handle);
}

fn command(session: SessionId, body: CommandBody) -> SessionRequest {
    SessionRequest::Command(Command {
        only_if: None,
        id: CommandId::mint(),
        log: LogId::Session(session),
        body,
    })
}

fn create() -> CommandBody {
    CommandBody::CreateSession(CreateSessionCommand {
        agent: AgentId("assistant".into()),
        runner: None,
        title: None,
    })
}

fn prompt() -> CommandBody {
    CommandBody::SendPrompt(SendPromptCommand {
        run: None,
        text: "hello?".into(),
        delivery: Delivery::Queue,
    })
}

/// Rings when something was recorded.
#[derive(Default)]
struct Bell(tokio::sync::Notify);

impl Listener for Bell {
    fn hear(&self, _: &EncodedBatch) {
        self.0.notify_one();
    }

    fn log_is_gone(&self) {}
}

/// Returns when a run of the session ended as lost.
async fn until_lost(core: &HubCore, session: SessionId) {
    let log = LogId::Session(session);
    let feed = core.feeds.open(log);
    let bell = Arc::new(Bell::default());
    feed.listen(Arc::clone(&bell) as _).unwrap();
    let mut after = Seq::ZERO;
    loop {
        let batch = core
            .log
            .read(log, after, ReadLimit::default())
            .await
            .unwrap();
        after = batch.upto;
        let is_lost = batch.events.iter().any(|event| {
            matches!(&event.body, EventBody::RunEnded(ended) if ended.outcome == RunOutcome::Lost)
        });
        if is_lost {
            return;
        }
        if batch.upto == batch.head {
            bell.0.notified().await;
        }
    }
}

#[tokio::test]
async fn a_run_that_began_while_its_actor_was_put_away_is_watched() {
    let dir = tempfile::tempdir().unwrap();
    let lease = Duration::from_millis(100);
    let core = core(
        dir.path(),
        HubOptions {
            lease,
            ..HubOptions::default()
        },
    );
    let account = AccountId::mint();
    let caller = device(account);
    silent_runner(&core, account);
    let sessions: Vec<SessionId> = (0..16).map(|_| SessionId::mint()).collect();
    for session in &sessions {
        let answer =
            SessionActors::request(&core, caller.clone(), *session, command(*session, create()));
        answer.await.await.unwrap();
    }
    // One thread: no actor looks before both are there, and each takes one of them first by chance.
    for session in &sessions {
        let (answer, _) = oneshot::channel();
        let pending = PendingRequest {
            caller: caller.clone(),
            request: command(*session, prompt()),
            arrived: Instant::now(),
            answer,
        };
        let actor = SessionActors::live(&core, *session);
        actor
            .mailbox
            .try_send(SessionMessage::Request(Box::new(pending)))
            .unwrap();
    }
    core.sessions.crowded.send_replace(());
    let all_lost =
        futures::future::join_all(sessions.iter().map(|session| until_lost(&core, *session)));
    tokio::time::timeout(PATIENCE, all_lost)
        .await
        .expect("every run is watched");
}

//! A hub in a temporary directory, and the ways into it.

use std::sync::Arc;
use std::time::Duration;

use baton_hub::{Clock, Hub, HubConfig, HubOptions, RunningHub, SystemClock, Tls};
use baton_log::{EventLog, MemoryEventLog};
use baton_log_sqlite::SqliteEventLog;
use baton_protocol::{
    AgentDescription, AgentId, LinkResponse, LogId, Role, RunnerHello, RunnerInstanceId, SessionId,
};

use crate::client::Client;
use crate::http;

/// Longer than anything takes that works.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// On which log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Backend {
    Memory,
    Sqlite,
}

/// Runs a test once for each backend.
macro_rules! on_each_log {
    ($($(#[$attribute:meta])* async fn $name:ident($world:ident: World) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn check(backend: $crate::world::Backend) {
                #[allow(unused_mut)]
                let mut $world = $crate::world::World::start(backend).await;
                $body
            }

            $(#[$attribute])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_memory() {
                check($crate::world::Backend::Memory).await;
            }

            $(#[$attribute])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                check($crate::world::Backend::Sqlite).await;
            }
        }
    )*};
}
pub(crate) use on_each_log;

/// A hub and what it stands on.
pub struct World {
    pub dir: tempfile::TempDir,
    pub log: Option<Arc<dyn EventLog>>,
    pub hub: Option<RunningHub>,
    pub backend: Backend,
    pub options: HubOptions,
}

impl World {
    pub async fn start(backend: Backend) -> Self {
        Self::start_with(backend, HubOptions::default()).await
    }

    pub async fn start_with(backend: Backend, options: HubOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut world = Self {
            dir,
            log: None,
            hub: None,
            backend,
            options,
        };
        world.open().await;
        world
    }

    /// Over a log and a clock of the test's own. Such a world is not started again.
    pub async fn over(options: HubOptions, log: Arc<dyn EventLog>, clock: Arc<dyn Clock>) -> Self {
        let mut world = Self {
            dir: tempfile::tempdir().unwrap(),
            log: None,
            hub: None,
            backend: Backend::Memory,
            options: options.clone(),
        };
        let hub = Hub::start_with(world.config(), options, log, clock).await;
        world.hub = Some(hub.unwrap());
        world
    }

    pub fn config(&self) -> HubConfig {
        HubConfig {
            name: "test hub".into(),
            data_dir: self.dir.path().to_owned(),
            listen: "127.0.0.1:0".parse().unwrap(),
            tls: Tls::Plain,
        }
    }

    pub fn open_log(&mut self) -> Arc<dyn EventLog> {
        let log: Arc<dyn EventLog> = match (self.backend, self.log.take()) {
            (Backend::Memory, Some(log)) => log,
            (Backend::Memory, None) => Arc::new(MemoryEventLog::new()),
            // The old one is closed by now.
            (Backend::Sqlite, _) => {
                Arc::new(SqliteEventLog::open(&self.dir.path().join("log")).unwrap())
            }
        };
        if self.backend == Backend::Memory {
            self.log = Some(Arc::clone(&log));
        }
        log
    }

    async fn open(&mut self) {
        let log = self.open_log();
        let hub = Hub::start_with(
            self.config(),
            self.options.clone(),
            log,
            Arc::new(SystemClock),
        )
        .await
        .unwrap();
        self.hub = Some(hub);
    }

    /// A clean stop and a start on the same data.
    pub async fn restart(&mut self) {
        self.hub.take().unwrap().stop().await;
        self.open().await;
    }

    /// A start after a hub that ended without a goodbye.
    pub async fn crash_and_start(&mut self) {
        drop(self.hub.take());
        // Its tasks let go of the directory and of the log in a moment.
        let let_go = async {
            while baton_hub::DataDirClaim::take(self.dir.path()).is_err()
                || (self.backend == Backend::Sqlite
                    && SqliteEventLog::open(&self.dir.path().join("log")).is_err())
            {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, let_go).await.unwrap();
        self.open().await;
    }

    pub fn hub(&self) -> &RunningHub {
        self.hub.as_ref().unwrap()
    }

    pub async fn link(&self, role: Role, name: &str) -> LinkResponse {
        let code = self
            .hub()
            .link_code(role, self.hub().account())
            .await
            .unwrap();
        let (status, body) = http::link(self.hub(), &code.secret, name).await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// A linked device with an open connection.
    pub async fn device(&self, name: &str) -> Client {
        let linked = self.link(Role::Device, name).await;
        Client::device(self.hub(), &linked.token).await
    }

    /// A linked runner with an open connection, and what it needs to come back.
    pub async fn runner(&self) -> (Client, Runner) {
        let linked = self.link(Role::Runner, "Runner").await;
        let runner = Runner {
            linked,
            instance: RunnerInstanceId::mint(),
        };
        (runner.connect(self.hub()).await, runner)
    }

    pub fn account_log(&self) -> LogId {
        LogId::Account(self.hub().account())
    }
}

/// A runner between its connections.
pub struct Runner {
    pub linked: LinkResponse,
    pub instance: RunnerInstanceId,
}

impl Runner {
    pub async fn connect(&self, hub: &RunningHub) -> Client {
        Client::runner(hub, &self.linked.token, hello(self.instance)).await
    }
}

/// One agent, "Assistant".
pub fn hello(instance: RunnerInstanceId) -> RunnerHello {
    let agent = AgentDescription {
        id: agent(),
        name: "Assistant".into(),
        model: "fake".into(),
        can_steer: true,
    };
    RunnerHello {
        instance,
        agents: vec![agent],
    }
}

pub fn agent() -> AgentId {
    AgentId("assistant".into())
}

pub fn new_session() -> LogId {
    LogId::Session(SessionId::mint())
}

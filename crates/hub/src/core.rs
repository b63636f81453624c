//! What the edge, the connections and the actors of one hub share.

use std::sync::Arc;

use baton_log::EventLog;
use baton_protocol::{AccountId, LogId};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::actor::{AccountActors, Attention, SessionActors};
use crate::authorize::SessionOwners;
use crate::clock::Clock;
use crate::config::HubOptions;
use crate::credentials::Credentials;
use crate::data_dir::DataDirClaim;
use crate::feed::Feeds;
use crate::forks::Forks;
use crate::grants::Grants;
use crate::looking::Looking;
use crate::measures::Measures;
use crate::presence::Presence;
use crate::pulls::Pulls;
use crate::refusals::Refusals;
use crate::runners::RunnerDirectory;
use crate::standing::StandingApprovals;
use crate::storage_health::StorageHealth;
use crate::tasks::Tasks;

/// One hub's shared parts.
pub struct HubCore {
    /// The hub's name for people.
    pub name: String,
    /// What is seldom changed.
    pub options: HubOptions,
    /// The logs.
    pub log: Arc<dyn EventLog>,
    /// What was said of the storage.
    pub storage: Arc<StorageHealth>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Commands that were refused without a receipt.
    pub refusals: Refusals,
    /// Who may come in.
    pub credentials: Credentials,
    /// The rights of open connections.
    pub grants: Grants,
    /// Whose session is whose.
    pub owners: SessionOwners,
    /// Live ends of logs.
    pub feeds: Feeds,
    /// Batches that were just read from logs.
    pub pulls: Pulls,
    /// Runners.
    pub runners: RunnerDirectory,
    /// Who is connected.
    pub presence: Presence,
    /// What people do at their devices.
    pub looking: Looking,
    /// Actors of sessions.
    pub sessions: SessionActors,
    /// Actors of accounts.
    pub accounts: AccountActors,
    /// What needs no further word of a person.
    pub standing: StandingApprovals,
    /// Sessions that run or wait for a runner.
    pub attention: Attention,
    /// Figures.
    pub measures: Measures,
    /// Every task of this hub.
    pub tasks: Tasks,
    /// The hub is stopping: connections end.
    pub stopping: CancellationToken,
    /// Connections have ended: session actors end, and then accounts.
    pub sessions_stopping: CancellationToken,
    /// Whose turn it is to fork.
    pub forks: Forks,
    /// Logs are deleted one after the other: an append waits for one of them at most.
    pub deleting: Semaphore,
    /// Session actors have ended: account actors end.
    pub accounts_stopping: CancellationToken,
    /// Held until the last task of this hub is gone.
    _claim: DataDirClaim,
}

/// What a core is made of.
pub struct CoreParts {
    /// The hub's name for people.
    pub name: String,
    /// What is seldom changed.
    pub options: HubOptions,
    /// The logs.
    pub log: Arc<dyn EventLog>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Who may come in.
    pub credentials: Credentials,
    /// The right to the data directory.
    pub claim: DataDirClaim,
}

impl HubCore {
    /// With no actor and no connection yet.
    pub fn new(parts: CoreParts) -> Arc<Self> {
        let owners = SessionOwners::new(parts.options.sessions_max);
        Arc::new(Self {
            name: parts.name,
            options: parts.options,
            log: parts.log,
            storage: Arc::default(),
            clock: parts.clock,
            refusals: Refusals::default(),
            credentials: parts.credentials,
            grants: Grants::default(),
            owners,
            feeds: Feeds::default(),
            pulls: Pulls::default(),
            runners: RunnerDirectory::default(),
            presence: Presence::default(),
            looking: Looking::default(),
            sessions: SessionActors::default(),
            accounts: AccountActors::default(),
            standing: StandingApprovals::default(),
            attention: Attention::default(),
            measures: Measures::new(),
            tasks: Tasks::default(),
            stopping: CancellationToken::new(),
            sessions_stopping: CancellationToken::new(),
            forks: Forks::default(),
            deleting: Semaphore::new(1),
            accounts_stopping: CancellationToken::new(),
            _claim: parts.claim,
        })
    }

    /// Which account a log belongs to. None where there is no such log.
    pub fn owner(&self, log: LogId) -> Option<AccountId> {
        self.owners.of_log(log)
    }
}

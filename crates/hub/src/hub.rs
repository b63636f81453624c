//! A hub, started and running. Embeddable: everything that it starts is its own, and ends with it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use baton_log::EventLog;
use baton_protocol::{AccountId, ErrorBody, HubAddress, LinkCode, Principal, Role, TimestampMs};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::actor::{AccountFact, SessionActors};
use crate::address;
use crate::admin;
use crate::clock::Clock;
use crate::config::{AdminSocket, CLOSE_TIMEOUT, HubConfig, HubOptions, STOP_TIMEOUT, Tls};
use crate::core::{CoreParts, HubCore};
use crate::credentials::{
    CredentialStore, Credentials, CredentialsError, LinkGrant, OpenCredentialsError,
    PrincipalRecord, RevokeError,
};
use crate::data_dir::{ClaimDataDirError, DataDirClaim};
use crate::edge::{self, Door, HostPolicy, Listener, Protection};
use crate::reconcile::reconcile;
use crate::tasks::TaskGroup;
use crate::tls::{self, KeyHistory, TlsIdentity, TlsSetupError};

/// A hub did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartHubError {
    /// Beyond loopback without TLS.
    #[error("`{0}` is reachable from other computers: the hub does not listen there without TLS")]
    PlainBeyondLoopback(SocketAddr),
    /// The directory is in use or cannot be used.
    #[error(transparent)]
    DataDir(#[from] ClaimDataDirError),
    /// The credentials cannot be opened.
    #[error("the credentials cannot be opened")]
    OpenCredentials(#[from] OpenCredentialsError),
    /// The credentials cannot be read.
    #[error("the credentials cannot be read")]
    Credentials(#[from] CredentialsError),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[from] TlsSetupError),
    /// The address cannot be listened on.
    #[error("`{address}` cannot be listened on")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// There is no address for link codes.
    #[error("this computer has no address that others could use, give one with --public-name")]
    NoPublicAddress,
    /// `admin.sock` cannot be opened.
    #[error("the admin socket cannot be opened")]
    AdminSocket(#[source] std::io::Error),
    /// Devices or runners are linked to an account of which the log has nothing.
    #[error(
        "{linked} devices and runners are linked, but the log in `{directory}` has nothing of their account: put the log back or restore a \
         backup; to begin anew, move `credentials.db` away"
    )]
    LogGone {
        /// The directory in which the log was looked for.
        directory: String,
        /// How many were ever linked.
        linked: usize,
    },
    /// The logs cannot be read.
    #[error("the logs cannot be read: {0}")]
    Logs(ErrorBody),
    /// A task of the start went away.
    #[error("the start was interrupted")]
    Interrupted,
}

/// A link code was not made.
#[derive(Debug, thiserror::Error)]
#[error("a link code could not be made")]
pub struct LinkCodeError(#[from] CredentialsError);

/// Starts hubs.
pub struct Hub;

impl Hub {
    /// Starts a hub on a log, with the usual options.
    pub async fn start(
        config: HubConfig,
        log: Arc<dyn EventLog>,
        clock: Arc<dyn Clock>,
    ) -> Result<RunningHub, StartHubError> {
        Self::start_with(config, HubOptions::default(), log, clock).await
    }

    /// Starts a hub on a log. When this returns, it serves.
    pub async fn start_with(
        config: HubConfig,
        options: HubOptions,
        log: Arc<dyn EventLog>,
        clock: Arc<dyn Clock>,
    ) -> Result<RunningHub, StartHubError> {
        let claim = DataDirClaim::take(&config.data_dir)?;
        Self::start_claimed(config, options, log, clock, claim).await
    }

    /// The same for a directory that the caller has claimed, to open the log in it.
    pub async fn start_claimed(
        config: HubConfig,
        options: HubOptions,
        log: Arc<dyn EventLog>,
        clock: Arc<dyn Clock>,
        claim: DataDirClaim,
    ) -> Result<RunningHub, StartHubError> {
        if config.tls == Tls::Plain && !config.listen.ip().is_loopback() {
            return Err(StartHubError::PlainBeyondLoopback(config.listen));
        }
        let address = config.listen;
        let socket = TcpListener::bind(address)
            .await
            .map_err(|source| StartHubError::Listen { address, source })?;
        let listening = socket
            .local_addr()
            .map_err(|source| StartHubError::Listen { address, source })?;
        let public = public_address(&options, listening)?;
        let host = edge::host_of(&public.authority).unwrap_or_default();
        let now = clock.now();
        let (tls, data_dir) = (config.tls.clone(), config.data_dir.clone());
        let reach = listening.ip();
        let prepared =
            tokio::task::spawn_blocking(move || prepare(&tls, &data_dir, (&host, reach), now));
        let (store, identity) = prepared.await.map_err(|_| StartHubError::Interrupted)??;

        let credentials = Credentials::new(store);
        let parts = CoreParts {
            name: config.name.clone(),
            options,
            log,
            clock,
            credentials,
            claim,
        };
        let core = HubCore::new(parts);
        // From here on a failed start ends what it began.
        let hub = RunningHub {
            listening,
            public: with_key(public, identity.as_ref()),
            account: reconcile(&core, &config.data_dir).await?,
            identity,
            core,
        };
        hub.open(&config, socket)?;
        Ok(hub)
    }
}

/// Where link codes lead, without the key yet.
fn public_address(
    options: &HubOptions,
    listening: SocketAddr,
) -> Result<HubAddress, StartHubError> {
    if let Some(url) = &options.public_url {
        return Ok(url.address());
    }
    let authority = address::authority(options.public_name.as_deref(), listening);
    let authority = authority.ok_or(StartHubError::NoPublicAddress)?;
    Ok(HubAddress::of_hub(authority, None))
}

/// A proxy shows a certificate of its own: the hub's key says nothing to those who come through it.
fn with_key(public: HubAddress, identity: Option<&TlsIdentity>) -> HubAddress {
    match (&public.public_path, identity) {
        (None, Some(identity)) => HubAddress {
            fingerprint: Some(identity.fingerprint.clone()),
            ..public
        },
        _ => public,
    }
}

/// What waits for the disk.
fn prepare(
    tls: &Tls,
    data_dir: &std::path::Path,
    (host, listening): (&str, IpAddr),
    now: TimestampMs,
) -> Result<(CredentialStore, Option<TlsIdentity>), StartHubError> {
    let store = CredentialStore::open(data_dir, now)?;
    let principals = store.principals()?;
    let linked = principals.iter().filter(|known| known.revoked_at.is_none());
    let known = store.hub_key()?;
    let history = KeyHistory {
        // Versions that noted no key had none on loopback, and always one beyond it.
        had_key: known.is_some() || !listening.is_loopback(),
        linked: linked.count(),
    };
    let identity = tls::identity(tls, data_dir, host, history)?;
    if let (Tls::OwnCertificate, Some(identity)) = (tls, &identity)
        && known.as_ref() != Some(&identity.fingerprint)
    {
        if known.is_some() && history.linked > 0 {
            tracing::error!(
                "the hub has another key than before: devices and runners that were linked refuse it"
            );
        }
        store.set_hub_key(&identity.fingerprint)?;
    }
    Ok((store, identity))
}

/// A hub that serves. Dropping it ends its tasks; [`RunningHub::stop`] ends them in order.
pub struct RunningHub {
    pub(crate) core: Arc<HubCore>,
    listening: SocketAddr,
    public: HubAddress,
    pub(crate) account: AccountId,
    pub(crate) identity: Option<TlsIdentity>,
}

impl RunningHub {
    fn open(&self, config: &HubConfig, socket: TcpListener) -> Result<(), StartHubError> {
        let options = &self.core.options;
        let origins = options.allowed_origins.clone();
        let public_host = options.public_name.as_deref().and_then(edge::host_of);
        let at_proxy = options.public_url.as_ref().map(|url| url.host().to_owned());
        let named = public_host.into_iter().chain(at_proxy);
        let names = options.allowed_hosts.iter().cloned().chain(named);
        let hosts = HostPolicy::new(self.listening.ip(), names.collect(), origins);
        let router = edge::router(Arc::clone(&self.core), hosts);
        if options.admin_socket == AdminSocket::Open {
            let socket = admin::bind(&config.data_dir).map_err(StartHubError::AdminSocket)?;
            let work = admin::serve(
                Arc::clone(&self.core),
                self.public.clone(),
                self.account,
                socket,
            );
            self.core.tasks.spawn(TaskGroup::Edge, "admin socket", work);
        }
        let server = self.identity.as_ref().map(|identity| &identity.server);
        let tls = server.map(|server| TlsAcceptor::from(Arc::clone(server)));
        let protection = match tls {
            None => Protection::Plain,
            Some(tls) if self.listening.ip().is_loopback() => Protection::TlsOrPlain(tls),
            Some(tls) => Protection::Tls(tls),
        };
        let listener = Listener {
            socket,
            protection,
            door: Door::within(&self.core.stopping),
        };
        let accept = edge::accept(Arc::clone(&self.core), listener, router);
        self.core.tasks.spawn(TaskGroup::Edge, "listener", accept);
        let core = Arc::clone(&self.core);
        self.core
            .tasks
            .spawn(TaskGroup::Edge, "figures", async move {
                core.measures.keep(&core.stopping).await
            });
        Ok(())
    }

    /// Where it listens; the real port where 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.listening
    }

    /// SHA-256 of its public key, hex; none where it was started with [`Tls::Plain`].
    pub fn fingerprint(&self) -> Option<&str> {
        let identity = self.identity.as_ref();
        identity.map(|identity| identity.fingerprint.as_str())
    }

    /// Where clients find it, and the key that they pin. A process that embeds the hub opens its device and its runner with this address,
    /// as each start gives it: a process that took the port of a hub that did not start has another key.
    pub fn address(&self) -> &HubAddress {
        &self.public
    }

    /// The account that the first start made.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// How many sessions have a run that is on, as it changes: whoever ends this hub may want to wait for 0.
    pub fn sessions_at_work(&self) -> watch::Receiver<usize> {
        self.core.attention.at_work()
    }

    /// Makes a one-time link code for a device or a runner of an account.
    pub async fn link_code(
        &self,
        role: Role,
        account: AccountId,
    ) -> Result<LinkCode, LinkCodeError> {
        link_code(&self.core, &self.public, role, account).await
    }

    /// Everybody who was ever linked, the oldest first.
    pub async fn devices(&self) -> Result<Vec<PrincipalRecord>, CredentialsError> {
        self.core.credentials.principals().await
    }

    /// Takes away somebody's access, by id or by an unambiguous name. When this returns, nothing is delivered to them any more.
    pub async fn revoke(&self, who: &str) -> Result<PrincipalRecord, RevokeError> {
        revoke(&self.core, who).await
    }

    /// Ends in order: connections with a reason, then sessions, then accounts, so that everything that is decided is recorded.
    pub async fn stop(self) {
        let core = Arc::clone(&self.core);
        core.stopping.cancel();
        core.tasks.ended(TaskGroup::Edge, STOP_TIMEOUT).await;
        core.sessions_stopping.cancel();
        core.tasks.ended(TaskGroup::Sessions, STOP_TIMEOUT).await;
        core.accounts_stopping.cancel();
        core.tasks.ended(TaskGroup::Accounts, STOP_TIMEOUT).await;
    }
}

impl Drop for RunningHub {
    fn drop(&mut self) {
        self.core.stopping.cancel();
        self.core.sessions_stopping.cancel();
        self.core.accounts_stopping.cancel();
    }
}

/// Makes a link code.
pub async fn link_code(
    core: &HubCore,
    public: &HubAddress,
    role: Role,
    account: AccountId,
) -> Result<LinkCode, LinkCodeError> {
    let secret = core
        .credentials
        .create_link_code(LinkGrant { account, role }, core.clock.now())
        .await?;
    Ok(LinkCode {
        hub: public.clone(),
        secret,
    })
}

/// Revokes: no new connection, then no delivery on an open one, then the account's log. Goes on to its end where the caller is dropped.
pub async fn revoke(core: &Arc<HubCore>, who: &str) -> Result<PrincipalRecord, RevokeError> {
    let steps = take_access(Arc::clone(core), who.to_owned());
    let taken = core.tasks.finish(TaskGroup::Edge, "revoke", steps).await;
    taken.unwrap_or(Err(RevokeError::Interrupted))
}

async fn take_access(core: Arc<HubCore>, who: String) -> Result<PrincipalRecord, RevokeError> {
    let hub = Arc::clone(&core);
    let make_stale = move |record: &PrincipalRecord| hub.grants.make_stale(record);
    let now = core.clock.now();
    let record = core.credentials.revoke(&who, now, make_stale).await?;
    let still_open = core.grants.given_up(&record, CLOSE_TIMEOUT).await;
    if let Principal::Runner { runner, .. } = record.principal {
        core.runners.take_access(record.account, runner);
        SessionActors::runner_changed(&core, record.account, runner).await;
    }
    let fact = AccountFact::Revoked {
        principal: record.principal.clone(),
    };
    core.accounts
        .record(record.account, fact)
        .await
        .map_err(|error| RevokeError::NotRecorded(error.message))?;
    tracing::info!(principal.id = record.id(), "access was taken away");
    if still_open > 0 {
        tracing::error!(
            principal.id = record.id(),
            still_open,
            "revoked connections have not ended in time"
        );
        return Err(RevokeError::StillOpen(still_open));
    }
    Ok(record)
}

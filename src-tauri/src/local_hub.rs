//! "On this computer": a hub and a runner inside the application, on loopback.
//!
//! The hub's state is in the profile's folder; the runner's token and the model server's key are among the profile's secrets. Both are
//! composed from their crates as `baton-hub` and `baton-runner` are, and know nothing of the application.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use baton_hub::config::{HubConfig, HubOptions, Tls};
use baton_hub::{DataDirClaim, Hub, RunningHub, StartHubError, SystemClock};
use baton_log::EventLog;
use baton_log_sqlite::SqliteEventLog;
use baton_protocol::{HubAddress, RunnerInstanceId};
use baton_runner::provider::{OpenAiEndpoint, OpenAiProvider};
use baton_runner::{Assistant, Runner, RunnerConfig};
use tokio::sync::{Mutex, watch};

use crate::profile::Profile;
use crate::secrets::{SecretName, Secrets};
use crate::settings::ModelSettings;
use crate::tasks::{self, OwnedTask};

/// How long to wait before the keyring is asked again for the runner's token.
const SECRET_RETRY: Duration = Duration::from_secs(10);

/// Why the hub inside the application did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartLocalHubError {
    /// The folder is in use or cannot be used.
    #[error(transparent)]
    Folder(#[from] baton_hub::ClaimDataDirError),
    /// The log cannot be opened.
    #[error("the conversations cannot be opened: {0}")]
    Log(#[from] baton_log_sqlite::OpenError),
    /// The hub itself.
    #[error(transparent)]
    Hub(#[from] StartHubError),
    /// The start was cut short.
    #[error("the start was interrupted")]
    Interrupted,
}

/// The running pair.
pub struct LocalHub {
    hub: RunningHub,
    runner: Arc<Mutex<Option<Runner>>>,
    runner_start: Option<OwnedTask>,
}

/// Starts the hub on the port, or on a free one where that is taken.
pub async fn start_hub(
    profile: &Profile,
    name: &str,
    port: u16,
) -> Result<LocalHub, StartLocalHubError> {
    let hub = match start_hub_at(profile, name, port).await {
        Err(StartLocalHubError::Hub(StartHubError::Listen { source, .. })) if port != 0 => {
            tracing::warn!(%source, port, "the hub's port is taken: another one is used");
            start_hub_at(profile, name, 0).await?
        }
        other => other?,
    };
    tracing::info!(address = %hub.local_addr(), "the hub inside the application serves");
    Ok(LocalHub {
        hub,
        runner: Arc::default(),
        runner_start: None,
    })
}

async fn start_hub_at(
    profile: &Profile,
    name: &str,
    port: u16,
) -> Result<RunningHub, StartLocalHubError> {
    let folder = profile.hub_folder();
    let claim = DataDirClaim::take(&folder)?;
    let opening = tokio::task::spawn_blocking(move || SqliteEventLog::open(&folder.join("log.db")));
    let log = opening
        .await
        .map_err(|_| StartLocalHubError::Interrupted)??;
    let log: Arc<dyn EventLog> = Arc::new(log);
    let config = HubConfig {
        name: name.to_owned(),
        data_dir: profile.hub_folder(),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        tls: Tls::Plain,
    };
    let options = HubOptions::default();
    Ok(Hub::start_claimed(config, options, log, Arc::new(SystemClock), claim).await?)
}

impl LocalHub {
    /// The hub, to make links.
    pub fn hub(&self) -> &RunningHub {
        &self.hub
    }

    /// Where it serves.
    pub fn address(&self) -> HubAddress {
        self.hub.address().clone()
    }

    /// How many sessions have a run that is on.
    pub fn at_work(&self) -> watch::Receiver<usize> {
        self.hub.sessions_at_work()
    }

    /// Starts the runner as soon as its token can be read, which may need a person who opens the keyring.
    pub fn start_runner(&mut self, secrets: Arc<Secrets>, model: ModelSettings) {
        let (hub, runner) = (self.address(), Arc::clone(&self.runner));
        let work = async move {
            if let Some(config) = runner_config(hub, &secrets, &model).await {
                *runner.lock().await = Some(Runner::start(config));
            }
        };
        self.runner_start = Some(tasks::spawn_owned("start of the runner", work));
    }

    /// Ends both in order, so that everything that is decided is recorded.
    pub async fn stop(mut self) {
        self.runner_start = None;
        if let Some(runner) = self.runner.lock().await.take() {
            runner.stop().await;
        }
        self.hub.stop().await;
    }
}

async fn runner_config(
    hub: HubAddress,
    secrets: &Secrets,
    model: &ModelSettings,
) -> Option<RunnerConfig> {
    let token = loop {
        match secrets.get(SecretName::RunnerToken).await {
            Ok(Some(token)) => break token,
            Ok(None) => {
                tracing::error!("the runner's token is gone: no agent runs on this computer");
                return None;
            }
            Err(error) => {
                tracing::warn!(%error, "the runner waits for its token");
                tokio::time::sleep(SECRET_RETRY).await;
            }
        }
    };
    let endpoint = OpenAiEndpoint {
        base_url: model.base_url.clone(),
        api_key: secrets.get(SecretName::ModelKey).await.unwrap_or(None),
    };
    let provider = match OpenAiProvider::new(&endpoint) {
        Ok(provider) => provider,
        Err(error) => {
            tracing::error!(%error, "the model server's address cannot be used");
            return None;
        }
    };
    let assistant = Assistant {
        model: model.model.clone(),
        system_prompt: None,
        context_chars_max: model.context_chars,
    };
    Some(RunnerConfig {
        hub,
        token,
        instance: RunnerInstanceId::mint(),
        agents: vec![assistant.with_provider(Arc::new(provider))],
    })
}

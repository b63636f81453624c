//! The runner inside the application. It starts once its token and its model's key can be read, for which a person may have to unlock the
//! keyring. A keyring that cannot be read is never taken for "no key".

use std::sync::Arc;
use std::time::Duration;

use baton_protocol::{HubAddress, RunnerInstanceId};
use baton_runner::provider::{OpenAiEndpoint, OpenAiProvider};
use baton_runner::{Assistant, Runner, RunnerConfig, RunnerStatus};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::linking::sentence;
use crate::record::{LocalSettings, ModelSettings};
use crate::secrets::{SecretError, SecretSlot, Secrets};
use crate::shell_types::AgentStatus;
use crate::tasks;

/// The delay before the keyring is asked again.
const SECRET_RETRY: Duration = Duration::from_secs(10);

/// A runner that runs, or waits for its secrets.
pub struct LocalAgent {
    status: watch::Receiver<AgentStatus>,
    try_now: Arc<Notify>,
    stop: CancellationToken,
    ended: tokio::task::JoinHandle<()>,
}

/// What a runner is started from.
struct Needs {
    hub: HubAddress,
    secrets: Arc<Secrets>,
    local: LocalSettings,
}

/// Why the runner cannot start yet.
enum Unready {
    /// The keyring does not answer.
    Keyring(SecretError),
    /// The settings are unusable: waiting does not help.
    Unusable(String),
}

impl LocalAgent {
    /// Starts the runner in the background.
    pub fn start(hub: HubAddress, secrets: Arc<Secrets>, local: LocalSettings) -> Self {
        let (sender, status) = watch::channel(AgentStatus::Starting);
        let (try_now, stop) = (Arc::new(Notify::new()), CancellationToken::new());
        let needs = Needs {
            hub,
            secrets,
            local,
        };
        let work = run(needs, sender, Arc::clone(&try_now), stop.clone());
        Self {
            status,
            try_now,
            stop,
            ended: tasks::spawn("runner inside", work),
        }
    }

    /// Returns a receiver of the agent's status.
    pub fn status(&self) -> watch::Receiver<AgentStatus> {
        self.status.clone()
    }

    /// Asks the keyring again without waiting for the next retry.
    pub fn try_now(&self) {
        self.try_now.notify_one();
    }

    /// Closes every connection to the model, then the one to the hub.
    pub async fn stop(self) {
        self.stop.cancel();
        // The task itself has reported a panic.
        let _ = self.ended.await;
    }
}

async fn run(
    needs: Needs,
    status: watch::Sender<AgentStatus>,
    try_now: Arc<Notify>,
    stop: CancellationToken,
) {
    let config = tokio::select! {
        config = config(&needs, &status, &try_now) => config,
        () = stop.cancelled() => return,
    };
    let Some(config) = config else {
        return;
    };
    let runner = Runner::start(config);
    tokio::select! {
        () = follow(runner.status(), &status) => {}
        () = stop.cancelled() => {}
    }
    runner.stop().await;
}

/// Waits until the keyring gives the runner's secrets, and builds its configuration.
async fn config(
    needs: &Needs,
    status: &watch::Sender<AgentStatus>,
    try_now: &Notify,
) -> Option<RunnerConfig> {
    loop {
        match ready(needs).await {
            Ok(config) => return Some(config),
            Err(Unready::Unusable(message)) => {
                tracing::error!(message, "no agent runs on this computer");
                status.send_replace(AgentStatus::Unusable { message });
                return None;
            }
            Err(Unready::Keyring(error)) => {
                tracing::warn!(%error, "the runner waits for the keyring");
                let message = format!("{}. {}", sentence(&error.to_string()), error.hint());
                status.send_replace(AgentStatus::WaitsForKeyring { message });
            }
        }
        tokio::select! {
            () = tokio::time::sleep(SECRET_RETRY) => {}
            () = try_now.notified() => {}
        }
    }
}

async fn ready(needs: &Needs) -> Result<RunnerConfig, Unready> {
    let token = needs.secrets.get(&needs.local.runner_token).await;
    let token = token.map_err(Unready::Keyring)?.ok_or_else(|| {
        Unready::Unusable("The agent's token is gone. Start on this computer again.".to_owned())
    })?;
    let model = &needs.local.model;
    let endpoint = OpenAiEndpoint {
        base_url: model.base_url.clone(),
        api_key: model_key(&needs.secrets, model).await?,
    };
    let provider = OpenAiProvider::new(&endpoint).map_err(|error| {
        Unready::Unusable(format!(
            "The model server's address cannot be used: {error}."
        ))
    })?;
    let assistant = Assistant {
        model: model.model.clone(),
        system_prompt: None,
        context_chars_max: model.context_chars,
    };
    Ok(RunnerConfig {
        hub: needs.hub.clone(),
        token,
        instance: RunnerInstanceId::mint(),
        agents: vec![assistant.with_provider(Arc::new(provider))],
        model_retry_ms_min: baton_runner::limits::MODEL_RETRY_MS_MIN,
    })
}

async fn model_key(secrets: &Secrets, model: &ModelSettings) -> Result<Option<String>, Unready> {
    let Some(slot) = &model.api_key else {
        return Ok(None);
    };
    let key = secrets.get(slot).await.map_err(Unready::Keyring)?;
    // Profiles from before slots had names do not record whether there is a key.
    if key.is_none() && *slot != SecretSlot::legacy_model_key() {
        let gone = "The model server's key is gone. Enter it again in Settings.";
        return Err(Unready::Unusable(gone.to_owned()));
    }
    Ok(key)
}

/// Forwards the runner's status until the runner has stopped.
async fn follow(mut runner: watch::Receiver<RunnerStatus>, status: &watch::Sender<AgentStatus>) {
    loop {
        let now = match runner.borrow_and_update().clone() {
            RunnerStatus::Connecting => AgentStatus::Starting,
            RunnerStatus::Connected { .. } => AgentStatus::Running,
            RunnerStatus::Reconnecting { .. } => AgentStatus::Reconnecting,
            RunnerStatus::Refused { message } => {
                tracing::error!("the hub inside refused the runner inside");
                let message = format!("{}.", sentence(&message));
                AgentStatus::Refused { message }
            }
            RunnerStatus::Stopped => return,
        };
        status.send_replace(now);
        if runner.changed().await.is_err() {
            return;
        }
    }
}

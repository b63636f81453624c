//! The start: from a profile's record to an open device.

use std::sync::Arc;
use std::time::Duration;

use baton_client::{
    Device, DeviceConfig, ON_COMMAND_LINE, TokenProvider, is_on_command_line, secret_argument,
};

use super::{LeavingChoice, Shell};
use crate::inside::{self, Inside, LocalAgent, StartLocalHubError};
use crate::linking::{self, sentence, unwritable};
use crate::record::{Link, LocalSettings};
use crate::secrets::SecretPlace;
use crate::shell_types::Refusal;
use crate::status::InsideBoard;
use crate::tokens::{DeviceToken, WithheldToken};

/// How long the first start waits for the keyring before it shows the first screen: a longer wait means that a password window is open.
const KEYRING_FIRST_LOOK: Duration = Duration::from_secs(3);

impl Shell {
    /// Starts what the profile's record describes.
    pub async fn start(self: &Arc<Self>) {
        if let Err(refusal) = self.try_start().await {
            tracing::error!(message = refusal.message, "the start failed");
            self.board.failed(&refusal);
        }
        linking::sweep(&self.record, &self.secrets).await;
    }

    async fn try_start(self: &Arc<Self>) -> Result<(), Refusal> {
        let _alone = self.work.lock().await;
        let settings = self.settings()?;
        if self.secrets.place() == SecretPlace::File && !settings.tokens_in_files {
            tracing::warn!("tokens are kept in plain files, as was asked for");
            self.remember(|settings| settings.tokens_in_files = true)?;
        }
        self.record
            .adopt_older()
            .map_err(|error| unwritable(&error))?;
        match (settings.link, settings.local, &self.options.link) {
            (Some(link), Some(local), _) => self.start_kept_local(link, local).await,
            (Some(link), None, _) => self.open_device(link).await,
            (None, _, Some(link)) => {
                self.board.starting("Linking to the hub…");
                let name = self.profile.suggested_device_name();
                let link = given_link(link.clone()).await?;
                self.link_and_open(&link, &name, LeavingChoice::Leave).await
            }
            (None, _, None) => {
                self.board.starting("Looking for the system keyring…");
                let _ = tokio::time::timeout(KEYRING_FIRST_LOOK, self.secrets.probe()).await;
                self.board.needs_start();
                Ok(())
            }
        }
    }

    /// Starts the hub and the runner of this profile. If the hub does not start, the history can still be read, but the token is withheld:
    /// another program may listen at the hub's address.
    async fn start_kept_local(
        self: &Arc<Self>,
        link: Link,
        local: LocalSettings,
    ) -> Result<(), Refusal> {
        match self.try_start_kept(link.clone(), local).await {
            Ok(link) => self.open_device(link).await,
            Err(KeptLocalError::Refused(refusal)) => Err(refusal),
            Err(KeptLocalError::Hub(error)) => {
                tracing::error!(%error, "the hub inside the application did not start");
                let problem = format!(
                    "The hub on this computer did not start: {}.",
                    sentence(&error.to_string())
                );
                self.board.set_inside(InsideBoard::Failed(problem.clone()));
                self.open_device_with(link, Arc::new(WithheldToken(problem)))
                    .await
            }
        }
    }

    async fn try_start_kept(
        &self,
        mut link: Link,
        mut local: LocalSettings,
    ) -> Result<Link, KeptLocalError> {
        let hub = inside::start(&self.profile, &link.hub.hub_name, local.port).await?;
        if hub.account() != link.hub.account {
            hub.stop().await;
            return Err(StartLocalHubError::OtherAccount.into());
        }
        link.hub.hub = hub.address().clone();
        local.port = hub.local_addr().port();
        let (kept_link, kept_local) = (link.clone(), local.clone());
        let kept = self.remember(|settings| settings.use_link(kept_link, Some(kept_local)));
        if let Err(refusal) = kept {
            hub.stop().await;
            return Err(KeptLocalError::Refused(refusal));
        }
        let mut inside = Inside::new(hub);
        if let Some(network) = local.network.as_ref().filter(|network| network.is_on) {
            // If the port is taken, Settings shows it; everything on this computer still works.
            let opened = inside.open_network(network.port).await;
            self.stays
                .send_replace(opened.is_ok() && network.stays_in_background);
        }
        self.run_inside(inside, local).await;
        Ok(link)
    }

    /// Starts the runner and keeps it with the hub.
    pub(super) async fn run_inside(&self, mut inside: Inside, local: LocalSettings) {
        let agent = LocalAgent::start(inside.address(), Arc::clone(&self.secrets), local);
        self.board.set_inside(InsideBoard::Running(agent.status()));
        inside.agent = Some(agent);
        *self.inside.lock().await = Some(inside);
    }

    /// Starts the hub inside the application again after a person has fixed what kept it from starting.
    pub async fn start_again(self: &Arc<Self>) -> Result<(), Refusal> {
        {
            let _alone = self.work.lock().await;
            self.close_device();
            self.end_inside().await;
        }
        self.board.starting("Starting the hub on this computer…");
        self.start().await;
        Ok(())
    }

    pub(super) async fn open_device(self: &Arc<Self>, link: Link) -> Result<(), Refusal> {
        let tokens = DeviceToken::new(Arc::clone(&self.secrets), link.token.clone());
        self.open_device_with(link, Arc::new(tokens)).await?;
        self.begin_moves();
        Ok(())
    }

    async fn open_device_with(
        &self,
        link: Link,
        tokens: Arc<dyn TokenProvider>,
    ) -> Result<(), Refusal> {
        let config = DeviceConfig {
            data_dir: self.profile.account_folder(link.hub.account),
            hub: link.hub,
            tokens,
        };
        let device = Device::open(config).await.map_err(|error| {
            Refusal::new(
                format!("The conversations on this computer cannot be opened: {error}."),
                "Open the log to see why.",
            )
        })?;
        self.close_device();
        *self
            .device
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(device);
        self.board.ready();
        Ok(())
    }
}

/// Returns the link of the `--link` option, or reads it from standard input if the option is `-`.
async fn given_link(link: String) -> Result<String, Refusal> {
    if is_on_command_line(std::env::args(), &["--link"]) {
        tracing::warn!("{ON_COMMAND_LINE}");
    }
    let reading = tokio::task::spawn_blocking(move || secret_argument(&link));
    match reading.await {
        Ok(Ok(link)) => Ok(link),
        _ => Err(Refusal::new("Standard input holds no link.", "")),
    }
}

/// Why this profile's hub does not run.
enum KeptLocalError {
    Hub(StartLocalHubError),
    Refused(Refusal),
}

impl From<StartLocalHubError> for KeptLocalError {
    fn from(error: StartLocalHubError) -> Self {
        Self::Hub(error)
    }
}

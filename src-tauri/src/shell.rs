//! The parts of a running application, and the steps of its start.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use baton_client::{Device, DeviceConfig, LinkedHub};
use baton_protocol::Role;
use baton_protocol::view::{ViewFrame, ViewRequest, ViewResponse};
use tauri::ipc::Channel;

use crate::linking;
use crate::local_hub::{self, LocalHub};
use crate::options::Options;
use crate::profile::Profile;
use crate::screen_pump::ScreenPump;
use crate::secrets::{SecretName, SecretPlace, Secrets};
use crate::settings::{LocalSettings, ModelSettings, Settings, SettingsError};
use crate::shell_types::{Refusal, ShellStatus, StartLocalOptions};
use crate::status::StatusBoard;
use crate::{model_choice, tasks};

/// How long the first start waits for the keyring before it shows itself: longer means a password window is open.
const KEYRING_FIRST_LOOK: Duration = Duration::from_secs(3);

/// What the page gets for a request before it may ask.
const NOT_READY: &str = "the shell is not ready";

/// Everything that lives as long as the application.
pub struct Shell {
    profile: Profile,
    options: Options,
    settings: Mutex<Settings>,
    secrets: Arc<Secrets>,
    board: StatusBoard,
    pump: ScreenPump,
    device: Mutex<Option<Device>>,
    local: tokio::sync::Mutex<Option<LocalHub>>,
    /// One start or link at a time.
    work: tokio::sync::Mutex<()>,
}

impl Shell {
    /// Reads the settings; starts nothing.
    pub fn new(profile: Profile, options: Options) -> Result<Self, SettingsError> {
        let settings = Settings::load(&profile)?;
        let place = if settings.tokens_in_files || options.insecure_token_file {
            SecretPlace::File
        } else {
            SecretPlace::Keyring
        };
        let secrets = Arc::new(Secrets::new(profile.clone(), place));
        Ok(Self {
            board: StatusBoard::new(profile.clone(), Arc::clone(&secrets)),
            profile,
            options,
            settings: Mutex::new(settings),
            secrets,
            pump: ScreenPump::default(),
            device: Mutex::default(),
            local: tokio::sync::Mutex::default(),
            work: tokio::sync::Mutex::default(),
        })
    }

    /// Goes on from where the profile stands.
    pub async fn start(self: &Arc<Self>) {
        if let Err(refusal) = self.try_start().await {
            tracing::error!(message = refusal.message, "the start failed");
            self.board.failed(&refusal);
        }
    }

    async fn try_start(self: &Arc<Self>) -> Result<(), Refusal> {
        let _alone = self.work.lock().await;
        if self.secrets.place() == SecretPlace::File {
            tracing::warn!("tokens are kept in plain files, as was asked for");
            self.remember(|settings| settings.tokens_in_files = true)?;
        }
        let linked = LinkedHub::load(&self.profile.device_folder()).map_err(|error| {
            Refusal::new(
                format!("The device's link cannot be read: {error}."),
                "Link again.",
            )
        })?;
        let local = self.settings().local.clone();
        match (linked, local, &self.options.link) {
            (Some(linked), Some(local), _) => self.start_kept_local(linked, local).await,
            (Some(linked), None, _) => self.open_device(linked).await,
            (None, _, Some(link)) => {
                self.board.starting("Linking to the hub…");
                let name = self.profile.suggested_device_name();
                self.exchange_and_open(link, &name).await
            }
            (None, _, None) => {
                self.board.starting("Looking for the system keyring…");
                let _ = tokio::time::timeout(KEYRING_FIRST_LOOK, self.secrets.probe()).await;
                self.board.needs_start();
                Ok(())
            }
        }
    }

    /// The hub and the runner that the profile has inside; the history can be read even if they do not start.
    async fn start_kept_local(
        &self,
        mut linked: LinkedHub,
        mut kept: LocalSettings,
    ) -> Result<(), Refusal> {
        self.board.set_local(true);
        match local_hub::start_hub(&self.profile, &linked.hub_name, kept.port).await {
            Ok(mut local) => {
                linked.hub = local.address();
                linked
                    .save(&self.profile.device_folder())
                    .map_err(|error| unwritable(&error))?;
                kept.port = local.hub().local_addr().port();
                local.start_runner(Arc::clone(&self.secrets), kept.model.clone());
                self.remember(|settings| settings.local = Some(kept))?;
                *self.local.lock().await = Some(local);
            }
            Err(error) => tracing::error!(%error, "the hub inside the application did not start"),
        }
        self.open_device(linked).await
    }

    /// Links this device to a hub, in the place of the one that it was linked to.
    pub async fn link(&self, link: &str, device_name: &str) -> Result<(), Refusal> {
        let _alone = self.work.lock().await;
        self.exchange_and_open(link, device_name).await
    }

    async fn exchange_and_open(&self, link: &str, device_name: &str) -> Result<(), Refusal> {
        let code = linking::parse(link)?;
        let linked = linking::exchange(&code, device_name, Role::Device, &self.secrets).await?;
        self.keep_link(&linked).await?;
        if self.settings().local.is_some() {
            self.remember(|settings| settings.local = None)?;
        }
        self.end_local().await;
        self.open_device(linked).await
    }

    /// Keeps the link. Another account's conversations are put aside, never mixed.
    async fn keep_link(&self, linked: &LinkedHub) -> Result<(), Refusal> {
        self.close_device();
        let folder = self.profile.device_folder();
        let before = LinkedHub::load(&folder).unwrap_or(None);
        if before.is_some_and(|before| before.account != linked.account) {
            let aside = folder.with_file_name(format!("device-before-{}", linked.account));
            std::fs::rename(&folder, aside).map_err(|error| unwritable(&error))?;
        }
        linked.save(&folder).map_err(|error| unwritable(&error))
    }

    /// Begins on this computer. Returns once the work is under way; the status tells how it goes.
    pub async fn start_local(self: &Arc<Self>, options: StartLocalOptions) -> Result<(), Refusal> {
        let chosen = model_choice::choose(options).await?;
        let shell = Arc::clone(self);
        self.board.starting("Starting the hub on this computer…");
        tasks::spawn("start on this computer", async move {
            let _alone = shell.work.lock().await;
            if let Err(refusal) = shell.set_up_local(chosen).await {
                tracing::error!(message = refusal.message, "no start on this computer");
                shell.end_local().await;
                shell.board.failed(&refusal);
            }
        });
        Ok(())
    }

    async fn set_up_local(&self, chosen: model_choice::Chosen) -> Result<(), Refusal> {
        let secrets = &self.secrets;
        secrets
            .probe()
            .await
            .map_err(|error| linking::refused(&error))?;
        let stored = match &chosen.api_key {
            Some(key) => secrets.set(SecretName::ModelKey, key).await,
            None => secrets.remove(SecretName::ModelKey).await,
        };
        stored.map_err(|error| linking::refused(&error))?;

        self.end_local().await;
        let name = self.profile.suggested_device_name();
        let mut local = local_hub::start_hub(&self.profile, &name, 0)
            .await
            .map_err(|error| {
                Refusal::new(
                    format!("The hub on this computer did not start: {error}."),
                    "",
                )
            })?;
        self.board.starting("Linking this computer…");
        self.link_inside(&local, Role::Runner, &format!("{name} runner"))
            .await?;
        let linked = self.link_inside(&local, Role::Device, &name).await?;
        self.keep_link(&linked).await?;
        self.keep_local(&local, chosen.model.clone())?;
        local.start_runner(Arc::clone(secrets), chosen.model);
        *self.local.lock().await = Some(local);
        self.board.set_local(true);
        self.open_device(linked).await
    }

    async fn link_inside(
        &self,
        local: &LocalHub,
        role: Role,
        name: &str,
    ) -> Result<LinkedHub, Refusal> {
        let hub = local.hub();
        let code = hub.link_code(role, hub.account()).await.map_err(|error| {
            Refusal::new(
                format!("The hub on this computer made no link: {error}."),
                "",
            )
        })?;
        linking::exchange(&code, name, role, &self.secrets).await
    }

    fn keep_local(&self, local: &LocalHub, model: ModelSettings) -> Result<(), Refusal> {
        let port = local.hub().local_addr().port();
        self.remember(|settings| settings.local = Some(LocalSettings { port, model }))
    }

    async fn open_device(&self, linked: LinkedHub) -> Result<(), Refusal> {
        let config = DeviceConfig {
            data_dir: self.profile.device_folder(),
            hub: linked,
            tokens: Arc::new(crate::tokens::DeviceToken::new(Arc::clone(&self.secrets))),
        };
        let device = Device::open(config).await.map_err(|error| {
            Refusal::new(
                format!("The conversations on this computer cannot be opened: {error}."),
                "Look at the log in the profile's folder.",
            )
        })?;
        *self.device.lock().unwrap_or_else(PoisonError::into_inner) = Some(device);
        self.board.ready();
        Ok(())
    }

    fn close_device(&self) {
        self.pump.disconnect();
        *self.device.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn end_local(&self) {
        self.board.set_local(false);
        if let Some(local) = self.local.lock().await.take() {
            local.stop().await;
        }
    }

    /// Keeps tokens in files from now on, at the person's own wish.
    pub async fn use_token_file(&self) -> Result<(), Refusal> {
        self.secrets
            .use_files()
            .await
            .map_err(|error| linking::refused(&error))?;
        tracing::warn!("tokens are kept in plain files from now on, as was asked for");
        self.remember(|settings| settings.tokens_in_files = true)
    }

    /// Whose conversations these are.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// How far the start is.
    pub fn status(&self) -> ShellStatus {
        self.board.status()
    }

    /// The device, once it is open.
    pub fn device(&self) -> Option<Device> {
        self.device
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Serves a request of the page.
    pub async fn view_request(&self, request: ViewRequest) -> Result<ViewResponse, String> {
        let response = self.pump.request(request).await;
        response.ok_or_else(|| NOT_READY.to_owned())
    }

    /// Gives the page everything from now on.
    pub fn view_connect(&self, channel: Channel<ViewFrame>) -> Result<(), String> {
        let device = self.device().ok_or_else(|| NOT_READY.to_owned())?;
        self.pump.connect(&device, channel);
        Ok(())
    }

    /// Returns once nothing is at work in the hub inside the application; at once where there is none. A prompt that waits for something
    /// else than its turn keeps nobody: it is in the log.
    pub async fn at_rest(&self) {
        let at_work = self.local.lock().await.as_ref().map(LocalHub::at_work);
        if let Some(mut at_work) = at_work {
            // An error means that the hub has ended, and so has its work.
            let _ = at_work.wait_for(|sessions| *sessions == 0).await;
        }
    }

    /// Ends everything in order.
    pub async fn stop(&self) {
        self.close_device();
        self.end_local().await;
    }

    fn settings(&self) -> std::sync::MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, change: impl FnOnce(&mut Settings)) -> Result<(), Refusal> {
        let mut settings = self.settings();
        change(&mut settings);
        settings
            .save(&self.profile)
            .map_err(|error| unwritable(&error))
    }
}

fn unwritable(error: &dyn std::error::Error) -> Refusal {
    Refusal::new(
        format!("The profile's folder cannot be written: {error}."),
        "Look at its rights and at the space on the disk.",
    )
}

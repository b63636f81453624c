//! The parts of a running application. The modules below implement the steps of starting and changing it.

mod linking;
mod local;
mod model;
mod moving;
mod network;
mod start;

use std::sync::{Arc, Mutex, PoisonError};

use baton_client::Device;
use baton_protocol::view::{ConnectionPhase, ViewFrame, ViewRequest, ViewResponse};
use tauri::ipc::Channel;
use tokio::sync::watch;

use crate::inside::Inside;
use crate::linking::{refused, unrecorded};
use crate::options::Options;
use crate::profile::Profile;
use crate::record::{ProfileRecord, Settings};
use crate::screen_pump::ScreenPump;
use crate::secrets::{SecretPlace, Secrets};
use crate::shell_types::{Refusal, ShellStatus};
use crate::status::{InsideBoard, StatusBoard};
use crate::tasks::OwnedTask;

/// The page's answer to a request before a device is open.
const NOT_READY: &str = "the shell is not ready";

/// Everything that lives as long as the application.
pub struct Shell {
    profile: Profile,
    options: Options,
    record: ProfileRecord,
    secrets: Arc<Secrets>,
    board: StatusBoard,
    pump: ScreenPump,
    device: Mutex<Option<Device>>,
    inside: tokio::sync::Mutex<Option<Inside>>,
    /// The task that carries over the data of the account that this device left.
    moving: Mutex<Option<OwnedTask>>,
    /// Whether the application stays without a window even if nothing is at work, because other devices use its hub.
    stays: watch::Sender<bool>,
    /// Allows one start, link or change at a time.
    work: tokio::sync::Mutex<()>,
}

impl Shell {
    /// Reads the record; starts nothing.
    pub fn new(profile: Profile, options: Options) -> Self {
        let record = ProfileRecord::open(profile.clone());
        let in_files = record
            .settings()
            .is_ok_and(|settings| settings.tokens_in_files);
        let place = if in_files || options.insecure_token_file {
            SecretPlace::File
        } else {
            SecretPlace::Keyring
        };
        let secrets = Arc::new(Secrets::new(profile.clone(), place));
        Self {
            board: StatusBoard::new(profile.clone(), Arc::clone(&secrets)),
            profile,
            options,
            record,
            secrets,
            pump: ScreenPump::default(),
            device: Mutex::default(),
            inside: tokio::sync::Mutex::default(),
            moving: Mutex::default(),
            stays: watch::Sender::new(false),
            work: tokio::sync::Mutex::default(),
        }
    }

    /// Switches to keeping tokens in files, at the person's own choice.
    pub async fn use_token_file(&self) -> Result<(), Refusal> {
        let in_use = self.settings()?.slots_in_use();
        let copied = self.secrets.use_files(&in_use).await;
        copied.map_err(|error| refused(&error))?;
        tracing::warn!("tokens are kept in plain files from now on, as was asked for");
        self.remember(|settings| settings.tokens_in_files = true)
    }

    /// Creates a keyring if the system has none yet, then continues like [`unlock_keyring`](Self::unlock_keyring).
    pub async fn set_up_keyring(&self) -> Result<(), Refusal> {
        let made = self.secrets.set_up_keyring().await;
        made.map_err(|error| refused(&error))?;
        self.unlock_keyring().await
    }

    /// Asks the keyring again, which shows its password window if it is locked. The runner and the device then try again.
    pub async fn unlock_keyring(&self) -> Result<(), Refusal> {
        self.secrets
            .probe()
            .await
            .map_err(|error| refused(&error))?;
        if let Some(agent) = self
            .inside
            .lock()
            .await
            .as_ref()
            .and_then(|inside| inside.agent.as_ref())
        {
            agent.try_now();
        }
        let refused = |device: &Device| device.connection().phase == ConnectionPhase::Refused;
        if let Some(device) = self.device().filter(refused) {
            device.nudge();
        }
        Ok(())
    }

    /// Returns the profile.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Returns the progress of the start.
    pub fn status(&self) -> ShellStatus {
        self.board.status()
    }

    /// Returns the device, once it is open.
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

    /// Sends the page every change from now on.
    pub fn view_connect(&self, channel: Channel<ViewFrame>) -> Result<(), String> {
        let device = self.device().ok_or_else(|| NOT_READY.to_owned())?;
        self.pump.connect(&device, channel);
        Ok(())
    }

    /// Returns once nothing keeps the application running: other devices cannot use the hub inside, and no session there is at work. A
    /// prompt that waits for something other than its turn does not count: it is in the log.
    pub async fn at_rest(&self) {
        let mut stays = self.stays.subscribe();
        loop {
            // The sender lives as long as the shell.
            let _ = stays.wait_for(|stays| !stays).await;
            let inside = self.inside.lock().await;
            let at_work = inside.as_ref().map(|inside| inside.hub.sessions_at_work());
            drop(inside);
            if let Some(mut at_work) = at_work {
                // An error means that the hub has ended, and its work with it.
                let _ = at_work.wait_for(|sessions| *sessions == 0).await;
            }
            if !*stays.borrow_and_update() {
                return;
            }
        }
    }

    /// Stops everything in order.
    pub async fn stop(&self) {
        self.close_device();
        self.end_inside().await;
    }

    fn close_device(&self) {
        *self.moving.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.pump.disconnect();
        *self.device.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn end_inside(&self) {
        self.board.set_inside(InsideBoard::None);
        self.stays.send_replace(false);
        if let Some(inside) = self.inside.lock().await.take() {
            inside.stop().await;
        }
    }

    fn settings(&self) -> Result<Settings, Refusal> {
        self.record.settings().map_err(|error| unrecorded(&error))
    }

    fn remember(&self, change: impl FnOnce(&mut Settings)) -> Result<(), Refusal> {
        let changed = self.record.change(change);
        changed.map(|_| ()).map_err(|error| unrecorded(&error))
    }
}

pub use linking::LeavingChoice;
pub use network::BackgroundChoice;

#[cfg(test)]
mod tests;

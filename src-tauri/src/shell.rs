//! The shell's state.

use baton_protocol::view::{ViewFrame, ViewRequest, ViewResponse};
use std::sync::{Arc, Mutex};
use tauri::ipc::Channel;

use crate::options::Options;
use crate::profile::Profile;
use crate::secrets::{SecretPlace, Secrets};
use crate::settings::{Settings, SettingsError};
use crate::shell_types::{Refusal, ShellStatus, StartLocalOptions};
use crate::status::StatusBoard;

pub struct Shell {
    profile: Profile,
    options: Options,
    settings: Mutex<Settings>,
    secrets: Arc<Secrets>,
    board: StatusBoard,
}

impl Shell {
    pub fn new(profile: Profile, options: Options) -> Result<Self, SettingsError> {
        let settings = Settings::load(&profile)?;
        let secrets = Arc::new(Secrets::new(profile.clone(), SecretPlace::Keyring));
        Ok(Self {
            board: StatusBoard::new(profile.clone(), Arc::clone(&secrets)),
            profile,
            options,
            settings: Mutex::new(settings),
            secrets,
        })
    }
    pub async fn start(&self) {
        self.board.needs_start();
    }
    pub async fn stop(&self) {}
    pub fn status(&self) -> ShellStatus {
        self.board.status()
    }
    pub async fn view_request(&self, _r: ViewRequest) -> Result<ViewResponse, String> {
        Err("x".into())
    }
    pub async fn view_connect(&self, _c: Channel<ViewFrame>) -> Result<(), String> {
        Err("x".into())
    }
    pub async fn start_local(self: &Arc<Self>, _o: StartLocalOptions) -> Result<(), Refusal> {
        Ok(())
    }
    pub async fn link(self: &Arc<Self>, _l: &str, _d: &str) -> Result<(), Refusal> {
        Ok(())
    }
    pub async fn use_token_file(&self) -> Result<(), Refusal> {
        Ok(())
    }
}

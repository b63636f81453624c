//! What the page may call. Each command delegates.

use std::sync::Arc;

use baton_protocol::view::{ViewFrame, ViewRequest, ViewResponse};
use tauri::State;
use tauri::ipc::Channel;

use crate::shell::Shell;
use crate::shell_types::{
    DetectedModelServer, ModelOptions, ModelTest, ModelView, ShellResult, ShellStatus,
};
use crate::{diagnostics, external, model_servers};

type Shared<'a> = State<'a, Arc<Shell>>;

/// Asks the device for something.
#[tauri::command]
pub async fn view_request(shell: Shared<'_>, request: ViewRequest) -> Result<ViewResponse, String> {
    shell.view_request(request).await
}

/// Gives every change to the page, at most one message a frame.
#[tauri::command]
pub async fn view_connect(shell: Shared<'_>, channel: Channel<ViewFrame>) -> Result<(), String> {
    shell.view_connect(channel)
}

/// How far the start is.
#[tauri::command]
pub fn shell_status(shell: Shared<'_>) -> ShellStatus {
    shell.status()
}

/// Begins on this computer.
#[tauri::command]
pub async fn shell_start_local(
    shell: Shared<'_>,
    options: ModelOptions,
) -> Result<ShellResult, String> {
    Ok(shell.inner().start_local(options).await.into())
}

/// Links this device to a hub.
#[tauri::command]
pub async fn shell_link(
    shell: Shared<'_>,
    link: String,
    device_name: String,
) -> Result<ShellResult, String> {
    Ok(shell.inner().link(&link, &device_name).await.into())
}

/// Looks for model servers on this computer.
#[tauri::command]
pub async fn shell_detect_models() -> Vec<DetectedModelServer> {
    model_servers::detect().await
}

/// Opens an https address in the system's browser.
#[tauri::command]
pub async fn shell_open_external(url: String) -> ShellResult {
    external::open(&url).await.into()
}

/// Keeps tokens in files from now on.
#[tauri::command]
pub async fn shell_use_token_file(shell: Shared<'_>) -> Result<ShellResult, String> {
    Ok(shell.use_token_file().await.into())
}

/// Makes a keyring where the system has none yet.
#[tauri::command]
pub async fn shell_set_up_keyring(shell: Shared<'_>) -> Result<ShellResult, String> {
    Ok(shell.set_up_keyring().await.into())
}

/// Asks the keyring again; a locked one shows its password window.
#[tauri::command]
pub async fn shell_unlock_keyring(shell: Shared<'_>) -> Result<ShellResult, String> {
    Ok(shell.unlock_keyring().await.into())
}

/// Starts the hub inside the application again.
#[tauri::command]
pub async fn shell_start_again(shell: Shared<'_>) -> Result<ShellResult, String> {
    Ok(shell.inner().start_again().await.into())
}

/// Opens the profile's log file with the system's own program for it.
#[tauri::command]
pub async fn shell_open_log(shell: Shared<'_>) -> Result<ShellResult, String> {
    Ok(external::open_file(diagnostics::log_path(shell.profile()))
        .await
        .into())
}

/// The model that answers on this computer.
#[tauri::command]
pub async fn shell_model(shell: Shared<'_>) -> Result<Option<ModelView>, String> {
    shell.model().map_err(|refusal| refusal.sentence())
}

/// Asks a model server whether it would answer.
#[tauri::command]
pub async fn shell_test_model(
    shell: Shared<'_>,
    options: ModelOptions,
) -> Result<ModelTest, String> {
    Ok(shell.test_model(options).await.into())
}

/// Uses another model from now on.
#[tauri::command]
pub async fn shell_change_model(
    shell: Shared<'_>,
    options: ModelOptions,
) -> Result<ShellResult, String> {
    Ok(shell.change_model(options).await.into())
}

//! What the page may call. Each command delegates.

use std::sync::Arc;

use baton_protocol::view::{ViewFrame, ViewRequest, ViewResponse};
use tauri::State;
use tauri::ipc::Channel;

use crate::shell::Shell;
use crate::shell_types::{DetectedModelServer, ShellResult, ShellStatus, StartLocalOptions};
use crate::{external, model_servers};

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
    options: StartLocalOptions,
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

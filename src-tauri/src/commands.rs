//! The commands that the page may call. Each one delegates.

use std::sync::Arc;

use baton_protocol::view::{ViewFrame, ViewRequest, ViewResponse};
use tauri::State;
use tauri::ipc::Channel;

use crate::network::{NetworkLinkResult, NetworkView};
use crate::shell::{BackgroundChoice, LeavingChoice, Shell};
use crate::shell_types::{
    DetectedModelServer, ModelOptions, ModelTest, ModelView, ShellResult, ShellStatus,
};
use crate::{diagnostics, external, model_servers};

type Shared<'a> = State<'a, Arc<Shell>>;

/// Serves a view request of the page.
#[tauri::command]
pub async fn view_request(shell: Shared<'_>, request: ViewRequest) -> Result<ViewResponse, String> {
    shell.view_request(request).await
}

/// Sends every change of the page's views through the channel, at most one message per frame.
#[tauri::command]
pub async fn view_connect(shell: Shared<'_>, channel: Channel<ViewFrame>) -> Result<(), String> {
    shell.view_connect(channel)
}

/// Returns the step that the start has reached.
#[tauri::command]
pub fn shell_status(shell: Shared<'_>) -> ShellStatus {
    shell.status()
}

/// Sets up a hub and a runner on this computer.
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
    leaving: LeavingChoice,
) -> Result<ShellResult, String> {
    let linked = shell.inner().link(&link, &device_name, leaving).await;
    Ok(linked.into())
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

/// Switches to keeping tokens in files.
#[tauri::command]
pub async fn shell_use_token_file(shell: Shared<'_>) -> Result<ShellResult, String> {
    Ok(shell.use_token_file().await.into())
}

/// Creates a keyring if the system has none yet.
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

/// Opens the profile's log file with the system's default program.
#[tauri::command]
pub async fn shell_open_log(shell: Shared<'_>) -> Result<ShellResult, String> {
    Ok(external::open_file(diagnostics::log_path(shell.profile()))
        .await
        .into())
}

/// Returns the model that answers on this computer.
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

/// Changes the model that answers on this computer.
#[tauri::command]
pub async fn shell_change_model(
    shell: Shared<'_>,
    options: ModelOptions,
) -> Result<ShellResult, String> {
    Ok(shell.change_model(options).await.into())
}

/// Returns how other devices can reach this computer.
#[tauri::command]
pub async fn shell_network(shell: Shared<'_>) -> Result<Option<NetworkView>, String> {
    shell.network().await.map_err(|refusal| refusal.sentence())
}

/// Opens the hub inside the application to the network.
#[tauri::command]
pub async fn shell_open_network(shell: Shared<'_>) -> Result<ShellResult, String> {
    Ok(shell.open_network().await.into())
}

/// Stops listening on the network. Linked devices stay linked.
#[tauri::command]
pub async fn shell_close_network(shell: Shared<'_>) -> Result<ShellResult, String> {
    Ok(shell.close_network().await.into())
}

/// Chooses which of this computer's addresses links carry.
#[tauri::command]
pub async fn shell_choose_host(shell: Shared<'_>, host: String) -> Result<ShellResult, String> {
    Ok(shell.choose_host(host).await.into())
}

/// Sets whether the application stays when its window is closed.
#[tauri::command]
pub async fn shell_stay_in_background(
    shell: Shared<'_>,
    choice: BackgroundChoice,
) -> Result<ShellResult, String> {
    Ok(shell.stay_in_background(choice).await.into())
}

/// Makes a one-time link for another device.
#[tauri::command]
pub async fn shell_network_link(shell: Shared<'_>) -> Result<NetworkLinkResult, String> {
    Ok(shell.network_link().await.into())
}

/// Revokes a device's access.
#[tauri::command]
pub async fn shell_revoke_device(shell: Shared<'_>, id: String) -> Result<ShellResult, String> {
    Ok(shell.revoke_device(&id).await.into())
}

/// Quits the application, with the hub and the runner inside.
#[tauri::command]
pub fn shell_quit(app: tauri::AppHandle) {
    crate::app::quit(&app);
}

/// Retries an unfinished move to another hub.
#[tauri::command]
pub fn shell_move_again(shell: Shared<'_>) -> ShellResult {
    shell.inner().move_again();
    ShellResult::Done
}

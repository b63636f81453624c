//! Builds the application and runs it.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use tauri::{App, AppHandle, Manager as _, RunEvent};

use crate::options::Options;
use crate::profile::Profile;
use crate::shell::Shell;
use crate::{commands, diagnostics, tasks, window};

/// Runs until the window is closed and the hub inside has no session at work.
///
/// Closing a window stops no run: with the hub inside, the application stays without a window until its last answer is finished, and for
/// as long as other devices may use that hub. A second start opens the window again; *Quit* in Settings ends the application.
pub fn run(options: Options) -> ExitCode {
    let profile = match Profile::open(&options) {
        Ok(profile) => profile,
        Err(error) => return refuse(&error),
    };
    diagnostics::start(&profile, options.log_format);
    // If there is a session bus, a second start ends inside `build`.
    let built = builder(&profile).build(tauri::generate_context!());
    let app = match built {
        Ok(app) => app,
        Err(error) => return refuse(&error),
    };
    if let Err(error) = claim(&app, options, profile) {
        return refuse(error.as_ref());
    }
    app.run_return(|app, event| {
        if let RunEvent::ExitRequested { api, code, .. } = event
            && code.is_none()
        {
            api.prevent_exit();
            end_when_at_rest(app);
        }
    });
    ExitCode::SUCCESS
}

fn refuse(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(found) = cause {
        text.push_str(&format!(": {found}"));
        cause = found.source();
    }
    eprintln!("baton: {text}");
    ExitCode::FAILURE
}

/// Claims the profile before any of its files is opened. Runs outside Tauri's setup hook, which would turn an error into a panic.
fn claim(app: &App, options: Options, profile: Profile) -> Result<(), Box<dyn std::error::Error>> {
    // Held until the process ends.
    app.manage(profile.claim()?);
    app.manage(Arc::new(Shell::new(profile, options)));
    Ok(())
}

fn builder(profile: &Profile) -> tauri::Builder<tauri::Wry> {
    let setup_profile = profile.clone();
    single_instance(tauri::Builder::default(), profile)
        .setup(move |app| set_up(app, &setup_profile))
        .invoke_handler(tauri::generate_handler![
            commands::view_request,
            commands::view_connect,
            commands::shell_status,
            commands::shell_start_local,
            commands::shell_link,
            commands::shell_detect_models,
            commands::shell_open_external,
            commands::shell_use_token_file,
            commands::shell_set_up_keyring,
            commands::shell_unlock_keyring,
            commands::shell_start_again,
            commands::shell_open_log,
            commands::shell_model,
            commands::shell_test_model,
            commands::shell_change_model,
            commands::shell_network,
            commands::shell_open_network,
            commands::shell_close_network,
            commands::shell_choose_host,
            commands::shell_stay_in_background,
            commands::shell_network_link,
            commands::shell_revoke_device,
            commands::shell_quit,
            commands::shell_move_again,
        ])
}

fn set_up(app: &mut App, profile: &Profile) -> Result<(), Box<dyn std::error::Error>> {
    let shell = Arc::clone(&app.state::<Arc<Shell>>());
    window::open(app.handle(), profile)?;
    tasks::spawn("start", async move { shell.start().await });
    tracing::info!(profile = %profile.name(), version = env!("CARGO_PKG_VERSION"), "started");
    Ok(())
}

/// Ends the application at the person's request, even if runs are in progress.
pub fn quit(app: &AppHandle) {
    let app = app.clone();
    let shell = Arc::clone(&app.state::<Arc<Shell>>());
    tasks::spawn("quit", async move {
        shell.stop().await;
        tracing::info!("stopped at the person's wish");
        app.exit(0);
    });
}

/// Handles the closing of the last window: ends the application once nothing is at work, unless a window has opened again by then.
fn end_when_at_rest(app: &AppHandle) {
    let app = app.clone();
    let shell = Arc::clone(&app.state::<Arc<Shell>>());
    tasks::spawn("end without a window", async move {
        shell.at_rest().await;
        if window::is_open(&app) {
            return;
        }
        shell.stop().await;
        tracing::info!("stopped");
        app.exit(0);
    });
}

/// Makes a second start of the profile show the window of the first if there is a session bus. Without a bus, the claim on the profile's
/// folder refuses the second start with a message.
#[cfg(target_os = "linux")]
fn single_instance(
    builder: tauri::Builder<tauri::Wry>,
    profile: &Profile,
) -> tauri::Builder<tauri::Wry> {
    let plugin = tauri_plugin_single_instance::Builder::new()
        .dbus_id(format!("dev.baton.desktop.{}", profile.identity()))
        .callback(|app, arguments, _folder| second_start(app, &arguments))
        .build();
    builder.plugin(plugin)
}

/// On other systems the plugin uses one name for all profiles, so only the claim on the profile's folder prevents a second start.
#[cfg(not(target_os = "linux"))]
fn single_instance(
    builder: tauri::Builder<tauri::Wry>,
    _profile: &Profile,
) -> tauri::Builder<tauri::Wry> {
    builder
}

#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
fn second_start(app: &AppHandle, arguments: &[String]) {
    let wants_toggle = Options::try_parse_from(arguments).is_ok_and(|options| options.toggle);
    let shell = app.state::<Arc<Shell>>();
    if wants_toggle {
        window::toggle(app, shell.profile());
    } else {
        window::show(app, shell.profile());
    }
}

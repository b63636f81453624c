//! Puts the application together and runs it.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser as _;
use tauri::{App, AppHandle, Manager as _, RunEvent};

use crate::options::Options;
use crate::profile::Profile;
use crate::shell::Shell;
use crate::{commands, diagnostics, tasks, window};

/// Runs until the window is closed.
pub fn run(options: Options) -> ExitCode {
    let profile = match Profile::open(&options) {
        Ok(profile) => profile,
        Err(error) => return refuse(&error),
    };
    diagnostics::start(&profile);
    // A second start ends in here, where there is a session bus.
    let built = builder(&profile).build(tauri::generate_context!());
    let app = match built {
        Ok(app) => app,
        Err(error) => return refuse(&error),
    };
    if let Err(error) = claim(&app, options, profile) {
        return refuse(error.as_ref());
    }
    let stopping = AtomicBool::new(false);
    app.run_return(move |app, event| {
        if let RunEvent::ExitRequested { api, .. } = event
            && !stopping.swap(true, Ordering::SeqCst)
        {
            api.prevent_exit();
            stop(app);
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

/// Takes the profile before anything of it is opened. Tauri would panic if the setup said no.
fn claim(app: &App, options: Options, profile: Profile) -> Result<(), Box<dyn std::error::Error>> {
    // Held until the process ends.
    app.manage(profile.claim()?);
    app.manage(Arc::new(Shell::new(profile, options)?));
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
        ])
}

fn set_up(app: &mut App, profile: &Profile) -> Result<(), Box<dyn std::error::Error>> {
    let shell = Arc::clone(&app.state::<Arc<Shell>>());
    window::open(app.handle(), profile)?;
    tasks::spawn("start", async move { shell.start().await });
    tracing::info!(profile = %profile.name(), version = env!("CARGO_PKG_VERSION"), "started");
    Ok(())
}

fn stop(app: &AppHandle) {
    let app = app.clone();
    let shell = Arc::clone(&app.state::<Arc<Shell>>());
    tasks::spawn("stop", async move {
        shell.stop().await;
        tracing::info!("stopped");
        app.exit(0);
    });
}

/// A second start of the profile shows the window of the first, where there is a session bus; where there is none, the claim on the
/// profile's folder refuses it with a message.
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

/// Elsewhere the plugin knows one name for all profiles: the claim on the profile's folder does it alone.
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
    if wants_toggle {
        window::toggle(app);
    } else {
        window::show(app);
    }
}

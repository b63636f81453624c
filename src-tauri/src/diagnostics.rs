//! Where the application says what it does: standard error, and a file in the profile's folder.
//!
//! Never what people wrote: a panic's own message may quote it, so only the place of a panic is reported.

use std::fs::{self, OpenOptions};
use std::io;
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

use crate::private_files;
use crate::profile::Profile;

/// Past this the file is put aside at the next start; one older file is kept.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Ours at `info`, everybody else's at `warn`: libraries may print bodies below that.
const DEFAULT_FILTER: &str = "warn,baton=info,baton_client=info,baton_hub=info,baton_log_sqlite=info,baton_runner=info,baton_transport=info";

/// The model library logs what servers answer, which may hold what people wrote: never, whatever is asked for.
const SILENT: &str = "genai=off";

/// The profile's log file.
pub fn log_path(profile: &Profile) -> PathBuf {
    profile.folder().join("logs").join("baton.log")
}

/// Starts both. Without a usable file there is standard error alone.
pub fn start(profile: &Profile) {
    let wanted = std::env::var("BATON_LOG").unwrap_or_else(|_| DEFAULT_FILTER.to_owned());
    let filter = filter(&wanted);
    let file = open_file(&log_path(profile));
    let problem = file.as_ref().err().map(ToString::to_string);
    let file_layer = file
        .ok()
        .map(|file| fmt::layer().with_ansi(false).with_writer(Mutex::new(file)));
    let started = tracing_subscriber::registry()
        .with(filter)
        .with(fmt::layer().with_writer(io::stderr))
        .with(file_layer)
        .try_init();
    if started.is_ok() {
        report_panics();
    }
    if let Some(problem) = problem {
        tracing::warn!(error = problem, "there is no log file");
    }
}

/// A library may log under a target of a module of its own, so every directive for it is dropped as well.
fn filter(wanted: &str) -> EnvFilter {
    let wanted: Vec<&str> = wanted
        .split(',')
        .filter(|directive| !directive.contains("genai"))
        .collect();
    EnvFilter::try_new(wanted.join(","))
        .unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER))
        .add_directive(SILENT.parse().expect("a valid directive"))
}

fn open_file(path: &Path) -> io::Result<fs::File> {
    if let Some(folder) = path.parent() {
        private_files::create_folder(folder)?;
    }
    if fs::metadata(path).is_ok_and(|found| found.len() > FILE_BYTES_MAX) {
        fs::rename(path, path.with_extension("log.1"))?;
    }
    private_files::open(path, OpenOptions::new().create(true).append(true))
}

fn report_panics() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string);
        let thread = std::thread::current();
        tracing::error!(
            place = place.as_deref().unwrap_or("unknown"),
            thread = thread.name().unwrap_or("unnamed"),
            "a task panicked"
        );
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_library_stays_silent_whatever_is_asked_for() {
        for wanted in ["trace", "genai=trace", "info,genai::adapter=trace"] {
            let shown = filter(wanted).to_string();
            assert_eq!(shown.matches("genai").count(), 1, "{shown}");
            assert!(shown.contains("genai=off"), "{shown}");
        }
    }
}

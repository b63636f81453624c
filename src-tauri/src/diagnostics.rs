//! The application's logs: standard error and a file in the profile's folder.
//!
//! They never contain what people wrote. A panic message may quote it, so only the location of a panic is reported.

use std::fs::{self, OpenOptions};
use std::io;
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::options::LogFormat;
use crate::private_files;
use crate::profile::Profile;

/// A larger file is renamed at the next start; one older file is kept.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Our own crates log at `info`, all others at `warn`: libraries may print message bodies below that.
const DEFAULT_FILTER: &str = "warn,baton=info,baton_client=info,baton_hub=info,baton_log_sqlite=info,baton_runner=info,baton_transport=info";

/// The profile's log file.
pub fn log_path(profile: &Profile) -> PathBuf {
    profile.folder().join("logs").join("baton.log")
}

/// Starts both outputs, or standard error alone if the file cannot be used.
pub fn start(profile: &Profile, format: LogFormat) {
    let wanted = std::env::var("BATON_LOG").unwrap_or_else(|_| DEFAULT_FILTER.to_owned());
    let filter = filter(&wanted);
    let file = open_file(&log_path(profile));
    let problem = file.as_ref().err().map(ToString::to_string);
    let file = file.ok().map(|file| {
        let lines = fmt::layer().with_ansi(false);
        formatted(lines.with_writer(Mutex::new(file)), format)
    });
    let started = tracing_subscriber::registry()
        .with(filter)
        .with(formatted(fmt::layer().with_writer(io::stderr), format))
        .with(file)
        .try_init();
    if started.is_ok() {
        report_panics();
    }
    if let Some(problem) = problem {
        tracing::warn!(error = problem, "there is no log file");
    }
}

fn formatted<S, W>(
    lines: fmt::Layer<S, fmt::format::DefaultFields, fmt::format::Format, W>,
    format: LogFormat,
) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'line> MakeWriter<'line> + Send + Sync + 'static,
{
    match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    }
}

fn filter(wanted: &str) -> EnvFilter {
    EnvFilter::try_new(wanted).unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER))
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
    fn a_line_is_json_where_that_is_asked_for_and_text_otherwise() {
        let line = |format| {
            let mut file = tempfile::tempfile().unwrap();
            let lines = fmt::layer().with_ansi(false);
            let lines = lines.with_writer(Mutex::new(file.try_clone().unwrap()));
            let subscriber = tracing_subscriber::registry().with(formatted(lines, format));
            tracing::subscriber::with_default(subscriber, || {
                tracing::info!(command.id = "c-1", duration_ms = 7, "a command is answered");
            });
            let mut text = String::new();
            io::Seek::rewind(&mut file).unwrap();
            io::Read::read_to_string(&mut file, &mut text).unwrap();
            text
        };
        let json: serde_json::Value = serde_json::from_str(&line(LogFormat::Json)).unwrap();
        assert_eq!(
            json["fields"],
            serde_json::json!({ "message": "a command is answered", "command.id": "c-1", "duration_ms": 7 })
        );
        let text = line(LogFormat::Text);
        assert!(
            text.contains("a command is answered command.id=\"c-1\" duration_ms=7"),
            "{text}"
        );
    }
}

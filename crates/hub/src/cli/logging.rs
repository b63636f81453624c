//! Log lines, to standard error. `RUST_LOG` filters.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::EnvFilter;

use super::arguments::LogFormat;

/// Lifecycle, and no library's.
const USUAL_FILTER: &str = "info,rusqlite_migration=warn";

/// Starts logging for this process.
pub fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(USUAL_FILTER));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal());
    match format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
}

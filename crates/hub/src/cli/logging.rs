//! Log lines, to standard error. `RUST_LOG` filters.

use tracing_subscriber::EnvFilter;

use super::arguments::LogFormat;

/// Starts logging for this process.
pub fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
}

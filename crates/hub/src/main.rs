//! `baton-hub`: serve, link, list, revoke, back up, restore and examine from a terminal.

#![forbid(unsafe_code)]

mod cli;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use baton_hub::{BackendFault, LOG_DIRECTORY_NAME, LogBackend};
use baton_log::EventLog;
use baton_log_sqlite::SqliteEventLog;

/// The one place that chooses a backend.
const BACKEND: LogBackend = LogBackend {
    open: open_log,
    renew: renew_identities,
};

fn main() -> ExitCode {
    cli::run(BACKEND)
}

fn open_log(data_dir: &Path) -> Result<Arc<dyn EventLog>, BackendFault> {
    let directory = data_dir.join(LOG_DIRECTORY_NAME);
    let log = SqliteEventLog::open(&directory).context("the log cannot be opened")?;
    Ok(Arc::new(log))
}

fn renew_identities(data_dir: &Path) -> Result<usize, BackendFault> {
    let renewed = baton_log_sqlite::renew_identities(&data_dir.join(LOG_DIRECTORY_NAME));
    Ok(renewed.context("the logs' identities cannot be renewed")?)
}

//! `baton-hub`: serve, link, list and revoke from a terminal.

#![forbid(unsafe_code)]

mod cli;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use baton_log::EventLog;
use baton_log_sqlite::SqliteEventLog;

fn main() -> ExitCode {
    cli::run(open_log)
}

/// The one place that chooses a backend.
fn open_log(data_dir: &Path) -> anyhow::Result<Arc<dyn EventLog>> {
    let log = SqliteEventLog::open(&data_dir.join("log")).context("the log cannot be opened")?;
    Ok(Arc::new(log))
}

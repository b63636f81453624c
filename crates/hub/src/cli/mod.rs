//! The command line. Standard output carries results only; everything else goes to standard error.

mod arguments;
mod devices;
mod logging;
mod serve;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use baton_log::EventLog;
use clap::Parser as _;

use self::arguments::{Arguments, Verb};

/// Opens the log in a data directory.
pub type OpenLog = fn(&Path) -> anyhow::Result<Arc<dyn EventLog>>;

/// Runs one command. Says on standard error what went wrong.
pub fn run(open_log: OpenLog) -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.verb {
        Verb::Serve(serve) => {
            logging::start(serve.log_format);
            serve::serve(serve, open_log)
        }
        Verb::Link(link) => devices::link(&link),
        Verb::Devices(list) => devices::list(&list),
        Verb::Revoke(revoke) => devices::revoke(&revoke),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("baton-hub: {error:#}");
            ExitCode::FAILURE
        }
    }
}

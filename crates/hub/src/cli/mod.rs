//! The command line. Standard output carries results only; everything else goes to standard error.

mod arguments;
mod backup;
mod devices;
mod doctor;
mod logging;
mod restore;
mod serve;

use std::process::ExitCode;

use anyhow::Context as _;
use baton_hub::LogBackend;
use clap::Parser as _;

use self::arguments::{Arguments, Verb};

/// Runs one command. Says on standard error what went wrong.
pub fn run(backend: LogBackend) -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.verb {
        Verb::Serve(serve) => {
            logging::start(serve.log_format);
            succeeded(serve::serve(*serve, backend))
        }
        Verb::Link(link) => succeeded(devices::link(&link)),
        Verb::Devices(list) => succeeded(devices::list(&list)),
        Verb::Revoke(revoke) => succeeded(devices::revoke(&revoke)),
        Verb::Backup(backup) => succeeded(backup::back_up(&backup, backend)),
        Verb::Restore(restore) => succeeded(restore::restore(&restore, backend)),
        Verb::Doctor(doctor) => doctor::doctor(&doctor, backend),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("baton-hub: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn succeeded(done: anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    done.map(|()| ExitCode::SUCCESS)
}

/// For commands that wait for nothing but the disk.
fn block_on<T>(work: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    Ok(runtime.block_on(work))
}

//! `batonctl`: the whole product from a terminal, for people and for scripts.
//!
//! Holds no logic of its own: opens a device of `baton-client`, sends it commands and prints the results.

mod args;
mod commands;
mod failure;
mod output;
mod place;
mod session_name;
mod waiting;

use clap::Parser;
use std::process::ExitCode;

use args::{Args, LogFormat};
use output::Output;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    log_to_stderr(args.verbose, args.log_format);
    let output = Output::new(args.json);
    match commands::run(args, &output).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

fn log_to_stderr(verbose: bool, format: LogFormat) {
    use tracing_subscriber::EnvFilter;
    let default = if verbose { "info" } else { "off" };
    let filter = EnvFilter::try_from_env("BATON_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
}

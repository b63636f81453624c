//! `cargo xtask`: everything that is done to this repository, each command in a module of its own.

#![forbid(unsafe_code)]

mod bench;
mod codegen;
mod console;
mod model;
mod only;
mod paths;
mod process;
mod python;
mod run;
mod services;
mod setup;
mod sim;
mod steps;
mod test;
mod tidy;
mod ui;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Baton's automation.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what is missing on this machine.
    Setup(setup::Options),
    /// Build and start a hub, a runner, a small local model and the desktop.
    Run(run::Options),
    /// Everything that must hold, end to end in real windows included.
    Test(test::Options),
    /// What `test` does without windows and model, and cargo-deny where it is installed.
    Ci,
    /// Play seeded simulations of a bad network, failing disks and crashes, and check every step.
    Sim(sim::Options),
    /// Check the rules of this repository: dependency direction, sizes, names.
    Tidy,
    /// Write the TypeScript types of `baton-protocol` to `ui/src/generated`.
    Codegen(codegen::Options),
    /// Measure Baton against its peers, which it installs under `.local/bench`.
    Bench(bench::Options),
    /// Start the small real language model on its own, as an OpenAI-compatible endpoint on loopback.
    ModelServer(model::Options),
}

fn main() -> ExitCode {
    let task = Cli::parse().task;
    let outcome = services::end_all_on_signal().and_then(|()| match task {
        Task::Setup(options) => setup::setup(options.purpose),
        Task::Run(options) => run::run(&options),
        Task::Test(options) => test::test(&options),
        Task::Ci => test::ci(),
        Task::Sim(options) => sim::sim(&options),
        Task::Tidy => tidy::tidy(),
        Task::Codegen(options) => codegen::codegen(&options),
        Task::Bench(options) => bench::bench(&options),
        Task::ModelServer(options) => model::serve(&options),
    });
    services::leave_the_end_to_a_signal();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

//! `cargo xtask sim`: builds the simulation so that it is fast, and plays seeds.

use std::ffi::OsString;

use anyhow::Result;
use clap::Args;

use crate::{paths, process};

#[derive(Args)]
pub struct Options {
    /// What the simulation is told: `--seeds N`, `--from SEED`, `--keep STEPS`, `--plant FAULT`, `--trace`; `--help` says all.
    #[arg(
        value_name = "OPTIONS",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    simulation: Vec<OsString>,
}

/// Where nearly all of the time goes. The rest stays as every other build has it, with its debug assertions.
const OPTIMIZED: [&str; 5] = [
    "baton-sim",
    "baton-session",
    "baton-log",
    "baton-runner",
    "baton-client",
];

/// The task `sim`.
pub fn sim(options: &Options) -> Result<()> {
    let mut build = process::cargo();
    build.args(["build", "--quiet", "--package", "baton-sim"]);
    for package in OPTIMIZED {
        build.args([
            "--config",
            &format!("profile.dev.package.{package}.opt-level=2"),
        ]);
    }
    process::run(&mut build)?;
    process::run(process::command(paths::program("baton-sim")).args(&options.simulation))
}

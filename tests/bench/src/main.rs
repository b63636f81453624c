//! `baton-bench`: every figure that needs no screen, against its peers, in one run on one machine. `cargo xtask bench` builds it,
//! installs the peers and runs it; what is measured and how is said in `docs/PERFORMANCE.md`.
//!
//! Rules: A/B rounds are interleaved, data is fresh in each round, a contestant whose result is wrong has no figure, and a peer that
//! is absent is named as absent.

#![forbid(unsafe_code)]

mod append;
mod append_hub;
mod append_latency;
mod bench;
mod conversation;
mod fan_out;
mod figures;
mod floor;
mod follow;
mod frames;
mod hub;
mod idle;
mod machine;
mod mirror;
mod peers;
mod pick_up;
mod report;
mod search;
mod stalled;
mod stop;
mod storm;
mod turn;
mod wire;
mod words;
mod writer;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

use bench::Bench;
use machine::Machine;

/// Measures Baton against its peers.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run benchmarks.
    Run(Options),
    /// Serve a hub: what benchmarks start.
    #[command(hide = true)]
    Hub { data: PathBuf, port: u16 },
    /// Serve the lines of a file as frames: the bare peer.
    #[command(hide = true)]
    Frames { file: PathBuf, when: frames::When },
    /// Write what a benchmark counts.
    #[command(hide = true, subcommand)]
    Write(append_hub::WriterTask),
    /// Append for a count of syncs.
    #[command(hide = true)]
    AppendForCheck {
        contestant: append::Contestant,
        folder: PathBuf,
    },
}

#[derive(clap::Args)]
struct Options {
    /// Which; all where none is named.
    names: Vec<Name>,
    /// Write the rows here too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where the peers are installed and data is made.
    #[arg(long, value_name = "DIR")]
    folder: PathBuf,
    /// A/B rounds.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Divide how long each measurement lasts, to see it run; such figures are worth nothing.
    #[arg(long, default_value_t = 1)]
    hurry: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Name {
    Append,
    AppendHub,
    AppendLatency,
    Follow,
    FanOut,
    Stalled,
    Mirror,
    Search,
    Stop,
    PickUp,
    Storm,
    Idle,
    Turn,
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match Cli::parse().task {
            Task::Run(options) => run(options).await,
            Task::Hub { data, port } => hub::serve(&data, port).await,
            Task::Frames { file, when } => frames::serve(&file, when).await,
            Task::Write(task) => append_hub::write(task).await,
            Task::AppendForCheck { contestant, folder } => {
                append::append_for_check(contestant, &folder).await
            }
        }
    })
}

async fn run(options: Options) -> Result<()> {
    hub::raise_descriptors()?;
    let bench = Bench {
        folder: options.folder.canonicalize()?,
        rounds: options.rounds.max(1),
        hurry: options.hurry.max(1),
        machine: Machine::look(),
    };
    let names = if options.names.is_empty() {
        Name::value_variants().to_vec()
    } else {
        options.names
    };
    let mut all = Vec::new();
    for name in names {
        let rows = match name {
            Name::Append => append::run(&bench).await?,
            Name::AppendHub => append_hub::run(&bench).await?,
            Name::AppendLatency => append_latency::run(&bench).await?,
            Name::Follow => follow::run(&bench).await?,
            Name::FanOut => fan_out::run(&bench).await?,
            Name::Stalled => stalled::run(&bench).await?,
            Name::Mirror => mirror::run(&bench).await?,
            Name::Search => search::run(&bench).await?,
            Name::Stop => stop::run(&bench).await?,
            Name::PickUp => pick_up::run(&bench).await?,
            Name::Storm => storm::run(&bench).await?,
            Name::Idle => idle::run(&bench).await?,
            Name::Turn => turn::run(&bench).await?,
        };
        report::print(&rows);
        all.extend(rows);
        // After each: a later one that fails takes nothing away.
        if let Some(path) = &options.json {
            report::write_json(&all, path)?;
        }
    }
    Ok(())
}

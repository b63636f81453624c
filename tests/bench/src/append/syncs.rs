//! Whether a contestant that says "durable" really syncs: its calls to the disk are counted while one producer appends.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::{OpenedLog, Producer};
use crate::bench::Bench;
use crate::figures::{Label, Row, Series, Target, compare};
use crate::peers::{self, Server, Watch, durable_streams, nats, redis};

/// Appends one after the other, none of which can share a flush with another one.
const APPENDS: u64 = 200;

/// Those of the contestants that have no server: this program appends under `strace`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Contestant {
    Log,
    Sqlite,
}

/// A row for each contestant: its syncs for an append, at least one.
pub async fn check_all(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let counts = [
        ("Baton", own(bench, Contestant::Log).await),
        (peers::sqlite::NAME, own(bench, Contestant::Sqlite).await),
        (redis::NAME, check_redis(bench).await),
        (nats::NAME, check_nats(bench).await),
        (durable_streams::NAME, check_streams(bench).await),
    ];
    for (name, count) in counts {
        rows.push(row(bench, name, count));
    }
    Ok(rows)
}

fn row(bench: &Bench, name: &str, count: Result<u64>) -> Row {
    let label = Label {
        name: "append (log)",
        case: format!("syncs while {APPENDS} appends follow each other: {name}"),
        unit: "syncs",
    };
    let mut found = Series::new(name);
    let mut appends = Series::new("one an append");
    match count {
        Ok(count) => {
            found.values.push(count as f64);
            appends.values.push(APPENDS as f64);
        }
        Err(error) => appends.absent = Some(format!("{error:#}")),
    }
    compare(
        &label,
        &found,
        &appends,
        Target::AtLeast(1.0),
        &bench.machine,
    )
}

async fn own(bench: &Bench, contestant: Contestant) -> Result<u64> {
    let folder = bench.fresh("syncs")?;
    let program = std::env::current_exe()?;
    let kind = match contestant {
        Contestant::Log => "log",
        Contestant::Sqlite => "sqlite",
    };
    let data = folder.path().join("data");
    let words = ["append-for-check", kind, &data.display().to_string()].map(str::to_owned);
    let server = Server::start(&program, &words, 0, folder.path(), Watch::Syncs)?;
    server.syncs_at_its_end().await
}

/// What this program does under `strace` for [`own`].
pub async fn append_for_check(contestant: Contestant, folder: &Path) -> Result<()> {
    match contestant {
        Contestant::Log => {
            let opened = OpenedLog::create(folder, 1).await?;
            for _ in 0..APPENDS {
                opened.append(0).await?;
            }
        }
        Contestant::Sqlite => {
            std::fs::create_dir_all(folder)?;
            let connection = peers::sqlite::open(folder)?;
            for n in 0..APPENDS {
                peers::sqlite::append(&connection, n)?;
            }
        }
    }
    Ok(())
}

fn data(folder: &tempfile::TempDir) -> Result<PathBuf> {
    let path = folder.path().join("data");
    std::fs::create_dir(&path).context("cannot make a folder")?;
    Ok(path)
}

async fn append(producer: &mut impl Producer) -> Result<()> {
    for n in 0..APPENDS {
        producer.append(0, n).await?;
    }
    Ok(())
}

async fn check_redis(bench: &Bench) -> Result<u64> {
    let folder = bench.fresh("syncs")?;
    let server = redis::start(&data(&folder)?, Watch::Syncs).await?;
    append(&mut redis::RedisProducer::open(&server).await?).await?;
    server.count_syncs().await
}

async fn check_nats(bench: &Bench) -> Result<u64> {
    let folder = bench.fresh("syncs")?;
    let server = nats::start(bench, &data(&folder)?, Watch::Syncs).await?;
    append(&mut nats::NatsProducer::open(&server).await?).await?;
    server.count_syncs().await
}

async fn check_streams(bench: &Bench) -> Result<u64> {
    let folder = bench.fresh("syncs")?;
    let server = durable_streams::start(bench, &data(&folder)?, Watch::Syncs).await?;
    durable_streams::create(&server, "check", 1).await?;
    let client = reqwest::Client::new();
    append(&mut durable_streams::StreamProducer::open(
        &server, "check", &client,
    ))
    .await?;
    server.count_syncs().await
}

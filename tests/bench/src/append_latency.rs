//! `append-latency`: one producer, one append after the other, against what no program can save: a flush and a round trip.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};
use baton_protocol::{ClientFrame, HubFrame};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::append::OpenedLog;
use crate::bench::Bench;
use crate::figures::{Label, Row, Series, Target, compare, quantile};
use crate::hub::HubProcess;
use crate::writer::Writer;

/// Appends, flushes and round trips of one round.
const SAMPLES: usize = 600;

/// What a flush writes: a page, the least that SQLite's WAL writes for a commit.
const FLUSH_BYTES: usize = 4096;

/// The benchmark.
pub async fn run(bench: &Bench) -> Result<Vec<Row>> {
    let mut hub = Series::new("Baton, through the hub");
    let mut log = Series::new("Baton, the log alone");
    let mut floor = Series::new("fdatasync + loopback round trip");
    let mut flush = Series::new("fdatasync");
    let samples = bench.shortened(SAMPLES);
    for round in 0..bench.rounds {
        eprintln!("append-latency: round {} of {}", round + 1, bench.rounds);
        let folder = bench.fresh("latency")?;
        let flushed = flush_p50(folder.path(), samples)?;
        let trip = round_trip_p50(samples).await?;
        log.values
            .push(log_p50(&folder.path().join("log"), samples).await?);
        hub.values.push(hub_p50(bench, samples).await?);
        // Half of the floor before, half after: the disk's mood changes.
        let flushed = (flushed + flush_p50(folder.path(), samples)?) / 2.0;
        floor.values.push(flushed + trip);
        flush.values.push(flushed);
    }
    let label = |case: &str| Label {
        name: "append latency",
        case: format!("{case}, p50"),
        unit: "us",
    };
    let target = Target::AtMost(2.0);
    Ok(vec![
        compare(
            &label("a runner's write, acknowledged"),
            &hub,
            &floor,
            target,
            &bench.machine,
        ),
        compare(
            &label("the log's append"),
            &log,
            &floor,
            target,
            &bench.machine,
        ),
        compare(
            &label("the log's append"),
            &log,
            &flush,
            Target::None,
            &bench.machine,
        ),
    ])
}

/// Overwrites pages of a file that is there already, as a log does that uses its file again. Microseconds.
pub fn flush_p50(folder: &Path, samples: usize) -> Result<f64> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(folder.join("flush"))?;
    let page = [7_u8; FLUSH_BYTES];
    for n in 0..samples {
        file.write_all_at(&page, (n * FLUSH_BYTES) as u64)?;
    }
    file.sync_all()?;
    let mut times = Vec::with_capacity(samples);
    for n in 0..samples {
        let began = Instant::now();
        file.write_all_at(&page, (n * FLUSH_BYTES) as u64)?;
        file.sync_data()?;
        times.push(micros(began));
    }
    Ok(quantile(&times, 0.5))
}

/// 256 bytes there and back over TCP on loopback. Microseconds.
pub async fn round_trip_p50(samples: usize) -> Result<f64> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let echo = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let mut bytes = [0; 256];
        for _ in 0..samples {
            stream.read_exact(&mut bytes).await?;
            stream.write_all(&bytes).await?;
        }
        anyhow::Ok(())
    });
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut times = Vec::with_capacity(samples);
    let mut bytes = [7; 256];
    for _ in 0..samples {
        let began = Instant::now();
        stream.write_all(&bytes).await?;
        stream.read_exact(&mut bytes).await?;
        times.push(micros(began));
    }
    echo.await??;
    Ok(quantile(&times, 0.5))
}

async fn log_p50(folder: &Path, samples: usize) -> Result<f64> {
    let opened = OpenedLog::create(folder, 1).await?;
    let mut times = Vec::with_capacity(samples);
    for _ in 0..samples {
        let began = Instant::now();
        opened.append(0).await?;
        times.push(micros(began));
    }
    Ok(quantile(&times, 0.5))
}

async fn hub_p50(bench: &Bench, samples: usize) -> Result<f64> {
    let hub = HubProcess::start(bench).await?;
    let mut writer = Writer::begin(&hub).await?;
    let mut times = Vec::with_capacity(samples);
    for n in 0..samples {
        let frame: ClientFrame = writer.next_text(n as u64);
        let began = Instant::now();
        writer.runner.send(&frame).await?;
        let acked = writer
            .runner
            .take(|frame| match frame {
                HubFrame::RunAcked { producer, .. } => Some(producer),
                _ => None,
            })
            .await?;
        times.push(micros(began));
        ensure!(
            acked == writer.producer(),
            "the hub acknowledged another write"
        );
    }
    Ok(quantile(&times, 0.5))
}

fn micros(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e6
}

//! `append-latency`: one producer, one append after the other, against what no program can save: a flush and a round trip.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use baton_protocol::{ClientFrame, HubFrame};

use crate::append::OpenedLog;
use crate::bench::Bench;
use crate::figures::{Label, Row, Series, Target, compare, quantile};
use crate::floor::{answer_p50, flush_p50, micros, round_trip_p50};
use crate::hub::HubProcess;
use crate::writer::Writer;

/// Appends, flushes and round trips of one round.
const SAMPLES: usize = 600;

/// The benchmark.
pub async fn run(bench: &Bench) -> Result<Vec<Row>> {
    let mut hub = Series::new("Baton, through the hub");
    let mut log = Series::new("Baton, the log alone");
    let mut floor = Series::new("fdatasync + loopback round trip");
    let mut flush = Series::new("fdatasync");
    let mut bare = Series::new("a bare server that flushes, then answers");
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
        bare.values
            .push(answer_p50(folder.path(), samples, Duration::ZERO)?);
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
            &label("a runner's write, acknowledged"),
            &hub,
            &bare,
            Target::None,
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

//! Measures how long appends wait while a large log is deleted, compared with no deletion. Rounds of the two alternate.
//!
//! `delete_latency FOLDER [ROUNDS] [SECONDS]` creates its databases in `FOLDER`, which must be on the disk to measure.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use baton_log::EventLog;
use baton_log::conformance::{Conversation, prompt};
use baton_log_sqlite::SqliteEventLog;
use baton_protocol::LogId;

/// Events of the log that is deleted.
const EVENTS: usize = 100_000;

/// Events in one request that grows the log.
const EVENTS_TOGETHER: usize = 500;

/// Text bytes of one event.
const TEXT_BYTES: usize = 200;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().context("a folder is missing")?);
    let rounds: usize = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let seconds: u64 = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let directory = folder.join(format!("round-{round}"));
        let log = SqliteEventLog::open(&directory)?;
        let doomed = grow(&log).await;
        let mut writer = Conversation::create(&log).await;
        let phase = Duration::from_secs(seconds);
        append_for(&mut writer, phase, &mut without).await;
        let began = Instant::now();
        log.delete(doomed).await?;
        let marked = began.elapsed();
        let appends = with.len();
        append_for(&mut writer, phase, &mut with).await;
        println!(
            "round {round}: marked in {:.1} ms, {} appends meanwhile",
            marked.as_secs_f64() * 1e3,
            with.len() - appends
        );
        drop(log);
        println!("  {} of {EVENTS} rows left", left(&directory)?);
        std::fs::remove_dir_all(&directory)?;
    }
    report("without", &mut without);
    report("with", &mut with);
    Ok(())
}

/// Writes a large log whose rows alternate with those of another one.
async fn grow(log: &SqliteEventLog) -> LogId {
    let text = "x".repeat(TEXT_BYTES);
    let mut doomed = Conversation::create(log).await;
    let mut other = Conversation::create(log).await;
    for round in 0..EVENTS / EVENTS_TOGETHER {
        let events = || (0..EVENTS_TOGETHER).map(|_| prompt(&text)).collect();
        doomed.append(events()).await;
        if round % 2 == 0 {
            other.append(events()).await;
        }
    }
    doomed.id
}

async fn append_for(writer: &mut Conversation<'_>, phase: Duration, took: &mut Vec<Duration>) {
    let until = Instant::now() + phase;
    while Instant::now() < until {
        let began = Instant::now();
        writer.say(prompt("a few tokens")).await;
        took.push(began.elapsed());
    }
}

fn left(directory: &std::path::Path) -> anyhow::Result<i64> {
    let database = rusqlite::Connection::open(directory.join("log.sqlite"))?;
    let sql = "SELECT count(*) FROM arrivals WHERE position >> 32 IN (SELECT log FROM deletions)";
    Ok(database.query_row(sql, [], |row| row.get(0))?)
}

fn report(name: &str, took: &mut [Duration]) {
    took.sort_unstable();
    let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    println!(
        "{name:8} {:6} appends: p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, max {:.2} ms",
        took.len(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}

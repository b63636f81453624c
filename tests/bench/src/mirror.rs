//! `mirror`: a device without a mirror catches up with a long session; events a second, from the socket to its tables, against the
//! same rows put into the same tables by bare rusqlite.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use baton_client::{Device, DeviceConfig, LinkedHub, TailStart, TokenInMemory};
use baton_log::EventLog as _;
use baton_log_sqlite::SqliteEventLog;
use baton_protocol::{LogId, limits};
use rusqlite::{Connection, params};

use crate::bench::{Bench, take};
use crate::conversation::{Amount, Conversation};
use crate::figures::{Label, Row, Series, Target, compare};
use crate::hub::HubProcess;
use crate::words::{Dice, Vocabulary};

/// Prompts, each with its answer.
const TURNS: usize = 4_000;

/// Words of an answer; a prompt has a quarter.
const ANSWER_WORDS: usize = 60;

/// After this the device has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// The benchmark.
pub async fn run(bench: &Bench) -> Result<Vec<Row>> {
    let mut ours = Series::new("Baton");
    let mut bare = Series::new("bare rusqlite, same schema");
    let turns = bench.shortened(TURNS);
    for round in 0..bench.rounds {
        eprintln!("mirror: round {} of {}", round + 1, bench.rounds);
        let folder = bench.fresh("mirror")?;
        let (hub, log, head) = hub_with_session(bench, turns).await?;
        let device = folder.path().join("device");
        ours.values.push(catch_up(&hub, &device, log, head).await?);
        drop(hub);
        let path = folder.path().join("bare.db");
        take(&mut bare, async {
            tokio::task::spawn_blocking(move || insert_bare(&device.join("mirror.db"), &path))
                .await?
        })
        .await;
    }
    let label = Label {
        name: "mirror",
        case: format!("one session of {turns} turns, from the hub into an empty mirror"),
        unit: "events/s",
    };
    Ok(vec![compare(
        &label,
        &ours,
        &bare,
        Target::AtLeast(0.8),
        &bench.machine,
    )])
}

/// A hub whose account has a session with so many turns, sealed.
async fn hub_with_session(bench: &Bench, turns: usize) -> Result<(HubProcess, LogId, u64)> {
    let mut hub = HubProcess::start(bench).await?;
    hub.kill_9().await;
    let folder = hub.data().join("log");
    let log = tokio::task::spawn_blocking(move || SqliteEventLog::open(&folder)).await??;
    let mut conversation = Conversation::new(hub.device.account);
    let (vocabulary, mut dice) = (Vocabulary::new(5_000), Dice::new(1));
    conversation.create()?;
    for _ in 0..turns {
        let prompt = vocabulary.sentence(&mut dice, ANSWER_WORDS / 4);
        let answer = vocabulary.sentence(&mut dice, ANSWER_WORDS);
        conversation.turn(&prompt, &answer)?;
        conversation.flush(&log, Amount::FullAppends).await?;
    }
    conversation.flush(&log, Amount::All).await?;
    log.seal_closed_parts().await;
    let head = log.head(conversation.log()).await?.context("no such log")?;
    tokio::task::spawn_blocking(move || drop(log)).await?;
    hub.start_again().await?;
    Ok((hub, conversation.log(), head.seq.0))
}

/// Events a second from opening the device to the moment in which it has everything.
async fn catch_up(hub: &HubProcess, folder: &Path, log: LogId, head: u64) -> Result<f64> {
    let config = DeviceConfig {
        data_dir: folder.to_owned(),
        hub: LinkedHub {
            hub: hub.address.clone(),
            account: hub.device.account,
            principal: hub.device.principal.clone(),
            hub_name: hub.device.hub_name.clone(),
        },
        tokens: Arc::new(TokenInMemory(hub.device.token.clone())),
    };
    let began = Instant::now();
    let device = Device::open(config).await?;
    let _wanted = device.tail(log, TailStart::Mirror);
    let mut changes = device.changes();
    let caught_up = async {
        while !device.is_caught_up(log) {
            changes.changed().await?;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, caught_up)
        .await
        .context("the device does not catch up")??;
    let took = began.elapsed().as_secs_f64();
    drop(_wanted);
    drop(device);
    let mirror = Connection::open(folder.join("mirror.db"))?;
    let LogId::Session(session) = log else {
        anyhow::bail!("no session");
    };
    let (events, last): (i64, i64) = mirror.query_row(
        "SELECT count(*), max(seq) FROM events JOIN logs ON logs.key = events.log WHERE log_id = ?1",
        [format!("session:{session}")],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    ensure!(
        last.unsigned_abs() == head,
        "the mirror ends at {last} of {head}"
    );
    ensure!(
        events.unsigned_abs() > head / 2,
        "the mirror holds {events} events"
    );
    Ok(events as f64 / took)
}

/// What one batch puts into the tables.
#[derive(Default)]
struct Written {
    events: Vec<(i64, i64, String)>,
    rows: Vec<BareRow>,
}

struct BareRow {
    id: i64,
    log: i64,
    seq: i64,
    n: i64,
    row_id: String,
    json: String,
    searched: bool,
    text: Option<String>,
}

/// Puts everything that a mirror has into a new file with the same tables, batch by batch as it came, each flushed.
fn insert_bare(mirror: &Path, path: &Path) -> Result<f64> {
    let from = Connection::open(mirror)?;
    let bare = Connection::open(path)?;
    bare.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    bare.pragma_update(None, "synchronous", "full")?;
    copy_schema(&from, &bare)?;
    let batches = read_batches(&from)?;
    let events: usize = batches.values().map(|batch| batch.events.len()).sum();
    let began = Instant::now();
    for batch in batches.values() {
        bare.execute_batch("BEGIN IMMEDIATE")?;
        for event in &batch.events {
            bare.prepare_cached("INSERT INTO events (log, seq, json) VALUES (?1, ?2, ?3)")?
                .execute(params![event.0, event.1, event.2])?;
        }
        for row in &batch.rows {
            bare.prepare_cached(
                "INSERT INTO rows (id, log, seq, n, row_id, json, searched) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![row.id, row.log, row.seq, row.n, row.row_id, row.json, row.searched])?;
            if let Some(text) = &row.text {
                bare.prepare_cached("INSERT INTO search_text (rowid, text) VALUES (?1, ?2)")?
                    .execute(params![row.id, text])?;
            }
        }
        bare.prepare_cached("UPDATE logs SET cursor = ?1")?
            .execute([batch.events.last().map_or(0, |event| event.1)])?;
        bare.execute_batch("COMMIT")?;
    }
    let took = began.elapsed().as_secs_f64();
    let found: i64 = bare.query_row("SELECT count(*) FROM events", [], |row| row.get(0))?;
    ensure!(
        found.unsigned_abs() == events as u64,
        "bare rusqlite holds {found} of {events} events"
    );
    Ok(events as f64 / took)
}

/// Tables, indices and views; the tables of a full-text index come with it.
fn copy_schema(from: &Connection, to: &Connection) -> Result<()> {
    let mut statements = from.prepare(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
         AND name NOT IN (SELECT name FROM pragma_table_list WHERE type = 'shadow')",
    )?;
    let found: Vec<String> = statements
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for sql in found {
        to.execute_batch(&sql)?;
    }
    Ok(())
}

fn read_batches(from: &Connection) -> Result<BTreeMap<i64, Written>> {
    let size = limits::BATCH_EVENTS_MAX as i64;
    let mut batches: BTreeMap<i64, Written> = BTreeMap::new();
    let mut events = from.prepare("SELECT log, seq, json FROM events ORDER BY log, seq")?;
    let mut found = events.query([])?;
    while let Some(row) = found.next()? {
        let seq: i64 = row.get(1)?;
        let batch = batches.entry(seq / size).or_default();
        batch.events.push((row.get(0)?, seq, row.get(2)?));
    }
    let mut rows = from.prepare(
        "SELECT id, log, seq, n, row_id, json, searched, json_extract(json, '$.body.text') FROM rows ORDER BY id",
    )?;
    let mut found = rows.query([])?;
    while let Some(row) = found.next()? {
        let seq: i64 = row.get(2)?;
        let searched: bool = row.get(6)?;
        batches.entry(seq / size).or_default().rows.push(BareRow {
            id: row.get(0)?,
            log: row.get(1)?,
            seq,
            n: row.get(3)?,
            row_id: row.get(4)?,
            json: row.get(5)?,
            searched,
            text: if searched { row.get(7)? } else { None },
        });
    }
    Ok(batches)
}

//! `search`: a million messages in a mirror; a device's search against the bare index in the same file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use baton_client::{Device, DeviceConfig, LinkedHub, TokenInMemory};
use baton_protocol::view::{PartState, RowBody, RowId, TranscriptRow};
use baton_protocol::{
    AccountId, DeviceId, HubAddress, Incarnation, Principal, Seq, SessionId, TimestampMs,
};
use baton_session::SessionState;
use rusqlite::{Connection, params};

use crate::bench::Bench;
use crate::figures::{Label, Row, Series, Target, compare, quantile};
use crate::words::{Dice, Vocabulary};

const MESSAGES: usize = 1_000_000;
const MESSAGES_PER_SESSION: usize = 1_000;
const WORDS: usize = 14;
const VOCABULARY: usize = 20_000;

/// Queries of a round, and how many hits a page shows.
const QUERIES: usize = 150;
const HITS: u32 = 50;

/// A row's id and its rowid in the index together: the newest has the smallest.
const ROWID_AND_ID: i64 = 1 << 34;

/// The benchmark. The data is made once and kept, for it takes minutes; the queries are new in each round.
pub async fn run(bench: &Bench) -> Result<Vec<Row>> {
    let messages = bench.shortened(MESSAGES);
    let folder = bench.folder.join(format!("search-3-{messages}"));
    let device = Device::open(unreachable_hub(&folder)).await?;
    let path = folder.join("mirror.db");
    fill(&path, messages)?;
    let bare = Connection::open(&path)?;
    let kinds = ["frequent word", "rare word", "two words", "part of a word"];
    let mut all = [
        Series::new("Baton"),
        Series::new("bare FTS5 MATCH LIMIT 50"),
    ];
    let mut each = kinds.map(|_| all.clone());
    for round in 0..bench.rounds {
        eprintln!("search: round {} of {}", round + 1, bench.rounds);
        let mut times = kinds.map(|_| [Vec::new(), Vec::new()]);
        let mut dice = Dice::new(100 + round as u64);
        for index in 0..bench.shortened(QUERIES) {
            let kind = index % kinds.len();
            let query = make_query(kind, &mut dice);
            let [ours, theirs] = ask(&device, &bare, &query).await?;
            times[kind][0].push(ours);
            times[kind][1].push(theirs);
        }
        for side in 0..2 {
            let together: Vec<f64> = times.iter().flat_map(|kind| kind[side].clone()).collect();
            all[side].values.push(quantile(&together, 0.95));
            for (series, times) in each.iter_mut().zip(&times) {
                series[side].values.push(quantile(&times[side], 0.95));
            }
        }
    }
    let label = |what: &str| Label {
        name: "search",
        case: format!("{messages} messages, {what}, p95"),
        unit: "ms",
    };
    let [ours, theirs] = &all;
    let mut rows = vec![compare(
        &label("all queries"),
        ours,
        theirs,
        Target::AtMost(1.3),
        &bench.machine,
    )];
    for (kind, [ours, theirs]) in kinds.iter().zip(&each) {
        rows.push(compare(
            &label(kind),
            ours,
            theirs,
            Target::None,
            &bench.machine,
        ));
    }
    Ok(rows)
}

/// A device searches without a network.
fn unreachable_hub(folder: &Path) -> DeviceConfig {
    let account = AccountId::from_uuid(uuid::Uuid::from_u128(1));
    DeviceConfig {
        data_dir: folder.to_owned(),
        hub: LinkedHub {
            hub: HubAddress {
                authority: "127.0.0.1:9".to_owned(),
                fingerprint: None,
                public_path: None,
            },
            account,
            principal: Principal::Device {
                account,
                device: DeviceId::from_uuid(uuid::Uuid::from_u128(2)),
            },
            hub_name: "nowhere".to_owned(),
        },
        tokens: Arc::new(TokenInMemory(String::new())),
    }
}

/// Puts the messages into the mirror's tables, where they are not there yet.
fn fill(path: &Path, messages: usize) -> Result<()> {
    let mut mirror = Connection::open(path)?;
    let found: i64 = mirror.query_row("SELECT count(*) FROM rows", [], |row| row.get(0))?;
    if found.unsigned_abs() == messages as u64 {
        return Ok(());
    }
    ensure!(
        found == 0,
        "`{}` holds {found} messages: remove it",
        PathBuf::from(path).display()
    );
    eprintln!("search: writing {messages} messages, once");
    let (vocabulary, mut dice) = (Vocabulary::new(VOCABULARY), Dice::new(3));
    let transaction = mirror.transaction()?;
    let state = serde_json::to_string(&SessionState::default())?;
    for index in 0..messages {
        let session = (index / MESSAGES_PER_SESSION) as i64 + 1;
        if index % MESSAGES_PER_SESSION == 0 {
            let id = SessionId::from_uuid(uuid::Uuid::from_u128(session as u128));
            transaction
                .prepare_cached("INSERT INTO logs (key, log_id, incarnation, cursor, state_json, state_seq) VALUES (?1, ?2, ?3, 0, ?4, 0)")?
                .execute(params![session, format!("session:{id}"), Incarnation::mint().to_string(), state])?;
        }
        let seq = (index % MESSAGES_PER_SESSION) as u64 + 1;
        let row = message(seq, vocabulary.sentence(&mut dice, WORDS));
        transaction
            .prepare_cached("INSERT INTO rows (log, seq, n, row_id, json, searched) VALUES (?1, ?2, 0, ?3, ?4, 1)")?
            .execute(params![session, seq as i64, row.id.0, serde_json::to_string(&row)?])?;
    }
    transaction.execute(
        // Folded text, as the words are already, and the padding.
        "INSERT INTO search_text (rowid, text) SELECT ?1 - id, text || X'0202' FROM searchable ORDER BY id DESC",
        [ROWID_AND_ID],
    )?;
    transaction.commit()?;
    mirror.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

fn message(seq: u64, text: String) -> TranscriptRow {
    TranscriptRow {
        turn: None,
        id: RowId(seq.to_string()),
        seq: Seq(seq),
        at: TimestampMs(1_795_000_000_000),
        run: None,
        body: RowBody::Text {
            text,
            state: PartState::Complete,
        },
    }
}

fn make_query(kind: usize, dice: &mut Dice) -> String {
    let vocabulary = Vocabulary::new(VOCABULARY);
    match kind {
        0 => vocabulary.at(dice.below(40)).to_owned(),
        1 => vocabulary
            .at(VOCABULARY / 2 + dice.below(VOCABULARY / 2))
            .to_owned(),
        2 => format!(
            "{} {}",
            vocabulary.at(dice.below(400)),
            vocabulary.at(dice.below(400))
        ),
        _ => {
            let word = vocabulary.at(dice.below(VOCABULARY));
            word.chars()
                .take(word.chars().count().clamp(3, 5))
                .collect()
        }
    }
}

/// Milliseconds of ours and of the bare index's, after both were asked once for the right answer: so both are warm.
async fn ask(device: &Device, bare: &Connection, query: &str) -> Result<[f64; 2]> {
    let words: Vec<String> = query
        .split_whitespace()
        .filter(|word| word.chars().count() >= 3)
        .map(|word| format!("\"{word}\""))
        .collect();
    let words = words.join(" ");
    let expected = newest(bare, &words)?;
    let hits = device.search(query, HITS).await?.hits;
    let found: Vec<String> = hits
        .iter()
        .map(|hit| format!("session:{} {}", hit.session, hit.row.0))
        .collect();
    ensure!(
        found == expected,
        "`{query}` found other messages than the index has"
    );
    let word = query.split_whitespace().next().unwrap_or_default();
    let marked = hits.iter().all(|hit| {
        hit.excerpt.contains('\u{2}') && hit.excerpt.replace(['\u{2}', '\u{3}'], "").contains(word)
            || query.contains(' ')
    });
    ensure!(marked, "`{query}`: an excerpt does not mark what was found");

    let began = Instant::now();
    let hits = device.search(query, HITS).await?.hits.len();
    let ours = began.elapsed();
    let began = Instant::now();
    let mut statement =
        bare.prepare_cached("SELECT rowid FROM search_text WHERE search_text MATCH ?1 LIMIT ?2")?;
    let rows: Vec<i64> = statement
        .query_map(params![words, HITS], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let theirs = began.elapsed();
    ensure!(
        rows.len() == hits,
        "`{query}`: {hits} hits and {} rows",
        rows.len()
    );
    Ok([ours, theirs].map(|time| time.as_secs_f64() * 1e3))
}

fn newest(bare: &Connection, words: &str) -> Result<Vec<String>> {
    let mut statement = bare.prepare_cached(
        "SELECT logs.log_id, rows.row_id FROM search_text JOIN rows ON rows.id = ?3 - search_text.rowid
         JOIN logs ON logs.key = rows.log WHERE search_text MATCH ?1 ORDER BY search_text.rowid LIMIT ?2",
    )?;
    let found = statement.query_map(params![words, HITS, ROWID_AND_ID], |row| {
        Ok(format!(
            "{} {}",
            row.get::<_, String>(0)?,
            row.get::<_, String>(1)?
        ))
    })?;
    found
        .collect::<Result<_, _>>()
        .context("the index cannot be read")
}

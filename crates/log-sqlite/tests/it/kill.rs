//! `kill -9` at any moment: acknowledged events survive, and the database holds a prefix of what was written.
//!
//! A child process writes several logs at once and prints what was acknowledged. The parent kills it after a random number of
//! acknowledgements, opens the log and compares it, and then starts the next child on the same database.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use baton_log::conformance::{Conversation, RunScript, accepted, command, prompt, read_all};
use baton_log::{EventLog, ReadLimit};
use baton_log_sqlite::SqliteEventLog;
use baton_protocol::{Event, EventBody, LogId, PartIndex, RunId, Seq, SessionId};

const DIRECTORY: &str = "BATON_TEST_KILL_DIRECTORY";
const ROUND: &str = "BATON_TEST_KILL_ROUND";

const ROUNDS: u64 = 24;
const WRITERS: u128 = 6;

/// Events in each request, except the one that creates a log. A head that is not at the end of a request would show a torn request.
const EVENTS_PER_REQUEST: u64 = 3;

type Acknowledged = HashMap<LogId, Vec<Event>>;

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_events_survive_a_kill_and_nothing_is_torn() {
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = Acknowledged::new();
    for round in 0..ROUNDS {
        let path = directory.path().to_owned();
        let said = tokio::task::spawn_blocking(move || kill_one(&path, round))
            .await
            .unwrap();
        for (log, events) in said {
            acknowledged.entry(log).or_default().extend(events);
        }
        let log = SqliteEventLog::open(directory.path()).unwrap();
        for id in log.logs().await.unwrap() {
            let known = acknowledged.entry(id).or_default();
            let recovered = compare(&log, id, known).await;
            // Events that were written but not acknowledged must also stay from now on.
            *known = recovered;
        }
        assert!(acknowledged.keys().count() <= WRITERS as usize);
    }
    let total: usize = acknowledged.values().map(Vec::len).sum();
    assert!(
        total as u64 > ROUNDS * EVENTS_PER_REQUEST,
        "the children wrote something"
    );
}

/// Starts a child, kills it, and returns what it had acknowledged by then.
fn kill_one(directory: &Path, round: u64) -> Acknowledged {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "kill::child_writes_until_it_is_killed",
            "--ignored",
            "--nocapture",
        ])
        .env(DIRECTORY, directory)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut random = std::hash::RandomState::new().build_hasher();
    random.write_u64(round);
    let mut until_killed = random.finish() % 150;
    let mut acknowledged = Acknowledged::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    // Lines that are in the pipe when the child ends were acknowledged too. The last line may be torn.
    while lines.read_line(&mut line).unwrap() > 0 && line.ends_with('\n') {
        if let Some((log, events)) = line
            .strip_prefix("acknowledged ")
            .and_then(|line| line.split_once(' '))
        {
            let events: Vec<Event> = serde_json::from_str(events).unwrap();
            acknowledged
                .entry(log.parse().unwrap())
                .or_default()
                .extend(events);
            if until_killed == 0 {
                child.kill().unwrap();
            }
            until_killed = until_killed.wrapping_sub(1);
        }
        line.clear();
    }
    let status = child.wait().unwrap();
    assert!(
        !status.success(),
        "the child writes until it is killed, and did not fail before: {status}"
    );
    acknowledged
}

/// Compares the stored events with the acknowledged ones. Returns the stored events, with parts as they are now.
async fn compare(log: &SqliteEventLog, id: LogId, acknowledged: &[Event]) -> Vec<Event> {
    let batches = read_all(log, id, Seq::ZERO, ReadLimit::default()).await;
    let head = batches.last().unwrap().head;
    let last = acknowledged
        .iter()
        .map(|event| event.seq)
        .max()
        .unwrap_or(Seq::ZERO);
    let recovered: Vec<Event> = batches.into_iter().flat_map(|batch| batch.events).collect();
    assert!(
        head >= last,
        "acknowledged up to {last}, recovered up to {head}"
    );
    assert!(
        head.0 <= last.0.max(1) + EVENTS_PER_REQUEST,
        "one request was on its way, {head} is more"
    );
    assert_eq!(
        (head.0 - 1) % EVENTS_PER_REQUEST,
        0,
        "half a request is there"
    );
    let by_seq: HashMap<Seq, &Event> = recovered.iter().map(|event| (event.seq, event)).collect();
    let texts = part_texts(&recovered);
    for event in acknowledged {
        assert_stands(event, by_seq.get(&event.seq).copied(), &texts);
    }
    for event in &recovered {
        if let Some(command) = event
            .command
            .filter(|_| !matches!(event.body, EventBody::PartAppended(_)))
        {
            let receipt = log
                .receipt(id, command)
                .await
                .unwrap()
                .expect("a receipt stands with its events");
            assert_eq!(receipt.receipt.seq.0, event.seq.0 + EVENTS_PER_REQUEST - 1);
        }
    }
    recovered
}

fn part_texts(events: &[Event]) -> HashMap<(RunId, PartIndex), String> {
    let mut texts: HashMap<(RunId, PartIndex), String> = HashMap::new();
    for event in events {
        match &event.body {
            EventBody::PartAppended(body) => {
                let text = texts.entry((body.run, body.part)).or_default();
                assert_eq!(text.len() as u64, body.offset, "text is missing or doubled");
                text.push_str(&body.text);
            }
            EventBody::PartSealed(body) => {
                texts.insert((body.run, body.part), body.text.clone());
            }
            _ => {}
        }
    }
    texts
}

fn assert_stands(
    event: &Event,
    found: Option<&Event>,
    texts: &HashMap<(RunId, PartIndex), String>,
) {
    match &event.body {
        EventBody::PartAppended(body) => {
            let text = &texts[&(body.run, body.part)];
            assert!(
                text[body.offset as usize..].starts_with(&body.text),
                "a delta is lost"
            );
        }
        EventBody::PartClosed(body) => match &found.expect("a close stands for ever").body {
            EventBody::PartSealed(sealed) => {
                assert_eq!(
                    (sealed.run, sealed.part, sealed.end),
                    (body.run, body.part, body.end)
                );
            }
            other => assert_eq!(other, &event.body),
        },
        _ => assert_eq!(Some(event), found),
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the child of the test above"]
async fn child_writes_until_it_is_killed() {
    let directory = PathBuf::from(std::env::var_os(DIRECTORY).expect("started by its parent"));
    let round: u128 = std::env::var(ROUND).unwrap().parse().unwrap();
    let log = std::sync::Arc::new(SqliteEventLog::open(&directory).unwrap());
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let log = std::sync::Arc::clone(&log);
        writers.spawn(async move {
            let session = SessionId::from_uuid(uuid::Uuid::from_u128(writer));
            write_for_ever(&log, LogId::Session(session), round * WRITERS + writer).await;
        });
    }
    writers.join_all().await;
}

async fn write_for_ever(log: &SqliteEventLog, id: LogId, run: u128) {
    let mut made = match log.head(id).await.unwrap() {
        Some(head) => Conversation::resume(log, id, head.seq),
        None => Conversation::create_as(log, id).await,
    };
    let mut run = RunScript::new(run);
    for part in 0.. {
        let requests = [
            vec![prompt("next"), run.open(), run.append(part, "Hello, ")],
            vec![
                run.append(part, "wörld"),
                run.append(part, "! "),
                run.append(part, "And"),
            ],
            vec![
                prompt("in between"),
                run.append(part, " so on."),
                run.close(part),
            ],
        ];
        for mut events in requests {
            let id = command();
            events[0].command = Some(id);
            let mut request = made.request(events);
            request.receipt = Some(accepted(id, 1));
            let appended = log.append(request).await.unwrap();
            made.head = appended.head();
            let line = format!(
                "acknowledged {} {}\n",
                made.id,
                serde_json::to_string(&appended.events).unwrap()
            );
            std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
        }
    }
}

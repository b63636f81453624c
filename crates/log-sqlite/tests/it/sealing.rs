//! Sealing that the writer starts on its own.

use std::time::Duration;

use baton_log::conformance::{Conversation, RunScript};
use baton_log::{EventLog, ReadLimit};
use baton_log_sqlite::{SqliteEventLog, SqliteOptions};
use baton_protocol::{EventBody, LogId, Seq};

use crate::subject::WHEN_ASKED;

const PATIENCE: Duration = Duration::from_secs(20);

async fn closed_part(log: &SqliteEventLog) -> LogId {
    let mut made = Conversation::create(log).await;
    let mut run = RunScript::new(1);
    made.append(vec![
        run.open(),
        run.append(0, "a"),
        run.append(0, "b"),
        run.close(0),
    ])
    .await;
    made.id
}

async fn is_sealed(log: &SqliteEventLog, id: LogId) -> bool {
    let batch = log.read(id, Seq::ZERO, ReadLimit::default()).await.unwrap();
    let last = batch.events.last().unwrap();
    matches!(&last.body, EventBody::PartSealed(sealed) if sealed.text == "ab")
}

async fn until_sealed(log: &SqliteEventLog, id: LogId) {
    let sealed = async {
        while !is_sealed(log, id).await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, sealed)
        .await
        .expect("an idle log seals what is closed");
}

#[tokio::test]
async fn closed_parts_are_sealed_once_the_log_is_idle() {
    let directory = tempfile::tempdir().unwrap();
    let log = SqliteEventLog::open(directory.path()).unwrap();
    let mut logs = Vec::new();
    for _ in 0..40 {
        logs.push(closed_part(&log).await);
    }
    for id in logs {
        until_sealed(&log, id).await;
    }
}

#[tokio::test]
async fn what_a_crash_left_unsealed_is_sealed_after_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let log = SqliteEventLog::open_with(directory.path(), WHEN_ASKED).unwrap();
    let id = closed_part(&log).await;
    assert!(!is_sealed(&log, id).await);
    drop(log);
    let log = SqliteEventLog::open_with(directory.path(), SqliteOptions::default()).unwrap();
    until_sealed(&log, id).await;
}

#[tokio::test]
async fn a_busy_log_seals_before_the_backlog_grows() {
    let directory = tempfile::tempdir().unwrap();
    let log = SqliteEventLog::open(directory.path()).unwrap();
    let mut made = Conversation::create(&log).await;
    let mut run = RunScript::new(1);
    // The writer is not idle for long enough in between, unless the machine stalls; parts are sealed in either case.
    for part in 0..300 {
        made.append(vec![run.open(), run.append(part, "a"), run.close(part)])
            .await;
    }
    let batch = log
        .read(made.id, Seq::ZERO, ReadLimit::default())
        .await
        .unwrap();
    let sealed = batch
        .events
        .iter()
        .filter(|event| matches!(event.body, EventBody::PartSealed(_)));
    assert!(sealed.count() > 0);
}

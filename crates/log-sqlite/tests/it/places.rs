//! Readers cannot tell placed events from unplaced ones.

use baton_log::conformance::{Conversation, RunScript, prompt, read_all};
use baton_log::{EventLog, ReadLimit};
use baton_log_sqlite::SqliteEventLog;
use baton_protocol::{Batch, LogId, Seq};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::subject::WHEN_ASKED;

/// More than the writer places at once.
const APPENDS: usize = 4_500;

fn number(directory: &TempDir, sql: &str) -> i64 {
    let database = Connection::open(directory.path().join("log.sqlite")).unwrap();
    database.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn placed(directory: &TempDir) -> i64 {
    number(directory, "SELECT count(*) FROM places")
}

async fn whole(log: &SqliteEventLog, id: LogId) -> Vec<Batch> {
    let limit = ReadLimit {
        events: 7,
        ..ReadLimit::default()
    };
    read_all(log, id, Seq::ZERO, limit).await
}

#[tokio::test]
async fn a_log_reads_the_same_before_and_after_its_events_are_placed_and_after_a_start() {
    let directory = tempfile::tempdir().unwrap();
    let log = SqliteEventLog::open_with(directory.path(), WHEN_ASKED).unwrap();
    let mut made = Conversation::create(&log).await;
    let mut other = Conversation::create(&log).await;
    let mut run = RunScript::new(1);
    made.append(vec![run.open(), run.append(0, "a")]).await;
    log.seal_closed_parts().await;
    for n in 0..20 {
        other.say(prompt(&format!("other {n}"))).await;
        made.append(vec![run.append(0, "b"), prompt("between")])
            .await;
    }
    let (id, other_id) = (made.id, other.id);
    let before = (whole(&log, id).await, whole(&log, other_id).await);
    assert_eq!(placed(&directory), 4, "what came since has no place");
    drop(log);
    let log = SqliteEventLog::open_with(directory.path(), WHEN_ASKED).unwrap();
    assert_eq!((whole(&log, id).await, whole(&log, other_id).await), before);
    log.seal_closed_parts().await;
    assert_eq!(placed(&directory), 64);
    assert_eq!((whole(&log, id).await, whole(&log, other_id).await), before);
    // Seal a part of which only some appends are placed.
    let mut made = Conversation::resume(&log, id, before.0.last().unwrap().head);
    made.append(vec![run.append(0, "c"), run.close(0)]).await;
    log.seal_closed_parts().await;
    assert_eq!(placed(&directory), 64 - 21 + 1);
    assert_eq!(
        number(&directory, "SELECT count(*) FROM arrivals"),
        64 - 21 + 1
    );
    assert_eq!(log.examine().await.unwrap(), [] as [&str; 0]);
}

#[tokio::test]
async fn events_get_their_places_by_themselves() {
    let directory = tempfile::tempdir().unwrap();
    let log = SqliteEventLog::open(directory.path()).unwrap();
    let mut made = Conversation::create(&log).await;
    for _ in 0..APPENDS / 500 {
        made.append((0..500).map(|_| prompt("text")).collect())
            .await;
    }
    let (id, last) = (made.id, made.head);
    let head = log.head(id).await.unwrap().unwrap();
    assert_eq!(head.seq, last);
    drop(log);
    assert!(placed(&directory) > 4_000);
    let log = SqliteEventLog::open(directory.path()).unwrap();
    assert_eq!(log.head(id).await.unwrap(), Some(head));
    assert_eq!(log.examine().await.unwrap(), [] as [&str; 0]);
}

#[tokio::test]
async fn an_event_without_its_place_and_a_place_without_its_event_are_found() {
    for damage in [
        "DELETE FROM places WHERE position = (SELECT max(position) FROM places)",
        "DELETE FROM arrivals WHERE arrival = (SELECT max(arrival) FROM arrivals)",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let log = SqliteEventLog::open(directory.path()).unwrap();
        let mut made = Conversation::create(&log).await;
        made.append(vec![prompt("one"), prompt("two")]).await;
        log.seal_closed_parts().await;
        drop(log);
        let database = Connection::open(directory.path().join("log.sqlite")).unwrap();
        assert_eq!(database.execute(damage, []).unwrap(), 1);
        drop(database);
        let log = SqliteEventLog::open(directory.path()).unwrap();
        let findings = log.examine().await.unwrap();
        assert!(
            findings[0].starts_with("the event at 3 of"),
            "{damage}: {findings:?}"
        );
    }
}

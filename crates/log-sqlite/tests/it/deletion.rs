//! A deleted log's rows: the writer deletes them in steps, and continues after a restart.

use std::time::Duration;

use baton_log::conformance::{Conversation, RunScript, accepted, command, prompt, read_all};
use baton_log::{EventLog, ReadLimit, SavedState};
use baton_log_sqlite::{SqliteEventLog, SqliteOptions};
use baton_protocol::{LogId, Seq};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::subject::WHEN_ASKED;

/// Tables with rows of logs, and the expression that gives the log's number.
const TABLES: [(&str, &str); 7] = [
    ("logs", "log"),
    ("arrivals", "position >> 32"),
    ("places", "position >> 32"),
    ("receipts", "log"),
    ("unsealed_parts", "log"),
    ("sealed_stretches", "log"),
    ("saved_states", "log"),
];

/// A second connection to the log's database.
struct Beside(Connection);

impl Beside {
    fn of(directory: &TempDir) -> Self {
        let database = Connection::open(directory.path().join("log.sqlite")).unwrap();
        database.busy_timeout(Duration::from_secs(5)).unwrap();
        Self(database)
    }

    fn number(&self, sql: &str) -> i64 {
        self.0.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn number_of(&self, log: LogId) -> i64 {
        let sql = "SELECT log FROM logs WHERE log_id = ?1";
        self.0
            .query_row(sql, [log.to_string()], |row| row.get(0))
            .unwrap()
    }

    /// The number of rows of one log in each table.
    fn rows(&self, log: i64) -> [i64; 7] {
        TABLES.map(|(table, of)| {
            self.number(&format!("SELECT count(*) FROM {table} WHERE {of} = {log}"))
        })
    }

    /// Polls until the writer has deleted all rows, because it announces the end of a deletion to no one.
    async fn until_nothing_is_left(&self, log: i64) {
        let waiting = async {
            while self.number("SELECT count(*) FROM deletions") > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let patience = Duration::from_secs(60);
        tokio::time::timeout(patience, waiting).await.unwrap();
        assert_eq!(self.rows(log), [0; 7]);
    }
}

/// A log with rows in every table, interleaved with those of another one. Each request has a receipt and ten parts.
async fn grown(log: &SqliteEventLog, other: &mut Conversation<'_>, parts: u32) -> LogId {
    let mut made = Conversation::create(log).await;
    let mut run = RunScript::new(1);
    for request in 0..parts / 10 {
        let mut events = Vec::new();
        for part in request * 10..(request + 1) * 10 {
            events.push(run.open());
            events.push(run.append(part, "a"));
            events.push(run.append(part, "b"));
            events.push(run.close(part));
        }
        let mut append = made.request(events);
        append.receipt = Some(accepted(command(), 1));
        append.state = Some(SavedState {
            seq: made.head,
            format: 1,
            json: "{}".to_owned(),
        });
        made.head = log.append(append).await.unwrap().head();
        other.say(prompt("of another one")).await;
        if request == parts / 20 {
            log.seal_closed_parts().await;
        }
    }
    made.say(run.open()).await;
    made.id
}

async fn whole(log: &SqliteEventLog, id: LogId) -> Vec<baton_protocol::Batch> {
    read_all(log, id, Seq::ZERO, ReadLimit::default()).await
}

async fn assert_well(log: &SqliteEventLog) {
    assert_eq!(log.examine().await.unwrap(), [] as [&str; 0]);
}

#[tokio::test]
async fn its_rows_go_by_themselves_and_no_others() {
    let directory = tempfile::tempdir().unwrap();
    let log = SqliteEventLog::open_with(directory.path(), WHEN_ASKED).unwrap();
    let mut other = Conversation::create(&log).await;
    let doomed = grown(&log, &mut other, 300).await;
    let before = whole(&log, other.id).await;
    let beside = Beside::of(&directory);
    let number = beside.number_of(doomed);
    let rows = beside.rows(number);
    assert!(rows.iter().all(|rows| *rows > 0), "{rows:?}");
    log.delete(doomed).await.unwrap();
    assert_eq!(beside.rows(number)[0], 0);
    assert_well(&log).await;
    beside.until_nothing_is_left(number).await;
    assert_eq!(whole(&log, other.id).await, before);
    assert_well(&log).await;
    other.say(prompt("goes on")).await;
    let next = Conversation::create(&log).await;
    assert_eq!(
        beside.number_of(next.id),
        number + 1,
        "numbers are given once"
    );
}

#[tokio::test]
async fn a_start_goes_on_where_a_deletion_was_left() {
    let directory = tempfile::tempdir().unwrap();
    let log = SqliteEventLog::open_with(directory.path(), WHEN_ASKED).unwrap();
    let mut other = Conversation::create(&log).await;
    let (first, second) = (
        grown(&log, &mut other, 400).await,
        grown(&log, &mut other, 30).await,
    );
    let (other, before) = (other.id, whole(&log, other.id).await);
    let beside = Beside::of(&directory);
    let numbers = [first, second].map(|id| beside.number_of(id));
    for id in [first, second] {
        log.delete(id).await.unwrap();
    }
    // Closed at once, so that rows of both logs are left.
    drop(log);
    assert_eq!(beside.number("SELECT count(*) FROM deletions"), 2);
    assert!(beside.rows(numbers[0])[1] > 0);
    let sealing_too = SqliteOptions::default();
    let log = SqliteEventLog::open_with(directory.path(), sealing_too).unwrap();
    assert_well(&log).await;
    for number in numbers {
        beside.until_nothing_is_left(number).await;
    }
    assert_eq!(log.logs().await.unwrap(), [other]);
    assert_eq!(whole(&log, other).await, before);
    assert_well(&log).await;
}

#[tokio::test]
async fn a_log_whose_rows_cannot_be_taken_away_holds_up_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let log = SqliteEventLog::open_with(directory.path(), WHEN_ASKED).unwrap();
    let mut other = Conversation::create(&log).await;
    let (damaged, sound) = (
        grown(&log, &mut other, 30).await,
        grown(&log, &mut other, 30).await,
    );
    let beside = Beside::of(&directory);
    let [damaged_number, sound_number] = [damaged, sound].map(|id| beside.number_of(id));
    let trigger = format!(
        "CREATE TRIGGER refuses BEFORE DELETE ON receipts WHEN old.log = {damaged_number}
         BEGIN SELECT raise(FAIL, 'as the test says'); END"
    );
    beside.0.execute_batch(&trigger).unwrap();
    for id in [damaged, sound] {
        log.delete(id).await.unwrap();
    }
    log.seal_closed_parts().await;
    assert_eq!(beside.rows(sound_number), [0; 7]);
    assert_eq!(
        beside.number("SELECT log FROM deletions"),
        damaged_number,
        "it is tried again later"
    );
    beside.0.execute_batch("DROP TRIGGER refuses").unwrap();
    log.seal_closed_parts().await;
    assert_eq!(beside.rows(damaged_number), [0; 7]);
    assert_well(&log).await;
}

#[tokio::test]
async fn its_pages_are_used_again() {
    let directory = tempfile::tempdir().unwrap();
    let log = SqliteEventLog::open_with(directory.path(), WHEN_ASKED).unwrap();
    let mut other = Conversation::create(&log).await;
    let beside = Beside::of(&directory);
    let mut pages = Vec::new();
    for _ in 0..4 {
        let doomed = grown(&log, &mut other, 150).await;
        log.delete(doomed).await.unwrap();
        log.seal_closed_parts().await;
        pages.push(beside.number("PRAGMA page_count"));
    }
    assert!(beside.number("PRAGMA freelist_count") > 0);
    let (first, last) = (pages[0], pages[3]);
    assert!(last < first + first / 4, "{pages:?} pages");
}

#[tokio::test]
async fn a_copy_that_is_made_in_between_goes_on_deleting() {
    let directory = tempfile::tempdir().unwrap();
    let log = SqliteEventLog::open_with(directory.path(), WHEN_ASKED).unwrap();
    let mut other = Conversation::create(&log).await;
    let doomed = grown(&log, &mut other, 400).await;
    let number = Beside::of(&directory).number_of(doomed);
    log.delete(doomed).await.unwrap();
    let copy = tempfile::tempdir().unwrap();
    log.copy_to(copy.path()).await.unwrap();
    let beside = Beside::of(&copy);
    assert!(beside.rows(number)[1] > 0, "there is something left to do");
    assert_eq!(baton_log_sqlite::renew_identities(copy.path()).unwrap(), 1);
    let restored = SqliteEventLog::open_with(copy.path(), WHEN_ASKED).unwrap();
    assert_eq!(restored.logs().await.unwrap(), [other.id]);
    beside.until_nothing_is_left(number).await;
    assert_well(&restored).await;
}

#[tokio::test]
async fn rows_of_no_log_are_found() {
    let directory = tempfile::tempdir().unwrap();
    let log = SqliteEventLog::open_with(directory.path(), WHEN_ASKED).unwrap();
    let mut other = Conversation::create(&log).await;
    let doomed = grown(&log, &mut other, 400).await;
    log.delete(doomed).await.unwrap();
    drop(log);
    assert_eq!(
        Beside::of(&directory)
            .0
            .execute("DELETE FROM deletions", [])
            .unwrap(),
        1
    );
    let log = SqliteEventLog::open_with(directory.path(), WHEN_ASKED).unwrap();
    let findings = log.examine().await.unwrap();
    let belong_to_no_log = |found: &&String| found.ends_with("belong to no log");
    let events = findings.iter().find(belong_to_no_log);
    assert!(
        events.is_some_and(|found| found.contains("events of log number 2")),
        "{findings:?}"
    );
}

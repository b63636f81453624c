//! A log is deleted, and the power goes, or the process dies, at every operation from then on: it is either whole or gone for ever, what
//! was acknowledged as gone is gone, other logs stand, and the rest of its rows goes at the next start.

use std::path::Path;

use baton_log::conformance::{Conversation, accepted, command, prompt, read_all};
use baton_log::{AppendError, EventLog, ReadLimit, Sealing};
use baton_log_sqlite::{SqliteEventLog, SqliteOptions};
use baton_powercut::{Disk, Random};
use baton_protocol::{LogId, Seq, SessionId};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::author::Author;

const OPTIONS: SqliteOptions = SqliteOptions {
    sealing: Sealing::WhenAsked,
    pages_max: None,
};

/// More than one step takes away.
const EVENTS: usize = 700;

/// How the life of the process ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Power,
    Process,
}

fn doomed() -> LogId {
    LogId::Session(SessionId::from_uuid(uuid::Uuid::from_u128(99)))
}

/// A log with more events than a step takes, half of them without their places, and receipts.
async fn grow(log: &SqliteEventLog, author: &mut Author) {
    let mut made = Conversation::create_as(log, doomed()).await;
    for half in 0..2 {
        let events = (0..EVENTS / 2).map(|n| prompt(&n.to_string()));
        let mut request = made.request(events.collect());
        request.receipt = Some(accepted(command(), 1));
        made.head = log.append(request).await.unwrap().head();
        for _ in 0..4 {
            author.write(log).await.unwrap();
        }
        if half == 0 {
            log.seal_closed_parts().await;
        }
    }
}

/// Deletes, and goes on with everything else. Whether the deletion was acknowledged.
async fn delete(log: &SqliteEventLog, author: &mut Author) -> bool {
    let is_deleted = log.delete(doomed()).await.is_ok();
    // Refused where the power is gone, which the author remembers as in doubt.
    let _ = author.write(log).await;
    log.seal_closed_parts().await;
    is_deleted
}

/// Whether the log is gone; else it is whole.
async fn is_gone(log: &SqliteEventLog) -> bool {
    let Some(head) = log.head(doomed()).await.unwrap() else {
        let late = Conversation::resume(log, doomed(), Seq(1)).request(vec![prompt("late")]);
        let late = log.append(late).await;
        assert!(matches!(late, Err(AppendError::Deleted)), "{late:?}");
        return true;
    };
    assert_eq!(head.seq.0, EVENTS as u64 + 1);
    let batches = read_all(log, doomed(), Seq::ZERO, ReadLimit::default()).await;
    let events: usize = batches.iter().map(|batch| batch.events.len()).sum();
    assert_eq!(events, EVENTS + 1);
    false
}

fn number(directory: &Path, sql: &str) -> i64 {
    let database = Connection::open(directory.join("log.sqlite")).unwrap();
    database.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// One life with its end at one operation. Whether the end came before the life was over.
async fn live(operation: u64, end: End) -> bool {
    let place = format!("operation {operation}, {end:?}");
    let directory = TempDir::new().unwrap();
    let disk = Disk::over(directory.path()).unwrap();
    let mut author = Author::new(1, Random::new(7), 200);
    let log = SqliteEventLog::open_with(directory.path(), OPTIONS).unwrap();
    grow(&log, &mut author).await;
    disk.cut_at(operation);
    let is_acknowledged = delete(&log, &mut author).await;
    drop(log);
    let was_cut = disk.is_off();
    match end {
        End::Power => disk.power_on(operation).unwrap(),
        End::Process => disk.process_died().unwrap(),
    }
    let log = SqliteEventLog::open_with(directory.path(), OPTIONS).unwrap();
    let held = author.hold(&log).await;
    held.unwrap_or_else(|loss| panic!("{place}: {loss}"));
    let is_gone = is_gone(&log).await;
    assert!(is_gone || !is_acknowledged, "{place}: it is back");
    let findings = log.examine().await.unwrap();
    assert!(findings.is_empty(), "{place}: {findings:?}");
    log.delete(doomed()).await.unwrap();
    log.seal_closed_parts().await;
    author.write(&log).await.unwrap();
    author.hold(&log).await.unwrap();
    assert_eq!(log.examine().await.unwrap(), [] as [&str; 0]);
    drop(log);
    for table in ["arrivals", "places"] {
        let left = format!("SELECT count(*) FROM {table} WHERE position >> 32 = 1");
        assert_eq!(number(directory.path(), &left), 0, "{place}: {table}");
    }
    let receipts = "SELECT count(*) FROM receipts WHERE log = 1";
    assert_eq!(number(directory.path(), receipts), 0, "{place}");
    assert_eq!(
        number(directory.path(), "SELECT count(*) FROM deletions"),
        0
    );
    was_cut
}

#[tokio::test]
async fn a_deletion_survives_a_cut_and_a_kill_at_every_operation() {
    for end in [End::Power, End::Process] {
        let mut operation = 1;
        while live(operation, end).await {
            operation += 1;
        }
        println!("{end:?}: {operation} operations");
        assert!(operation > 30, "{operation} operations are few");
    }
}

//! A growing answer reads the same from memory as from the table.

use baton_log::conformance::{Conversation, RunScript, prompt, read_all};
use baton_log::{EventLog, ReadLimit};
use baton_log_sqlite::SqliteEventLog;
use baton_protocol::{Batch, LogId, Seq};

use crate::subject::WHEN_ASKED;

/// Reads from every cursor. A limit that cuts inside the answer must leave no gap.
async fn read_from_everywhere(log: &SqliteEventLog, id: LogId, head: Seq) -> Vec<Batch> {
    let tight = ReadLimit {
        events: 2,
        bytes: 900,
    };
    let mut batches = Vec::new();
    for after in 0..=head.0 {
        read_all(log, id, Seq(after), tight).await;
        batches.push(
            log.read(id, Seq(after), ReadLimit::default())
                .await
                .unwrap(),
        );
    }
    batches
}

#[tokio::test]
async fn every_cursor_gets_the_same_from_memory_as_from_the_table() {
    let directory = tempfile::tempdir().unwrap();
    let log = SqliteEventLog::open_with(directory.path(), WHEN_ASKED).unwrap();
    let mut made = Conversation::create(&log).await;
    let (mut first, mut second) = (RunScript::new(1), RunScript::new(2));
    made.append(vec![first.open(), first.append(0, "a \"quoted\" ")])
        .await;
    // Another run's part or a prompt in between starts a new run of appends.
    made.append(vec![second.open(), first.append(0, "text, ")])
        .await;
    made.append(vec![second.append(0, "beside it")]).await;
    made.say(prompt("and a question")).await;
    for n in 0..20 {
        made.append(vec![
            first.append(0, &format!("{n}\n")),
            first.append(0, "ü😀"),
        ])
        .await;
    }
    let (id, head) = (made.id, made.head);
    let from_memory = read_from_everywhere(&log, id, head).await;
    drop(log);
    let log = SqliteEventLog::open_with(directory.path(), WHEN_ASKED).unwrap();
    let from_table = read_from_everywhere(&log, id, head).await;
    assert_eq!(from_memory, from_table);
}

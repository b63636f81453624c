//! A commit that fails for another reason than a full disk: the log stops, and works again only after it is reopened.
//!
//! A child process runs under a limit on the size of its files, so that the WAL's growth fails with an error that SQLite cannot take
//! for a full disk. The limit applies to the whole process, hence the child.

#![cfg(unix)]

use std::path::PathBuf;
use std::process::Command;

use baton_log::conformance::{Conversation, prompt};
use baton_log::{AppendError, EventLog, ReadError, ReadLimit};
use baton_log_sqlite::SqliteEventLog;
use baton_protocol::{LogId, Seq};

const DIRECTORY: &str = "BATON_TEST_FAILED_FLUSH_DIRECTORY";

/// In blocks of 512 bytes or 1 KiB, depending on the shell: room for some hundred appends.
const FILE_BLOCKS_MAX: u32 = 2048;

#[tokio::test]
async fn a_failed_commit_stops_the_log_and_takes_nothing_back() {
    let directory = tempfile::tempdir().unwrap();
    let child = std::env::current_exe().unwrap();
    let script = format!("trap '' XFSZ; ulimit -f {FILE_BLOCKS_MAX}; exec \"$0\" \"$@\"");
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(child)
        .args([
            "--exact",
            "failed_flush::child_writes_until_a_commit_fails",
            "--ignored",
            "--nocapture",
        ])
        .env(DIRECTORY, directory.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}\n{errors}");
    let line = said
        .lines()
        .find_map(|line| line.strip_prefix("acknowledged "));
    let (id, seq) = line
        .and_then(|line| line.split_once(' '))
        .expect("the child says how far it came");
    let (id, seq): (LogId, u64) = (id.parse().unwrap(), seq.parse().unwrap());
    assert!(seq > 10, "some appends were acknowledged before the limit");
    let log = SqliteEventLog::open(directory.path()).unwrap();
    let head = log.head(id).await.unwrap().unwrap().seq;
    // The append whose commit failed may be stored or not.
    assert!(
        head == Seq(seq) || head == Seq(seq + 1),
        "{head} after {seq}"
    );
    Conversation::resume(&log, id, head)
        .say(prompt("goes on"))
        .await;
}

#[tokio::test]
#[ignore = "the child of the test above"]
async fn child_writes_until_a_commit_fails() {
    let directory = PathBuf::from(std::env::var_os(DIRECTORY).expect("started by its parent"));
    let log = SqliteEventLog::open(&directory).unwrap();
    let mut made = Conversation::create(&log).await;
    let text = "x".repeat(2_000);
    let failed = loop {
        let request = made.request(vec![prompt(&text)]);
        match log.append(request).await {
            Ok(appended) => made.head = appended.head(),
            Err(error) => break error,
        }
    };
    assert!(matches!(failed, AppendError::Failed), "{failed:?}");
    let again = log.append(made.request(vec![prompt("small")])).await;
    assert!(matches!(again, Err(AppendError::Failed)), "{again:?}");
    let read = log.read(made.id, Seq::ZERO, ReadLimit::default()).await;
    assert!(matches!(read, Err(ReadError::Failed)), "{read:?}");
    let head = log.head(made.id).await;
    assert!(matches!(head, Err(ReadError::Failed)), "{head:?}");
    println!("acknowledged {} {}", made.id, made.head);
}

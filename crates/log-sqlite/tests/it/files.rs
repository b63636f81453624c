//! The log's directory: it is private, serves one process, and opens only in versions that know its schema.

use std::fs;
use std::path::Path;

use baton_log::conformance::{Conversation, prompt};
use baton_log::{EventLog, ReadError, ReadLimit};
use baton_log_sqlite::{OpenError, SqliteEventLog};
use baton_protocol::Seq;

#[cfg(unix)]
#[tokio::test]
async fn directory_and_files_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let outer = tempfile::tempdir().unwrap();
    let directory = outer.path().join("data/log");
    fs::create_dir_all(&directory).unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
    let log = SqliteEventLog::open(&directory).unwrap();
    Conversation::create(&log).await;
    assert_eq!(mode(&directory), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(&directory).unwrap() {
        let entry = entry.unwrap();
        names.push(entry.file_name().into_string().unwrap());
        assert_eq!(mode(&entry.path()), 0o600, "{names:?}");
    }
    names.sort();
    assert_eq!(
        names,
        ["log.lock", "log.sqlite", "log.sqlite-shm", "log.sqlite-wal"]
    );
}

#[test]
fn a_log_that_is_in_use_is_not_opened_twice() {
    let directory = tempfile::tempdir().unwrap();
    let first = SqliteEventLog::open(directory.path()).unwrap();
    let second = SqliteEventLog::open(directory.path());
    assert!(matches!(second, Err(OpenError::InUse { .. })));
    drop(first);
    SqliteEventLog::open(directory.path()).unwrap();
}

#[tokio::test]
async fn a_log_whose_id_cannot_be_read_hides_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let log = SqliteEventLog::open(directory.path()).unwrap();
    let sound = Conversation::create(&log).await.id;
    Conversation::create(&log).await;
    drop(log);
    let shell = rusqlite::Connection::open(directory.path().join("log.sqlite")).unwrap();
    let damage = "UPDATE logs SET log_id = 'session:nonsense' WHERE log_id <> ?1";
    shell.execute(damage, [sound.to_string()]).unwrap();
    drop(shell);
    let log = SqliteEventLog::open(directory.path()).unwrap();
    assert_eq!(log.logs().await.unwrap(), [sound]);
    let findings = log.examine().await.unwrap();
    assert!(
        findings
            .iter()
            .any(|found| found.contains("cannot be read")),
        "{findings:?}"
    );
}

#[tokio::test]
async fn a_person_who_reads_the_database_keeps_the_log_closed_and_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let log = SqliteEventLog::open(directory.path()).unwrap();
    Conversation::create(&log).await;
    let shell = rusqlite::Connection::open(directory.path().join("log.sqlite")).unwrap();
    let reading = shell.unchecked_transaction().unwrap();
    let logs: i64 = reading
        .query_row("SELECT count(*) FROM logs", [], |row| row.get(0))
        .unwrap();
    assert_eq!(logs, 1);
    drop(log);
    let refused = SqliteEventLog::open(directory.path());
    assert!(matches!(refused, Err(OpenError::InUse { .. })));
    drop(reading);
    SqliteEventLog::open(directory.path()).unwrap();
}

#[test]
fn a_log_of_a_newer_version_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    drop(SqliteEventLog::open(directory.path()).unwrap());
    let database = rusqlite::Connection::open(directory.path().join("log.sqlite")).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    let refused = SqliteEventLog::open(directory.path());
    assert!(matches!(refused, Err(OpenError::Migration(_))));
    let version: i64 = database
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, 99);
}

#[test]
fn a_path_that_is_no_directory_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    match SqliteEventLog::open(file.path()) {
        Err(OpenError::Directory { path, .. }) => assert_eq!(path, file.path()),
        Err(other) => panic!("the directory is at fault, not {other:?}"),
        Ok(_) => panic!("a file is no directory"),
    }
}

#[tokio::test]
async fn a_damaged_event_is_named_and_the_rest_is_served() {
    let directory = tempfile::tempdir().unwrap();
    let log = SqliteEventLog::open(directory.path()).unwrap();
    let mut made = Conversation::create(&log).await;
    made.append(vec![prompt("two"), prompt("three")]).await;
    let id = made.id;
    drop(log);
    let database = rusqlite::Connection::open(directory.path().join("log.sqlite")).unwrap();
    let damaged = "UPDATE arrivals SET event = '{\"seq\":2' WHERE event LIKE '%\"two\"%'";
    assert_eq!(database.execute(damaged, []).unwrap(), 1);
    drop(database);
    let log = SqliteEventLog::open(directory.path()).unwrap();
    let read = log.read(id, Seq(1), ReadLimit::default()).await;
    assert!(
        matches!(read, Err(ReadError::Damaged { seq: Seq(2), .. })),
        "{read:?}"
    );
    let behind = log.read(id, Seq(2), ReadLimit::default()).await.unwrap();
    assert_eq!(behind.events.len(), 1);
}

#[tokio::test]
async fn dropping_the_log_commits_what_it_was_given() {
    let directory = tempfile::tempdir().unwrap();
    let log = SqliteEventLog::open(directory.path()).unwrap();
    let made = Conversation::create(&log).await;
    let id = made.id;
    let request = made.request(vec![prompt("nobody waits for this one")]);
    {
        let mut append = log.append(request);
        // Poll once, so that the request enters the queue, and then drop the future.
        let once = std::future::poll_fn(|context| {
            std::task::Poll::Ready(append.as_mut().poll(context).is_ready())
        });
        once.await;
    }
    drop(log);
    let log = SqliteEventLog::open(directory.path()).unwrap();
    let head = log.head(id).await.unwrap().unwrap();
    assert_eq!(head.seq, Seq(2));
}

#[tokio::test]
async fn the_wal_is_folded_back_while_the_log_is_open() {
    const APPENDS_MAX: usize = 400;
    let directory = tempfile::tempdir().unwrap();
    let log = SqliteEventLog::open(directory.path()).unwrap();
    let mut made = Conversation::create(&log).await;
    let text = "x".repeat(200_000);
    for _ in 0..APPENDS_MAX {
        made.say(prompt(&text)).await;
        let database = fs::metadata(directory.path().join("log.sqlite")).unwrap();
        if database.len() > 8 * 1024 * 1024 {
            return;
        }
    }
    panic!("everything is still in the WAL");
}

#[tokio::test]
async fn a_log_is_whole_after_a_start_over_a_lengthened_wal() {
    let directory = tempfile::tempdir().unwrap();
    let log = SqliteEventLog::open(directory.path()).unwrap();
    let mut made = Conversation::create(&log).await;
    made.say(prompt("one")).await;
    let (id, head) = (made.id, made.head);
    // A WAL as a crash leaves it: frames followed by zeros.
    let copy = tempfile::tempdir().unwrap();
    for name in ["log.sqlite", "log.sqlite-wal"] {
        std::fs::copy(directory.path().join(name), copy.path().join(name)).unwrap();
    }
    let wal = copy.path().join("log.sqlite-wal");
    assert!(wal.metadata().unwrap().len() > 1024 * 1024);
    let crashed = SqliteEventLog::open(copy.path()).unwrap();
    let found = crashed.head(id).await.unwrap().map(|found| found.seq);
    assert_eq!(found, Some(head));
    let mut resumed = Conversation::resume(&crashed, id, head);
    resumed.say(prompt("two")).await;
    let batch = crashed.read(id, Seq::ZERO, ReadLimit::default()).await;
    assert_eq!(batch.unwrap().upto, head.next());
}

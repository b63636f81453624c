//! A process that dies, or a machine that loses its power, at every write of every migration: the database opens again, in the new
//! version, with everything that was in it.
//!
//! Migrations only add, so a database of an older version is one of the newest without what came later.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use baton_hub::credentials::{CredentialStore, LinkGrant};
use baton_log::{EventLog as _, MemoryEventLog};
use baton_log_sqlite::SqliteEventLog;
use baton_powercut::{Disk, Random};
use baton_protocol::*;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::author::Author;
use crate::mirror_power::{hub, link, open, prompt, settled};

/// A database of the product, and how it grew: the names that each migration added, in order; a column as `table.column`.
struct Subject {
    file: &'static str,
    grew: &'static [&'static [&'static str]],
    moved: &'static [Moved],
}

/// A table whose rows a later version keeps in another one.
struct Moved {
    table: &'static str,
    /// The version that did it.
    version: usize,
    /// Makes the table as it was, out of what has its rows now.
    back: &'static str,
    /// The same rows, from where they stand now.
    rows: &'static str,
}

const LOG: Subject = Subject {
    file: "log.sqlite",
    grew: &[
        &["logs"],
        &["events"],
        &["receipts"],
        &["unsealed_parts"],
        &["sealed_stretches"],
        &["saved_states"],
        &["arrivals", "places", "placed"],
        &["deleted_logs"],
        &["deletions"],
    ],
    moved: &[Moved {
        table: "events",
        version: 7,
        back: "CREATE TABLE events (position INTEGER PRIMARY KEY, adds_to BLOB, event TEXT NOT NULL) STRICT;
               INSERT INTO events SELECT position, adds_to, event FROM arrivals",
        rows: "SELECT position, adds_to, event FROM arrivals",
    }],
};

const CREDENTIALS: Subject = Subject {
    file: "credentials.db",
    grew: &[
        &["accounts"],
        &["principals"],
        &["link_codes"],
        &["hub_key"],
    ],
    moved: &[],
};

const MIRROR: Subject = Subject {
    file: "mirror.db",
    grew: &[
        &["logs"],
        &["events"],
        &["rows"],
        &["searchable", "search"],
        &["outbox"],
        &["receipts"],
        &["settings"],
        &["rows.turn"],
        &[
            "logs.floor",
            "logs.floor_digest",
            "logs.filled",
            "logs.filled_state_json",
            "logs.filled_state_seq",
        ],
        &["search_newest"],
        &["search_text", "search_terms"],
        &["search_unindexed"],
    ],
    moved: &[],
};

impl Subject {
    fn connect(&self, directory: &Path) -> Connection {
        Connection::open(directory.join(self.file)).unwrap()
    }

    /// Takes away what came after a version.
    fn age(&self, directory: &Path, version: usize) {
        let database = self.connect(directory);
        for moved in self.moved.iter().filter(|moved| version < moved.version) {
            database.execute_batch(moved.back).unwrap();
        }
        for name in self.grew[version..].iter().copied().flatten().rev() {
            if let Some((table, column)) = name.split_once('.') {
                let drop = format!("ALTER TABLE {table} DROP COLUMN {column}");
                database.execute_batch(&drop).unwrap();
                continue;
            }
            let kind: String = database
                .query_row(
                    "SELECT type FROM sqlite_schema WHERE name = ?1",
                    [name],
                    |row| row.get(0),
                )
                .unwrap_or_else(|error| panic!("`{name}`: {error}"));
            database
                .execute_batch(&format!("DROP {kind} {name}"))
                .unwrap();
        }
        database
            .pragma_update(None, "user_version", version as i64)
            .unwrap();
    }

    /// How the rows of a table are read where its version may have moved them.
    fn query(&self, database: &Connection, table: &str) -> String {
        let moved = self.moved.iter().find(|moved| moved.table == table);
        match moved {
            Some(moved) if !database.table_exists(None, table).unwrap() => moved.rows.to_owned(),
            _ => format!("SELECT * FROM {table}"),
        }
    }

    /// All rows of the tables that a version has.
    fn rows(&self, directory: &Path, version: usize) -> Vec<String> {
        let database = self.connect(directory);
        let mut all = Vec::new();
        // What is searched is an index over rows.
        let gone = |name: &str| {
            let by = |moved: &&Moved| moved.table == name && moved.version <= version;
            self.moved.iter().any(|moved| by(&moved))
        };
        let names = self.grew[..version].iter().copied().flatten();
        let names = names.filter(|name| !gone(name));
        let is_later = |table: &str, column: &str| {
            let mut later = self.grew[version..].iter().copied().flatten();
            later.any(|name| *name == format!("{table}.{column}"))
        };
        for name in names.filter(|name| !name.starts_with("search") && !name.contains('.')) {
            let mut statement = database.prepare(&self.query(&database, name)).unwrap();
            let columns: Vec<usize> = (0..statement.column_count())
                .filter(|column| !is_later(name, statement.column_name(*column).unwrap()))
                .collect();
            let mut rows = statement.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                let values: Vec<String> = columns
                    .iter()
                    .map(|column| format!("{:?}", row.get_ref(*column).unwrap()))
                    .collect();
                all.push(format!("{name}: {}", values.join(" ")));
            }
        }
        all
    }

    fn version(&self, directory: &Path) -> usize {
        let database = self.connect(directory);
        let version: i64 = database
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap();
        version as usize
    }

    /// Interrupts the opening of each older version at each operation, in both ways.
    fn sweep(&self, whole: &Path, open: impl Fn(&Path) -> Result<(), String>) {
        assert_eq!(
            self.version(whole),
            self.grew.len(),
            "a migration was added: say here what it adds"
        );
        let mut interrupted = 0;
        for version in 0..self.grew.len() {
            let aged = TempDir::new().unwrap();
            copy_files(whole, aged.path());
            self.age(aged.path(), version);
            let before = self.rows(aged.path(), version);
            for operation in 1.. {
                let mut was_cut = false;
                for end in [End::Process, End::Power] {
                    let directory = TempDir::new().unwrap();
                    copy_files(aged.path(), directory.path());
                    let disk = Disk::over(directory.path()).unwrap();
                    disk.cut_at(operation);
                    let _ = open(directory.path());
                    was_cut |= disk.is_off();
                    match end {
                        End::Process => disk.process_died().unwrap(),
                        End::Power => disk.power_on(operation).unwrap(),
                    }
                    let place = format!("{} {version}, operation {operation}, {end:?}", self.file);
                    open(directory.path()).unwrap_or_else(|error| panic!("{place}: {error}"));
                    assert_eq!(self.version(directory.path()), self.grew.len(), "{place}");
                    let after = self.rows(directory.path(), version);
                    assert!(
                        self.holds(&before, &after),
                        "{place}: {before:#?} {after:#?}"
                    );
                }
                if !was_cut {
                    break;
                }
                interrupted += 1;
            }
        }
        println!("{}: {interrupted} places of interruption", self.file);
        assert!(interrupted > 20, "{interrupted} places are few");
    }

    /// Everything is there. What opening adds by itself (a first account, a setting) may be there too.
    fn holds(&self, before: &[String], after: &[String]) -> bool {
        before.iter().all(|row| after.contains(row))
    }
}

/// How an opening is interrupted.
#[derive(Clone, Copy, Debug)]
enum End {
    Process,
    Power,
}

fn copy_files(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[test]
fn a_log_survives_every_interruption_of_its_migrations() {
    let whole = TempDir::new().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let log = SqliteEventLog::open(whole.path()).unwrap();
        let mut author = Author::new(1, Random::new(3), 100);
        for _ in 0..40 {
            author.write(&log).await.unwrap();
        }
        let mut doomed = Author::new(2, Random::new(4), 100);
        doomed.write(&log).await.unwrap();
        log.delete(doomed.book.id).await.unwrap();
        log.seal_closed_parts().await;
    });
    // Waits for reads that the author gave up: the last of them takes the WAL away, which is copied next.
    drop(runtime);
    LOG.sweep(whole.path(), |directory| {
        let opened = SqliteEventLog::open(directory);
        opened.map(drop).map_err(|error| format!("{error:?}"))
    });
}

#[test]
fn credentials_survive_every_interruption_of_their_migrations() {
    const NOW: TimestampMs = TimestampMs(1_000_000);
    let whole = TempDir::new().unwrap();
    let mut store = CredentialStore::open(whole.path(), NOW).unwrap();
    for name in ["Laptop", "Desk"] {
        let account = store.accounts().unwrap()[0].id;
        let role = Role::Device;
        let secret = store
            .create_link_code(LinkGrant { account, role }, NOW)
            .unwrap();
        store.redeem(&secret, name, NOW).unwrap();
    }
    drop(store);
    CREDENTIALS.sweep(whole.path(), |directory| {
        let opened = CredentialStore::open(directory, NOW);
        opened.map(drop).map_err(|error| format!("{error:?}"))
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_survives_every_interruption_of_its_migrations() {
    let steady = TempDir::new().unwrap();
    let hub = hub(steady.path(), Arc::new(MemoryEventLog::new())).await;
    let (linked, token) = link(&hub).await;
    let whole = TempDir::new().unwrap();
    let disk = Disk::over(whole.path()).unwrap();
    let device = open(whole.path(), linked.clone(), &token).await.unwrap();
    let session = SessionId::mint();
    let create = CreateSessionCommand {
        agent: AgentId("assistant".to_owned()),
        runner: None,
        title: None,
    };
    device.start_session(session, create, None).await.unwrap();
    for n in 0..3 {
        let log = LogId::Session(session);
        device.act(log, prompt(&format!("{n}"))).await.unwrap();
    }
    settled(&device, session, 3).await;
    hub.stop().await;
    // One more waits for a hub that is gone.
    let log = LogId::Session(session);
    device.act(log, prompt("later")).await.unwrap();
    drop(device);
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        // The device's tasks end while this waits.
        disk.process_died().unwrap();
        drop(disk);
        MIRROR.sweep(whole.path(), |directory| {
            // Only the mirror is of interest: its hub is gone.
            let opened = runtime.block_on(open(directory, linked.clone(), &token));
            opened.map(drop)
        });
    });
}

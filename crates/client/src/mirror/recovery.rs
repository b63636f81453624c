//! Opens the file. A damaged file is set aside, never deleted, and a new one takes over what can be read of the outbox.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use baton_protocol::AccountId;
use rusqlite::{Connection, OpenFlags};

use super::{Fault, StoreError, events, logs, outbox, rows, salvage, schema, settings};
use crate::limits::{MIRROR_BUSY_MS, MIRROR_CACHE_KIB};

/// Suffix of a marker file: a statement met damage, so the next start checks the whole database.
const SUSPECT_SUFFIX: &str = "suspect";

/// Suffix of a lock file, held by the process that is opening the database.
const OPENING_SUFFIX: &str = "opening";

/// The path by which SQLite opens a database in memory.
pub(super) const IN_MEMORY: &str = ":memory:";

/// The setting that names the account of the mirror.
const ACCOUNT_SETTING: &str = "account";

/// Opens a writing connection to this account's mirror. A file of another account (the device was linked again) is set aside: neither its
/// conversations nor its waiting intents belong here.
pub(super) fn open_for(path: &Path, account: AccountId) -> Result<Connection, StoreError> {
    let _turn = turn_to_open(path)?;
    let conn = open_or_rebuild(path)?;
    let owner = settings::get(&conn, ACCOUNT_SETTING)?;
    let account = account.to_string();
    let conn = match owner {
        Some(owner) if owner == account => return Ok(conn),
        None => conn,
        Some(owner) => {
            tracing::warn!("the mirror is another account's: it is set aside");
            drop(conn);
            set_aside(path, &format!("account-{owner}"))?;
            open_or_rebuild(path)?
        }
    };
    settings::set(&conn, ACCOUNT_SETTING, &account)?;
    Ok(conn)
}

/// Waits until no other process is opening this mirror, and makes others wait until the returned file is closed. Two processes must not
/// migrate it or set it aside at the same time. A mirror in memory needs no turn: no other process can open it.
fn turn_to_open(path: &Path) -> Result<Option<File>, StoreError> {
    if path == Path::new(IN_MEMORY) {
        return Ok(None);
    }
    let turn = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(suffixed(path, OPENING_SUFFIX))?;
    turn.lock()?;
    Ok(Some(turn))
}

/// Opens a writing connection to a mirror and migrates it to the newest schema.
fn open_or_rebuild(path: &Path) -> Result<Connection, StoreError> {
    match open_checked(path) {
        Ok(conn) => Ok(conn),
        Err(error) if error.fault() != Fault::Passing => {
            tracing::error!(error = %error, "the mirror is damaged: it is set aside and fetched anew");
            rebuild(path)
        }
        Err(error) => Err(error),
    }
}

/// Opens a reading connection.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(Duration::from_millis(MIRROR_BUSY_MS))?;
    Ok(conn)
}

/// Marks the file for a check at its next opening.
pub(super) fn suspect(path: &Path, error: &StoreError) {
    if error.fault() == Fault::File {
        tracing::error!(error = %error, "the mirror is damaged: restart Baton to rebuild it");
        if let Err(error) = std::fs::write(suffixed(path, SUSPECT_SUFFIX), b"") {
            tracing::error!(error = %error, "the damage could not be noted");
        }
    }
}

fn open_checked(path: &Path) -> Result<Connection, StoreError> {
    let mut conn = open_writer(path)?;
    let suspect = suffixed(path, SUSPECT_SUFFIX);
    if suspect.try_exists()? {
        let verdict: String = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if verdict != "ok" {
            return Err(StoreError::Damaged);
        }
    }
    schema::migrate(&mut conn)?;
    // What is read first must be readable, or the device could neither start nor rebuild.
    outbox::all(&conn)?;
    forget_unreadable_logs(&mut conn)?;
    let _ = std::fs::remove_file(suspect);
    Ok(conn)
}

fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    let conn = Connection::open(path)?;
    conn.busy_timeout(Duration::from_millis(MIRROR_BUSY_MS))?;
    // `EXTRA` must come first: a new file enters WAL mode by way of a rollback journal, and `EXTRA` makes that journal's deletion durable.
    // A journal that a power cut brought back would roll back everything after it. In WAL mode, `EXTRA` equals `FULL`.
    conn.pragma_update(None, "synchronous", "EXTRA")?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "cache_size", -MIRROR_CACHE_KIB)?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

fn rebuild(path: &Path) -> Result<Connection, StoreError> {
    let saved = salvage::outbox(path);
    set_aside(path, "damaged")?;
    let conn = open_checked(path)?;
    for entry in &saved {
        outbox::restore(&conn, entry)?;
    }
    tracing::warn!(intents = saved.len(), "the outbox was taken over");
    Ok(conn)
}

/// Drops logs whose cursor cannot be read. The hub has them, so they are fetched again.
fn forget_unreadable_logs(conn: &mut Connection) -> Result<(), StoreError> {
    let unreadable = logs::unreadable(conn)?;
    if unreadable.is_empty() {
        return Ok(());
    }
    tracing::warn!(
        logs = unreadable.len(),
        "logs of the mirror cannot be read: they are fetched again"
    );
    let tx = schema::begin(conn)?;
    for key in unreadable {
        rows::delete_all(&tx, key)?;
        events::delete_all(&tx, key)?;
        logs::delete(&tx, key)?;
    }
    Ok(tx.commit()?)
}

fn set_aside(path: &Path, why: &str) -> Result<(), StoreError> {
    let free = (1..=u32::MAX)
        .map(|n| format!("{why}-{n}"))
        .find(|suffix| matches!(suffixed(path, suffix).try_exists(), Ok(false)))
        .ok_or(StoreError::Damaged)?;
    for part in ["", "-wal", "-shm"] {
        let from = with_tail(path, part);
        match std::fs::rename(&from, suffixed(&from, &free)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    let _ = std::fs::remove_file(suffixed(path, SUSPECT_SUFFIX));
    Ok(())
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    with_tail(path, &format!(".{suffix}"))
}

fn with_tail(path: &Path, tail: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(tail);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn many_that_open_a_new_mirror_at_once_all_have_it() {
        let account = AccountId::mint();
        for _ in 0..5 {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("mirror.db");
            let begin = Barrier::new(6);
            thread::scope(|scope| {
                let opened: Vec<_> = (0..6)
                    .map(|_| {
                        scope.spawn(|| {
                            begin.wait();
                            open_for(&path, account).map(drop)
                        })
                    })
                    .collect();
                for opened in opened {
                    opened.join().unwrap().expect("it opens");
                }
            });
            assert!(!suffixed(&path, "damaged-1").exists());
        }
    }
}

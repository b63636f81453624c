//! The directory of a log: its lock, its permissions, and connections with the settings that the promises rest on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use baton_log::Sealing;
use rusqlite::Connection;

use crate::tables;

/// How long a connection waits for another one. The writer is alone, so this only bridges the moments in which SQLite resets the WAL.
const BUSY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// Every statement of this crate, several times over.
const STATEMENTS_CACHED: usize = 64;

/// The writer's page cache: the pages of the receipts and places of many active sessions, and the trees above them.
const WRITER_CACHE_KIB: i64 = 32 * 1024;

/// What a WAL file is cut back to after a checkpoint.
const WAL_BYTES_KEPT: i64 = 64 * 1024 * 1024;

/// What a WAL file has from the start. A commit that makes the file longer makes the file system record its length, too, which on
/// ext4 is a commit of its journal each time. See `docs/PERFORMANCE.md` for what was seen.
const WAL_BYTES_READY: u64 = 8 * 1024 * 1024;

/// How a log is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SqliteOptions {
    /// When closed parts are sealed.
    pub sealing: Sealing,
    /// The most pages (of 4 KiB) that the database may have, beyond which the disk counts as full; absent: what the disk holds.
    pub pages_max: Option<u32>,
}

/// Why a log could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory or a file in it could not be made or protected.
    #[error("the log's directory `{}` cannot be used", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process (or another value in this one) has it open.
    #[error("the log in `{}` is in use by another process", path.display())]
    InUse {
        /// Which.
        path: PathBuf,
    },
    /// SQLite refused.
    #[error("the log's database cannot be opened")]
    Database(#[from] rusqlite::Error),
    /// The schema could not be brought up to date; a newer version may have written it.
    #[error("the log's database cannot be migrated")]
    Migration(#[from] rusqlite_migration::Error),
    /// The writer's thread could not be started.
    #[error("the log's writer cannot be started")]
    Thread(#[source] io::Error),
}

/// An opened directory. Dropping the lock gives it to the next process.
pub struct Opened {
    pub lock: File,
    pub writer: Connection,
    pub readers: Vec<Connection>,
}

/// The database of the log in a directory.
pub fn database_in(directory: &Path) -> PathBuf {
    directory.join("log.sqlite")
}

/// Opens or makes the log in a directory.
pub fn open(directory: &Path, options: SqliteOptions, readers: usize) -> Result<Opened, OpenError> {
    let failed = |source| OpenError::Directory {
        path: directory.to_owned(),
        source,
    };
    make_private_directory(directory).map_err(failed)?;
    let lock = private_file(&directory.join("log.lock")).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => {
            return Err(OpenError::InUse {
                path: directory.to_owned(),
            });
        }
        Err(fs::TryLockError::Error(source)) => return Err(failed(source)),
    }
    let database = database_in(directory);
    // Made before SQLite does, which gives the mode of this file to its WAL.
    private_file(&database).map_err(failed)?;
    let mut writer = Connection::open(&database)?;
    settle_writer(&writer, options)?;
    if !fold_wal_back(&writer)? {
        return Err(OpenError::InUse {
            path: directory.to_owned(),
        });
    }
    tables::migrations().to_latest(&mut writer)?;
    // One that moved everything may have left a WAL as large as that; a reader of it keeps it, and the next start folds it back.
    fold_wal_back(&writer)?;
    make_wal_ready(&directory.join("log.sqlite-wal")).map_err(failed)?;
    // The new names are as durable as what will be acknowledged.
    sync_directory(directory).map_err(failed)?;
    let readers = (0..readers)
        .map(|_| open_reader(&database))
        .collect::<Result<_, _>>()?;
    Ok(Opened {
        lock,
        writer,
        readers,
    })
}

fn settle_writer(writer: &Connection, options: SqliteOptions) -> rusqlite::Result<()> {
    writer.busy_timeout(BUSY_TIMEOUT)?;
    writer.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    // Before the WAL mode, which a new database enters by way of a rollback journal: with `full` the journal's deletion may be undone by
    // a power cut, and the journal that is back then rolls back everything that came after it. In the WAL mode the two are the same.
    writer.pragma_update(None, "synchronous", "extra")?;
    writer.pragma_update_and_check(None, "journal_mode", "wal", |row| {
        let mode: String = row.get(0)?;
        assert_eq!(mode, "wal", "a file database takes the WAL mode");
        Ok(())
    })?;
    // SQLite would ignore that a checkpoint of its own failed to flush; the writer runs them and looks.
    writer.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    writer.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES_KEPT, |_| Ok(()))?;
    writer.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    writer.pragma_update(None, "temp_store", "memory")?;
    if let Some(pages) = options.pages_max {
        writer.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
    }
    Ok(())
}

/// Writes what an earlier process left in the WAL into the database, and flushes that.
///
/// If that process stopped because a flush failed, the WAL may hold pages that the system shows and the disk does not have. Written
/// and flushed anew they are there; appended to, they would be a hole in front of everything that is acknowledged from now on.
///
/// False where somebody who does not ask the lock file (a person with a database shell) reads meanwhile.
fn fold_wal_back(writer: &Connection) -> rusqlite::Result<bool> {
    writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
        let busy: i64 = row.get(0)?;
        Ok(busy == 0)
    })
}

/// Lengthens the WAL by zeros, which are no frames to SQLite: it reads a WAL up to the first one whose checksum does not fit, and
/// writes the next one over what stands there. Without room for it the log is as good, only slower.
fn make_wal_ready(wal: &Path) -> io::Result<()> {
    let mut file = private_file(wal)?;
    let length = file.seek(SeekFrom::End(0))?;
    let missing = WAL_BYTES_READY.saturating_sub(length);
    let lengthened = io::copy(&mut io::repeat(0).take(missing), &mut file);
    if lengthened.and_then(|_| file.sync_all()).is_err() {
        file.set_len(length)?;
    }
    Ok(())
}

/// A connection that reads alone.
pub fn open_reader(database: &Path) -> rusqlite::Result<Connection> {
    let reader = Connection::open(database)?;
    reader.busy_timeout(BUSY_TIMEOUT)?;
    reader.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    reader.pragma_update(None, "query_only", true)?;
    Ok(reader)
}

/// Owner only, also where the directory was there with another mode.
pub fn make_private_directory(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    }
    if let Some(parent) = directory.parent().filter(|parent| parent.is_dir()) {
        sync_directory(parent)?;
    }
    Ok(())
}

/// Opens a file that only its owner can read, and creates it if it is missing.
pub fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

/// Makes names in a directory durable. Where the system has no such call, its file system is trusted with it.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}

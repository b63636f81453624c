//! Opens a log's directory: its lock, its permissions, and connections with the settings that durability depends on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use baton_log::Sealing;
use rusqlite::Connection;

use crate::tables;

/// How long a connection waits for a lock. There is only one writer, so this only covers the moments in which SQLite resets the WAL.
const BUSY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// Several times the number of statements in this crate.
const STATEMENTS_CACHED: usize = 64;

/// Size of the writer's page cache. Holds the pages of the receipts and places of many active sessions, and the trees above them.
const WRITER_CACHE_KIB: i64 = 32 * 1024;

/// Size to which a checkpoint truncates the WAL file.
const WAL_BYTES_KEPT: i64 = 64 * 1024 * 1024;

/// Initial size of the WAL file. A commit that extends the file also makes the file system record the new length; on ext4 that is a
/// journal commit each time. See `docs/PERFORMANCE.md` for measurements.
const WAL_BYTES_READY: u64 = 8 * 1024 * 1024;

/// How to open a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SqliteOptions {
    /// When closed parts are sealed.
    pub sealing: Sealing,
    /// Maximum number of pages (of 4 KiB) in the database, beyond which the disk counts as full; absent: no limit but the disk.
    pub pages_max: Option<u32>,
}

/// Why a log could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory or a file in it cannot be created or made private.
    #[error("the log's directory `{}` cannot be used", path.display())]
    Directory {
        /// The directory, or the file in it.
        path: PathBuf,
        source: io::Error,
    },
    /// Another process (or another value in this one) has the log open.
    #[error("the log in `{}` is in use by another process", path.display())]
    InUse {
        /// The log's directory.
        path: PathBuf,
    },
    /// SQLite refused.
    #[error("the log's database cannot be opened")]
    Database(#[from] rusqlite::Error),
    /// The schema cannot be migrated; a newer version may have written it.
    #[error("the log's database cannot be migrated")]
    Migration(#[from] rusqlite_migration::Error),
    /// The writer's thread cannot be started.
    #[error("the log's writer cannot be started")]
    Thread(#[source] io::Error),
}

/// An opened directory. Dropping `lock` lets another process open it.
pub struct Opened {
    pub lock: File,
    pub writer: Connection,
    pub readers: Vec<Connection>,
}

/// Path of the database in a log's directory.
pub fn database_in(directory: &Path) -> PathBuf {
    directory.join("log.sqlite")
}

/// Opens or creates the log in a directory.
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
    // Created before SQLite creates its WAL, which gets this file's mode.
    private_file(&database).map_err(failed)?;
    let mut writer = Connection::open(&database)?;
    settle_writer(&writer, options)?;
    if !fold_wal_back(&writer)? {
        return Err(OpenError::InUse {
            path: directory.to_owned(),
        });
    }
    tables::migrations().to_latest(&mut writer)?;
    // A migration that rewrote everything may have left a WAL of that size. A concurrent reader may prevent this checkpoint; then the next
    // start does it.
    fold_wal_back(&writer)?;
    make_wal_ready(&directory.join("log.sqlite-wal")).map_err(failed)?;
    // Makes the new names as durable as the data that will be acknowledged.
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
    // Set before the WAL mode, which a new database enters through a rollback journal: with `full`, a power cut may undo the deletion of
    // that journal, and the restored journal would roll back everything after it. In WAL mode, `full` and `extra` are the same.
    writer.pragma_update(None, "synchronous", "extra")?;
    writer.pragma_update_and_check(None, "journal_mode", "wal", |row| {
        let mode: String = row.get(0)?;
        assert_eq!(mode, "wal", "a file database takes the WAL mode");
        Ok(())
    })?;
    // SQLite would ignore a failed flush in an automatic checkpoint. The writer runs checkpoints itself and checks the result.
    writer.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    writer.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES_KEPT, |_| Ok(()))?;
    writer.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    writer.pragma_update(None, "temp_store", "memory")?;
    if let Some(pages) = options.pages_max {
        writer.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
    }
    Ok(())
}

/// Checkpoints what an earlier process left in the WAL into the database, and flushes it.
///
/// If that process stopped because a flush failed, the WAL may hold pages that the system shows but the disk does not have. Writing and
/// flushing them anew makes them durable; appending to that WAL would leave a hole in front of everything that is acknowledged from
/// then on.
///
/// Returns false if a reader that ignores the lock file (a person with a database shell) prevents it.
fn fold_wal_back(writer: &Connection) -> rusqlite::Result<bool> {
    writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
        let busy: i64 = row.get(0)?;
        Ok(busy == 0)
    })
}

/// Extends the WAL with zeros. SQLite does not take them for frames: it reads a WAL up to the first frame whose checksum is wrong, and
/// overwrites that one next. If there is no room for the zeros, the log still works, only slower.
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

/// A read-only connection.
pub fn open_reader(database: &Path) -> rusqlite::Result<Connection> {
    let reader = Connection::open(database)?;
    reader.busy_timeout(BUSY_TIMEOUT)?;
    reader.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    reader.pragma_update(None, "query_only", true)?;
    Ok(reader)
}

/// Creates a directory that only its owner can use. Also corrects the mode of an existing one.
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

/// Makes new names in a directory durable. A system without such a call is trusted to do it.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}

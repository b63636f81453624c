//! Copies the database while it is in use, and gives restored logs new identities.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use baton_protocol::Incarnation;
use rusqlite::{Connection, OpenFlags};

use crate::open::{self, OpenError, Opened, SqliteOptions};
use crate::tables::logs;

/// Why the copy was not made.
#[derive(Debug, thiserror::Error)]
pub enum CopyDatabaseError {
    /// A file could not be created or flushed.
    #[error("`{}` cannot be used", path.display())]
    File {
        /// The directory, or the file in it.
        path: PathBuf,
        source: io::Error,
    },
    /// SQLite names files in UTF-8.
    #[error("`{}` is not UTF-8", .0.display())]
    Name(PathBuf),
    /// SQLite refused.
    #[error("the database could not be copied")]
    Database(#[from] rusqlite::Error),
}

/// Writes a copy of the database, as of one moment, into a directory, and flushes it. It reads through a connection of its own, which
/// sees flushed transactions only, as any reader does, and blocks nothing.
pub fn copy(database: &Path, directory: &Path) -> Result<(), CopyDatabaseError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| CopyDatabaseError::File { path, source }
    };
    open::make_private_directory(directory).map_err(failed(directory))?;
    let target = open::database_in(directory);
    // SQLite takes an empty file for a new database and keeps its mode.
    open::private_file(&target).map_err(failed(&target))?;
    let name = target
        .to_str()
        .ok_or_else(|| CopyDatabaseError::Name(target.clone()))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let reader = Connection::open_with_flags(database, flags)?;
    reader.execute("VACUUM INTO ?1", [name])?;
    File::open(&target)
        .and_then(|file| file.sync_all())
        .map_err(failed(&target))?;
    open::sync_directory(directory).map_err(failed(directory))
}

/// Why the logs got no new identity. All of them keep their old one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenewError {
    /// The logs could not be opened.
    #[error("the logs cannot be opened")]
    Open(#[from] OpenError),
    /// SQLite refused.
    #[error("the logs' identities cannot be written")]
    Database(#[from] rusqlite::Error),
}

/// Gives every log in a directory a new incarnation, so that no earlier cursor fits any of them. Returns the number of logs. Blocks.
///
/// # Errors
/// If the directory cannot be opened or written. Then no log has a new identity.
pub fn renew_identities(directory: &Path) -> Result<usize, RenewError> {
    let Opened {
        lock,
        mut writer,
        readers,
    } = open::open(directory, SqliteOptions::default(), 0)?;
    drop(readers);
    let renewing = writer.transaction()?;
    let ids = logs::all(&renewing)?;
    for id in &ids {
        logs::set_incarnation(&renewing, *id, Incarnation::mint())?;
    }
    renewing.commit()?;
    drop((writer, lock));
    Ok(ids.len())
}

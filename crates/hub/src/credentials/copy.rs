//! The credentials database as a whole: a copy of it while the hub works, and its own check of itself.

use std::path::Path;

use super::store::{CredentialStore, CredentialsError};

/// The credentials were not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyCredentialsError {
    /// The copy's file cannot be made or flushed.
    #[error("`{path}` cannot be written")]
    File {
        /// Where.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The database failed.
    #[error("the credentials database cannot be copied")]
    Sqlite(#[from] rusqlite::Error),
    /// The hub is stopping.
    #[error("the hub is stopping")]
    Stopping,
}

impl CredentialStore {
    /// Writes a copy as of now into a new private file, flushed. What is hashed stays hashed.
    pub fn copy_to(&self, path: &Path) -> Result<(), CopyCredentialsError> {
        let failed = |source| CopyCredentialsError::File {
            path: path.display().to_string(),
            source,
        };
        baton_private_files::open_or_make(path).map_err(failed)?;
        let name = path.to_str().ok_or_else(|| {
            failed(std::io::Error::new(
                std::io::ErrorKind::InvalidFilename,
                "not UTF-8",
            ))
        })?;
        self.connection.execute("VACUUM INTO ?1", [name])?;
        let copy = std::fs::File::open(path).map_err(failed)?;
        copy.sync_all().map_err(failed)
    }

    /// What the database finds when it checks all of itself; empty is well.
    pub fn integrity(&self) -> Result<Vec<String>, CredentialsError> {
        let mut check = self.connection.prepare("PRAGMA integrity_check")?;
        let lines = check.query_map([], |row| row.get::<_, String>(0))?;
        let lines: Vec<String> = lines.collect::<rusqlite::Result<_>>()?;
        Ok(lines.into_iter().filter(|line| line != "ok").collect())
    }
}

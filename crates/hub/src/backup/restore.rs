//! From a backup to a data directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use baton_protocol::TimestampMs;

use super::container::{self, Manifest, UnpackError};
use super::make::{Rehearsal, RehearseError, rehearse};
use super::workplace::{Workplace, parent_of};
use crate::backend::{BackendFault, LogBackend};

/// Nothing was restored; the directory is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is something in it.
    #[error("`{}` is not empty: a backup is restored into a directory of its own", .0.display())]
    NotEmpty(PathBuf),
    /// The file system says no.
    #[error("`{}` cannot be used", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The backup cannot be read.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// The logs could not be given their new identity.
    #[error("the logs could not be given a new identity")]
    Renew(#[source] BackendFault),
    /// What was unpacked is not whole.
    #[error("the backup is not whole")]
    Rehearse(#[from] RehearseError),
}

/// Unpacks a backup, gives every log a new incarnation, so that whoever followed it before notices, looks at all of it, and only then
/// gives the directory its name.
///
/// # Errors
/// Where the directory is not empty or anything fails; the directory is as it was then.
pub async fn restore(
    backup: &Path,
    data_dir: &Path,
    now: TimestampMs,
    backend: LogBackend,
) -> Result<(Manifest, Rehearsal), RestoreError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| RestoreError::File { path, source }
    };
    must_be_empty(data_dir)?;
    let work = Workplace::beside(data_dir, "restoring").map_err(failed(data_dir))?;
    let stage = work.path().join("data");
    let manifest = container::unpack(backup, &stage)?;
    (backend.renew)(&stage).map_err(RestoreError::Renew)?;
    let rehearsal = rehearse(&stage, now, backend).await?;
    baton_private_files::sync_dir(&stage).map_err(failed(&stage))?;
    if data_dir.try_exists().map_err(failed(data_dir))? {
        fs::remove_dir(data_dir).map_err(failed(data_dir))?;
    }
    fs::rename(&stage, data_dir).map_err(failed(data_dir))?;
    let parent = parent_of(data_dir);
    baton_private_files::sync_dir(parent).map_err(failed(parent))?;
    Ok((manifest, rehearsal))
}

fn must_be_empty(directory: &Path) -> Result<(), RestoreError> {
    let refused = || RestoreError::NotEmpty(directory.to_owned());
    match fs::read_dir(directory) {
        Ok(mut entries) => entries.next().map_or(Ok(()), |_| Err(refused())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Err(refused()),
        Err(source) => Err(RestoreError::File {
            path: directory.to_owned(),
            source,
        }),
    }
}

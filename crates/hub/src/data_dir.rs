//! The hub's directory: private to its owner, and held by one hub at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The lock's file in the data directory.
const LOCK_FILE_NAME: &str = "hub.lock";

/// The directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClaimDataDirError {
    /// Another hub has it.
    #[error("another hub runs on `{}`", .0.display())]
    InUse(PathBuf),
    /// It cannot be made, or the lock's file cannot be written.
    #[error("`{}` cannot be used", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The right to be the only hub on a directory; given back when dropped, a killed process included.
#[derive(Debug)]
pub struct DataDirClaim {
    _lock: File,
}

impl DataDirClaim {
    /// Makes the directory where there is none, and takes it.
    pub fn take(path: &Path) -> Result<Self, ClaimDataDirError> {
        let failed = |source| ClaimDataDirError::Io {
            path: path.to_owned(),
            source,
        };
        create_private_dir(path).map_err(failed)?;
        let lock_path = path.join(LOCK_FILE_NAME);
        create_private_file(&lock_path).map_err(failed)?;
        let lock = OpenOptions::new()
            .write(true)
            .open(&lock_path)
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(ClaimDataDirError::InUse(path.to_owned())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

/// A directory that only its owner can enter; one that is there keeps its mode.
fn create_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// An empty file that only its owner can read; one that is there keeps its content and gets the mode.
pub fn create_private_file(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    drop(file);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_hub_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hub");
        let claim = DataDirClaim::take(&path).unwrap();
        assert!(matches!(
            DataDirClaim::take(&path),
            Err(ClaimDataDirError::InUse(_))
        ));
        drop(claim);
        DataDirClaim::take(&path).unwrap();
    }
}

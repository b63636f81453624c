//! The hub's directory: private to its owner, and held by one hub at a time.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use baton_private_files::ClaimDirError;

/// The lock's file in the data directory.
const LOCK_FILE_NAME: &str = "hub.lock";

/// The directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClaimDataDirError {
    /// Another hub has it.
    #[error("another hub runs on `{}`", .0.display())]
    InUse(PathBuf),
    /// It is no place for what a hub keeps.
    #[error(transparent)]
    Directory(#[from] ClaimDirError),
    /// The lock's file cannot be written.
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
    path: PathBuf,
    _lock: File,
}

impl DataDirClaim {
    /// Makes the directory where there is none, and takes it.
    pub fn take(path: &Path) -> Result<Self, ClaimDataDirError> {
        let failed = |source| ClaimDataDirError::Io {
            path: path.to_owned(),
            source,
        };
        baton_private_files::claim_dir(path, &[LOCK_FILE_NAME])?;
        let lock = baton_private_files::open_or_make(&path.join(LOCK_FILE_NAME)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(ClaimDataDirError::InUse(path.to_owned())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// The directory that is held.
    pub fn path(&self) -> &Path {
        &self.path
    }
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

    #[cfg(unix)]
    #[test]
    fn a_directory_of_the_hubs_own_is_closed_to_others_and_a_shared_one_is_left_alone() {
        use std::fs::{self, Permissions};
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let set_mode =
            |mode| fs::set_permissions(dir.path(), Permissions::from_mode(mode)).unwrap();
        let mode = || fs::metadata(dir.path()).unwrap().permissions().mode() & 0o777;
        drop(DataDirClaim::take(dir.path()).unwrap());
        set_mode(0o775);
        drop(DataDirClaim::take(dir.path()).unwrap());
        assert_eq!(mode(), 0o700);
        fs::rename(dir.path().join(LOCK_FILE_NAME), dir.path().join("notes")).unwrap();
        set_mode(0o777);
        assert!(matches!(
            DataDirClaim::take(dir.path()),
            Err(ClaimDataDirError::Directory(ClaimDirError::Shared { .. }))
        ));
        assert_eq!(mode(), 0o777);
    }
}

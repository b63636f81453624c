//! The hub's directory: private to its owner, and held by one hub at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The lock's file in the data directory.
const LOCK_FILE_NAME: &str = "hub.lock";

/// The directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClaimDataDirError {
    /// Another hub has it.
    #[error("another hub runs on `{}`", .0.display())]
    InUse(PathBuf),
    /// Others write into it, and it is not the hub's own.
    #[error("others can write into `{}` (mode {mode:o}): give the hub a directory of its own", path.display())]
    Shared {
        /// Which.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
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
        create_private_dir(path)?;
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

/// A directory that only its owner can enter, made where there is none. One that is the hub's own, or empty, is closed to others;
/// another one that others can write is refused.
fn create_private_dir(path: &Path) -> Result<(), ClaimDataDirError> {
    let failed = |source| ClaimDataDirError::Io {
        path: path.to_owned(),
        source,
    };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(path).map_err(failed)?.permissions().mode() & 0o7777;
        if mode & 0o077 == 0 {
            return Ok(());
        }
        let is_empty = fs::read_dir(path).map_err(failed)?.next().is_none();
        let is_own = is_empty || path.join(LOCK_FILE_NAME).try_exists().map_err(failed)?;
        if is_own && mode & STICKY == 0 {
            let private = fs::Permissions::from_mode(mode & !0o077);
            fs::set_permissions(path, private).map_err(failed)?;
            tracing::warn!("the data directory was open to others, and is private now");
        } else if mode & 0o022 != 0 {
            return Err(ClaimDataDirError::Shared {
                path: path.to_owned(),
                mode: mode & 0o777,
            });
        }
    }
    Ok(())
}

/// Set on directories that many write into, as `/tmp`.
#[cfg(unix)]
const STICKY: u32 = 0o1000;

/// Writes a file that only its owner can read: whole or not at all, and durable when this returns.
pub fn write_private_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let partial = path.with_extension("partial");
    create_private_file(&partial)?;
    let mut file = OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(&partial)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&partial, path)?;
    if cfg!(unix)
        && let Some(directory) = path.parent()
    {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
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
    #[cfg(unix)]
    #[test]
    fn a_directory_of_the_hubs_own_is_closed_to_others_and_a_shared_one_is_left_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let make = |name: &str, mode: u32, file: Option<&str>| {
            let path = dir.path().join(name);
            fs::create_dir(&path).unwrap();
            if let Some(file) = file {
                fs::write(path.join(file), "").unwrap();
            }
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path
        };
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        let own = [
            make("empty", 0o755, None),
            make("before", 0o775, Some(LOCK_FILE_NAME)),
            make("set-gid", 0o2770, Some(LOCK_FILE_NAME)),
        ];
        for path in &own {
            DataDirClaim::take(path).unwrap();
            assert_eq!(mode(path) & 0o777, 0o700, "{}", path.display());
        }
        let shared = [
            make("home", 0o777, Some("notes")),
            make("tmp", 0o1777, None),
        ];
        for path in &shared {
            let before = mode(path);
            assert!(matches!(
                DataDirClaim::take(path),
                Err(ClaimDataDirError::Shared { .. })
            ));
            assert_eq!(mode(path), before);
        }
    }
}

//! Files that only their owner can read, and that are either whole or absent.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

pub use baton_private_files::{make_dir as create_folder, open, replace};

/// The changes that a profile makes on the disk. Tests substitute a disk that fails between two of them.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Replaces a private file; see [`replace`].
    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()>;

    /// Removes a file. An absent one is no error.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Renames a file or a folder. Durable when it returns.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
}

/// The disk of this computer.
#[derive(Debug)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        replace(path, content)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => sync_folder_of(path),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)?;
        sync_folder_of(from)?;
        sync_folder_of(to)
    }
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent().map(baton_private_files::sync_dir) {
        // A folder that does not exist has nothing to make durable.
        Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Reads the file's content; `None` if there is no file.
pub fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_is_private_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        assert_eq!(read(&path).unwrap(), None);
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("two"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
    }
}

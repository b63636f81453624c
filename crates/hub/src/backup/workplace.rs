//! A directory for what is not finished; gone when dropped.

use std::io;
use std::path::Path;

/// A new directory of an unpredictable name, private to its owner. What stood there before, a killed process's leftovers among it, is
/// neither used nor removed.
#[derive(Debug)]
pub struct Workplace(tempfile::TempDir);

impl Workplace {
    /// Beside the place that the finished thing will have, so that it moves there in one step: `<finished>.<suffix>-XXXXXX`.
    ///
    /// # Errors
    /// Where the file system says no.
    pub fn beside(finished: &Path, suffix: &str) -> io::Result<Self> {
        let mut prefix = finished.file_name().unwrap_or_default().to_owned();
        prefix.push(format!(".{suffix}-"));
        Self::within(parent_of(finished), &prefix)
    }

    /// Creates the workplace inside `directory`, which is created if missing. Its name begins with `prefix`.
    ///
    /// # Errors
    /// Where the file system says no.
    pub fn within(directory: &Path, prefix: impl AsRef<std::ffi::OsStr>) -> io::Result<Self> {
        baton_private_files::make_dir(directory)?;
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        builder.prefix(&prefix).tempdir_in(directory).map(Self)
    }

    /// The folder, which goes with this value.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// The directory in which a path stands.
pub fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_stands_there_is_neither_used_nor_removed() {
        let dir = tempfile::tempdir().unwrap();
        let finished = dir.path().join("backup");
        let others = dir.path().join("backup.partial");
        fs::create_dir(&others).unwrap();
        fs::write(others.join("kept"), "").unwrap();
        let [one, two] = [(), ()].map(|()| Workplace::beside(&finished, "partial").unwrap());
        assert!(one.path() != two.path() && one.path() != others);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(one.path()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
        let path = one.path().to_owned();
        drop(one);
        assert!(!path.exists() && two.path().is_dir() && others.join("kept").exists());
    }
}

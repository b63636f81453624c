//! Where things are in the repository. Nothing here creates or changes a file, but for [`local`].

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// A path under `.local`, the ignored folder for what this machine made for itself. The folder above it exists afterwards.
pub fn local(name: &str) -> Result<PathBuf> {
    let path = root()
        .canonicalize()
        .context("the repository's root is gone")?
        .join(".local")
        .join(name);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)
            .with_context(|| format!("cannot create `{}`", parent.display()))?;
    }
    Ok(path)
}

/// A program that a debug build of this workspace makes.
pub fn program(name: &str) -> PathBuf {
    built("debug", name)
}

/// A program that a release build of this workspace makes.
pub fn release_program(name: &str) -> PathBuf {
    built("release", name)
}

fn built(profile: &str, name: &str) -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let path = target.join(profile).join(name);
    path.canonicalize().unwrap_or(path)
}

/// The path as a person would type it from the repository's root.
pub fn shown(path: &Path) -> String {
    let root = root()
        .canonicalize()
        .unwrap_or_else(|_| root().to_path_buf());
    path.strip_prefix(&root)
        .unwrap_or(path)
        .display()
        .to_string()
}

/// SHA-256 over the names and contents of the files, in the order given. A file that is absent counts as such.
pub fn digest(files: &[PathBuf]) -> Result<String> {
    let mut hash = Sha256::new();
    for file in files {
        hash.update(file.to_string_lossy().as_bytes());
        match fs::read(file) {
            Ok(content) => {
                hash.update([1]);
                hash.update((content.len() as u64).to_le_bytes());
                hash.update(content);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => hash.update([0]),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read `{}`", file.display()));
            }
        }
    }
    Ok(hex::encode(hash.finalize()))
}

/// Every file under a folder, sorted, without the folders named in `skip`.
pub fn files_under(folder: &Path, skip: &[&str]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        let entries =
            fs::read_dir(&folder).with_context(|| format!("cannot list `{}`", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            let skipped = skip.iter().any(|name| entry.file_name() == *name);
            if kind.is_dir() && !skipped {
                open.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Whether the stamp file holds exactly this text.
pub fn stamped(stamp: &Path, text: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|found| found == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_changes_with_content_and_with_absence() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        let absent = digest(std::slice::from_ref(&file)).unwrap();
        fs::write(&file, "").unwrap();
        let empty = digest(std::slice::from_ref(&file)).unwrap();
        fs::write(&file, "x").unwrap();
        let full = digest(std::slice::from_ref(&file)).unwrap();
        assert_ne!(absent, empty);
        assert_ne!(empty, full);
        assert_eq!(full, digest(&[file]).unwrap());
    }

    #[test]
    fn files_are_sorted_and_skipped_folders_left_out() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b/two", "a/one", "skip/three"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found = files_under(folder.path(), &["skip"]).unwrap();
        assert_eq!(
            found,
            [folder.path().join("a/one"), folder.path().join("b/two")]
        );
    }
}

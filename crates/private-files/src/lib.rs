//! Files and directories that only their owner can read: identities, tokens, conversations.
//!
//! Owns how hub, runner and devices make and replace them. Never removes anything, and knows nothing about the content.
//!
//! **Invariant:** [`replace`] leaves the old file or the new one, whole, even after a power cut; others can never read it in between.
//! **Invariant:** others cannot write to a directory that [`claim_dir`] accepted.

#![forbid(unsafe_code)]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Why a directory cannot hold private files.
#[derive(Debug, thiserror::Error)]
pub enum ClaimDirError {
    /// Others can write into it, and it holds other things.
    #[error("others can write into `{}` (mode {mode:o}): use a directory of its own", path.display())]
    Shared { path: PathBuf, mode: u32 },
    /// Its owner is another user, who can replace whatever is in it.
    #[error("`{}` belongs to another user: use a directory of your own", path.display())]
    Foreign { path: PathBuf },
    /// It cannot be created or inspected.
    #[error("`{}` cannot be used", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl From<ClaimDirError> for io::Error {
    fn from(error: ClaimDirError) -> Self {
        let kind = match &error {
            ClaimDirError::Shared { .. } | ClaimDirError::Foreign { .. } => {
                io::ErrorKind::PermissionDenied
            }
            ClaimDirError::Io { source, .. } => source.kind(),
        };
        match error {
            ClaimDirError::Io { source, .. } => source,
            refused => Self::new(kind, refused),
        }
    }
}

/// Makes a directory and its missing parents, for their owner only; an existing directory keeps its mode.
///
/// # Errors
/// If the file system refuses.
pub fn make_dir(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes a directory that only its owner can enter. Closes an existing one to others if it is empty or holds one of `own_names`, which
/// show that it is the caller's. Leaves any other directory unchanged, and refuses it if others can write into it.
///
/// # Errors
/// If the directory is refused, or the file system refuses.
pub fn claim_dir(path: &Path, own_names: &[&str]) -> Result<(), ClaimDirError> {
    let failed = |source| ClaimDirError::Io {
        path: path.to_owned(),
        source,
    };
    make_dir(path).map_err(failed)?;
    close_to_others(path, own_names)
}

/// Like [`claim_dir`], for a directory that may exist; makes nothing.
///
/// # Errors
/// If the directory is refused, or the file system refuses.
pub fn claim_existing_dir(path: &Path, own_names: &[&str]) -> Result<(), ClaimDirError> {
    match path.try_exists() {
        Ok(true) => close_to_others(path, own_names),
        Ok(false) => Ok(()),
        Err(source) => Err(ClaimDirError::Io {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Set on directories that many users write into, such as `/tmp`.
#[cfg(unix)]
const STICKY: u32 = 0o1000;

#[cfg(unix)]
fn close_to_others(path: &Path, own_names: &[&str]) -> Result<(), ClaimDirError> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let failed = |source| ClaimDirError::Io {
        path: path.to_owned(),
        source,
    };
    let metadata = fs::metadata(path).map_err(failed)?;
    if is_foreign(metadata.uid(), rustix::process::geteuid().as_raw()) {
        return Err(ClaimDirError::Foreign {
            path: path.to_owned(),
        });
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    if mode & STICKY == 0 && is_own(path, own_names).map_err(failed)? {
        let private = fs::Permissions::from_mode(mode & !0o077);
        fs::set_permissions(path, private).map_err(failed)?;
        tracing::warn!("a private directory was open to others, and is closed to them now");
    } else if mode & 0o022 != 0 {
        return Err(ClaimDirError::Shared {
            path: path.to_owned(),
            mode: mode & 0o777,
        });
    }
    Ok(())
}

/// This system has no such permissions.
#[cfg(not(unix))]
fn close_to_others(_: &Path, _: &[&str]) -> Result<(), ClaimDirError> {
    Ok(())
}

/// Whether the owner of a directory is someone whom this user need not trust. Root owns the system, and as root a person works in the
/// directories of services.
#[cfg(unix)]
fn is_foreign(owner: u32, me: u32) -> bool {
    owner != me && owner != ROOT && me != ROOT
}

#[cfg(unix)]
const ROOT: u32 = 0;

#[cfg(unix)]
fn is_own(path: &Path, own_names: &[&str]) -> io::Result<bool> {
    for name in own_names {
        if path.join(name).try_exists()? {
            return Ok(true);
        }
    }
    Ok(fs::read_dir(path)?.next().is_none())
}

/// Opens a private file for writing, and makes it if it is missing. An existing file keeps its content and gets the mode 0600.
///
/// # Errors
/// If the file system refuses.
pub fn open_or_make(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    open(path, &mut options)
}

/// Opens a file that only its owner can read; an existing file gets the mode 0600.
///
/// # Errors
/// If the file system refuses.
pub fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}

/// Replaces the content of a private file atomically; the new content is durable on return. One writer at a time.
///
/// # Errors
/// If the file system refuses. The old file then remains, unless only the flush of the directory failed.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let partial = path.with_extension("partial");
    let mut options = OpenOptions::new();
    let mut file = open(&partial, options.create(true).truncate(true).write(true))?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&partial, path)?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Makes the names in a directory durable, if the system has a call for it.
///
/// # Errors
/// If the directory cannot be opened or flushed.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    let here = Path::new(".");
    let is_bare = path.as_os_str().is_empty();
    File::open(if is_bare { here } else { path })?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_is_whole_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token.json");
        for content in [&b"first, and longer"[..], b"second"] {
            replace(&path, content).unwrap();
            assert_eq!(fs::read(&path).unwrap(), content);
        }
        let names: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "nothing half-made is left: {names:?}");
        assert!(replace(&dir.path().join("absent/token"), b"x").is_err());
    }

    #[cfg(unix)]
    mod rights {
        use std::os::unix::fs::PermissionsExt as _;

        use super::*;

        fn mode(path: &Path) -> u32 {
            fs::metadata(path).unwrap().permissions().mode() & 0o7777
        }

        fn set_mode(path: &Path, mode: u32) {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }

        #[test]
        fn what_is_made_or_opened_is_the_owners_alone() {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("a/b/lock");
            make_dir(file.parent().unwrap()).unwrap();
            assert_eq!(mode(&dir.path().join("a")), 0o700);
            drop(open_or_make(&file).unwrap());
            assert_eq!(mode(&file), 0o600);
            fs::write(&file, "kept").unwrap();
            set_mode(&file, 0o666);
            drop(open_or_make(&file).unwrap());
            assert_eq!(
                (mode(&file), fs::read(&file).unwrap()),
                (0o600, b"kept".to_vec())
            );
            // A leftover of a killed process is closed to others, too.
            let partial = file.with_extension("partial");
            fs::write(&partial, "half").unwrap();
            set_mode(&partial, 0o644);
            replace(&file, b"whole").unwrap();
            assert_eq!((mode(&file), partial.exists()), (0o600, false));
        }

        #[test]
        fn an_own_directory_is_closed_to_others_and_a_shared_one_is_refused() {
            let dir = tempfile::tempdir().unwrap();
            let make = |name: &str, mode: u32, file: Option<&str>| {
                let path = dir.path().join(name);
                fs::create_dir(&path).unwrap();
                if let Some(file) = file {
                    fs::write(path.join(file), "").unwrap();
                }
                set_mode(&path, mode);
                path
            };
            for path in [
                make("empty", 0o755, None),
                make("own", 0o777, Some("token")),
                make("set-gid", 0o2770, Some("token")),
            ] {
                claim_dir(&path, &["hub.json", "token"]).unwrap();
                assert_eq!(mode(&path) & 0o777, 0o700, "{}", path.display());
            }
            for path in [
                make("home", 0o777, Some("notes")),
                make("tmp", 0o1777, None),
            ] {
                let before = mode(&path);
                let claimed = claim_dir(&path, &["token"]);
                assert!(matches!(claimed, Err(ClaimDirError::Shared { .. })));
                assert_eq!(mode(&path), before);
            }
            let readable = make("readable", 0o755, Some("notes"));
            claim_dir(&readable, &["token"]).unwrap();
            assert_eq!(mode(&readable), 0o755, "it is not ours to change");
        }

        #[test]
        fn a_directory_of_another_user_is_refused_but_not_to_root() {
            let (me, other) = (1_000, 1_001);
            assert!(is_foreign(other, me));
            assert!(!is_foreign(me, me));
            assert!(!is_foreign(ROOT, me));
            assert!(!is_foreign(other, ROOT));
        }
    }
}

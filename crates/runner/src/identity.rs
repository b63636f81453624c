//! What a standalone runner keeps in its data directory: its hub, and its token for that hub.
//!
//! A service on a machine without a login session has no system keyring, so this is a file that only its user can read. The desktop
//! embeds the runner and keeps the token in the keyring instead.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use baton_protocol::{HubAddress, RunnerId};
use serde::{Deserialize, Serialize};

const FILE: &str = "runner.json";

/// A linked runner: its hub, its id and its token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    pub hub: HubAddress,
    pub runner: RunnerId,
    pub token: String,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("runner", &self.runner)
            .finish_non_exhaustive()
    }
}

/// Why the identity cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadIdentityError {
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    /// Others can write into the directory, so the runner cannot know whose identity it holds.
    #[error(transparent)]
    Directory(baton_private_files::ClaimDirError),
    #[error("`{0}` is damaged: link this runner again")]
    Damaged(PathBuf),
}

/// Why the identity cannot be kept.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{path}`")]
pub struct SaveIdentityError {
    path: PathBuf,
    source: io::Error,
}

impl Identity {
    /// Reads the identity; `None` if this directory was never linked. Closes a runner's directory that was open to others.
    pub fn load(data_dir: &Path) -> Result<Option<Self>, LoadIdentityError> {
        let path = data_dir.join(FILE);
        baton_private_files::claim_existing_dir(data_dir, &[FILE])
            .map_err(LoadIdentityError::Directory)?;
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|_| LoadIdentityError::Damaged(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(LoadIdentityError::Read { path, source }),
        }
    }

    /// Checks that [`Identity::save`] would work, before a link code is spent.
    pub fn prepare(data_dir: &Path) -> Result<(), SaveIdentityError> {
        let path = data_dir.join("runner.json.try");
        let tried = baton_private_files::claim_dir(data_dir, &[FILE])
            .map_err(io::Error::from)
            .and_then(|()| baton_private_files::replace(&path, b""))
            .and_then(|()| fs::remove_file(&path));
        tried.map_err(|source| SaveIdentityError { path, source })
    }

    /// Writes the identity atomically, readable by its user only.
    pub fn save(&self, data_dir: &Path) -> Result<(), SaveIdentityError> {
        let path = data_dir.join(FILE);
        self.write(data_dir, &path)
            .map_err(|source| SaveIdentityError { path, source })
    }

    fn write(&self, data_dir: &Path, path: &Path) -> io::Result<()> {
        baton_private_files::claim_dir(data_dir, &[FILE])?;
        baton_private_files::replace(path, &serde_json::to_vec_pretty(self)?)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn an_identity_is_kept_in_a_directory_of_its_owners_alone() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("runner");
        assert_eq!(Identity::load(&dir).unwrap(), None);
        assert!(!dir.exists(), "a look makes nothing");
        let identity = Identity {
            hub: HubAddress::of_hub("127.0.0.1:1", None),
            runner: RunnerId::mint(),
            token: "baton_test".into(),
        };
        identity.save(&dir).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&dir), mode(&dir.join(FILE))), (0o700, 0o600));
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(Identity::load(&dir).unwrap(), Some(identity.clone()));
        assert_eq!(mode(&dir), 0o700);

        let shared = parent.path().join("shared");
        fs::create_dir(&shared).unwrap();
        fs::write(shared.join("notes"), "").unwrap();
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(Identity::prepare(&shared).is_err());
        assert!(identity.save(&shared).is_err());
        assert!(!shared.join(FILE).exists());
    }
}

//! `hub.json` in the data directory: what a linked device stores in addition to its token.

use std::path::Path;

use baton_protocol::{AccountId, HubAddress, Principal};
use serde::{Deserialize, Serialize};

/// The hub that a device belongs to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkedHub {
    /// The hub's address and the key or name that identifies it.
    pub hub: HubAddress,
    /// The account whose logs this device follows.
    pub account: AccountId,
    /// The principal that the hub knows this device as.
    pub principal: Principal,
    /// The hub's display name.
    pub hub_name: String,
}

/// Why the link could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LinkedHubError {
    #[error("`hub.json` cannot be used")]
    Io(#[from] std::io::Error),
    /// Others can write into the directory, or it holds other things.
    #[error(transparent)]
    Directory(#[from] baton_private_files::ClaimDirError),
    /// The file's content does not parse.
    #[error("`hub.json` is damaged: link this device again")]
    Damaged(#[from] serde_json::Error),
}

const FILE: &str = "hub.json";

/// Files that mark a directory as a device's own.
const OWN_NAMES: [&str; 3] = [FILE, "token", "mirror.db"];

impl LinkedHub {
    /// Reads the link from the data directory; `None` if the directory is not linked.
    ///
    /// # Errors
    /// If the file exists and cannot be read or parsed.
    pub fn load(data_dir: &Path) -> Result<Option<Self>, LinkedHubError> {
        match std::fs::read(data_dir.join(FILE)) {
            Ok(json) => Ok(Some(serde_json::from_slice(&json)?)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Checks that [`LinkedHub::save`] could work, before a link code is spent.
    ///
    /// # Errors
    /// If the file system fails, or others can write into the directory.
    pub fn prepare(data_dir: &Path) -> Result<(), LinkedHubError> {
        private_dir(data_dir)?;
        let tried = data_dir.join("hub.json.try");
        baton_private_files::replace(&tried, b"")?;
        Ok(std::fs::remove_file(tried)?)
    }

    /// Writes the link into the data directory atomically. It survives a power cut once this returns.
    ///
    /// # Errors
    /// If the file system fails, or others can write into the directory.
    pub fn save(&self, data_dir: &Path) -> Result<(), LinkedHubError> {
        private_dir(data_dir)?;
        let json = serde_json::to_vec_pretty(self)?;
        Ok(baton_private_files::replace(&data_dir.join(FILE), &json)?)
    }
}

/// Makes a directory that only its owner can read, because it holds conversations and a token. Closes a device's own directory to others if
/// it was open to them.
///
/// # Errors
/// If others can write into the directory and it holds other things, or the file system fails.
pub(crate) fn private_dir(dir: &Path) -> Result<(), baton_private_files::ClaimDirError> {
    baton_private_files::claim_dir(dir, &OWN_NAMES)
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::TokenFile;

    #[test]
    fn a_devices_directory_that_was_open_to_others_is_closed_before_a_token_is_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let mode = || std::fs::metadata(dir.path()).unwrap().permissions().mode() & 0o777;
        std::fs::write(dir.path().join("mirror.db"), "").unwrap();
        std::fs::set_permissions(dir.path(), Permissions::from_mode(0o775)).unwrap();
        TokenFile::in_dir(dir.path()).write("t").unwrap();
        assert_eq!(mode(), 0o700);
        std::fs::remove_file(dir.path().join("mirror.db")).unwrap();
        std::fs::remove_file(dir.path().join("token")).unwrap();
        std::fs::write(dir.path().join("notes"), "").unwrap();
        std::fs::set_permissions(dir.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(TokenFile::in_dir(dir.path()).write("t").is_err());
        assert!(matches!(
            LinkedHub::prepare(dir.path()),
            Err(LinkedHubError::Directory(_))
        ));
        assert!(!dir.path().join("token").exists());
    }
}

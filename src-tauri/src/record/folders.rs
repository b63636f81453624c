//! The folders of accounts, and how the folders of older versions are renamed.
//!
//! Older versions kept the account in use in `device`, with its link in `device/hub.json`, and others in `device-before-…`.

use std::io;
use std::path::{Path, PathBuf};

use baton_client::{LinkedHub, LinkedHubError};

use super::{Link, RecordError, Settings};
use crate::private_files;
use crate::profile::Profile;
use crate::secrets::SecretSlot;

const LEGACY: &str = "device";
const LEGACY_ASIDE: &str = "device-before-";

/// Why a folder could not be renamed.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// A folder cannot be read, created or renamed.
    #[error("the folder `{}` cannot be used: {source}", path.display())]
    Folder { path: PathBuf, source: io::Error },
    /// The record cannot be written.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Whether the profile has a link of an older version.
pub(super) fn has_legacy_link(profile: &Profile) -> bool {
    matches!(LinkedHub::load(&profile.folder().join(LEGACY)), Ok(Some(_)))
}

/// Adds the link of an older version if the settings have none. It reaches the disk with the record's next change.
pub(super) fn with_legacy_link(
    profile: &Profile,
    mut settings: Settings,
) -> Result<Settings, RecordError> {
    if settings.link.is_some() {
        return Ok(settings);
    }
    let folder = profile.folder().join(LEGACY);
    let path = folder.join("hub.json");
    match LinkedHub::load(&folder) {
        Ok(Some(hub)) => {
            let token = SecretSlot::legacy_device_token();
            settings.link = Some(Link { hub, token });
            Ok(settings)
        }
        Ok(None) => Ok(settings),
        Err(LinkedHubError::Io(source)) => Err(RecordError::Io { path, source }),
        Err(_) => Err(RecordError::Damaged(path)),
    }
}

/// Renames each folder of an older version to the account that it holds. Safe to repeat after a crash.
pub(super) fn adopt(profile: &Profile) -> Result<(), AdoptError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| AdoptError::Folder { path, source }
    };
    let root = profile.folder();
    for entry in std::fs::read_dir(root).map_err(failed(root))? {
        let path = entry.map_err(failed(root))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name != LEGACY && !name.starts_with(LEGACY_ASIDE) {
            continue;
        }
        let Ok(Some(hub)) = LinkedHub::load(&path) else {
            tracing::warn!(folder = %name, "a folder of an older version names no account: it stays as it is");
            continue;
        };
        let accounts = profile.accounts_folder();
        private_files::create_folder(&accounts).map_err(failed(&accounts))?;
        let target = profile.account_folder(hub.account);
        if !target.try_exists().map_err(failed(&target))? {
            profile
                .disk()
                .rename(&path, &target)
                .map_err(failed(&path))?;
        }
    }
    Ok(())
}

//! A profile: one device on this computer, with a folder of its own that one process holds at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use baton_protocol::AccountId;
use sha2::{Digest as _, Sha256};

use crate::options::{Options, ProfileName};
use crate::private_files::{self, Disk, SystemDisk};

/// Files that mark a folder as a profile's folder.
const OWN_NAMES: [&str; 3] = ["lock", "profile.json", "hub.json"];

/// The paths of one device's files, and the disk that changes them.
#[derive(Clone, Debug)]
pub struct Profile {
    name: ProfileName,
    folder: PathBuf,
    disk: Arc<dyn Disk>,
}

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenProfileError {
    /// The system names no folder for a user's data.
    #[error("this system has no folder for a user's data; say where with --data-root")]
    NoDataFolder,
    /// Another process holds the profile.
    #[error("Baton is already open with the profile `{0}`")]
    InUse(ProfileName),
    /// Conversations and secrets are not safe in the folder.
    #[error(transparent)]
    Folder(#[from] baton_private_files::ClaimDirError),
    /// The folder cannot be locked.
    #[error("the file `{}` cannot be locked", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        source: io::Error,
    },
}

/// The exclusive right to a profile. Released when the process ends, however it ends.
#[derive(Debug)]
pub struct ProfileClaim {
    _lock: File,
}

impl Profile {
    /// Opens the profile that the options name, and creates its folder if needed.
    pub fn open(options: &Options) -> Result<Self, OpenProfileError> {
        let root = match &options.data_root {
            Some(root) => std::path::absolute(root).unwrap_or_else(|_| root.clone()),
            None => dirs::data_dir()
                .ok_or(OpenProfileError::NoDataFolder)?
                .join("baton"),
        };
        let folder = root.join(options.profile.as_str());
        baton_private_files::claim_dir(&folder, &OWN_NAMES)?;
        Ok(Self {
            name: options.profile.clone(),
            folder,
            disk: Arc::new(SystemDisk),
        })
    }

    /// Returns the same profile on another disk.
    #[cfg(test)]
    pub fn with_disk(mut self, disk: Arc<dyn Disk>) -> Self {
        self.disk = disk;
        self
    }

    /// Returns the disk that takes every change of the record, of secrets in files and of the accounts' folders.
    pub fn disk(&self) -> &dyn Disk {
        &*self.disk
    }

    /// Claims the profile.
    ///
    /// # Errors
    /// [`OpenProfileError::InUse`] if another process holds it.
    pub fn claim(&self) -> Result<ProfileClaim, OpenProfileError> {
        let path = self.folder.join("lock");
        let failed = |source| OpenProfileError::Io {
            path: path.clone(),
            source,
        };
        let lock = private_files::open(
            &path,
            OpenOptions::new().write(true).create(true).truncate(false),
        )
        .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(ProfileClaim { _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(OpenProfileError::InUse(self.name.clone())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Returns the profile's name.
    pub fn name(&self) -> &ProfileName {
        &self.name
    }

    /// Returns the profile's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the folder for the webview's own data.
    pub fn webview_folder(&self) -> PathBuf {
        self.folder.join("webview")
    }

    /// Returns the folder of one account's mirror, drafts and unsent intents. It stays when the device is linked to another account, and is
    /// used again when it returns.
    pub fn account_folder(&self, account: AccountId) -> PathBuf {
        self.accounts_folder().join(account.to_string())
    }

    /// Returns the parent folder of all accounts that this device was ever linked to.
    pub fn accounts_folder(&self) -> PathBuf {
        self.folder.join("accounts")
    }

    /// Returns the folder of the hub inside the application.
    pub fn hub_folder(&self) -> PathBuf {
        self.folder.join("hub")
    }

    /// Returns the window's title.
    pub fn window_title(&self) -> String {
        if self.name.is_default() {
            "Baton".to_owned()
        } else {
            format!("Baton · {}", self.name)
        }
    }

    /// Suggests a device name that a person recognises: the computer's name, followed by the profile's unless it is the default.
    pub fn suggested_device_name(&self) -> String {
        let host = gethostname::gethostname().to_string_lossy().into_owned();
        let host = host.split('.').next().unwrap_or_default();
        let host = if host.is_empty() {
            "This computer"
        } else {
            host
        };
        if self.name.is_default() {
            host.to_owned()
        } else {
            format!("{host} ({})", self.name)
        }
    }

    /// Returns a word that is unique to this profile on this computer, for names on the session bus and in the keyring.
    pub fn identity(&self) -> String {
        let digest = Sha256::digest(self.folder.to_string_lossy().as_bytes());
        format!("p{}", hex::encode(&digest[..8]))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn options(root: &Path, name: &str) -> Options {
        Options::parse_from([
            "baton",
            "--profile",
            name,
            "--data-root",
            &root.to_string_lossy(),
        ])
    }

    #[test]
    fn one_process_holds_a_profile_and_profiles_are_apart() {
        let root = tempfile::tempdir().unwrap();
        let profile = Profile::open(&options(root.path(), "a")).unwrap();
        let claim = profile.claim().unwrap();
        assert!(matches!(profile.claim(), Err(OpenProfileError::InUse(_))));
        let other = Profile::open(&options(root.path(), "b")).unwrap();
        other.claim().unwrap();
        assert_ne!(profile.identity(), other.identity());
        drop(claim);
        profile.claim().unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_profile_that_was_open_to_others_is_closed_to_them_and_a_shared_folder_is_refused() {
        use std::fs;
        use std::os::unix::fs::PermissionsExt as _;
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a");
        let set_mode = |mode| {
            fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
        };
        let profile = Profile::open(&options(root.path(), "a")).unwrap();
        drop(profile.claim().unwrap());
        set_mode(0o775);
        Profile::open(&options(root.path(), "a")).unwrap();
        let mode = fs::metadata(&folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        fs::remove_file(folder.join("lock")).unwrap();
        fs::write(folder.join("notes"), "").unwrap();
        set_mode(0o777);
        assert!(matches!(
            Profile::open(&options(root.path(), "a")),
            Err(OpenProfileError::Folder(_))
        ));
    }

    #[test]
    fn titles_name_the_profile_only_where_there_is_one() {
        let root = tempfile::tempdir().unwrap();
        let titled = |name| {
            Profile::open(&options(root.path(), name))
                .unwrap()
                .window_title()
        };
        assert_eq!(titled("default"), "Baton");
        assert_eq!(titled("laptop"), "Baton · laptop");
    }
}

//! The secrets of a profile: tokens and the model server's key.
//!
//! They are kept in the system keyring, or in plain files if the person asked for that. Nothing here is ever logged, and no error carries a
//! secret.

mod file;
mod keyring;
mod slot;

use std::sync::{Mutex, PoisonError};

use crate::profile::Profile;
use crate::shell_types::KeyringState;

pub use slot::SecretSlot;

/// Where secrets are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SecretPlace {
    Keyring,
    /// In files that only this user can read, at the person's own choice.
    File,
}

/// Why a secret cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The system has no service that would keep it.
    #[error("this system has no keyring")]
    NoKeyring,
    /// The service runs but has no keyring yet.
    #[error("the system keyring is not set up")]
    NoCollection,
    /// The keyring is locked, and was not unlocked in time.
    #[error("the system keyring is locked")]
    Locked,
    /// The keyring failed in another way.
    #[error("the system keyring does not work")]
    Failed,
    /// A file cannot be read or written.
    #[error("the token file cannot be used")]
    File(#[source] std::io::Error),
}

impl SecretError {
    /// Returns what the person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoKeyring | Self::Failed => {
                "Start a keyring such as GNOME Keyring or KWallet, or keep the token in a file (less safe)."
            }
            Self::NoCollection => {
                "Set it up with a password, or keep the token in a file (less safe)."
            }
            Self::Locked => "Unlock it and try again.",
            Self::File(_) => {
                "Check the permissions of the profile's folder and the space on the disk."
            }
        }
    }
}

/// The secrets of one profile.
#[derive(Debug)]
pub struct Secrets {
    profile: Profile,
    place: Mutex<SecretPlace>,
    state: Mutex<KeyringState>,
}

impl Secrets {
    /// Creates the store; opens nothing yet.
    pub fn new(profile: Profile, place: SecretPlace) -> Self {
        Self {
            profile,
            place: Mutex::new(place),
            state: Mutex::new(match place {
                SecretPlace::Keyring => KeyringState::Unknown,
                SecretPlace::File => KeyringState::File,
            }),
        }
    }

    /// Returns what is known about the keyring.
    pub fn state(&self) -> KeyringState {
        *lock(&self.state)
    }

    /// Returns where secrets are kept now.
    pub fn place(&self) -> SecretPlace {
        *lock(&self.place)
    }

    /// Switches to keeping secrets in files. Copies those in use if the keyring is known to be open.
    pub async fn use_files(&self, in_use: &[SecretSlot]) -> Result<(), SecretError> {
        let copies = self.place() == SecretPlace::Keyring && self.state() == KeyringState::Ok;
        for slot in in_use.iter().filter(|_| copies) {
            if let Some(secret) = self.get(slot).await? {
                file::set(&self.profile, slot, &secret).map_err(SecretError::File)?;
            }
        }
        *lock(&self.place) = SecretPlace::File;
        *lock(&self.state) = KeyringState::File;
        Ok(())
    }

    /// Creates a default keyring if the system has none yet. May wait for a person who chooses a password.
    pub async fn set_up_keyring(&self) -> Result<(), SecretError> {
        self.noted(keyring::create_collection().await)
    }

    /// Reads the secret; `None` if none is kept. May wait for a person who types the keyring's password.
    pub async fn get(&self, slot: &SecretSlot) -> Result<Option<String>, SecretError> {
        match self.place() {
            SecretPlace::File => file::get(&self.profile, slot).map_err(SecretError::File),
            SecretPlace::Keyring => self.noted(keyring::get(&self.profile, slot).await),
        }
    }

    /// Keeps the secret in place of an older one.
    pub async fn set(&self, slot: &SecretSlot, secret: &str) -> Result<(), SecretError> {
        match self.place() {
            SecretPlace::File => file::set(&self.profile, slot, secret).map_err(SecretError::File),
            SecretPlace::Keyring => {
                self.noted(keyring::set(&self.profile, slot, secret.to_owned()).await)
            }
        }
    }

    /// Removes the secret.
    pub async fn remove(&self, slot: &SecretSlot) -> Result<(), SecretError> {
        match self.place() {
            SecretPlace::File => file::remove(&self.profile, slot).map_err(SecretError::File),
            SecretPlace::Keyring => self.noted(keyring::remove(&self.profile, slot).await),
        }
    }

    /// Writes, reads and removes a value that is not secret, to check that a token could be kept before a one-time link is spent.
    pub async fn probe(&self) -> Result<(), SecretError> {
        match self.place() {
            SecretPlace::File => file::probe(&self.profile).map_err(SecretError::File),
            SecretPlace::Keyring => self.noted(keyring::probe(&self.profile).await),
        }
    }

    fn noted<T>(&self, result: Result<T, SecretError>) -> Result<T, SecretError> {
        *lock(&self.state) = match &result {
            Ok(_) => KeyringState::Ok,
            Err(SecretError::Locked) => KeyringState::Locked,
            Err(SecretError::NoCollection) => KeyringState::NoCollection,
            Err(_) => KeyringState::Missing,
        };
        result
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::options::Options;

    #[tokio::test]
    async fn a_file_keeps_secrets_privately_and_forgets_them() {
        let root = tempfile::tempdir().unwrap();
        let options = Options::parse_from(["baton", "--data-root", &root.path().to_string_lossy()]);
        let profile = Profile::open(&options).unwrap();
        let secrets = Secrets::new(profile.clone(), SecretPlace::File);
        let (token, key) = (
            SecretSlot::legacy_device_token(),
            SecretSlot::new_model_key(),
        );
        assert_eq!(secrets.get(&token).await.unwrap(), None);
        secrets.set(&token, "baton_x").await.unwrap();
        let again = Secrets::new(profile, SecretPlace::File);
        let kept = again.get(&token).await.unwrap();
        assert_eq!(kept.as_deref(), Some("baton_x"));
        assert_eq!(again.get(&key).await.unwrap(), None);
        assert_eq!(again.state(), KeyringState::File);
        again.remove(&token).await.unwrap();
        again.remove(&token).await.unwrap();
        assert_eq!(again.get(&token).await.unwrap(), None);
    }
}

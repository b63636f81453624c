//! The secrets of a profile: tokens and the model server's key.
//!
//! They live in the system keyring. A plain file takes its place only where the person asked for that. Nothing here is ever logged, and no
//! error carries a secret.

mod file;
mod keyring;

use std::sync::{Mutex, PoisonError};

use crate::profile::Profile;
use crate::shell_types::KeyringState;

/// A secret's name within its profile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SecretName {
    /// What this device shows to its hub.
    DeviceToken,
    /// What the runner inside the application shows to the hub inside the application.
    RunnerToken,
    /// What the model server asks for.
    ModelKey,
}

impl SecretName {
    const ALL: [Self; 3] = [Self::DeviceToken, Self::RunnerToken, Self::ModelKey];

    fn as_str(self) -> &'static str {
        match self {
            Self::DeviceToken => "device-token",
            Self::RunnerToken => "runner-token",
            Self::ModelKey => "model-key",
        }
    }
}

/// Where secrets are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SecretPlace {
    /// In the system keyring.
    Keyring,
    /// In files that only this user can read, at the person's own wish.
    File,
}

/// Why a secret cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// There is no service that would keep it.
    #[error("this system has no keyring")]
    NoKeyring,
    /// It is closed, and nobody opened it in time.
    #[error("the system keyring is locked")]
    Locked,
    /// It failed in another way.
    #[error("the system keyring does not work")]
    Failed,
    /// A file cannot be read or written.
    #[error("the token file cannot be used")]
    File(#[source] std::io::Error),
}

impl SecretError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoKeyring | Self::Failed => {
                "Start a keyring such as GNOME Keyring or KWallet, or keep the token in a file (less safe)."
            }
            Self::Locked => {
                "Unlock it and try again, or start with --insecure-token-file to keep the token in a plain file."
            }
            Self::File(_) => "Look at the rights of the profile's folder.",
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
    /// Opens nothing yet.
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

    /// What is known of the keyring.
    pub fn state(&self) -> KeyringState {
        *lock(&self.state)
    }

    /// Where secrets are kept now.
    pub fn place(&self) -> SecretPlace {
        *lock(&self.place)
    }

    /// Keeps secrets in files from now on. What a keyring holds that is known to be open is taken over.
    pub async fn use_files(&self) -> Result<(), SecretError> {
        let takes_over = self.place() == SecretPlace::Keyring && self.state() == KeyringState::Ok;
        for name in SecretName::ALL.into_iter().filter(|_| takes_over) {
            if let Some(secret) = self.get(name).await? {
                file::set(&self.profile, name, &secret).map_err(SecretError::File)?;
            }
        }
        *lock(&self.place) = SecretPlace::File;
        *lock(&self.state) = KeyringState::File;
        Ok(())
    }

    /// The secret, or nothing where none is kept. May wait for a person who types the keyring's password.
    pub async fn get(&self, name: SecretName) -> Result<Option<String>, SecretError> {
        match self.place() {
            SecretPlace::File => file::get(&self.profile, name).map_err(SecretError::File),
            SecretPlace::Keyring => self.noted(keyring::get(&self.profile, name).await),
        }
    }

    /// Keeps the secret in the place of an older one.
    pub async fn set(&self, name: SecretName, secret: &str) -> Result<(), SecretError> {
        match self.place() {
            SecretPlace::File => file::set(&self.profile, name, secret).map_err(SecretError::File),
            SecretPlace::Keyring => {
                self.noted(keyring::set(&self.profile, name, secret.to_owned()).await)
            }
        }
    }

    /// Forgets the secret.
    pub async fn remove(&self, name: SecretName) -> Result<(), SecretError> {
        match self.place() {
            SecretPlace::File => file::remove(&self.profile, name).map_err(SecretError::File),
            SecretPlace::Keyring => self.noted(keyring::remove(&self.profile, name).await),
        }
    }

    /// Writes, reads and removes something that is no secret, to know whether a token could be kept before a one-time link is used up.
    pub async fn probe(&self) -> Result<(), SecretError> {
        match self.place() {
            SecretPlace::File => Ok(()),
            SecretPlace::Keyring => self.noted(keyring::probe(&self.profile).await),
        }
    }

    fn noted<T>(&self, result: Result<T, SecretError>) -> Result<T, SecretError> {
        *lock(&self.state) = match &result {
            Ok(_) => KeyringState::Ok,
            Err(SecretError::Locked) => KeyringState::Locked,
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
        assert_eq!(secrets.get(SecretName::DeviceToken).await.unwrap(), None);
        secrets
            .set(SecretName::DeviceToken, "baton_x")
            .await
            .unwrap();
        let again = Secrets::new(profile, SecretPlace::File);
        let kept = again.get(SecretName::DeviceToken).await.unwrap();
        assert_eq!(kept.as_deref(), Some("baton_x"));
        assert_eq!(again.get(SecretName::ModelKey).await.unwrap(), None);
        assert_eq!(again.state(), KeyringState::File);
        again.remove(SecretName::DeviceToken).await.unwrap();
        again.remove(SecretName::DeviceToken).await.unwrap();
        assert_eq!(again.get(SecretName::DeviceToken).await.unwrap(), None);
    }
}

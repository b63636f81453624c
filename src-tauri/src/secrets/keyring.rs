//! Secrets in the system keyring.
//!
//! Each call opens the keyring anew: they are few, and a keyring that was started or unlocked meanwhile is then found. A locked one may show
//! a password window and block for as long as it is open, so every call runs on a thread for blocking work and ends by its limit.

use std::sync::Arc;
use std::time::Duration;

use keyring_core::{CredentialStore, Entry, Error};

use super::{SecretError, SecretName};
use crate::profile::Profile;

/// How long a person may take to type the keyring's password.
const LIMIT: Duration = Duration::from_secs(60);

/// Under this name people find it in their keyring's own window.
const SERVICE: &str = "dev.baton.desktop";

const PROBE: &str = "probe";

pub(super) async fn get(
    profile: &Profile,
    name: SecretName,
) -> Result<Option<String>, SecretError> {
    let entry = named(profile, name.as_str());
    blocking(move || match entry()?.get_password() {
        Ok(secret) => Ok(Some(secret)),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(error),
    })
    .await
}

pub(super) async fn set(
    profile: &Profile,
    name: SecretName,
    secret: String,
) -> Result<(), SecretError> {
    let entry = named(profile, name.as_str());
    blocking(move || entry()?.set_password(&secret)).await
}

pub(super) async fn remove(profile: &Profile, name: SecretName) -> Result<(), SecretError> {
    let entry = named(profile, name.as_str());
    blocking(move || forget(&entry()?)).await
}

pub(super) async fn probe(profile: &Profile) -> Result<(), SecretError> {
    let entry = named(profile, PROBE);
    blocking(move || {
        let entry = entry()?;
        entry.set_password(PROBE)?;
        forget(&entry)
    })
    .await
}

fn forget(entry: &Entry) -> Result<(), Error> {
    match entry.delete_credential() {
        Err(Error::NoEntry) | Ok(()) => Ok(()),
        Err(error) => Err(error),
    }
}

fn named(profile: &Profile, name: &str) -> impl Fn() -> Result<Entry, Error> + Send + use<> {
    let user = format!("{}/{name}", profile.identity());
    move || store()?.build(SERVICE, &user, None)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, SecretError> {
    match tokio::time::timeout(LIMIT, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(Ok(value))) => Ok(value),
        Ok(Ok(Err(error))) => Err(translate(&error)),
        Ok(Err(_panicked)) => Err(SecretError::Failed),
        Err(_elapsed) => Err(SecretError::Locked),
    }
}

/// The keyring's own errors may carry what was stored, so none is passed on.
fn translate(error: &Error) -> SecretError {
    match error {
        Error::NoStorageAccess(_) => SecretError::Locked,
        Error::PlatformFailure(_) | Error::NoDefaultStore => SecretError::NoKeyring,
        _ => SecretError::Failed,
    }
}

#[cfg(target_os = "linux")]
fn store() -> Result<Arc<CredentialStore>, Error> {
    Ok(zbus_secret_service_keyring_store::Store::new()?)
}

#[cfg(target_os = "macos")]
fn store() -> Result<Arc<CredentialStore>, Error> {
    Ok(apple_native_keyring_store::keychain::Store::new()?)
}

#[cfg(target_os = "windows")]
fn store() -> Result<Arc<CredentialStore>, Error> {
    Ok(windows_native_keyring_store::Store::new()?)
}

#[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "windows")))]
fn store() -> Result<Arc<CredentialStore>, Error> {
    Err(Error::NoDefaultStore)
}

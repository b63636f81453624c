//! Secrets in the system keyring.
//!
//! Each call opens the keyring anew: calls are rare, and this finds a keyring that was started or unlocked in the meantime. A locked
//! keyring may show a password window and block while the window is open, so every call runs on a blocking thread and has a time limit.

use std::sync::Arc;
use std::time::Duration;

use keyring_core::{CredentialStore, Entry, Error};

use super::{SecretError, SecretSlot};
use crate::profile::Profile;

/// How long a person may take to type the keyring's password.
const LIMIT: Duration = Duration::from_secs(60);

/// The name under which people find the secrets in their keyring's own window.
const SERVICE: &str = "dev.baton.desktop";

const PROBE: &str = "probe";

pub(super) async fn get(
    profile: &Profile,
    slot: &SecretSlot,
) -> Result<Option<String>, SecretError> {
    let entry = named(profile, slot.as_str());
    blocking(move || match entry()?.get_password() {
        Ok(secret) => Ok(Some(secret)),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(error),
    })
    .await
}

pub(super) async fn set(
    profile: &Profile,
    slot: &SecretSlot,
    secret: String,
) -> Result<(), SecretError> {
    let entry = named(profile, slot.as_str());
    blocking(move || entry()?.set_password(&secret)).await
}

pub(super) async fn remove(profile: &Profile, slot: &SecretSlot) -> Result<(), SecretError> {
    let entry = named(profile, slot.as_str());
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

/// Maps a keyring error. The keyring's own errors may carry what was stored, so none is passed on.
fn translate(error: &Error) -> SecretError {
    match error {
        Error::NoStorageAccess(cause) if has_no_collection(cause.as_ref()) => {
            SecretError::NoCollection
        }
        Error::NoStorageAccess(_) => SecretError::Locked,
        Error::PlatformFailure(_) | Error::NoDefaultStore => SecretError::NoKeyring,
        _ => SecretError::Failed,
    }
}

/// Whether the service runs but has no default collection to store in. Seen with users who never logged in to a desktop.
#[cfg(target_os = "linux")]
fn has_no_collection(cause: &(dyn std::error::Error + 'static)) -> bool {
    matches!(
        cause.downcast_ref::<secret_service::Error>(),
        Some(secret_service::Error::NoResult)
    )
}

#[cfg(not(target_os = "linux"))]
fn has_no_collection(_cause: &(dyn std::error::Error + 'static)) -> bool {
    false
}

/// Creates the default collection. The keyring asks the person to choose a password for it.
#[cfg(target_os = "linux")]
pub(super) async fn create_collection() -> Result<(), SecretError> {
    use secret_service::blocking::SecretService;
    use secret_service::{EncryptionType, Error as ServiceError};

    let work = || {
        let service =
            SecretService::connect(EncryptionType::Dh).map_err(|_| Error::NoDefaultStore)?;
        match service.create_collection("Login", "default") {
            Ok(_) => Ok(()),
            Err(error @ (ServiceError::Prompt | ServiceError::Locked)) => {
                Err(Error::NoStorageAccess(Box::new(error)))
            }
            Err(error) => Err(Error::PlatformFailure(Box::new(error))),
        }
    };
    blocking(work).await
}

#[cfg(not(target_os = "linux"))]
pub(super) async fn create_collection() -> Result<(), SecretError> {
    Err(SecretError::NoKeyring)
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

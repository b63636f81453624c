//! The device's token, from where the profile keeps its secrets.

use std::sync::Arc;

use async_trait::async_trait;
use baton_client::{TokenError, TokenProvider};
use tokio::sync::OnceCell;

use crate::secrets::{SecretSlot, Secrets};

/// Reads the token once it is needed, and again only until it was found: a keyring that is locked later cuts no connection.
pub struct DeviceToken {
    secrets: Arc<Secrets>,
    slot: SecretSlot,
    found: OnceCell<String>,
}

impl DeviceToken {
    /// Reads nothing yet.
    pub fn new(secrets: Arc<Secrets>, slot: SecretSlot) -> Self {
        Self {
            secrets,
            slot,
            found: OnceCell::new(),
        }
    }

    async fn read(&self) -> Result<String, TokenError> {
        match self.secrets.get(&self.slot).await {
            Ok(Some(token)) => Ok(token),
            Ok(None) => Err(TokenError::Absent),
            Err(error) => {
                tracing::warn!(%error, "the device's token cannot be read");
                Err(TokenError::Unavailable(format!(
                    "{error}. {}",
                    error.hint()
                )))
            }
        }
    }
}

#[async_trait]
impl TokenProvider for DeviceToken {
    async fn token(&self) -> Result<String, TokenError> {
        self.found.get_or_try_init(|| self.read()).await.cloned()
    }
}

/// Withholds the token while the hub that it belongs to is known to be down: what listens at that hub's address then is another program.
pub struct WithheldToken(pub String);

#[async_trait]
impl TokenProvider for WithheldToken {
    async fn token(&self) -> Result<String, TokenError> {
        Err(TokenError::Unavailable(self.0.clone()))
    }
}

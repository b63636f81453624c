//! The device's token, read from the profile's secrets.

use std::sync::Arc;

use async_trait::async_trait;
use baton_client::{TokenError, TokenProvider};
use tokio::sync::OnceCell;

use crate::secrets::{SecretSlot, Secrets};

/// Reads the token when it is first needed, then keeps it in memory: a keyring that is locked later does not affect the connection.
pub struct DeviceToken {
    secrets: Arc<Secrets>,
    slot: SecretSlot,
    found: OnceCell<String>,
}

impl DeviceToken {
    /// Creates a provider; reads nothing yet.
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

/// Withholds the token while its hub is known to be down: another program may listen at that hub's address.
pub struct WithheldToken(pub String);

#[async_trait]
impl TokenProvider for WithheldToken {
    async fn token(&self) -> Result<String, TokenError> {
        Err(TokenError::Unavailable(self.0.clone()))
    }
}

//! The device's token, from where the profile keeps its secrets.

use std::sync::Arc;

use async_trait::async_trait;
use baton_client::{TokenError, TokenProvider};
use tokio::sync::OnceCell;

use crate::secrets::{SecretName, Secrets};

/// Reads the token once it is needed, and again only until it was found: a keyring that is locked later cuts no connection.
pub struct DeviceToken {
    secrets: Arc<Secrets>,
    found: OnceCell<String>,
}

impl DeviceToken {
    /// Reads nothing yet.
    pub fn new(secrets: Arc<Secrets>) -> Self {
        Self {
            secrets,
            found: OnceCell::new(),
        }
    }

    async fn read(&self) -> Result<String, TokenError> {
        match self.secrets.get(SecretName::DeviceToken).await {
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

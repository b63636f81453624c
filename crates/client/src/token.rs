//! Where a device's token comes from. The desktop keeps it in the system keyring; a file serves machines without one.

use std::path::{Path, PathBuf};

use async_trait::async_trait;

use crate::linked_hub::private_dir;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The device is not linked, or its token is gone.
    #[error("there is no token for this device")]
    Absent,
    /// The token's store does not answer or fails.
    #[error("the token cannot be read: {0}")]
    Unavailable(String),
}

/// Supplies the device's token for each connection.
#[async_trait]
pub trait TokenProvider: Send + Sync + 'static {
    /// Reads the token.
    async fn token(&self) -> Result<String, TokenError>;
}

/// A token in a file of the data directory that only its owner can read, for scripts without a keyring.
#[derive(Clone, Debug)]
pub struct TokenFile {
    path: PathBuf,
}

impl TokenFile {
    /// The token file in a device's data directory.
    pub fn in_dir(data_dir: &Path) -> Self {
        Self {
            path: data_dir.join("token"),
        }
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the token atomically, readable only by its owner. It survives a power cut once this returns.
    ///
    /// # Errors
    /// If the file system fails.
    pub fn write(&self, token: &str) -> std::io::Result<()> {
        if let Some(dir) = self.path.parent() {
            private_dir(dir)?;
        }
        baton_private_files::replace(&self.path, token.as_bytes())
    }
}

#[async_trait]
impl TokenProvider for TokenFile {
    async fn token(&self) -> Result<String, TokenError> {
        match tokio::fs::read_to_string(&self.path).await {
            Ok(token) => Ok(token.trim().to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(TokenError::Absent),
            Err(error) => Err(TokenError::Unavailable(error.to_string())),
        }
    }
}

/// A token in memory, for embedding and tests.
pub struct TokenInMemory(pub String);

#[async_trait]
impl TokenProvider for TokenInMemory {
    async fn token(&self) -> Result<String, TokenError> {
        Ok(self.0.clone())
    }
}

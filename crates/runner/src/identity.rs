//! What a runner without a desktop keeps in its data directory: its hub, and its token there.
//!
//! A service on a machine without a session has no system keyring, so this is a file that only its user can read. The desktop
//! embeds the runner and keeps the token in the keyring instead.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use baton_protocol::{HubAddress, RunnerId};
use serde::{Deserialize, Serialize};

const FILE: &str = "runner.json";

/// A linked runner.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The hub.
    pub hub: HubAddress,
    /// Who it is there.
    pub runner: RunnerId,
    /// Its token.
    pub token: String,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("runner", &self.runner)
            .finish_non_exhaustive()
    }
}

/// Why the identity cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadIdentityError {
    /// The file cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is damaged.
    #[error("`{0}` is damaged: link this runner again")]
    Damaged(PathBuf),
}

/// Why the identity cannot be kept.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{path}`")]
pub struct SaveIdentityError {
    path: PathBuf,
    source: io::Error,
}

impl Identity {
    /// Reads it; `None` where this directory was never linked.
    pub fn load(data_dir: &Path) -> Result<Option<Self>, LoadIdentityError> {
        let path = data_dir.join(FILE);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|_| LoadIdentityError::Damaged(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(LoadIdentityError::Read { path, source }),
        }
    }

    /// Keeps it, whole or not at all, for its user only.
    pub fn save(&self, data_dir: &Path) -> Result<(), SaveIdentityError> {
        let path = data_dir.join(FILE);
        self.write(data_dir, &path)
            .map_err(|source| SaveIdentityError { path, source })
    }

    fn write(&self, data_dir: &Path, path: &Path) -> io::Result<()> {
        fs::create_dir_all(data_dir)?;
        // A temporary file of this kind is made for its owner alone.
        let mut file = tempfile::NamedTempFile::new_in(data_dir)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        if cfg!(unix) {
            File::open(data_dir)?.sync_all()?;
        }
        Ok(())
    }
}

//! What a linked device keeps beside its token: `hub.json` in its data directory.

use std::io::Write;
use std::path::Path;

use baton_protocol::{AccountId, HubAddress, Principal};
use serde::{Deserialize, Serialize};

/// The hub that a device belongs to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkedHub {
    /// Where it is and how it is recognised.
    pub hub: HubAddress,
    /// Whose logs this device follows.
    pub account: AccountId,
    /// What the hub takes this device for.
    pub principal: Principal,
    /// The hub's name for people.
    pub hub_name: String,
}

/// The link cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LinkedHubError {
    /// The file system says no.
    #[error("`hub.json` cannot be used")]
    Io(#[from] std::io::Error),
    /// The file holds something else.
    #[error("`hub.json` is damaged: link this device again")]
    Damaged(#[from] serde_json::Error),
}

const FILE: &str = "hub.json";

const NEW_FILE: &str = "hub.json.new";

impl LinkedHub {
    /// What the data directory is linked to; `None` where it is not.
    ///
    /// # Errors
    /// Where the file is there and cannot be read.
    pub fn load(data_dir: &Path) -> Result<Option<Self>, LinkedHubError> {
        match std::fs::read(data_dir.join(FILE)) {
            Ok(json) => Ok(Some(serde_json::from_slice(&json)?)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Tries whether [`LinkedHub::save`] could work, before a link code is spent.
    ///
    /// # Errors
    /// Where the file system says no.
    pub fn prepare(data_dir: &Path) -> Result<(), LinkedHubError> {
        private_dir(data_dir)?;
        std::fs::File::create(data_dir.join(NEW_FILE))?.sync_all()?;
        Ok(())
    }

    /// Writes it into the data directory, whole or not at all. It survives a power cut when this returns.
    ///
    /// # Errors
    /// Where the file system says no.
    pub fn save(&self, data_dir: &Path) -> Result<(), LinkedHubError> {
        private_dir(data_dir)?;
        let temporary = data_dir.join(NEW_FILE);
        let mut file = std::fs::File::create(&temporary)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.sync_all()?;
        std::fs::rename(temporary, data_dir.join(FILE))?;
        Ok(sync_dir(data_dir)?)
    }
}

/// Makes a directory that only its owner can look into: conversations are in it. One that is there is left as it is.
pub(crate) fn private_dir(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Makes a rename in a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> std::io::Result<()> {
    if cfg!(unix) {
        std::fs::File::open(dir)?.sync_all()?;
    }
    Ok(())
}

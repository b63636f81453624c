//! Finds and opens this device's data directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use baton_client::{Device, DeviceConfig, LinkedHub, TokenFile};

use crate::failure::Failure;

/// The given data directory, or the default one.
pub fn data_dir(asked: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(dir) = asked {
        return Ok(dir.to_owned());
    }
    let home = dirs::data_dir().ok_or_else(|| {
        Failure::Usage("there is no data directory for this user: give one with --data".to_owned())
    })?;
    Ok(home.join("baton").join("batonctl"))
}

/// Opens the linked device.
pub async fn open(data_dir: &Path) -> Result<Device, Failure> {
    let hub = LinkedHub::load(data_dir)?.ok_or(Failure::NotLinked)?;
    let tokens = TokenFile::in_dir(data_dir);
    let has_token = tokens.path().try_exists();
    if !has_token.map_err(|error| Failure::Other(error.into()))? {
        return Err(Failure::NotLinked);
    }
    let config = DeviceConfig {
        data_dir: data_dir.to_owned(),
        hub,
        tokens: Arc::new(tokens),
    };
    Ok(Device::open(config).await?)
}

//! `profile.json`: the one record of a profile. Each change is one rename, so a crash leaves the record from before or after it.
//!
//! **Invariant:** a hub's address, this device's identity there and the slot of its token are one value in one file.
//! **Invariant:** a record that cannot be read is never taken for an absent one, and is set aside only when a person links again.

mod folders;
mod settings;

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::private_files;
use crate::profile::Profile;
use crate::secrets::SecretSlot;

pub use folders::AdoptError;
pub use settings::{Link, LocalSettings, ModelSettings, NetworkSettings, Settings, UnfinishedMove};

/// Why the record cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file cannot be read or written.
    #[error("`{}` cannot be used: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// The file is not a valid record.
    #[error("`{}` is damaged", .0.display())]
    Damaged(PathBuf),
}

/// The record as this process knows it; everything in it is on the disk.
#[derive(Debug)]
pub struct ProfileRecord {
    profile: Profile,
    settings: Mutex<Result<Settings, RecordError>>,
}

/// How many damaged records are kept before the first one's name is reused.
const DAMAGED_KEPT_MAX: u32 = 100;

impl ProfileRecord {
    /// Reads the record. A damaged one is remembered, and [`ProfileRecord::settings`] reports it.
    pub fn open(profile: Profile) -> Self {
        let settings = Mutex::new(load(&profile));
        Self { profile, settings }
    }

    /// Takes over the link of an older version, then its folders. Call it before an account's folder is used.
    pub fn adopt_older(&self) -> Result<(), AdoptError> {
        if folders::has_legacy_link(&self.profile) {
            // The record must have the link before the folder with its only other copy moves.
            self.change(|_| {})?;
        }
        folders::adopt(&self.profile)
    }

    /// Returns the settings that were recorded last.
    pub fn settings(&self) -> Result<Settings, RecordError> {
        match &*self.lock() {
            Ok(settings) => Ok(settings.clone()),
            Err(error) => Err(error.again()),
        }
    }

    /// Changes the record on disk, then in memory. An error leaves both unchanged.
    pub fn change(&self, change: impl FnOnce(&mut Settings)) -> Result<Settings, RecordError> {
        let mut known = self.lock();
        let mut settings = match &*known {
            Ok(settings) => settings.clone(),
            Err(error) => return Err(error.again()),
        };
        change(&mut settings);
        let path = path(&self.profile);
        let text = serde_json::to_string_pretty(&settings).expect("settings are plain JSON");
        let kept = self.profile.disk().replace(&path, text.as_bytes());
        kept.map_err(|source| RecordError::Io { path, source })?;
        *known = Ok(settings.clone());
        Ok(settings)
    }

    /// Starts a new record in place of a damaged one, which is kept under another name. The accounts' folders stay unchanged.
    pub fn replace_damaged(&self) -> Result<(), RecordError> {
        let mut known = self.lock();
        let Err(RecordError::Damaged(path)) = &*known else {
            return Ok(());
        };
        let path = path.clone();
        let aside = (1..=DAMAGED_KEPT_MAX)
            .map(|number| path.with_extension(format!("json.damaged-{number}")))
            .find(|aside| matches!(aside.try_exists(), Ok(false)))
            .unwrap_or_else(|| path.with_extension("json.damaged-1"));
        let moved = self.profile.disk().rename(&path, &aside);
        moved.map_err(|source| RecordError::Io { path, source })?;
        tracing::warn!("a damaged record was set aside");
        *known = load(&self.profile);
        Ok(())
    }

    /// Notes that these slots hold nothing of use until a later change uses them, so that a crash in between leaves no secret behind.
    pub fn retire(&self, slots: &[SecretSlot]) -> Result<(), RecordError> {
        self.change(|settings| settings.retired.extend_from_slice(slots))?;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Result<Settings, RecordError>> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RecordError {
    fn again(&self) -> Self {
        match self {
            Self::Damaged(path) => Self::Damaged(path.clone()),
            Self::Io { path, source } => Self::Io {
                path: path.clone(),
                source: io::Error::new(source.kind(), source.to_string()),
            },
        }
    }
}

fn path(profile: &Profile) -> PathBuf {
    profile.folder().join("profile.json")
}

/// Reads the settings; the defaults if there is no record.
fn load(profile: &Profile) -> Result<Settings, RecordError> {
    let path = path(profile);
    let settings = match private_files::read(&path) {
        Ok(Some(text)) => serde_json::from_str(&text).map_err(|_| RecordError::Damaged(path)),
        Ok(None) => Ok(Settings::default()),
        // A file with invalid UTF-8 is damaged; after other errors it may be readable the next time.
        Err(source) if source.kind() == io::ErrorKind::InvalidData => {
            Err(RecordError::Damaged(path))
        }
        Err(source) => Err(RecordError::Io { path, source }),
    };
    folders::with_legacy_link(profile, settings?)
}

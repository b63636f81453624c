//! What a profile knows about itself from one start to the next. No secrets, and nothing about the hub: the device keeps that itself.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::private_files;
use crate::profile::Profile;

/// The profile's `profile.json`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// The hub and the runner inside the application, where the person chose "on this computer".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalSettings>,
    /// Whether the person chose to keep tokens in files.
    #[serde(default)]
    pub tokens_in_files: bool,
}

/// The hub and the runner inside the application.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LocalSettings {
    /// The port of the last start; taken again where it is free.
    pub port: u16,
    /// What answers.
    pub model: ModelSettings,
}

/// A model behind an OpenAI-compatible endpoint. Its key, where it needs one, is in the keyring.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelSettings {
    /// For example `http://127.0.0.1:11434/v1`.
    pub base_url: String,
    /// The model's name there.
    pub model: String,
    /// How much of a conversation fits into its context, where that is known to be little.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_chars: Option<usize>,
}

/// Why the settings cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read or written.
    #[error("`{}` cannot be used", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("`{}` is damaged", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

fn path(profile: &Profile) -> PathBuf {
    profile.folder().join("profile.json")
}

impl Settings {
    /// What was kept; the defaults where nothing was.
    pub fn load(profile: &Profile) -> Result<Self, SettingsError> {
        let path = path(profile);
        match private_files::read(&path) {
            Ok(Some(text)) => serde_json::from_str(&text)
                .map_err(|source| SettingsError::Damaged { path, source }),
            Ok(None) => Ok(Self::default()),
            Err(source) => Err(SettingsError::Io { path, source }),
        }
    }

    /// Keeps them; they are on the disk afterwards.
    pub fn save(&self, profile: &Profile) -> Result<(), SettingsError> {
        let path = path(profile);
        let text = serde_json::to_string_pretty(self).expect("settings are plain JSON");
        private_files::replace(&path, text.as_bytes())
            .map_err(|source| SettingsError::Io { path, source })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::options::Options;

    #[test]
    fn settings_survive_and_damage_is_named() {
        let root = tempfile::tempdir().unwrap();
        let options = Options::parse_from(["baton", "--data-root", &root.path().to_string_lossy()]);
        let profile = Profile::open(&options).unwrap();
        assert_eq!(Settings::load(&profile).unwrap(), Settings::default());
        let settings = Settings {
            tokens_in_files: true,
            ..Settings::default()
        };
        settings.save(&profile).unwrap();
        assert_eq!(Settings::load(&profile).unwrap(), settings);
        std::fs::write(path(&profile), "{").unwrap();
        assert!(matches!(
            Settings::load(&profile),
            Err(SettingsError::Damaged { .. })
        ));
    }
}

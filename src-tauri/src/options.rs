//! The command line.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Parser, ValueEnum};

/// Chat with AI agents from more than one machine.
#[derive(Clone, Debug, Parser)]
#[command(name = "baton", version)]
pub struct Options {
    /// A separate device on this computer, with its own conversations on disk and its own window.
    #[arg(long, value_name = "NAME", default_value_t = ProfileName::default())]
    pub profile: ProfileName,

    /// The folder that holds the profiles' folders, instead of the user's data folder.
    #[arg(long, value_name = "DIR")]
    pub data_root: Option<PathBuf>,

    /// Link to a hub at start if the profile has none yet: `baton://link?…`. `-` reads it from standard input, where other users
    /// cannot see it.
    #[arg(long, value_name = "LINK", env = "BATON_LINK", hide_env_values = true)]
    pub link: Option<String>,

    /// Keep tokens in plain files that only this user can read, instead of the system keyring. Anyone who can read the files or a
    /// backup of them can then act as this device.
    #[arg(long)]
    pub insecure_token_file: bool,

    /// Show the window of a running instance, or hide it if it is in front; start an instance if none runs.
    #[arg(long)]
    pub toggle: bool,

    /// The format of log lines, on standard error and in the profile's log file.
    #[arg(long, value_enum, default_value_t = LogFormat::Text, env = "BATON_LOG_FORMAT")]
    pub log_format: LogFormat,
}

/// The format of log lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum LogFormat {
    /// Readable text.
    Text,
    /// One JSON object per line.
    Json,
}

/// The name of a profile. It is also the name of its folder, so only letters, digits, `-` and `_` are allowed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProfileName(String);

/// Why a text is not a profile's name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a profile's name is 1 to {NAME_CHARS_MAX} letters, digits, `-` or `_`")]
pub struct ParseProfileNameError;

/// Short enough for any file system and a window title.
const NAME_CHARS_MAX: usize = 40;

const DEFAULT_NAME: &str = "default";

impl ProfileName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the profile that opens without `--profile`.
    pub fn is_default(&self) -> bool {
        self.0 == DEFAULT_NAME
    }
}

impl Default for ProfileName {
    fn default() -> Self {
        Self(DEFAULT_NAME.to_owned())
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ProfileName {
    type Err = ParseProfileNameError;

    fn from_str(text: &str) -> Result<Self, ParseProfileNameError> {
        let fits = !text.is_empty()
            && text.len() <= NAME_CHARS_MAX
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseProfileNameError)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profiles_name_cannot_leave_its_folder() {
        for name in ["", "..", "a/b", "a b", "ä", &"x".repeat(NAME_CHARS_MAX + 1)] {
            assert_eq!(
                name.parse::<ProfileName>(),
                Err(ParseProfileNameError),
                "{name}"
            );
        }
        assert_eq!(
            "Desk-PC_2".parse::<ProfileName>().unwrap().as_str(),
            "Desk-PC_2"
        );
    }

    #[test]
    fn without_options_it_is_the_default_profile_in_the_keyring() {
        let options = Options::parse_from(["baton"]);
        assert!(options.profile.is_default());
        assert!(!options.insecure_token_file && options.link.is_none());
    }
}

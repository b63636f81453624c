//! What the shell's commands take and give; `ui/src/platform/types.ts` says what each means.

use serde::{Deserialize, Serialize};

/// How far this installation is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShellStatus {
    /// The step.
    pub state: ShellPhase,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The profile's name.
    pub profile: String,
    /// A name to offer for this device.
    pub device_name: String,
    /// What is known of the keyring.
    pub keyring: KeyringState,
    /// Whether the hub runs inside the application.
    pub local: bool,
    /// The application's version.
    pub version: String,
}

/// The steps of a start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ShellPhase {
    /// Nothing is set up.
    NeedsStart,
    /// Work is under way.
    Starting,
    /// Views can be opened.
    Ready,
    /// A person must do something.
    Failed,
}

/// What is known of the keyring.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum KeyringState {
    /// It works.
    Ok,
    /// There is none.
    Missing,
    /// It did not open in time.
    Locked,
    /// The person chose the file.
    File,
    /// Not looked at yet.
    Unknown,
}

/// What answers prompts on this computer.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartLocalOptions {
    /// An OpenAI-compatible endpoint; absent: what is found on this computer.
    #[serde(default)]
    pub base_url: Option<String>,
    /// Goes into the keyring.
    #[serde(default)]
    pub api_key: Option<String>,
    /// The model's name there; absent: its first one.
    #[serde(default)]
    pub model: Option<String>,
}

/// Done, or why not.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ShellResult {
    /// Done.
    Done,
    /// Not done.
    Refused(Refusal),
}

/// Words for a person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl Refusal {
    /// Pairs the words.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// Both as one text.
    pub fn sentence(&self) -> String {
        if self.hint.is_empty() {
            self.message.clone()
        } else {
            format!("{} {}", self.message, self.hint)
        }
    }
}

impl From<Result<(), Refusal>> for ShellResult {
    fn from(result: Result<(), Refusal>) -> Self {
        match result {
            Ok(()) => Self::Done,
            Err(refusal) => Self::Refused(refusal),
        }
    }
}

/// A model server on this computer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DetectedModelServer {
    /// Its name for people.
    pub name: String,
    /// What to start with.
    pub base_url: String,
    /// Its models.
    pub models: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_have_the_form_that_the_ui_reads() {
        let refused = ShellResult::Refused(Refusal::new("No.", "Try."));
        assert_eq!(
            serde_json::to_value(refused).unwrap(),
            serde_json::json!({"type": "refused", "message": "No.", "hint": "Try."})
        );
        assert_eq!(
            serde_json::to_value(ShellResult::Done).unwrap(),
            serde_json::json!({"type": "done"})
        );
        assert_eq!(
            serde_json::to_value(ShellPhase::NeedsStart).unwrap(),
            "needsStart"
        );
    }
}

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
    /// Whether this profile's hub is the one inside the application, running or not.
    pub local: bool,
    /// Why the hub inside the application did not start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hub_problem: Option<String>,
    /// The state of the agent inside the application, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentStatus>,
    /// How far a move to this hub is; absent where none is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moving: Option<MoveStatus>,
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
    /// The service runs and has no keyring in it yet.
    NoCollection,
    /// It did not open in time.
    Locked,
    /// The person chose the file.
    File,
    /// Not looked at yet.
    Unknown,
}

/// How far a move to another hub is.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MoveStatus {
    /// Sessions that are over.
    pub moved: usize,
    /// Sessions that there are.
    pub sessions: usize,
    /// Why it does not go on, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// How the agent inside the application is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum AgentStatus {
    Starting,
    /// It waits until its secrets can be read.
    WaitsForKeyring {
        message: String,
    },
    /// It can take runs.
    Running,
    /// Its line to the hub is down, and another attempt follows by itself.
    Reconnecting,
    /// The hub does not want it.
    Refused {
        message: String,
    },
    /// It cannot start as it is set up.
    Unusable {
        message: String,
    },
}

/// What answers prompts on this computer.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelOptions {
    /// An OpenAI-compatible endpoint. A person chose it: a server that merely answers on a usual port gets no prompts.
    pub base_url: String,
    /// What the server asks for.
    #[serde(default)]
    pub api_key: ApiKeyChoice,
    /// The model's name there; absent: its first one.
    #[serde(default)]
    pub model: Option<String>,
}

/// What becomes of the model server's key.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ApiKeyChoice {
    /// The server needs none.
    #[default]
    None,
    /// The one that is kept for this server.
    Kept,
    /// This one. Goes into the keyring.
    New { key: String },
}

/// The model that is set up, without its key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelView {
    pub base_url: String,
    pub model: String,
    /// Whether a key is kept for it.
    pub has_key: bool,
}

/// What a model server said.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ModelTest {
    Works {
        /// Its models, the likely ones first.
        models: Vec<String>,
    },
    Refused(Refusal),
}

impl From<Result<Vec<String>, Refusal>> for ModelTest {
    fn from(result: Result<Vec<String>, Refusal>) -> Self {
        match result {
            Ok(models) => Self::Works { models },
            Err(refusal) => Self::Refused(refusal),
        }
    }
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

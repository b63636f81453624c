//! What the shell's commands take and return; `ui/src/platform/types.ts` says what each means.

use serde::{Deserialize, Serialize};

/// The state of this installation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShellStatus {
    pub state: ShellPhase,
    /// In words for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    pub profile: String,
    /// A name to suggest for this device.
    pub device_name: String,
    pub keyring: KeyringState,
    /// Whether this profile's hub is the one inside the application, running or not.
    pub local: bool,
    /// Why the hub inside the application did not start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hub_problem: Option<String>,
    /// Absent if the application has no agent inside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentStatus>,
    /// Progress of a move to this hub; absent if no move is in progress.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moving: Option<MoveStatus>,
    pub version: String,
}

/// The steps of a start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ShellPhase {
    /// Nothing is set up.
    NeedsStart,
    Starting,
    /// Views can be opened.
    Ready,
    /// A person must do something.
    Failed,
}

/// What is known about the keyring.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum KeyringState {
    Ok,
    /// The system has no keyring service.
    Missing,
    /// The service runs and has no keyring in it yet.
    NoCollection,
    /// The keyring was not unlocked in time.
    Locked,
    /// The person chose to keep tokens in files.
    File,
    /// Not asked yet.
    Unknown,
}

/// Progress of a move to another hub.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MoveStatus {
    /// Sessions that have moved.
    pub moved: usize,
    /// Sessions in total.
    pub sessions: usize,
    /// Why the move does not continue, in words for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// The state of the agent inside the application.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum AgentStatus {
    Starting,
    /// The agent waits until its secrets can be read.
    WaitsForKeyring {
        message: String,
    },
    Running,
    /// The connection to the hub is lost; the agent keeps trying.
    Reconnecting,
    /// The hub refuses the agent.
    Refused {
        message: String,
    },
    /// The agent cannot start with its present settings.
    Unusable {
        message: String,
    },
}

/// The person's choice of a model.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelOptions {
    /// An OpenAI-compatible endpoint that a person chose: a server that merely answers on a usual port gets no prompts.
    pub base_url: String,
    #[serde(default)]
    pub api_key: ApiKeyChoice,
    /// The model's name at the server; absent: the server's first model.
    #[serde(default)]
    pub model: Option<String>,
}

/// What to do about the model server's key.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ApiKeyChoice {
    /// The server needs none.
    #[default]
    None,
    /// Use the key that is kept for this server.
    Kept,
    /// Use this key and keep it in the keyring.
    New { key: String },
}

/// The model in use, without its key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelView {
    pub base_url: String,
    pub model: String,
    /// Whether a key is kept for it.
    pub has_key: bool,
}

/// A model server's answer to a test.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ModelTest {
    Works {
        /// Chat models first.
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

/// The result of a command without a value.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ShellResult {
    Done,
    Refused(Refusal),
}

/// Why something was refused, in words for a person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// What happened.
    pub message: String,
    /// What the person can do about it.
    pub hint: String,
}

impl Refusal {
    /// Creates a refusal from its two texts.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// Joins the message and the hint.
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
    /// The server's name for people.
    pub name: String,
    /// The base URL of its API.
    pub base_url: String,
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

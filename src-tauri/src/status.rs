//! How far the start is, as the screen asks for it.

use std::sync::{Arc, Mutex, PoisonError};

use crate::profile::Profile;
use crate::secrets::Secrets;
use crate::shell_types::{Refusal, ShellPhase, ShellStatus};

/// The step of the start and its words.
#[derive(Debug)]
pub struct StatusBoard {
    profile: Profile,
    secrets: Arc<Secrets>,
    step: Mutex<Step>,
}

#[derive(Debug, Clone)]
struct Step {
    phase: ShellPhase,
    message: Option<String>,
    local: bool,
}

impl StatusBoard {
    /// Nothing was begun yet.
    pub fn new(profile: Profile, secrets: Arc<Secrets>) -> Self {
        let step = Step {
            phase: ShellPhase::Starting,
            message: None,
            local: false,
        };
        Self {
            profile,
            secrets,
            step: Mutex::new(step),
        }
    }

    /// Nothing is set up.
    pub fn needs_start(&self) {
        self.set(ShellPhase::NeedsStart, None);
    }

    /// Work is under way.
    pub fn starting(&self, message: &str) {
        self.set(ShellPhase::Starting, Some(message.to_owned()));
    }

    /// Views can be opened.
    pub fn ready(&self) {
        self.set(ShellPhase::Ready, None);
    }

    /// A person must do something.
    pub fn failed(&self, refusal: &Refusal) {
        self.set(ShellPhase::Failed, Some(refusal.sentence()));
    }

    /// Whether the hub runs inside the application.
    pub fn set_local(&self, local: bool) {
        self.step().local = local;
    }

    /// All of it.
    pub fn status(&self) -> ShellStatus {
        let step = self.step().clone();
        ShellStatus {
            state: step.phase,
            message: step.message,
            profile: self.profile.name().to_string(),
            device_name: self.profile.suggested_device_name(),
            keyring: self.secrets.state(),
            local: step.local,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn set(&self, phase: ShellPhase, message: Option<String>) {
        let mut step = self.step();
        step.phase = phase;
        step.message = message;
    }

    fn step(&self) -> std::sync::MutexGuard<'_, Step> {
        self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

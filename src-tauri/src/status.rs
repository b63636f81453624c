//! The progress of the start, as the screen asks for it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::profile::Profile;
use crate::secrets::Secrets;
use crate::shell_types::{AgentStatus, MoveStatus, Refusal, ShellPhase, ShellStatus};

/// The step of the start, with what the screen says about it.
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
    inside: InsideBoard,
    moving: Option<MoveStatus>,
}

/// The state of the hub and the agent inside the application.
#[derive(Debug, Clone, Default)]
pub enum InsideBoard {
    /// The profile has no hub inside.
    #[default]
    None,
    /// The hub did not start; carries the reason.
    Failed(String),
    /// The hub runs; carries its agent's status.
    Running(watch::Receiver<AgentStatus>),
}

impl StatusBoard {
    /// Creates a board in the phase `Starting`.
    pub fn new(profile: Profile, secrets: Arc<Secrets>) -> Self {
        let step = Step {
            phase: ShellPhase::Starting,
            message: None,
            inside: InsideBoard::None,
            moving: None,
        };
        Self {
            profile,
            secrets,
            step: Mutex::new(step),
        }
    }

    /// Notes that nothing is set up.
    pub fn needs_start(&self) {
        self.set(ShellPhase::NeedsStart, None);
    }

    /// Notes that work is in progress.
    pub fn starting(&self, message: &str) {
        self.set(ShellPhase::Starting, Some(message.to_owned()));
    }

    /// Notes that views can be opened.
    pub fn ready(&self) {
        self.set(ShellPhase::Ready, None);
    }

    /// Notes that a person must act.
    pub fn failed(&self, refusal: &Refusal) {
        self.set(ShellPhase::Failed, Some(refusal.sentence()));
    }

    /// Notes the state of the hub and the agent inside.
    pub fn set_inside(&self, inside: InsideBoard) {
        self.step().inside = inside;
    }

    /// Notes the progress of a move to this hub.
    pub fn set_moving(&self, moving: Option<MoveStatus>) {
        self.step().moving = moving;
    }

    /// Returns the progress that was noted last.
    pub fn moving(&self) -> Option<MoveStatus> {
        self.step().moving.clone()
    }

    /// Returns the whole status.
    pub fn status(&self) -> ShellStatus {
        let step = self.step().clone();
        let (local, hub_problem, agent) = match step.inside {
            InsideBoard::None => (false, None, None),
            InsideBoard::Failed(problem) => (true, Some(problem), None),
            InsideBoard::Running(agent) => (true, None, Some(agent.borrow().clone())),
        };
        ShellStatus {
            state: step.phase,
            message: step.message,
            profile: self.profile.name().to_string(),
            device_name: self.profile.suggested_device_name(),
            keyring: self.secrets.state(),
            local,
            hub_problem,
            agent,
            moving: step.moving,
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

//! How far the start is, as the screen asks for it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::profile::Profile;
use crate::secrets::Secrets;
use crate::shell_types::{AgentStatus, MoveStatus, Refusal, ShellPhase, ShellStatus};

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
    inside: InsideBoard,
    moving: Option<MoveStatus>,
}

/// What is known of the hub and the agent inside the application.
#[derive(Debug, Clone, Default)]
pub enum InsideBoard {
    /// This profile has none.
    #[default]
    None,
    /// The hub did not start, for this reason.
    Failed(String),
    /// The hub runs, and this is how its agent is.
    Running(watch::Receiver<AgentStatus>),
}

impl StatusBoard {
    /// Nothing was begun yet.
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

    /// What is inside the application.
    pub fn set_inside(&self, inside: InsideBoard) {
        self.step().inside = inside;
    }

    /// How far a move to this hub is.
    pub fn set_moving(&self, moving: Option<MoveStatus>) {
        self.step().moving = moving;
    }

    /// The same, as it was said last.
    pub fn moving(&self) -> Option<MoveStatus> {
        self.step().moving.clone()
    }

    /// All of it.
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

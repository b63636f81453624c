//! Moves everything that a device has from one hub to another.
//!
//! A move reads the mirror of the device at the old hub and acts through a device at the new one; neither hub knows of the other. It has
//! four passes, each of which can be repeated at any time:
//!
//! 1. **History.** Copies every session as the batches of its log (`docs/PROTOCOL.md`, *Moving*). The new hub keeps the cursor, so an
//!    interrupted pass continues where that hub is, whatever this device remembers. Each session is complete before the next one begins.
//! 2. **Order.** Sends folders, pins, archived sessions, read marks and drafts as commands to the new account.
//! 3. **Intents.** Carries over what the old hub has not answered, under the same ids and in the same order. If the old hub had in fact
//!    taken a prompt, the prompt came along with its session, and the new hub knows it by its id. An intent leaves the old outbox only
//!    once it is in the new one.
//! 4. The caller switches to the new hub.
//!
//! **Invariant:** nothing is removed from the old side before it is durable on the new one, and nothing happens twice there, wherever the
//! process dies.

mod history;
mod intents;
mod order;

use std::time::Duration;

use baton_protocol::{Command, CommandBody, CommandEffect, CommandId, ErrorBody, LogId, SessionId};
use baton_protocol::{ReceiptOutcome, SessionActivity};
use tokio::sync::watch;

use crate::device::{ActError, CancelError, Device, IntentOutcome};
use crate::mirror::StoreError;

/// How long a move waits in silence for a hub before it gives up: longer than a hub takes to restart.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// A move between two devices of the same person on the same computer.
pub struct Move {
    from: Device,
    to: Device,
    progress: watch::Sender<MoveProgress>,
}

/// Progress of a move.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MoveProgress {
    /// Sessions that are complete at the new hub.
    pub sessions_done: usize,
    /// Sessions to move in total.
    pub sessions: usize,
}

/// Why a move stopped. What has reached the new hub stays there, and another try continues from it.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// A run is writing an answer; moving now would end it as lost.
    #[error("session `{0}` is at work: wait for its answer, or stop it")]
    AtWork(SessionId),
    /// This device lacks part of a session, and the old hub does not supply the rest.
    #[error("session `{0}` is not whole on this device: connect to its hub once more")]
    NotWhole(SessionId),
    /// The new hub permanently refused a command.
    #[error("the new hub refused it: {}", .0.message)]
    Refused(ErrorBody),
    /// A hub was silent for too long.
    #[error("the hub does not answer")]
    Silent,
    #[error("this device's storage failed")]
    Store(#[from] StoreError),
    #[error("the move was cut off")]
    Closed,
}

impl Move {
    /// Prepares a move. The old hub need not be reachable if the mirror is complete.
    pub fn new(from: Device, to: Device) -> Self {
        Self {
            from,
            to,
            progress: watch::Sender::new(MoveProgress::default()),
        }
    }

    /// Watches the progress.
    pub fn progress(&self) -> watch::Receiver<MoveProgress> {
        self.progress.subscribe()
    }

    /// Runs the whole move. Safe to drop at any moment and to run again.
    ///
    /// # Errors
    /// See [`MoveError`].
    pub async fn run(&self) -> Result<(), MoveError> {
        let account = self.from.views().account_state();
        let at_work = account
            .sessions()
            .iter()
            .find(|(_, summary)| matches!(summary.activity, SessionActivity::Running { .. }));
        if let Some((session, _)) = at_work {
            return Err(MoveError::AtWork(*session));
        }
        let sessions: Vec<SessionId> = account.sessions().keys().copied().collect();
        self.progress
            .send_modify(|progress| progress.sessions = sessions.len());
        let mut moved = Vec::new();
        for session in sessions {
            moved.push((session, self.history(session).await?));
            self.progress
                .send_modify(|progress| progress.sessions_done += 1);
        }
        self.order(&account, &moved).await?;
        self.intents(&moved).await
    }

    /// Sends one command to the new hub and waits for its receipt.
    async fn act(&self, log: LogId, body: CommandBody) -> Result<CommandEffect, MoveError> {
        let command = Command {
            id: CommandId::mint(),
            log,
            only_if: None,
            body,
        };
        let intent = self.to.act_as(command).await?;
        let outcome = tokio::time::timeout(SILENCE_MAX, intent.outcome()).await;
        match outcome.map_err(|_| MoveError::Silent)? {
            IntentOutcome::Answered(receipt) => match receipt.outcome {
                ReceiptOutcome::Accepted { effect } => Ok(effect),
                ReceiptOutcome::Refused { error } => Err(MoveError::Refused(error)),
            },
            IntentOutcome::Refused(error) => Err(MoveError::Refused(error)),
            IntentOutcome::Cancelled => Ok(CommandEffect::Unchanged),
            IntentOutcome::Closed => Err(MoveError::Closed),
        }
    }

    fn account_log(&self) -> LogId {
        LogId::Account(self.to.linked().account)
    }
}

/// Waits until a device reaches a state. Gives up after [`SILENCE_MAX`] without a change.
async fn until(device: &Device, reached: impl Fn() -> bool) -> Result<(), MoveError> {
    let mut changes = device.changes();
    while !reached() {
        let changed = tokio::time::timeout(SILENCE_MAX, changes.changed()).await;
        changed
            .map_err(|_| MoveError::Silent)?
            .map_err(|_| MoveError::Closed)?;
    }
    Ok(())
}

impl From<ActError> for MoveError {
    fn from(error: ActError) -> Self {
        match error {
            ActError::Invalid(error) => Self::Refused(error),
            ActError::Store(error) => Self::Store(error),
            ActError::Closed => Self::Closed,
        }
    }
}

impl From<CancelError> for MoveError {
    fn from(error: CancelError) -> Self {
        match error {
            CancelError::Store(error) => Self::Store(error),
            CancelError::MaybeSent | CancelError::NotWaiting | CancelError::Closed => Self::Closed,
        }
    }
}

//! Moving everything that a device has from one hub to another.
//!
//! A move reads the mirror of the device at the old hub and acts through a device at the new one; neither hub knows of the other. It goes
//! in four passes, each of which can be done again at any time:
//!
//! 1. **History.** Every session, as the batches of its log (`docs/PROTOCOL.md`, *Moving*). The new hub keeps the cursor, so a pass that
//!    was cut goes on where the hub is, whatever this device remembers. A session is complete before the next one begins.
//! 2. **Order.** Folders, pins, archived sessions, read marks and drafts, as commands to the new account.
//! 3. **Intents.** What the old hub has not answered, under the same ids and in the same order. A prompt that it had taken all the same
//!    has come along with its session, and the new hub knows it by its id. Only what is in the new outbox is taken out of the old one.
//! 4. The caller switches over.
//!
//! **Invariant:** nothing is taken from the old side before it is durable on the new one, and nothing is done twice there, wherever the
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

/// How long a move waits without hearing from a hub before it gives up: longer than a hub needs to start again.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// A move between two devices of one person on one computer.
pub struct Move {
    from: Device,
    to: Device,
    progress: watch::Sender<MoveProgress>,
}

/// How far a move is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MoveProgress {
    /// Sessions that are complete at the new hub.
    pub sessions_done: usize,
    /// All that are to be moved.
    pub sessions: usize,
}

/// Why a move stopped. What is at the new hub by then stays, and another try goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// An answer is being written; it would end as lost.
    #[error("session `{0}` is at work: wait for its answer, or stop it")]
    AtWork(SessionId),
    /// This device does not have all of a session, and the old hub does not give the rest.
    #[error("session `{0}` is not whole on this device: connect to its hub once more")]
    NotWhole(SessionId),
    /// The new hub refused something for good.
    #[error("the new hub refused it: {}", .0.message)]
    Refused(ErrorBody),
    /// A hub has not answered for too long.
    #[error("the hub does not answer")]
    Silent,
    /// A mirror cannot be read or written.
    #[error("this device's storage failed")]
    Store(#[from] StoreError),
    /// A device was closed.
    #[error("the move was cut off")]
    Closed,
}

impl Move {
    /// From the device at the old hub to the one at the new hub. The old hub need not be reachable if the mirror is whole.
    pub fn new(from: Device, to: Device) -> Self {
        Self {
            from,
            to,
            progress: watch::Sender::new(MoveProgress::default()),
        }
    }

    /// Follows how far it is.
    pub fn progress(&self) -> watch::Receiver<MoveProgress> {
        self.progress.subscribe()
    }

    /// Does all of it. Safe to drop at any moment and to run again.
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

    /// Has the new hub do one thing, and waits for its receipt.
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

/// Waits until a device is in a state, for as long as anything changes there.
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

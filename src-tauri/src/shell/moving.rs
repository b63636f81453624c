//! *Move to another hub*: what must be on this device before the link changes, and how everything reaches the new hub afterwards.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use baton_client::{Device, DeviceConfig, Move, MoveProgress, OpenDeviceError};
use baton_protocol::LogId;
use baton_protocol::view::{ConnectionPhase, SessionRow, SessionRowState};

use tokio::sync::watch;

use super::Shell;
use crate::linking::sentence;
use crate::record::UnfinishedMove;
use crate::shell_types::{MoveStatus, Refusal};
use crate::tasks;
use crate::tokens::WithheldToken;

/// How long a connected device may take to fetch what it lacks. Enough for a day's sessions on a slow connection.
const FETCH_LIMIT: Duration = Duration::from_secs(60);

impl Shell {
    /// Returns once this device has everything that is to move. Refused while an answer is being written.
    pub(super) async fn ready_to_move(&self) -> Result<(), Refusal> {
        let device = self.device();
        let is_running = |row: &SessionRow| matches!(row.state, SessionRowState::Running { .. });
        let runs = device
            .as_ref()
            .is_some_and(|device| device.sessions().iter().any(is_running));
        if runs || self.sessions_at_work().await > 0 {
            return Err(Refusal::new(
                "An answer is being written.",
                "Stop it or wait until it ends, then move.",
            ));
        }
        let Some(device) = device else {
            return Ok(());
        };
        match tokio::time::timeout(FETCH_LIMIT, whole(&device)).await {
            Ok(Ok(Whole::Yes)) => Ok(()),
            Ok(Err(error)) => Err(Refusal::new(
                format!("This device's data cannot be read: {error}."),
                "Open the log to see why.",
            )),
            Ok(Ok(Whole::HubAway)) | Err(_) => Err(Refusal::new(
                "Part of your history is only on the hub that you are leaving.",
                "Connect to that hub first, so that this device can fetch it.",
            )),
        }
    }

    /// Starts the unfinished moves in the background. The status reports their progress.
    pub(super) fn begin_moves(self: &Arc<Self>) {
        let shell = Arc::clone(self);
        let moving = tasks::spawn_owned("move to another hub", async move {
            shell.carry_over().await;
        });
        *self
            .moving
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(moving);
    }

    /// Tries again to move what is still missing.
    pub fn move_again(self: &Arc<Self>) {
        self.begin_moves();
    }

    async fn carry_over(&self) {
        let (Some(device), Ok(settings)) = (self.device(), self.settings()) else {
            return;
        };
        let here = device.linked().account;
        self.board.set_moving(None);
        for unfinished in settings.moves.into_iter().filter(|each| each.to == here) {
            let from = unfinished.from.account;
            match self.carry_one(unfinished, &device).await {
                Ok(()) => {
                    let noted = self.remember(|settings| {
                        settings
                            .moves
                            .retain(|each| (each.from.account, each.to) != (from, here));
                    });
                    if noted.is_ok() {
                        self.board.set_moving(None);
                    }
                }
                Err(problem) => {
                    tracing::warn!(problem, "not everything moved");
                    self.board.set_moving(Some(MoveStatus {
                        problem: Some(problem),
                        ..self.board.moving().unwrap_or_default()
                    }));
                    return;
                }
            }
        }
    }

    async fn carry_one(&self, unfinished: UnfinishedMove, new: &Device) -> Result<(), String> {
        let old = self
            .open_left(unfinished)
            .await
            .map_err(|error| format!("The conversations to move cannot be opened: {error}."))?;
        let carrying = Move::new(old, new.clone());
        let progress = self.show_progress(carrying.progress());
        let moved = tokio::select! {
            moved = carrying.run() => moved,
            never = progress => match never {},
        };
        moved.map_err(|error| {
            let why = sentence(&error.to_string());
            format!("Not everything has moved yet: {why}.")
        })
    }

    /// Reports a move's progress until this future is dropped.
    async fn show_progress(&self, mut progress: watch::Receiver<MoveProgress>) -> Infallible {
        loop {
            let now = *progress.borrow_and_update();
            self.board.set_moving(Some(MoveStatus {
                moved: now.sessions_done,
                sessions: now.sessions,
                problem: None,
            }));
            if progress.changed().await.is_err() {
                // The move itself reports how it ended.
                std::future::pending::<Infallible>().await;
            }
        }
    }

    /// Opens the device of an account that this profile left. It never connects: its token is gone.
    async fn open_left(&self, unfinished: UnfinishedMove) -> Result<Device, OpenDeviceError> {
        let left = "this account was left for another hub".to_owned();
        Device::open(DeviceConfig {
            data_dir: self.profile.account_folder(unfinished.from.account),
            hub: unfinished.from,
            tokens: Arc::new(WithheldToken(left)),
        })
        .await
    }
}

/// Whether a device has everything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Whole {
    Yes,
    /// Something is missing, and the hub that has it cannot be reached.
    HubAway,
}

/// Waits until the device has everything that the hub has, or until it is known that it cannot get it.
async fn whole(device: &Device) -> Result<Whole, baton_client::StoreError> {
    let account = LogId::Account(device.linked().account);
    let mut changes = device.changes();
    loop {
        changes.mark_unchanged();
        let connected = matches!(
            device.connection().phase,
            ConnectionPhase::Live | ConnectionPhase::CatchingUp
        );
        let caught_up = !connected || device.is_caught_up(account);
        match device.missing_history().await? {
            None if caught_up => return Ok(Whole::Yes),
            Some(_) if !connected => return Ok(Whole::HubAway),
            Some(session) => device.fetch_whole(session),
            None => {}
        }
        if changes.changed().await.is_err() {
            return Ok(Whole::HubAway);
        }
    }
}

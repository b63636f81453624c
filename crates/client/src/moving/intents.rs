//! Moves intents that the old hub has not answered into the new device's outbox, under the same ids.

use baton_protocol::{Command, CommandBody, CreateSessionCommand, LogId, SessionId};

use super::order::new_id;
use super::{Move, MoveError};
use crate::device::CancelError;
use crate::mirror::{OutboxEntry, OutboxState};

impl Move {
    pub(super) async fn intents(&self, moved: &[(SessionId, SessionId)]) -> Result<(), MoveError> {
        for entry in self.from.outbox() {
            if let Some(command) = carried(&entry, moved) {
                self.to.act_as(command).await?;
            }
            match self.from.cancel(entry.command.id).await {
                // The old hub may have it. The new hub knows the id by then, or the intent changes nothing there.
                Ok(()) | Err(CancelError::MaybeSent | CancelError::NotWaiting) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// The intent as it is queued for the new hub. `None` for what the old account's log already says, including drafts and read marks, and for
/// intents about a run at the old hub.
fn carried(entry: &OutboxEntry, moved: &[(SessionId, SessionId)]) -> Option<Command> {
    let queue = |session, body| {
        Some(Command {
            log: LogId::Session(new_id(moved, session)),
            body,
            ..entry.command.clone()
        })
    };
    match (entry.command.log, entry.command.body.clone()) {
        // A refused prompt stays for its author to read.
        (LogId::Session(session), body @ CommandBody::SendPrompt(_)) => queue(session, body),
        _ if matches!(entry.state, OutboxState::Refused(_)) => None,
        (LogId::Session(session), CommandBody::CreateSession(body)) => queue(
            session,
            CommandBody::CreateSession(CreateSessionCommand {
                // The runner belongs to the old hub.
                runner: None,
                ..body
            }),
        ),
        (LogId::Session(session), body) if outlives_its_run(&body) => queue(session, body),
        _ => None,
    }
}

/// Whether an intent means the same at a hub where nothing of the session runs.
fn outlives_its_run(body: &CommandBody) -> bool {
    matches!(
        body,
        CommandBody::RenameSession(_)
            | CommandBody::EditPrompt(_)
            | CommandBody::WithdrawPrompt(_)
            | CommandBody::MovePrompt(_)
            | CommandBody::PauseQueue(_)
            | CommandBody::ResumeQueue(_)
            | CommandBody::ResendPrompt(_)
            | CommandBody::ChooseBranch(_)
    )
}

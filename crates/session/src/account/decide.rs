//! Decides a device's commands on its account's log.

use baton_protocol::{
    ApprovalGrantRevokedEvent, Command, CommandBody, CommandEffect, DraftSavedEvent, ErrorBody,
    ErrorCode, EventBody, FileSessionCommand, FolderId, FolderNamedEvent, FolderRemovedEvent,
    MarkReadCommand, NameFolderCommand, Principal, ReadMarkedEvent, SaveDraftCommand, Seq,
    SessionArchivedEvent, SessionDeletedEvent, SessionFiledEvent, SessionId, SessionPinnedEvent,
    limits,
};

use super::AccountState;
use crate::new_event::{Decision, NewEvent};

/// Decides a device's command on the account.
pub fn decide_account(state: &AccountState, command: &Command, by: &Principal) -> Decision {
    let decided = match &command.body {
        CommandBody::MarkRead(body) => mark_read(state, body),
        CommandBody::PinSession(body) => known(state, body.session).map(|()| {
            let event = EventBody::SessionPinned(SessionPinnedEvent {
                session: body.session,
                pinned: body.pinned,
            });
            (state.place_of(body.session).pinned != body.pinned).then_some(event)
        }),
        CommandBody::ArchiveSession(body) => known(state, body.session).map(|()| {
            let event = EventBody::SessionArchived(SessionArchivedEvent {
                session: body.session,
                archived: body.archived,
            });
            (state.place_of(body.session).archived != body.archived).then_some(event)
        }),
        CommandBody::FileSession(body) => file(state, body),
        CommandBody::DeleteSession(body) => delete(state, body.session),
        CommandBody::NameFolder(body) => name_folder(state, body),
        CommandBody::RemoveFolder(body) => Ok(remove_folder(state, body.folder)),
        CommandBody::SaveDraft(body) => save_draft(state, body, by),
        CommandBody::RevokeApprovalGrant(body) => {
            if state.grants.contains_key(&body.grant) {
                Ok(Some(EventBody::ApprovalGrantRevoked(
                    ApprovalGrantRevokedEvent { grant: body.grant },
                )))
            } else {
                Err(ErrorCode::GrantNotFound.with(
                    "there is no such standing approval",
                    "look at the list again: it may have been taken back",
                ))
            }
        }
        _ => Err(ErrorCode::WrongLog.with(
            "this command is not for the account's log",
            "send it to a session's log",
        )),
    };
    match decided {
        Err(error) => Decision::refuse(error),
        Ok(None) => Decision::accept(CommandEffect::Unchanged, Vec::new()),
        Ok(Some(body)) => {
            let event = NewEvent {
                by: by.clone(),
                command: Some(command.id),
                producer: None,
                recorded_at: None,
                body,
            };
            Decision::accept(CommandEffect::Applied, vec![event])
        }
    }
}

/// `None` if the state is already as wanted.
type Decided = Result<Option<EventBody>, ErrorBody>;

fn known(state: &AccountState, session: SessionId) -> Result<(), ErrorBody> {
    if state.sessions.contains_key(&session) {
        return Ok(());
    }
    Err(ErrorCode::SessionNotFound.with(
        "there is no such session",
        "look at the sessions list again",
    ))
}

fn mark_read(state: &AccountState, body: &MarkReadCommand) -> Decided {
    // Not checked against the summary, which lags behind the session's log. The hub has checked it against that log's head.
    known(state, body.session)?;
    let event = EventBody::ReadMarked(ReadMarkedEvent {
        session: body.session,
        seq: body.seq,
    });
    Ok((body.seq > state.read_mark(body.session)).then_some(event))
}

fn file(state: &AccountState, body: &FileSessionCommand) -> Decided {
    known(state, body.session)?;
    if let Some(folder) = body.folder
        && !state.folders.contains_key(&folder)
    {
        return Err(ErrorCode::FolderNotFound.with("there is no such folder", "make it first"));
    }
    let event = EventBody::SessionFiled(SessionFiledEvent {
        session: body.session,
        folder: body.folder,
    });
    Ok((state.place_of(body.session).folder != body.folder).then_some(event))
}

fn delete(state: &AccountState, session: SessionId) -> Decided {
    if state.deleted.contains(&session) {
        return Ok(None);
    }
    known(state, session)?;
    Ok(Some(EventBody::SessionDeleted(SessionDeletedEvent {
        session,
    })))
}

fn name_folder(state: &AccountState, body: &NameFolderCommand) -> Decided {
    let name = body.name.trim();
    let length = name.chars().count();
    if length == 0 {
        return Err(
            ErrorCode::TextEmpty.with("the folder has no name", "write at least one letter")
        );
    }
    if length > limits::FOLDER_NAME_CHARS_MAX {
        let message = format!(
            "the name has {length} characters, at most {} fit",
            limits::FOLDER_NAME_CHARS_MAX
        );
        return Err(ErrorCode::TextTooLong.with(message, "shorten it"));
    }
    let now = state.folders.get(&body.folder);
    if now.is_none() && state.folders.len() >= limits::FOLDERS_MAX {
        let message = format!("there are {} folders already", limits::FOLDERS_MAX);
        return Err(ErrorCode::TooMany.with(message, "remove one first"));
    }
    let event = EventBody::FolderNamed(FolderNamedEvent {
        folder: body.folder,
        name: name.to_owned(),
    });
    Ok((now.map(String::as_str) != Some(name)).then_some(event))
}

fn remove_folder(state: &AccountState, folder: FolderId) -> Option<EventBody> {
    let event = EventBody::FolderRemoved(FolderRemovedEvent { folder });
    state.folders.contains_key(&folder).then_some(event)
}

/// Checks that the account has room for a draft. A draft that gets shorter always fits.
fn check_draft_room(
    state: &AccountState,
    body: &SaveDraftCommand,
    by: &Principal,
) -> Result<(), ErrorBody> {
    let now = state.drafts.get(&body.session);
    let known = now.map_or(0, |draft| draft.text.len());
    if body.text.len() <= known {
        return Ok(());
    }
    let all: usize = state.drafts.values().map(|draft| draft.text.len()).sum();
    if all - known + body.text.len() > limits::DRAFTS_BYTES_MAX {
        let message = format!(
            "drafts have more than {} bytes altogether",
            limits::DRAFTS_BYTES_MAX
        );
        return Err(ErrorCode::TooMany.with(message, "send some of them, or clear them"));
    }
    let is_new = |session: &SessionId| !state.sessions.contains_key(session);
    let is_own = |draft: &super::Draft| draft.by == *by && !draft.text.is_empty();
    if !is_new(&body.session) || now.is_some_and(is_own) {
        return Ok(());
    }
    let drafts = state.drafts.iter();
    let new = drafts.filter(|(session, draft)| is_new(session) && is_own(draft));
    if new.count() >= limits::NEW_DRAFTS_PER_DEVICE_MAX {
        let message = format!(
            "this device has {} drafts of sessions that are not created",
            limits::NEW_DRAFTS_PER_DEVICE_MAX
        );
        return Err(ErrorCode::TooMany.with(message, "send one of them, or clear it"));
    }
    Ok(())
}

/// A device may overwrite its own draft. It may overwrite another device's draft only if it has seen that one.
fn save_draft(state: &AccountState, body: &SaveDraftCommand, by: &Principal) -> Decided {
    if state.deleted.contains(&body.session) {
        return Err(ErrorCode::SessionNotFound.with(
            "this session was deleted",
            "copy the text into another session",
        ));
    }
    if body.text.len() > limits::PROMPT_BYTES_MAX {
        let message = format!(
            "the draft has {} bytes, at most {} fit",
            body.text.len(),
            limits::PROMPT_BYTES_MAX
        );
        return Err(ErrorCode::TextTooLong.with(message, "shorten it"));
    }
    let now = state.drafts.get(&body.session);
    let seen = now.map_or(Seq::ZERO, |draft| draft.seq);
    let is_own = now.is_some_and(|draft| draft.by == *by);
    if body.based_on != seen && !is_own {
        return Err(ErrorCode::DraftConflict.with(
            "another device has saved a newer draft",
            "look at it, and save again what should stand",
        ));
    }
    check_draft_room(state, body, by)?;
    let event = EventBody::DraftSaved(DraftSavedEvent {
        session: body.session,
        text: body.text.clone(),
    });
    let text = now.map_or("", |draft| draft.text.as_str());
    Ok((text != body.text).then_some(event))
}

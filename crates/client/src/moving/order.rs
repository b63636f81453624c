//! What an account's log records about its sessions: folders, pins, archive flags, read marks, drafts.

use baton_protocol::{
    ArchiveSessionCommand, CommandBody, FileSessionCommand, MarkReadCommand, NameFolderCommand,
    PinSessionCommand, SaveDraftCommand, Seq, SessionId,
};
use baton_session::AccountState;

use super::{Move, MoveError, until};

impl Move {
    /// Carries over the old account's order; `moved` pairs each session's id at the old hub with its id at the new one.
    pub(super) async fn order(
        &self,
        from: &AccountState,
        moved: &[(SessionId, SessionId)],
    ) -> Result<(), MoveError> {
        for (folder, name) in from.folders() {
            let (folder, name) = (*folder, name.clone());
            self.say(CommandBody::NameFolder(NameFolderCommand { folder, name }))
                .await?;
        }
        for (old, new) in moved {
            let listed = || self.to.views().account_state().sessions().contains_key(new);
            until(&self.to, listed).await?;
            self.place(from, *old, *new).await?;
        }
        for draft in self.from.views().drafts() {
            // A text that this device has not delivered to the old hub is newer than the old hub's.
            let text = draft.unsent.map_or(draft.text, |unsent| unsent.text);
            if !text.is_empty() {
                self.save_draft(new_id(moved, draft.session), text).await?;
            }
        }
        Ok(())
    }

    async fn place(
        &self,
        from: &AccountState,
        old: SessionId,
        session: SessionId,
    ) -> Result<(), MoveError> {
        let place = from.place_of(old);
        if let Some(folder) = place.folder {
            let folder = Some(folder);
            self.say(CommandBody::FileSession(FileSessionCommand {
                session,
                folder,
            }))
            .await?;
        }
        if place.pinned {
            let pinned = true;
            self.say(CommandBody::PinSession(PinSessionCommand {
                session,
                pinned,
            }))
            .await?;
        }
        if place.archived {
            let archived = true;
            let body = ArchiveSessionCommand { session, archived };
            self.say(CommandBody::ArchiveSession(body)).await?;
        }
        let finished = |account: &AccountState, session| {
            account
                .sessions()
                .get(&session)
                .map_or(Seq::ZERO, |summary| summary.finished_seq)
        };
        let was_read = from.read_mark(old) >= finished(from, old);
        let seq = finished(&self.to.views().account_state(), session);
        if was_read && seq > Seq::ZERO {
            self.say(CommandBody::MarkRead(MarkReadCommand { session, seq }))
                .await?;
        }
        Ok(())
    }

    /// Saves a draft, unless another device of the new hub has already begun one.
    async fn save_draft(&self, session: SessionId, text: String) -> Result<(), MoveError> {
        let account = self.to.views().account_state();
        let standing = account.draft(session);
        let me = &self.to.linked().principal;
        if standing.is_some_and(|draft| draft.by != *me && !draft.text.is_empty()) {
            return Ok(());
        }
        let based_on = standing.map_or(Seq::ZERO, |draft| draft.seq);
        self.say(CommandBody::SaveDraft(SaveDraftCommand {
            session,
            text,
            based_on,
        }))
        .await
    }

    async fn say(&self, body: CommandBody) -> Result<(), MoveError> {
        self.act(self.account_log(), body).await.map(drop)
    }
}

/// The session's id at the new hub; unchanged if the session never was at the old one.
pub(super) fn new_id(moved: &[(SessionId, SessionId)], session: SessionId) -> SessionId {
    let pair = moved.iter().find(|(old, _)| *old == session);
    pair.map_or(session, |(_, new)| *new)
}

//! Drafts: what the account's log has of them, and what this device has saved since.

use std::collections::BTreeMap;

use baton_protocol::view::DraftView;
use baton_protocol::{CommandBody, LogId, SaveDraftCommand, Seq, SessionId};

use super::Views;
use super::world::World;
use crate::mirror::{OutboxEntry, OutboxState};

impl World {
    /// Drafts that are not empty, or that this device empties.
    pub(super) fn drafts(&self) -> Vec<DraftView> {
        let recorded = self.account.drafts().iter();
        let recorded = recorded.filter(|(_, draft)| !draft.text.is_empty());
        let mut drafts: BTreeMap<SessionId, DraftView> = recorded
            .map(|(session, _)| (*session, self.draft(*session)))
            .collect();
        for unsent in self.outbox.iter().filter_map(unsent_draft) {
            let draft = drafts
                .entry(unsent.session)
                .or_insert_with(|| self.draft(unsent.session));
            draft.unsent = Some(unsent.text.clone());
        }
        drafts.into_values().collect()
    }

    /// A session's draft as the account's log has it.
    fn draft(&self, session: SessionId) -> DraftView {
        let recorded = self.account.draft(session);
        DraftView {
            session,
            is_begun: self.is_begun(session),
            text: recorded.map_or_else(String::new, |draft| draft.text.clone()),
            seq: recorded.map_or(Seq::ZERO, |draft| draft.seq),
            by: recorded.map(|draft| draft.by.clone()),
            unsent: None,
        }
    }

    fn is_begun(&self, session: SessionId) -> bool {
        let begins = |entry: &OutboxEntry| {
            matches!(
                entry.command.body,
                CommandBody::CreateSession(_) | CommandBody::ForkSession(_)
            )
        };
        self.account.sessions().contains_key(&session)
            || self.intents_for(LogId::Session(session)).any(begins)
    }

    /// What this device has saved last and the hub has not answered.
    fn newest_unsent(&self, session: SessionId) -> Option<&SaveDraftCommand> {
        let mut unsent = self.outbox.iter().rev().filter_map(unsent_draft);
        unsent.find(|draft| draft.session == session)
    }

    /// A save by a person who saw the draft of this seq, or none.
    fn save(&self, session: SessionId, text: String, seen: Option<Seq>) -> SaveDraftCommand {
        let recorded = self.account.draft(session);
        // An emptied draft looks like none.
        let emptied = recorded.filter(|draft| draft.text.is_empty());
        let none = emptied.map_or(Seq::ZERO, |draft| draft.seq);
        SaveDraftCommand {
            session,
            text,
            based_on: seen.unwrap_or(none),
        }
    }

    /// What empties the draft that is sent as a prompt. Nothing where none stands, or one of another device's that was not seen.
    fn sent(&self, session: SessionId, seen: Option<Seq>) -> Option<SaveDraftCommand> {
        let recorded = self
            .account
            .draft(session)
            .filter(|draft| !draft.text.is_empty());
        let is_it = |draft: &&baton_session::Draft| {
            Some(draft.seq) == seen || draft.by == self.linked.principal
        };
        let stands = match self.newest_unsent(session) {
            Some(unsent) => !unsent.text.is_empty(),
            None => recorded.filter(is_it).is_some(),
        };
        stands.then(|| self.save(session, String::new(), recorded.map(|draft| draft.seq)))
    }
}

impl Views {
    pub(crate) fn drafts(&self) -> Vec<DraftView> {
        self.lock().world.drafts()
    }

    /// A save by a person who saw the draft of this seq; of none where nothing is given.
    pub(crate) fn draft_save(
        &self,
        session: SessionId,
        text: String,
        seen: Option<Seq>,
    ) -> SaveDraftCommand {
        self.lock().world.save(session, text, seen)
    }

    /// What empties the draft that a prompt was: the one of this seq, or of this device.
    pub(crate) fn draft_sent(
        &self,
        session: SessionId,
        seen: Option<Seq>,
    ) -> Option<SaveDraftCommand> {
        self.lock().world.sent(session, seen)
    }

    /// Whether the account's log has just this draft.
    pub(crate) fn is_recorded(&self, draft: &SaveDraftCommand) -> bool {
        let inner = self.lock();
        let recorded = inner.world.account.draft(draft.session);
        recorded.map_or("", |draft| draft.text.as_str()) == draft.text
    }
}

/// A draft on its way to the hub.
pub(crate) fn unsent_draft(entry: &OutboxEntry) -> Option<&SaveDraftCommand> {
    match (&entry.command.body, &entry.state) {
        (_, OutboxState::Refused(_)) => None,
        (CommandBody::SaveDraft(draft), _) => Some(draft),
        _ => None,
    }
}

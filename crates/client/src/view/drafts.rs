//! Drafts: those in the account's log, and what this device has saved since.

use std::collections::BTreeMap;

use baton_protocol::view::{DraftView, UnsentDraft};
use baton_protocol::{CommandBody, LogId, SaveDraftCommand, Seq, SessionId};

use super::Views;
use super::world::World;
use crate::mirror::OutboxEntry;

impl World {
    /// Drafts that are not empty, and those that this device has emptied.
    pub(super) fn drafts(&self) -> Vec<DraftView> {
        let recorded = self.account.drafts().iter().chain(&self.bereft);
        let recorded = recorded.filter(|(_, draft)| !draft.text.is_empty());
        let mut drafts: BTreeMap<SessionId, DraftView> = recorded
            .map(|(session, _)| (*session, self.draft(*session)))
            .collect();
        // An accepted draft stays until the mirror has it: an older text must not show in between.
        let settling = self.settling.iter().map(|settling| &settling.entry);
        for unsent in settling.chain(&self.outbox).filter_map(unsent_draft) {
            let draft = drafts
                .entry(unsent.session)
                .or_insert_with(|| self.draft(unsent.session));
            draft.unsent = Some(UnsentDraft {
                text: unsent.text.clone(),
                based_on: unsent.based_on,
            });
        }
        drafts.into_values().collect()
    }

    /// A session's draft as the account's log has it.
    fn draft(&self, session: SessionId) -> DraftView {
        let recorded = self.account.draft(session);
        let recorded = recorded.or_else(|| self.bereft.get(&session));
        DraftView {
            session,
            is_begun: self.is_begun(session),
            text: recorded.map_or_else(String::new, |draft| draft.text.clone()),
            seq: recorded.map_or(Seq::ZERO, |draft| draft.seq),
            by: recorded.map(|draft| draft.by.clone()),
            unsent: None,
        }
    }

    /// Whether a session with this id exists or existed, as far as this device knows.
    fn is_begun(&self, session: SessionId) -> bool {
        let begins = |entry: &OutboxEntry| entry.command.body.begins_session();
        self.account.sessions().contains_key(&session)
            || self.is_deleted(session)
            || self.intents_for(LogId::Session(session)).any(begins)
    }

    /// A save by a person who saw the draft of this seq, or none. An emptied draft looks like none.
    fn save(&self, session: SessionId, text: String, seen: Option<Seq>) -> SaveDraftCommand {
        let recorded = self.account.draft(session);
        let emptied = recorded.filter(|draft| draft.text.is_empty());
        SaveDraftCommand {
            session,
            text,
            based_on: emptied.map_or(seen.unwrap_or(Seq::ZERO), |draft| draft.seq),
        }
    }

    /// The command that empties the draft from which a prompt was sent: the draft that was seen, or this device's own. The hub refuses it
    /// for any other draft, which then stays.
    fn sent(&self, session: SessionId, seen: Option<Seq>) -> SaveDraftCommand {
        let recorded = self.account.draft(session);
        let is_it = |draft: &&baton_session::Draft| {
            Some(draft.seq) == seen || draft.by == self.linked.principal
        };
        let base = recorded.filter(is_it).map(|draft| draft.seq);
        self.save(session, String::new(), base)
    }

    /// Whether the account's log already has exactly this draft, or this one is empty and could not replace the recorded one.
    fn is_recorded(&self, draft: &SaveDraftCommand) -> bool {
        let settling = self.settling.iter().rev();
        let mut accepted = settling.filter_map(|settling| unsent_draft(&settling.entry));
        if let Some(accepted) = accepted.find(|accepted| accepted.session == draft.session) {
            return accepted.text == draft.text;
        }
        match self.account.draft(draft.session) {
            None => draft.text.is_empty(),
            Some(recorded) if draft.text.is_empty() && !recorded.text.is_empty() => {
                recorded.seq != draft.based_on && recorded.by != self.linked.principal
            }
            Some(recorded) => recorded.text == draft.text,
        }
    }
}

impl Views {
    pub(crate) fn drafts(&self) -> Vec<DraftView> {
        self.lock().world.drafts()
    }

    /// A save by a person who saw the draft of seq `seen`, or none.
    pub(crate) fn draft_save(
        &self,
        session: SessionId,
        text: String,
        seen: Option<Seq>,
    ) -> SaveDraftCommand {
        self.lock().world.save(session, text, seen)
    }

    /// The command that empties the draft from which a prompt was sent: the draft of this seq, or this device's own.
    pub(crate) fn draft_sent(&self, session: SessionId, seen: Option<Seq>) -> SaveDraftCommand {
        self.lock().world.sent(session, seen)
    }

    /// Whether the account's log already has exactly this draft, or this one is empty and could not replace the recorded one.
    pub(crate) fn is_recorded(&self, draft: &SaveDraftCommand) -> bool {
        self.lock().world.is_recorded(draft)
    }
}

/// The draft in an outbox entry: the account's log does not have it, perhaps because another device's newer draft won.
pub(crate) fn unsent_draft(entry: &OutboxEntry) -> Option<&SaveDraftCommand> {
    match &entry.command.body {
        CommandBody::SaveDraft(draft) => Some(draft),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use baton_session::AccountState;

    use super::*;
    use crate::linked_hub::LinkedHub;
    use crate::mirror::{MirrorListener as _, OutboxState};
    use baton_protocol::{
        AccountId, AccountOpenedEvent, Command, CommandId, DeviceId, DraftSavedEvent, Event,
        EventBody, HubAddress, LogId, Principal, SessionDeletedEvent, TimestampMs,
    };

    fn views_of(account: AccountId, principal: Principal) -> Views {
        Views::new(LinkedHub {
            hub: HubAddress {
                authority: "127.0.0.1:1".to_owned(),
                fingerprint: None,
                public_path: None,
            },
            account,
            principal,
            hub_name: String::new(),
        })
    }

    fn event_of(by: &Principal, seq: u64, body: EventBody) -> Event {
        Event {
            seq: Seq(seq),
            recorded_at: TimestampMs(0),
            by: by.clone(),
            command: None,
            producer: None,
            body,
        }
    }

    fn save_of(account: AccountId, session: SessionId, text: &str) -> OutboxEntry {
        let draft = SaveDraftCommand {
            session,
            text: text.to_owned(),
            based_on: Seq::ZERO,
        };
        OutboxEntry {
            ordinal: 1,
            command: Command {
                only_if: None,
                id: CommandId::mint(),
                log: LogId::Account(account),
                body: CommandBody::SaveDraft(draft),
            },
            state: OutboxState::Sent,
            queued_at: TimestampMs(0),
        }
    }

    #[test]
    fn what_was_begun_in_a_deleted_session_goes_where_the_session_is_there_again() {
        let (account, session) = (AccountId::mint(), SessionId::mint());
        let principal = Principal::Device {
            account,
            device: DeviceId::mint(),
        };
        let views = views_of(account, principal.clone());
        let draft = baton_session::Draft {
            seq: Seq(2),
            text: "half".to_owned(),
            by: principal.clone(),
        };
        let mut state = AccountState::default();
        let events = [
            EventBody::AccountOpened(AccountOpenedEvent {
                account,
                name: String::new(),
            }),
            EventBody::SessionDeleted(SessionDeletedEvent { session }),
        ];
        for (seq, body) in (1..).zip(events) {
            state.apply(&event_of(&principal, seq, body)).unwrap();
        }
        views.account_changed(&state, vec![(session, draft)]);
        assert_eq!(views.drafts()[0].text, "half");
        // The hub was restored to a state from before the deletion.
        views.account_changed(&AccountState::default(), Vec::new());
        assert_eq!(views.drafts(), []);
    }

    #[test]
    fn what_was_accepted_stands_until_the_mirror_has_it() {
        let (account, session) = (AccountId::mint(), SessionId::mint());
        let me = Principal::Device {
            account,
            device: DeviceId::mint(),
        };
        let views = views_of(account, me.clone());
        let text = "why".to_owned();
        let entry = save_of(account, session, &text);
        let shown = || {
            let drafts = views.drafts();
            drafts.first().map(|draft| {
                let unsent = draft.unsent.as_ref().map(|unsent| unsent.text.clone());
                (draft.text.clone(), unsent)
            })
        };
        views.set_outbox(vec![entry.clone()]);
        let on_its_way = Some((String::new(), Some(text.clone())));
        assert_eq!(shown(), on_its_way);
        views.settle(entry, Seq(2));
        views.set_outbox(Vec::new());
        assert_eq!(shown(), on_its_way);

        let mut state = AccountState::default();
        let name = String::new();
        let opened = EventBody::AccountOpened(AccountOpenedEvent { account, name });
        let saved = EventBody::DraftSaved(DraftSavedEvent {
            session,
            text: text.clone(),
        });
        for (seq, body) in [(1, opened), (2, saved)] {
            state.apply(&event_of(&me, seq, body)).unwrap();
            views.account_changed(&state, Vec::new());
            let expected = if seq == 1 {
                on_its_way.clone()
            } else {
                Some((text.clone(), None))
            };
            assert_eq!(shown(), expected);
        }
    }
}

//! Drafts: unsent texts, shared by all devices of the account.

use baton_protocol::view::DraftView;
use baton_protocol::{CommandBody, LogId, Seq, SessionId};

use super::Device;
use super::intents::{ActError, Intent};

impl Device {
    /// Saves the draft of a session, which may not exist yet. `seen` is the seq of the draft that the person saw, or `None` if they saw
    /// none. Once this returns, the draft is durable here, and it replaces earlier saves that were never sent.
    ///
    /// If another device has saved since, the hub refuses the draft with `draft_conflict`; [`Device::drafts`] then has both texts until
    /// the next save.
    ///
    /// # Errors
    /// If the text is too long, or cannot be made durable.
    pub async fn save_draft(
        &self,
        session: SessionId,
        text: String,
        seen: Option<Seq>,
    ) -> Result<Intent, ActError> {
        let save = self.views().draft_save(session, text, seen);
        let (log, body) = self.for_lists(CommandBody::SaveDraft(save));
        self.act(log, body).await
    }

    /// Drafts that are not empty, and those that this device has emptied.
    pub fn drafts(&self) -> Vec<DraftView> {
        self.views().drafts()
    }

    /// The command that empties the draft from which a prompt was sent: the draft of this seq, or this device's own. It has no effect if
    /// there is no draft.
    pub(crate) fn draft_sent(&self, session: SessionId, seen: Option<Seq>) -> (LogId, CommandBody) {
        let emptied = self.views().draft_sent(session, seen);
        self.for_lists(CommandBody::SaveDraft(emptied))
    }

    fn for_lists(&self, body: CommandBody) -> (LogId, CommandBody) {
        (LogId::Account(self.linked().account), body)
    }
}

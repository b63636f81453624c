//! What a person has begun to write, on every device of the account.

use baton_protocol::view::DraftView;
use baton_protocol::{CommandBody, LogId, Seq, SessionId};

use super::Device;
use super::intents::{ActError, Intent};

impl Device {
    /// Keeps what a person has begun to write in a session, which need not be begun. `seen` is the seq of the draft that they saw;
    /// `None`: they saw none. When this returns it is durable here; earlier saves that were never sent give way to it.
    ///
    /// Where another device has saved since, the hub refuses it with `draft_conflict`: [`Device::drafts`] has both texts then, until the
    /// next save.
    ///
    /// # Errors
    /// Where the text is too long, or cannot be made durable.
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

    /// Drafts that are not empty, or that this device empties.
    pub fn drafts(&self) -> Vec<DraftView> {
        self.views().drafts()
    }

    /// What empties the draft that a prompt was: the one of this seq, or of this device. Queued where none stands, it is nothing.
    pub(crate) fn draft_sent(&self, session: SessionId, seen: Option<Seq>) -> (LogId, CommandBody) {
        let emptied = self.views().draft_sent(session, seen);
        self.for_lists(CommandBody::SaveDraft(emptied))
    }

    fn for_lists(&self, body: CommandBody) -> (LogId, CommandBody) {
        (LogId::Account(self.linked().account), body)
    }
}

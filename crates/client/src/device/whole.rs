//! Checks whether a device has everything that its account's list names.

use baton_protocol::{Cursor, LogId, Seq, SessionId};

use super::Device;
use crate::mirror::{Store, StoreError};

impl Device {
    /// A session of which this device lacks something; `None` if the device could do without its hub.
    ///
    /// # Errors
    /// If the mirror cannot be read.
    pub async fn missing_history(&self) -> Result<Option<SessionId>, StoreError> {
        let log = LogId::Account(self.linked().account);
        let look = move |store: &mut Store| {
            let account = store.account(log)?.unwrap_or_default();
            Ok((account, store.cursors()?, store.gaps()?))
        };
        let (account, cursors, gaps) = self.mirror().write(look).await?;
        let is_whole = |session: SessionId, upto: Seq| {
            let log = LogId::Session(session);
            let has = |(known, cursor): &(LogId, Cursor)| *known == log && cursor.seq >= upto;
            cursors.iter().any(has) && !gaps.iter().any(|(known, _)| *known == log)
        };
        let mut sessions = account.sessions().iter();
        let missing = sessions.find(|(session, summary)| !is_whole(**session, summary.seq));
        Ok(missing.map(|(session, _)| *session))
    }

    /// Fetches all of a session from the hub, including its oldest history, even if no view shows it.
    pub fn fetch_whole(&self, session: SessionId) {
        self.want(LogId::Session(session));
        self.want_history(LogId::Session(session));
    }
}

//! How much of another hub's log a session has imported.

use baton_protocol::{AccountId, Incarnation, Seq};
use serde::{Deserialize, Serialize};

use super::SessionState;

/// Cursor of an import in its source log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Import {
    pub(crate) incarnation: Incarnation,
    pub(crate) upto: Seq,
    pub(crate) complete: bool,
    /// The account that owns the log at the source hub.
    pub(crate) account: AccountId,
}

impl SessionState {
    /// Whether part of the source log is still missing. Until it has arrived, the session accepts only import commands.
    pub fn is_importing(&self) -> bool {
        self.import.as_ref().is_some_and(|import| !import.complete)
    }
}

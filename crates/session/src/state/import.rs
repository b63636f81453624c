//! How much of another hub's log a session has.

use baton_protocol::{AccountId, Incarnation, Seq};
use serde::{Deserialize, Serialize};

use super::SessionState;

/// The cursor of an import in the log that it copies.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Import {
    pub(crate) incarnation: Incarnation,
    pub(crate) upto: Seq,
    pub(crate) complete: bool,
    /// The account that owns the log there.
    pub(crate) account: AccountId,
}

impl SessionState {
    /// Whether more of the other hub's log is to come. Until then the session is for the import alone.
    pub fn is_importing(&self) -> bool {
        self.import.as_ref().is_some_and(|import| !import.complete)
    }
}

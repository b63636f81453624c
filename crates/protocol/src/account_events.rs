//! Events of an account's own order: where sessions lie, drafts, standing approvals.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::payload::payload;
use crate::{ApprovalId, FolderId, Principal, SessionId};

payload! {
    /// A session is kept at the top of the list, or not any more.
    SessionPinnedEvent {
        /// Which.
        session: SessionId,
        /// Whether.
        pinned: bool,
    }

    /// A session is put aside, or taken back.
    SessionArchivedEvent {
        /// Which.
        session: SessionId,
        /// Whether.
        archived: bool,
    }

    /// A session lies in another folder.
    SessionFiledEvent {
        /// Which.
        session: SessionId,
        /// Where; absent: in none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        folder: Option<FolderId>,
    }

    /// A session is deleted: its log is gone, or will be as soon as the hub comes to it.
    SessionDeletedEvent {
        /// Which.
        session: SessionId,
    }

    /// A folder has this name; the first time, it begins.
    FolderNamedEvent {
        /// Which.
        folder: FolderId,
        /// Its name.
        name: String,
    }

    /// A folder is gone. What lay in it lies in none.
    FolderRemovedEvent {
        /// Which.
        folder: FolderId,
    }

    /// What a person has begun to write in a session, or in one that is not created yet. Replaces what was there; empty: nothing.
    DraftSavedEvent {
        /// Which session.
        session: SessionId,
        /// The text.
        text: String,
    }

    /// Calls of a pattern need no further word, in any session of the account.
    ApprovalGrantedEvent {
        /// The approval that was answered so, which names the grant.
        grant: ApprovalId,
        /// The device that answered.
        by: Principal,
        /// What it covers.
        covers: ApprovalPattern,
    }

    /// They need one again.
    ApprovalGrantRevokedEvent {
        /// Which.
        grant: ApprovalId,
    }

    /// Which calls a standing approval covers: those that are equal in all of it.
    ApprovalPattern {
        /// The tool.
        tool: String,
        /// SHA-256 of the tool's schema, hex.
        tool_digest: String,
        /// The pattern that the runner gave the call.
        pattern: String,
    }
}

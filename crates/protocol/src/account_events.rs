//! Events of an account's log: access, the sessions list and its folders, drafts, standing approvals.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::payload::payload;
use crate::{
    AccountId, AgentId, ApprovalId, FolderId, Principal, RunId, RunnerId, Seq, SessionId,
    TimestampMs,
};

payload! {
    /// The first event of an account's log.
    AccountOpenedEvent {
        /// The same id as the log's.
        account: AccountId,
        name: String,
    }

    /// A device or a runner was given access.
    DeviceLinkedEvent {
        principal: Principal,
        /// The name that a person gave it.
        name: String,
    }

    /// A device or a runner lost its access.
    DeviceRevokedEvent {
        principal: Principal,
    }

    /// The agents of one runner; replaces what it offered before.
    AgentsOfferedEvent {
        runner: RunnerId,
        agents: Vec<AgentDescription>,
    }

    /// The hub's summary of one session; replaces the previous one.
    SessionSummarizedEvent {
        session: SessionId,
        summary: SessionSummary,
    }

    /// A person has read a session up to a seq.
    ReadMarkedEvent {
        session: SessionId,
        /// The last seq that was in view.
        seq: Seq,
    }

    /// One agent that a runner offers.
    AgentDescription {
        /// Its id within the runner.
        id: AgentId,
        /// The display name.
        name: String,
        /// The model that it uses, as the runner's configuration names it.
        model: String,
        /// Whether a running answer can be steered.
        can_steer: bool,
    }

    /// A session as the list shows it.
    SessionSummary {
        /// The session log's head when the hub wrote the summary.
        seq: Seq,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        title: Option<String>,
        /// The beginning of the first prompt, at most [`crate::limits::PREVIEW_CHARS_MAX`] characters.
        preview: String,
        agent: AgentId,
        created_at: TimestampMs,
        /// When something last began or ended.
        updated_at: TimestampMs,
        activity: SessionActivity,
        /// The seq at which a run last ended. The session is unread if it is above the read mark.
        finished_seq: Seq,
        /// Number of prompts that wait.
        queued: u32,
        /// Number of approvals that wait for a person.
        #[serde(default, skip_serializing_if = "is_zero")]
        open_approvals: u32,
    }

    /// A session was pinned to the top of the list, or unpinned.
    SessionPinnedEvent {
        session: SessionId,
        pinned: bool,
    }

    /// A session was archived, or restored.
    SessionArchivedEvent {
        session: SessionId,
        archived: bool,
    }

    /// A session moved into a folder or out of one.
    SessionFiledEvent {
        session: SessionId,
        /// Absent: in no folder.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        folder: Option<FolderId>,
    }

    /// A session was deleted. The hub deletes its log soon after this event.
    SessionDeletedEvent {
        session: SessionId,
    }

    /// A folder was created or renamed; a new id creates the folder.
    FolderNamedEvent {
        folder: FolderId,
        name: String,
    }

    /// A folder was removed. Its sessions are in no folder now.
    FolderRemovedEvent {
        folder: FolderId,
    }

    /// The draft of a prompt for a session, which may not be created yet. Replaces the previous draft; an empty text means no draft.
    DraftSavedEvent {
        session: SessionId,
        text: String,
    }

    /// Calls of a pattern need no further approval in any session of the account.
    ApprovalGrantedEvent {
        /// The approval whose answer created the grant; its id names the grant.
        grant: ApprovalId,
        /// The device that answered.
        by: Principal,
        covers: ApprovalPattern,
    }

    /// A standing approval of the account was taken back: calls of its pattern need an approval again.
    ApprovalGrantRevokedEvent {
        grant: ApprovalId,
    }

    /// Which calls a standing approval covers: those that match all three fields.
    ApprovalPattern {
        tool: String,
        /// SHA-256 of the tool's schema, hex.
        tool_digest: String,
        /// The pattern that the runner gave the call.
        pattern: String,
    }
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// What happens in a session, as far as the sessions list needs it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
#[ts(export)]
pub enum SessionActivity {
    /// Nothing runs and nothing waits.
    Idle,
    /// Prompts wait, for a runner or for a paused queue to resume.
    Waiting,
    /// A run is active.
    Running {
        run: RunId,
        runner: RunnerId,
        started_at: TimestampMs,
    },
    /// The last run failed or was lost, and nothing has run since.
    Failed {
        /// The run that failed or was lost.
        run: RunId,
    },
}

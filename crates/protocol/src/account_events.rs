//! Events of an account: who has access, its sessions and where they lie, drafts, standing approvals.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::payload::payload;
use crate::{
    AccountId, AgentId, ApprovalId, FolderId, Principal, RunId, RunnerId, Seq, SessionId,
    TimestampMs,
};

payload! {
    /// An account begins.
    AccountOpenedEvent {
        /// The account, the same as the log's.
        account: AccountId,
        /// Its name.
        name: String,
    }

    /// A device or a runner has access.
    DeviceLinkedEvent {
        /// Who.
        principal: Principal,
        /// The name that a person gave it.
        name: String,
    }

    /// A device or a runner has no access any more.
    DeviceRevokedEvent {
        /// Who.
        principal: Principal,
    }

    /// The agents of one runner; replaces what it offered before.
    AgentsOfferedEvent {
        /// The runner.
        runner: RunnerId,
        /// Its agents.
        agents: Vec<AgentDescription>,
    }

    /// The hub's summary of one session; replaces the one before.
    SessionSummarizedEvent {
        /// The session.
        session: SessionId,
        /// What the list shows.
        summary: SessionSummary,
    }

    /// A person has seen a session up to here.
    ReadMarkedEvent {
        /// The session.
        session: SessionId,
        /// The last seq that was in view.
        seq: Seq,
    }

    /// One agent that a runner offers.
    AgentDescription {
        /// Its id within the runner.
        id: AgentId,
        /// Its name for people.
        name: String,
        /// The model behind it, as the runner's configuration names it.
        model: String,
        /// Whether a running answer can be steered.
        can_steer: bool,
    }

    /// A session as the list shows it.
    SessionSummary {
        /// The session log's head when this was written.
        seq: Seq,
        /// The title, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        title: Option<String>,
        /// The beginning of the first prompt, at most [`crate::limits::PREVIEW_CHARS_MAX`] characters.
        preview: String,
        /// Which agent answers.
        agent: AgentId,
        /// When it was created.
        created_at: TimestampMs,
        /// When something last began or ended.
        updated_at: TimestampMs,
        /// What goes on.
        activity: SessionActivity,
        /// The seq of the last end of a run; unread when it is above the read mark.
        finished_seq: Seq,
        /// How many prompts wait.
        queued: u32,
        /// How many approvals wait for a person.
        #[serde(default, skip_serializing_if = "is_zero")]
        open_approvals: u32,
    }

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

fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// What goes on in a session, as far as the list needs it.
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
    /// Prompts wait for a runner or for a paused queue.
    Waiting,
    /// A run is on.
    Running {
        /// Which.
        run: RunId,
        /// Where.
        runner: RunnerId,
        /// Since when.
        started_at: TimestampMs,
    },
    /// The last run failed or was lost, and nothing has run since.
    Failed {
        /// Which.
        run: RunId,
    },
}

//! Session events for approvals, edits of waiting prompts, branches and forks.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::payload::{closed_enum, payload};
use crate::{ApprovalId, CallId, PromptId, RunId, Seq, SessionId};

payload! {
    /// A tool call that an agent wants to make, exact enough for a person to decide on.
    ToolUse {
        tool: String,
        /// SHA-256 of the tool's schema as its server gave it, hex. A changed tool counts as another tool.
        tool_digest: String,
        /// The arguments as the model wrote them.
        arguments: String,
    }

    /// An agent waits for a person's approval before it uses a tool.
    ApprovalRequestedEvent {
        /// The runner makes the id.
        approval: ApprovalId,
        /// The run that waits.
        run: RunId,
        /// The call within the run.
        call: CallId,
        wanted: ToolUse,
        /// Decides which calls an answer with scope `session` or `always` covers: those with the same tool, tool digest and pattern.
        /// Compared as a whole, never matched in part.
        pattern: String,
        /// Where the tool would run, for display.
        place: String,
        /// The reason, in the agent's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        reason: Option<String>,
        /// SHA-256 over `wanted`, hex. See `docs/PROTOCOL.md`, "Approvals". An answer must name it.
        digest: String,
    }

    /// A person's answer, exactly one for each approval. The author is the device that answered, or the device whose earlier answer covers
    /// this call.
    ApprovalAnsweredEvent {
        approval: ApprovalId,
        /// The run that waited.
        run: RunId,
        answer: ApprovalAnswer,
        scope: ApprovalScope,
        /// What the agent is told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        reason: Option<String>,
    }

    /// The approval is no longer needed: its run ends without an answer.
    ApprovalCancelledEvent {
        approval: ApprovalId,
        /// The run that waited.
        run: RunId,
    }

    /// An answer that covered later calls of this session no longer applies: the next such call needs an approval.
    ApprovalRevokedEvent {
        /// The approval whose answer no longer applies.
        approval: ApprovalId,
    }

    /// A device edits a waiting prompt. Until it finishes, no other device edits the prompt and no run takes it.
    PromptEditBeganEvent {
        prompt: PromptId,
    }

    /// An edit ended and left the text unchanged. (`promptEdited` ends an edit, too.)
    PromptEditEndedEvent {
        prompt: PromptId,
        reason: EditEndReason,
    }

    /// Another branch is shown: the one through this prompt, down to its newest end.
    BranchChosenEvent {
        prompt: PromptId,
    }

    /// The session begins with a copy of another session's history, which follows.
    SessionForkedEvent {
        /// The session whose history is copied.
        from: SessionId,
        at: ForkPoint,
        /// The other log's head at the time of the fork.
        seq: Seq,
    }
}

closed_enum! {
    /// A person's answer to an approval.
    ApprovalAnswer {
        Allow,
        Deny,
    }

    /// How far an answer reaches.
    ApprovalScope {
        /// This call alone.
        Once,
        /// Calls of the same pattern in this session.
        Session,
        /// Calls of the same pattern in every session of the account.
        Always,
    }

    /// Why an edit ended without a change.
    EditEndReason {
        /// The device gave up the edit.
        Abandoned,
        /// The device did not renew the edit lease in time.
        Expired,
    }
}

/// Where a session forks, which decides how much history the copy has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "camelCase")]
#[ts(export)]
pub enum ForkPoint {
    /// Everything up to and including this answer.
    After {
        /// The run that gave the answer. It must have ended.
        run: RunId,
    },
    /// Everything before this prompt.
    Before {
        /// The first prompt that the fork leaves out.
        prompt: PromptId,
    },
}

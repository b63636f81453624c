//! Events of approvals, edits of the queue, branches and forks: session logs.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::payload::{closed_enum, payload};
use crate::{ApprovalId, CallId, PromptId, RunId, Seq, SessionId};

payload! {
    /// A tool that an agent wants to use, so exactly that a person can decide about it.
    ToolUse {
        /// Which tool.
        tool: String,
        /// SHA-256 of the tool's schema as its server gave it, hex: a tool that has changed is another tool.
        tool_digest: String,
        /// The arguments as the model wrote them.
        arguments: String,
    }

    /// An agent waits for a person's word before it uses a tool.
    ApprovalRequestedEvent {
        /// The approval, named by the runner.
        approval: ApprovalId,
        /// The run that waits.
        run: RunId,
        /// The call within the run.
        call: CallId,
        /// What is wanted.
        wanted: ToolUse,
        /// Which calls an answer for the session or for always covers: those with the same tool, tool digest and pattern. Compared
        /// as a whole, never searched in.
        pattern: String,
        /// Where it would run, for people.
        place: String,
        /// Why, in the agent's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        reason: Option<String>,
        /// SHA-256 over what is wanted, hex. See `docs/PROTOCOL.md`, "Approvals". An answer names it.
        digest: String,
    }

    /// A person has answered, once and for all. By a device, or by the device whose earlier answer covers this call.
    ApprovalAnsweredEvent {
        /// Which.
        approval: ApprovalId,
        /// The run that waited.
        run: RunId,
        /// Yes or no.
        answer: ApprovalAnswer,
        /// How far the answer reaches.
        scope: ApprovalScope,
        /// What the agent is told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        reason: Option<String>,
    }

    /// Nobody's word is needed any more: the run is over.
    ApprovalCancelledEvent {
        /// Which.
        approval: ApprovalId,
        /// The run that waited.
        run: RunId,
    }

    /// An answer that covers later calls of this session holds no more: the next such call is asked about.
    ApprovalRevokedEvent {
        /// The approval that was answered so.
        approval: ApprovalId,
    }

    /// A device edits a waiting prompt: until it is done, nobody else does and no run takes the prompt.
    PromptEditBeganEvent {
        /// Which.
        prompt: PromptId,
    }

    /// Nobody edits the prompt any more, and its text is as before. (`promptEdited` ends an edit, too.)
    PromptEditEndedEvent {
        /// Which.
        prompt: PromptId,
        /// Why.
        reason: EditEndReason,
    }

    /// Another branch is shown: the one through this prompt, down to its newest end.
    BranchChosenEvent {
        /// The prompt.
        prompt: PromptId,
    }

    /// The session begins with a copy of another one's history, which follows.
    SessionForkedEvent {
        /// The other one.
        from: SessionId,
        /// Where it forks.
        at: ForkPoint,
        /// The other log's head then.
        seq: Seq,
    }
}

closed_enum! {
    /// What a person says.
    ApprovalAnswer {
        /// Yes.
        Allow,
        /// No.
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

    /// Why an edit is over that changed nothing.
    EditEndReason {
        /// The device gave it up.
        Abandoned,
        /// Nothing was heard of it for too long.
        Expired,
    }
}

/// Where a session forks: what comes with it, and what does not.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "camelCase")]
#[ts(export)]
pub enum ForkPoint {
    /// Everything up to this answer, with it.
    After {
        /// The run that gave the answer. It must be over.
        run: RunId,
    },
    /// Everything up to this prompt, without it.
    Before {
        /// The prompt.
        prompt: PromptId,
    },
}

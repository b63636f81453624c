//! Commands of approvals, edits, branches, forks, and of an account's own order.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::payload::payload;
use crate::{
    ApprovalAnswer, ApprovalId, ApprovalScope, Delivery, FolderId, ForkPoint, PromptId, Seq,
    SessionId,
};

payload! {
    /// Answers. The first answer counts; the same one again changes nothing, another one is refused.
    AnswerApprovalCommand {
        /// Which.
        approval: ApprovalId,
        /// The digest of the request that the person saw.
        digest: String,
        /// Yes or no.
        answer: ApprovalAnswer,
        /// How far it reaches.
        scope: ApprovalScope,
        /// What the agent is told, at most [`crate::limits::REASON_CHARS_MAX`] characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        reason: Option<String>,
    }

    /// Takes back an answer for the session: later calls of its pattern are asked about again. What was allowed already is done.
    RevokeApprovalCommand {
        /// The approval that was answered so.
        approval: ApprovalId,
    }

    /// Keeps a waiting prompt for this device for [`crate::limits::PROMPT_EDIT_MS`].
    BeginPromptEditCommand {
        /// Which.
        prompt: PromptId,
    }

    /// Gives it up.
    EndPromptEditCommand {
        /// Which.
        prompt: PromptId,
    }

    /// Asks again; the command's id is the new prompt's id. The other answer is kept.
    ResendPromptCommand {
        /// The prompt beside which the branch begins. It must have been taken by a run.
        prompt: PromptId,
        /// The new text, or the same one for another answer.
        text: String,
        /// Queue or interrupt.
        delivery: Delivery,
    }

    /// Shows a branch. Refused with `session_busy` while a run is on.
    ChooseBranchCommand {
        /// A prompt of the branch.
        prompt: PromptId,
    }

    /// Forks.
    ForkSessionCommand {
        /// The session with the history.
        from: SessionId,
        /// Where.
        at: ForkPoint,
        /// A title; absent: the other one's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        title: Option<String>,
    }

    /// Pins.
    PinSessionCommand {
        /// Which.
        session: SessionId,
        /// Whether.
        pinned: bool,
    }

    /// Archives.
    ArchiveSessionCommand {
        /// Which.
        session: SessionId,
        /// Whether.
        archived: bool,
    }

    /// Files.
    FileSessionCommand {
        /// Which.
        session: SessionId,
        /// Where; absent: in no folder.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        folder: Option<FolderId>,
    }

    /// Deletes. What runs there is stopped; nothing of it comes back.
    DeleteSessionCommand {
        /// Which.
        session: SessionId,
    }

    /// Names a folder.
    NameFolderCommand {
        /// Which; a new id makes a folder.
        folder: FolderId,
        /// 1 to [`crate::limits::FOLDER_NAME_CHARS_MAX`] characters.
        name: String,
    }

    /// Removes a folder.
    RemoveFolderCommand {
        /// Which.
        folder: FolderId,
    }

    /// Saves a draft. An older text never replaces a newer one: `based_on` says which draft the person saw when they wrote this one,
    /// and where another device has saved since, the command is refused with `draft_conflict`.
    SaveDraftCommand {
        /// The session, which may not be created yet.
        session: SessionId,
        /// At most [`crate::limits::PROMPT_BYTES_MAX`] bytes; empty: the draft was sent or given up.
        text: String,
        /// The seq of the `draftSaved` that this text goes on from; 0: there was none.
        based_on: Seq,
    }

    /// Revokes a grant.
    RevokeApprovalGrantCommand {
        /// Which.
        grant: ApprovalId,
    }
}

//! Commands for approvals, edits, branches and forks, and for an account's folders, pins and drafts.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::payload::payload;
use crate::{
    ApprovalAnswer, ApprovalId, ApprovalScope, Delivery, FolderId, ForkPoint, PromptId, Seq,
    SessionId,
};

payload! {
    /// Answers an approval. The first answer counts: repeating it changes nothing, a different one is refused.
    AnswerApprovalCommand {
        approval: ApprovalId,
        /// The digest of the request that the person saw.
        digest: String,
        answer: ApprovalAnswer,
        scope: ApprovalScope,
        /// What the agent is told, at most [`crate::limits::REASON_CHARS_MAX`] characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        reason: Option<String>,
    }

    /// Takes back an answer that covers the session: later calls of its pattern need an approval again. Calls that it allowed before are
    /// not undone.
    RevokeApprovalCommand {
        /// The approval whose answer is taken back.
        approval: ApprovalId,
    }

    /// Gives this device the edit lease on a waiting prompt for [`crate::limits::PROMPT_EDIT_MS`], or renews it.
    BeginPromptEditCommand {
        prompt: PromptId,
    }

    /// Ends this device's edit of a waiting prompt and leaves its text unchanged.
    EndPromptEditCommand {
        prompt: PromptId,
    }

    /// Sends a prompt again as a branch; the command's id is the new prompt's id. The earlier answer is kept.
    ResendPromptCommand {
        /// The prompt next to which the branch begins. A run must have taken it.
        prompt: PromptId,
        /// The new text, or the same one for another answer.
        text: String,
        /// Queue or interrupt.
        delivery: Delivery,
    }

    /// Shows a branch. Refused with `session_busy` while a run is active.
    ChooseBranchCommand {
        /// A prompt of the branch.
        prompt: PromptId,
    }

    /// Creates a session with a copy of another session's history.
    ForkSessionCommand {
        /// The session whose history is copied.
        from: SessionId,
        at: ForkPoint,
        /// Absent: the title of the other session.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        title: Option<String>,
    }

    /// Pins a session to the top of the list, or unpins it.
    PinSessionCommand {
        session: SessionId,
        pinned: bool,
    }

    /// Archives a session, or restores it.
    ArchiveSessionCommand {
        session: SessionId,
        archived: bool,
    }

    /// Moves a session into a folder, or out of any folder.
    FileSessionCommand {
        session: SessionId,
        /// Absent: in no folder.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        folder: Option<FolderId>,
    }

    /// Deletes a session permanently and stops what runs in it.
    DeleteSessionCommand {
        session: SessionId,
    }

    /// Creates or renames a folder.
    NameFolderCommand {
        /// A new id creates a folder.
        folder: FolderId,
        /// 1 to [`crate::limits::FOLDER_NAME_CHARS_MAX`] characters.
        name: String,
    }

    /// Removes a folder. Its sessions are kept.
    RemoveFolderCommand {
        folder: FolderId,
    }

    /// Saves a draft. An older text never replaces a newer one: `based_on` names the draft that the person saw while writing, and if
    /// another device has saved since, the hub refuses the command with `draft_conflict`.
    SaveDraftCommand {
        /// May be a session that is not created yet.
        session: SessionId,
        /// At most [`crate::limits::PROMPT_BYTES_MAX`] bytes; empty: the draft was sent or discarded.
        text: String,
        /// The seq of the `draftSaved` that this text continues; 0 if there was none.
        based_on: Seq,
    }

    /// Takes back a standing approval of the account.
    RevokeApprovalGrantCommand {
        /// The approval whose answer created the grant.
        grant: ApprovalId,
    }
}

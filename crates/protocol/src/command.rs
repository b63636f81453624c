//! Commands (intents) and their receipts.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::control_commands::*;
use crate::import::ImportBatchCommand;
use crate::payload::{closed_enum, payload};
use crate::{
    AgentId, CommandId, Delivery, ErrorBody, LogId, PromptId, RunId, RunOutcome, RunnerId, Seq,
    SessionId, TimestampMs,
};

/// An intent of a device. Idempotent without a time limit: the same id and body always get the same receipt; the same id with another body
/// is a conflict.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Command {
    /// Made by the device.
    pub id: CommandId,
    /// The account's log if [`CommandBody::is_for_account`], otherwise a session's log.
    pub log: LogId,
    /// Must hold when the hub decides the command; absent: unconditional.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub only_if: Option<CommandCondition>,
    pub body: CommandBody,
}

closed_enum! {
    /// A precondition, checked when the hub decides the command. If it does not hold, the hub refuses the command with `session_busy`.
    CommandCondition {
        /// Nothing runs and nothing waits in the session.
        Idle,
    }
}

/// The intent, named in the imperative.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "camelCase")]
#[ts(export)]
pub enum CommandBody {
    /// Create the session that the log id names.
    CreateSession(CreateSessionCommand),
    RenameSession(RenameSessionCommand),
    SendPrompt(SendPromptCommand),
    /// Change the text of a waiting prompt.
    EditPrompt(EditPromptCommand),
    /// Take back a waiting prompt.
    WithdrawPrompt(WithdrawPromptCommand),
    /// Move a waiting prompt within the queue.
    MovePrompt(MovePromptCommand),
    /// Stop what runs and run this waiting prompt first.
    SendPromptNow(SendPromptNowCommand),
    StopRun(StopRunCommand),
    /// Run the prompt of a failed, lost or stopped run again.
    RetryRun(RetryRunCommand),
    /// Start no further runs.
    PauseQueue(PauseQueueCommand),
    /// Start runs again.
    ResumeQueue(ResumeQueueCommand),
    /// Advance the account's read mark for a session. Account log.
    MarkRead(MarkReadCommand),
    /// Allow or deny a tool call.
    AnswerApproval(AnswerApprovalCommand),
    /// Take back an answer that covers later calls in the session.
    RevokeApproval(RevokeApprovalCommand),
    /// Take the edit lease on a waiting prompt, or renew it.
    BeginPromptEdit(BeginPromptEditCommand),
    /// Release the edit lease and leave the prompt unchanged.
    EndPromptEdit(EndPromptEditCommand),
    /// Begin a branch next to a prompt, with a new text or the same one.
    ResendPrompt(ResendPromptCommand),
    /// Show another branch.
    ChooseBranch(ChooseBranchCommand),
    /// Create the session that the log id names with a copy of another session's history.
    ForkSession(ForkSessionCommand),
    /// Copy a batch of another hub's log into the session that the log id names.
    ImportBatch(ImportBatchCommand),
    /// Pin a session to the top of the list, or unpin it. Account log.
    PinSession(PinSessionCommand),
    /// Archive a session, or restore it. Account log.
    ArchiveSession(ArchiveSessionCommand),
    /// Move a session into a folder or out of one. Account log.
    FileSession(FileSessionCommand),
    /// Delete a session permanently. Account log.
    DeleteSession(DeleteSessionCommand),
    /// Create or rename a folder. Account log.
    NameFolder(NameFolderCommand),
    /// Remove a folder but keep its sessions. Account log.
    RemoveFolder(RemoveFolderCommand),
    /// Save the draft of a prompt. Account log.
    SaveDraft(SaveDraftCommand),
    /// Take back a standing approval. Account log.
    RevokeApprovalGrant(RevokeApprovalGrantCommand),
}

impl CommandBody {
    /// Whether this may be the first command of the session that the log id names.
    pub fn begins_session(&self) -> bool {
        matches!(
            self,
            Self::CreateSession(_) | Self::ForkSession(_) | Self::ImportBatch(_)
        )
    }

    /// Whether the command goes to the account's log. All others go to their session's log.
    pub fn is_for_account(&self) -> bool {
        match self {
            Self::MarkRead(_)
            | Self::PinSession(_)
            | Self::ArchiveSession(_)
            | Self::FileSession(_)
            | Self::DeleteSession(_)
            | Self::NameFolder(_)
            | Self::RemoveFolder(_)
            | Self::SaveDraft(_)
            | Self::RevokeApprovalGrant(_) => true,
            Self::CreateSession(_)
            | Self::ForkSession(_)
            | Self::ImportBatch(_)
            | Self::RenameSession(_)
            | Self::SendPrompt(_)
            | Self::EditPrompt(_)
            | Self::WithdrawPrompt(_)
            | Self::SendPromptNow(_)
            | Self::MovePrompt(_)
            | Self::PauseQueue(_)
            | Self::ResumeQueue(_)
            | Self::StopRun(_)
            | Self::RetryRun(_)
            | Self::AnswerApproval(_)
            | Self::RevokeApproval(_)
            | Self::BeginPromptEdit(_)
            | Self::EndPromptEdit(_)
            | Self::ResendPrompt(_)
            | Self::ChooseBranch(_) => false,
        }
    }
}

payload! {
    /// Creates the session.
    CreateSessionCommand {
        agent: AgentId,
        /// The runner that must host the session; absent: any that offers the agent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        runner: Option<RunnerId>,
        /// Absent: the hub derives a title from the first prompt when the first run ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        title: Option<String>,
    }

    /// Renames the session.
    RenameSessionCommand {
        /// 1 to [`crate::limits::TITLE_CHARS_MAX`] characters.
        title: String,
    }

    /// Sends a prompt; the command's id is the prompt's id.
    SendPromptCommand {
        /// 1 to [`crate::limits::PROMPT_BYTES_MAX`] bytes.
        text: String,
        /// Matters only while a run is active; otherwise the prompt is queued and starts at once.
        delivery: Delivery,
        /// The run to steer, for example a sub-agent's; absent: the root run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        run: Option<RunId>,
    }

    /// Edits a waiting prompt.
    EditPromptCommand {
        prompt: PromptId,
        /// The whole new text.
        text: String,
    }

    /// Withdraws a waiting prompt. Refused with `prompt_already_taken` if a run has taken it.
    WithdrawPromptCommand {
        prompt: PromptId,
    }

    /// Moves a waiting prompt within the queue.
    MovePromptCommand {
        prompt: PromptId,
        /// The prompt to move it before; absent: to the end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        before: Option<PromptId>,
    }

    /// Sends a waiting prompt ahead of the queue.
    SendPromptNowCommand {
        prompt: PromptId,
    }

    /// Stops a run, or withdraws a prompt that has no run yet.
    StopRunCommand {
        target: StopTarget,
        scope: StopScope,
    }

    /// Runs the prompt of a run again.
    RetryRunCommand {
        run: RunId,
    }

    /// Pauses the queue.
    PauseQueueCommand {}

    /// Resumes the queue.
    ResumeQueueCommand {}

    /// Marks a session as read up to a seq.
    MarkReadCommand {
        session: SessionId,
        /// The last seq in view. A seq below the current mark changes nothing.
        seq: Seq,
    }
}

/// The target of a stop. It is named, so that a late stop never hits the next run.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "camelCase")]
#[ts(export)]
pub enum StopTarget {
    Run {
        run: RunId,
    },
    /// A prompt, whose run may not exist yet.
    Prompt {
        prompt: PromptId,
    },
}

/// How far a stop reaches.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum StopScope {
    /// The target alone.
    Run,
    /// The target and the runs that it started.
    Tree,
    /// Everything that runs in the session.
    Session,
}

/// The hub's one answer to a command.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Receipt {
    pub command: CommandId,
    pub log: LogId,
    /// The log's head right after the command. Every event of the command is at or below it.
    pub seq: Seq,
    /// By the hub's clock.
    pub recorded_at: TimestampMs,
    pub outcome: ReceiptOutcome,
}

/// Accepted with an effect, or refused with a reason.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
#[ts(export)]
pub enum ReceiptOutcome {
    Accepted {
        effect: CommandEffect,
    },
    /// Not done, and never will be under this id.
    Refused {
        error: ErrorBody,
    },
}

/// What an accepted command did.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
#[ts(export)]
pub enum CommandEffect {
    /// The command did what it asked for.
    Applied,
    /// The state already matched; the hub wrote nothing.
    Unchanged,
    PromptAccepted {
        /// How the prompt will be delivered. Differs from the requested delivery if that was not possible.
        delivery: Delivery,
    },
    Stopped {
        /// The target first.
        runs: Vec<RunId>,
    },
    /// The prompt had no run yet and was withdrawn.
    Withdrawn,
    /// The session now has the other hub's log up to `upto`.
    Imported {
        /// A seq of the other hub's log; the next batch continues from it.
        upto: Seq,
        /// Whether that is the whole log.
        complete: bool,
    },
    AlreadyEnded {
        outcome: RunOutcome,
    },
}

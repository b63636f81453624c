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

/// An intent of a device. Sending it again, for ever, gives the same receipt; another body under the same id is a conflict.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Command {
    /// Made by the device.
    pub id: CommandId,
    /// The log that it is about.
    pub log: LogId,
    /// What must hold when the hub decides; absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub only_if: Option<CommandCondition>,
    /// What is wanted.
    pub body: CommandBody,
}

closed_enum! {
    /// What must hold when the hub decides a command. Where it does not, the command is refused with `session_busy`.
    CommandCondition {
        /// In the session nothing runs and nothing waits.
        Idle,
    }
}

/// What is wanted, imperative.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "camelCase")]
#[ts(export)]
pub enum CommandBody {
    /// Begin the session that the log id names.
    CreateSession(CreateSessionCommand),
    /// Give the session a title.
    RenameSession(RenameSessionCommand),
    /// Ask the agent.
    SendPrompt(SendPromptCommand),
    /// Change a prompt that waits.
    EditPrompt(EditPromptCommand),
    /// Take back a prompt that waits.
    WithdrawPrompt(WithdrawPromptCommand),
    /// Change the place of a prompt that waits.
    MovePrompt(MovePromptCommand),
    /// Stop what runs and run this waiting prompt first.
    SendPromptNow(SendPromptNowCommand),
    /// Stop.
    StopRun(StopRunCommand),
    /// Run a failed, lost or stopped run's prompt again.
    RetryRun(RetryRunCommand),
    /// Start no further runs.
    PauseQueue(PauseQueueCommand),
    /// Start runs again.
    ResumeQueue(ResumeQueueCommand),
    /// Move the account's read mark of a session. Account log.
    MarkRead(MarkReadCommand),
    /// Say whether an agent may use a tool.
    AnswerApproval(AnswerApprovalCommand),
    /// Take back an answer that covers later calls of the session.
    RevokeApproval(RevokeApprovalCommand),
    /// Keep a waiting prompt for editing; sent again, keep it longer.
    BeginPromptEdit(BeginPromptEditCommand),
    /// Give an edit up.
    EndPromptEdit(EndPromptEditCommand),
    /// Ask again beside a prompt, with another text or the same: a branch.
    ResendPrompt(ResendPromptCommand),
    /// Show another branch.
    ChooseBranch(ChooseBranchCommand),
    /// Begin the session that the log id names with a copy of another one's history.
    ForkSession(ForkSessionCommand),
    /// Copy a batch of another hub's log into the session that the log id names.
    ImportBatch(ImportBatchCommand),
    /// Keep a session at the top of the list. Account log.
    PinSession(PinSessionCommand),
    /// Put a session aside. Account log.
    ArchiveSession(ArchiveSessionCommand),
    /// Put a session into a folder. Account log.
    FileSession(FileSessionCommand),
    /// Delete a session for ever. Account log.
    DeleteSession(DeleteSessionCommand),
    /// Make a folder or rename it. Account log.
    NameFolder(NameFolderCommand),
    /// Remove a folder, not what lies in it. Account log.
    RemoveFolder(RemoveFolderCommand),
    /// Keep what a person has begun to write. Account log.
    SaveDraft(SaveDraftCommand),
    /// Take back a standing approval. Account log.
    RevokeApprovalGrant(RevokeApprovalGrantCommand),
}

impl CommandBody {
    /// Whether the session that the log id names may begin with it.
    pub fn begins_session(&self) -> bool {
        matches!(
            self,
            Self::CreateSession(_) | Self::ForkSession(_) | Self::ImportBatch(_)
        )
    }

    /// Whether it goes to the account's log. Everything else goes to its session's.
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
        /// Which agent answers.
        agent: AgentId,
        /// The runner that must host it; absent: any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        runner: Option<RunnerId>,
        /// A title; absent: one comes by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        title: Option<String>,
    }

    /// Renames.
    RenameSessionCommand {
        /// 1 to [`crate::limits::TITLE_CHARS_MAX`] characters.
        title: String,
    }

    /// Sends a prompt; the command's id is the prompt's id.
    SendPromptCommand {
        /// 1 to [`crate::limits::PROMPT_BYTES_MAX`] bytes.
        text: String,
        /// Only matters while a run is on; otherwise the prompt is queued and starts at once.
        delivery: Delivery,
        /// The run that a steer is meant for, a sub-agent's for example; absent: the one that answers the session's prompt.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        run: Option<RunId>,
    }

    /// Edits a waiting prompt.
    EditPromptCommand {
        /// Which.
        prompt: PromptId,
        /// The whole new text.
        text: String,
    }

    /// Withdraws a waiting prompt: withdrawn, or refused with `prompt_already_taken`.
    WithdrawPromptCommand {
        /// Which.
        prompt: PromptId,
    }

    /// Moves a waiting prompt.
    MovePromptCommand {
        /// Which.
        prompt: PromptId,
        /// Before which other one; absent: to the end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        before: Option<PromptId>,
    }

    /// Sends a waiting prompt before its turn.
    SendPromptNowCommand {
        /// Which.
        prompt: PromptId,
    }

    /// Stops.
    StopRunCommand {
        /// What to stop.
        target: StopTarget,
        /// How far.
        scope: StopScope,
    }

    /// Retries.
    RetryRunCommand {
        /// The run whose prompt runs again.
        run: RunId,
    }

    /// Pauses the queue.
    PauseQueueCommand {}

    /// Resumes the queue.
    ResumeQueueCommand {}

    /// Marks as read.
    MarkReadCommand {
        /// The session.
        session: SessionId,
        /// The last seq in view; a smaller one than the mark changes nothing.
        seq: Seq,
    }
}

/// What a stop is aimed at. A late stop never touches the next run.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "camelCase")]
#[ts(export)]
pub enum StopTarget {
    /// A run.
    Run {
        /// Which.
        run: RunId,
    },
    /// The prompt whose run may not exist yet.
    Prompt {
        /// Which.
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
    /// Which command.
    pub command: CommandId,
    /// Which log.
    pub log: LogId,
    /// The log's head right after the command. What the command did stands at or below it.
    pub seq: Seq,
    /// By the hub's clock.
    pub recorded_at: TimestampMs,
    /// What happened.
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
    /// Done.
    Accepted {
        /// What was done.
        effect: CommandEffect,
    },
    /// Not done, and never will be under this id.
    Refused {
        /// Why, and what to do.
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
    /// What was asked for.
    Applied,
    /// It was so already; nothing was written.
    Unchanged,
    /// The prompt is accepted.
    PromptAccepted {
        /// How it will be delivered; differs from what was asked for where that was not possible.
        delivery: Delivery,
    },
    /// These runs were stopped.
    Stopped {
        /// Which, the target first.
        runs: Vec<RunId>,
    },
    /// The prompt had no run yet: it was withdrawn.
    Withdrawn,
    /// The session has the other hub's log up to here.
    Imported {
        /// The seq there; the next batch continues it.
        upto: Seq,
        /// Whether that is all of it.
        complete: bool,
    },
    /// The run had ended before.
    AlreadyEnded {
        /// How.
        outcome: RunOutcome,
    },
}

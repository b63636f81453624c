//! Session events of the session itself, its prompts and its queue.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::payload::{closed_enum, payload};
use crate::{AccountId, AgentId, PromptId, RunId, RunnerId, SessionId};

payload! {
    /// The first event of a session's log.
    SessionCreatedEvent {
        /// The same id as the log's.
        session: SessionId,
        /// The account that owns it.
        account: AccountId,
        agent: AgentId,
        /// The runner that must host the session; absent: any runner of the account that offers the agent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        runner: Option<RunnerId>,
        /// The title, if the person chose one at creation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        title: Option<String>,
    }

    /// A session has a new title.
    SessionRenamedEvent {
        title: String,
        /// A person's title is never replaced by an automatic one.
        source: TitleSource,
    }

    /// The hub accepted a prompt.
    PromptSentEvent {
        /// The id of the command that sent the prompt.
        prompt: PromptId,
        text: String,
        /// How the prompt will be delivered; may differ from `requested`.
        delivery: Delivery,
        /// The delivery that the person asked for.
        requested: Delivery,
        /// The run that a steer is meant for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        run: Option<RunId>,
        /// The prompt next to which this one begins a branch: both follow the same turn. Absent: this one follows the branch that is shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        branch_of: Option<PromptId>,
    }

    /// The text of a waiting prompt changed.
    PromptEditedEvent {
        prompt: PromptId,
        /// The whole new text.
        text: String,
    }

    /// A waiting prompt was taken back before a run took it.
    PromptWithdrawnEvent {
        prompt: PromptId,
    }

    /// A prompt moved to the head of the queue.
    PromptRequeuedEvent {
        prompt: PromptId,
        /// The prompt's text, so that a retry of an old run need not look it up in the log.
        text: String,
        reason: RequeueReason,
    }

    /// A waiting prompt moved within the queue.
    PromptMovedEvent {
        prompt: PromptId,
        /// The prompt that now follows it; absent: it is the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        before: Option<PromptId>,
    }

    /// No run starts on its own until the queue is resumed.
    QueuePausedEvent {
        reason: PauseReason,
    }

    /// Runs start again.
    QueueResumedEvent {}
}

closed_enum! {
    /// How a prompt reaches a session that is at work.
    Delivery {
        /// Into the active run.
        Steer,
        /// After the whole task.
        Queue,
        /// Stop what runs, then run this prompt first.
        Interrupt,
    }

    /// Who chose a title.
    TitleSource {
        Person,
        /// Baton itself.
        Automatic,
    }

    /// Why a prompt moved to the head of the queue.
    RequeueReason {
        /// Its run ended before it consumed the steer.
        SteerMissed,
        /// A person retried its run.
        Retry,
        /// A person sent it ahead of the queue.
        SentNow,
    }

    /// Why a queue is paused.
    PauseReason {
        /// A run was stopped.
        Stopped,
        /// A run failed.
        Failed,
        /// A run's host was lost.
        Lost,
        /// A person paused it.
        Person,
    }
}

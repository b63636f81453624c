//! Events of a session, its prompts and its queue: session logs.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::payload::{closed_enum, payload};
use crate::{AccountId, AgentId, PromptId, RunId, RunnerId, SessionId};

payload! {
    /// A session begins.
    SessionCreatedEvent {
        /// The session, the same as the log's.
        session: SessionId,
        /// The account that owns it.
        account: AccountId,
        /// Which agent answers.
        agent: AgentId,
        /// The runner that must host it; absent: any runner of the account that offers the agent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        runner: Option<RunnerId>,
        /// A title that the person gave at once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        title: Option<String>,
    }

    /// A session has a new title.
    SessionRenamedEvent {
        /// The title.
        title: String,
        /// A person's title is never replaced by an automatic one.
        source: TitleSource,
    }

    /// A prompt is accepted.
    PromptSentEvent {
        /// The prompt; its id is the command's.
        prompt: PromptId,
        /// What the person wrote.
        text: String,
        /// How it will be delivered.
        delivery: Delivery,
        /// What the person asked for.
        requested: Delivery,
        /// The run that a steer is meant for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        run: Option<RunId>,
        /// The prompt beside which this one begins a branch: both follow the same turn. Absent: it follows the branch that is shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        branch_of: Option<PromptId>,
    }

    /// A waiting prompt has another text.
    PromptEditedEvent {
        /// Which one.
        prompt: PromptId,
        /// The whole new text.
        text: String,
    }

    /// A waiting prompt was taken back before anything took it.
    PromptWithdrawnEvent {
        /// Which one.
        prompt: PromptId,
    }

    /// A prompt heads the queue (again).
    PromptRequeuedEvent {
        /// Which one.
        prompt: PromptId,
        /// Its text, so that a retry of an old run needs no look back.
        text: String,
        /// Why.
        reason: RequeueReason,
    }

    /// A waiting prompt has another place in the queue.
    PromptMovedEvent {
        /// Which one.
        prompt: PromptId,
        /// The one that it stands before now; absent: it is the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        before: Option<PromptId>,
    }

    /// No run starts by itself until the queue is resumed.
    QueuePausedEvent {
        /// Why.
        reason: PauseReason,
    }

    /// Runs start again.
    QueueResumedEvent {}
}

closed_enum! {
    /// How a prompt meets a session that is at work.
    Delivery {
        /// Into the running run.
        Steer,
        /// After the whole task.
        Queue,
        /// Stop, then this one first.
        Interrupt,
    }

    /// Who chose a title.
    TitleSource {
        /// A person.
        Person,
        /// Baton itself.
        Automatic,
    }

    /// Why a prompt heads the queue.
    RequeueReason {
        /// Its run ended before it could take the steer in.
        SteerMissed,
        /// A person asked for another try.
        Retry,
        /// A person sent it before its turn.
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

//! The payload of each kind of event.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::payload::{closed_enum, payload};
use crate::{
    AccountId, AgentId, DeviceId, Epoch, PartIndex, PartKind, Principal, PromptId, RunId, RunnerId,
    RunnerInstanceId, Seq, SessionId, TimestampMs,
};

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

    /// A run begins: the runner holds its lease.
    RunStartedEvent {
        /// The run.
        run: RunId,
        /// The prompt that it answers.
        prompt: PromptId,
        /// Which agent.
        agent: AgentId,
        /// On which runner.
        runner: RunnerId,
        /// Which start of that runner's process.
        instance: RunnerInstanceId,
        /// The lease's epoch.
        epoch: Epoch,
        /// The run that started it, for a sub-agent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        parent: Option<RunId>,
    }

    /// Steering prompts are part of the run now; what the run writes after this has them in view.
    SteerConsumedEvent {
        /// The run.
        run: RunId,
        /// Which prompts, in the order in which they were sent.
        prompts: Vec<PromptId>,
    }

    /// A part begins, with no text.
    PartOpenedEvent {
        /// The run.
        run: RunId,
        /// Its place in the run.
        part: PartIndex,
        /// What it is.
        kind: PartKind,
    }

    /// Text for an open part.
    PartAppendedEvent {
        /// The run.
        run: RunId,
        /// The part.
        part: PartIndex,
        /// Where it begins: the length of the part's text so far, in UTF-8 bytes.
        offset: u64,
        /// What is added.
        text: String,
    }

    /// A part gets no more text.
    PartClosedEvent {
        /// The run.
        run: RunId,
        /// The part.
        part: PartIndex,
        /// Whole or cut.
        end: PartEnd,
    }

    /// A closed part in one event, at the seq of its close. A reader inside the part replaces what it has with `text`.
    PartSealedEvent {
        /// The run.
        run: RunId,
        /// The part.
        part: PartIndex,
        /// Whole or cut.
        end: PartEnd,
        /// The seq of the first append that this event stands for. No batch ends in `[since, seq)`.
        since: Seq,
        /// The whole text.
        text: String,
    }

    /// A run is over.
    RunEndedEvent {
        /// The run.
        run: RunId,
        /// How it ended.
        outcome: RunOutcome,
        /// SHA-256 over the run's parts, in hex. See `docs/PROTOCOL.md`, "Digest".
        digest: String,
        /// What it used, where the model said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        usage: Option<Usage>,
    }

    /// The host of a stopped run confirms that its work is over.
    TeardownReportedEvent {
        /// The run.
        run: RunId,
        /// Tool calls that were cancelled.
        tools_cancelled: u32,
        /// Tool calls that still run and could not be cancelled, by name.
        still_running: Vec<String>,
    }

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

    /// What an answer used.
    Usage {
        /// Tokens read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "number")]
        input_tokens: Option<u64>,
        /// Tokens written.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "number")]
        output_tokens: Option<u64>,
        /// Calls to the model.
        model_calls: u32,
    }
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

    /// How a part ended.
    PartEnd {
        /// The agent finished it.
        Complete,
        /// It was cut: a stop, a steer, a failure or a lost host.
        Interrupted,
    }
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
#[ts(export)]
pub enum RunOutcome {
    /// The agent finished.
    Completed,
    /// Somebody stopped it.
    Stopped {
        /// Who.
        by: Principal,
    },
    /// It could not go on.
    Failed {
        /// What a person can read and act on.
        message: String,
    },
    /// Its host went away and did not come back within the lease.
    Lost,
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

/// A device's or a runner's id, for maps of names.
impl Principal {
    /// The id as text, absent for the hub.
    pub fn id(&self) -> Option<String> {
        match self {
            Self::Device { device, .. } => Some(DeviceId::to_string(device)),
            Self::Runner { runner, .. } => Some(RunnerId::to_string(runner)),
            Self::Hub => None,
        }
    }
}

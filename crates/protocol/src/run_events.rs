//! Events of a run, from its beginning to its end: session logs.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::payload::{closed_enum, display_enum, payload};
use crate::{
    AgentId, Epoch, PartIndex, PartKind, Principal, PromptId, RunId, RunnerId, RunnerInstanceId,
    Seq,
};

payload! {
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
        #[serde(deserialize_with = "crate::ids::safe_integer")]
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
        /// Why the model stopped writing, of a completed run. Absent: it had said everything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        finish_reason: Option<FinishReason>,
    }

    /// The model gave nothing, and the run's host asks it again after a pause. No part of the run is open.
    ModelRetryEvent {
        /// The run.
        run: RunId,
        /// Which repetition of this run it is, from 1 to [`crate::limits::MODEL_RETRIES_PER_RUN_MAX`].
        attempt: u32,
        /// How long the host waits before it asks, in milliseconds from this event's time.
        delay_ms: u32,
        /// Why the model gave nothing.
        reason: RetryReason,
        /// What the model's server said, for people.
        message: String,
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

    /// What an answer used.
    Usage {
        /// Tokens read.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "crate::ids::safe_integer_if_any"
        )]
        #[ts(optional, type = "number")]
        input_tokens: Option<u64>,
        /// Tokens written.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "crate::ids::safe_integer_if_any"
        )]
        #[ts(optional, type = "number")]
        output_tokens: Option<u64>,
        /// Calls to the model.
        model_calls: u32,
    }
}

closed_enum! {
    /// How a part ended.
    PartEnd {
        /// The agent finished it.
        Complete,
        /// It was cut: a stop, a steer, a failure or a lost host.
        Interrupted,
    }
}

display_enum! {
    /// Why a model stopped writing before it had said everything.
    FinishReason, "\"lengthLimit\" | \"contentFilter\" | \"refusal\" | (string & {})" {
        /// The answer is as long as the model or its server allows.
        LengthLimit = "lengthLimit",
        /// The server's filter ended the answer.
        ContentFilter = "contentFilter",
        /// The model declined to answer.
        Refusal = "refusal",
    }

    /// Why a model gave nothing, for now.
    RetryReason, "\"busy\" | \"unreachable\" | \"optionRefused\" | (string & {})" {
        /// Its server says that it cannot answer now.
        Busy = "busy",
        /// Its server cannot be reached.
        Unreachable = "unreachable",
        /// Its server refused an optional field of the request; it is asked without it.
        OptionRefused = "optionRefused",
    }
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

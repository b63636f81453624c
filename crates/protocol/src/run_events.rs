//! Session events of a run, from its start to its end.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::payload::{closed_enum, display_enum, payload};
use crate::{
    AgentId, Epoch, PartIndex, PartKind, Principal, PromptId, RunId, RunnerId, RunnerInstanceId,
    Seq,
};

payload! {
    /// A run began, and the runner holds its lease.
    RunStartedEvent {
        run: RunId,
        /// The prompt that it answers.
        prompt: PromptId,
        agent: AgentId,
        runner: RunnerId,
        /// The start of the runner's process that hosts the run.
        instance: RunnerInstanceId,
        /// The lease's epoch.
        epoch: Epoch,
        /// The run that started this one; only for a sub-agent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        parent: Option<RunId>,
    }

    /// A run consumed steering prompts; everything that it writes after this event takes them into account.
    SteerConsumedEvent {
        run: RunId,
        /// In the order in which they were sent.
        prompts: Vec<PromptId>,
    }

    /// A part begins, still without text.
    PartOpenedEvent {
        run: RunId,
        part: PartIndex,
        kind: PartKind,
    }

    /// Text was added to an open part.
    PartAppendedEvent {
        run: RunId,
        part: PartIndex,
        /// Where the text begins: the length of the part so far, in UTF-8 bytes.
        #[serde(deserialize_with = "crate::ids::safe_integer")]
        offset: u64,
        text: String,
    }

    /// A part ended and gets no more text.
    PartClosedEvent {
        run: RunId,
        part: PartIndex,
        end: PartEnd,
    }

    /// A closed part as one event, at the seq of its close. A reader whose cursor is inside the part replaces the text that it has with
    /// `text`.
    PartSealedEvent {
        run: RunId,
        part: PartIndex,
        end: PartEnd,
        /// The seq of the first append that this event replaces. No batch ends in `[since, seq)`.
        since: Seq,
        /// The whole text of the part.
        text: String,
    }

    /// A run ended.
    RunEndedEvent {
        run: RunId,
        outcome: RunOutcome,
        /// SHA-256 over the run's parts, in hex. See `docs/PROTOCOL.md`, "Digest".
        digest: String,
        /// Absent if the runner did not report it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        usage: Option<Usage>,
        /// Why the model of a completed run stopped early. Absent: it had said everything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        finish_reason: Option<FinishReason>,
    }

    /// The model returned nothing, and the run's host asks it again after a pause. No part of the run is open.
    ModelRetryEvent {
        run: RunId,
        /// Number of the retry within this run, from 1 to [`crate::limits::MODEL_RETRIES_PER_RUN_MAX`].
        attempt: u32,
        /// How long the host waits before the retry, in milliseconds from this event's time.
        delay_ms: u32,
        reason: RetryReason,
        /// The model server's message, for display.
        message: String,
    }

    /// The host of a stopped run confirms that its work has ended.
    TeardownReportedEvent {
        run: RunId,
        /// Number of tool calls that were cancelled.
        tools_cancelled: u32,
        /// Names of tools whose calls still run and could not be cancelled.
        still_running: Vec<String>,
    }

    /// Tokens and model calls that a run used.
    Usage {
        /// Tokens that the model read; absent if unknown.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "crate::ids::safe_integer_if_any"
        )]
        #[ts(optional, type = "number")]
        input_tokens: Option<u64>,
        /// Tokens that the model wrote; absent if unknown.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "crate::ids::safe_integer_if_any"
        )]
        #[ts(optional, type = "number")]
        output_tokens: Option<u64>,
        /// Calls to the model, including those that returned nothing.
        model_calls: u32,
    }
}

closed_enum! {
    /// How a part ended.
    PartEnd {
        /// The agent finished it.
        Complete,
        /// It was cut off by a stop, a steer, a failure or a lost host.
        Interrupted,
    }
}

display_enum! {
    /// Why a model stopped writing before it had said everything.
    FinishReason, "\"lengthLimit\" | \"contentFilter\" | \"refusal\" | (string & {})" {
        /// The answer reached the length that the model or its server allows.
        LengthLimit = "lengthLimit",
        /// The server's filter ended the answer.
        ContentFilter = "contentFilter",
        /// The model declined to answer.
        Refusal = "refusal",
    }

    /// Why a model returned nothing and is asked again.
    RetryReason, "\"busy\" | \"unreachable\" | \"optionRefused\" | (string & {})" {
        /// Its server says that it cannot answer now.
        Busy = "busy",
        /// Its server cannot be reached.
        Unreachable = "unreachable",
        /// Its server refused an optional field of the request; the retry omits the field.
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
    Stopped {
        by: Principal,
    },
    /// The agent could not continue.
    Failed {
        /// What a person can read and act on.
        message: String,
    },
    /// Its host went away and did not return within the lease.
    Lost,
}

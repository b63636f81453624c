//! The sessions list, and the account as every screen needs it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{AgentDescription, LogId, Principal, RunnerId, Seq, SessionId, TimestampMs};

/// One row of the sessions list.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SessionRow {
    pub session: SessionId,
    /// The title, or the first words of the first prompt if the session is untitled.
    pub title: String,
    pub state: SessionRowState,
    /// When something last happened.
    pub updated_at: TimestampMs,
    /// Number of prompts that wait.
    pub queued: u32,
}

/// What a session's row says about it. The list sorts rows in the order of these variants.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
#[ts(export)]
pub enum SessionRowState {
    /// A person must decide something.
    NeedsYou,
    /// The last run failed or was lost, unread.
    Failed,
    /// A run ended, and the account has not read the session since.
    Unread,
    /// A run is active.
    Running {
        started_at: TimestampMs,
    },
    /// Prompts wait.
    Waiting,
    /// The session is only in the outbox.
    NotSent,
    Idle,
}

/// A prompt that a person has begun to write and has not sent.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct DraftView {
    /// The session that it is for.
    pub session: SessionId,
    /// Whether that session was created; otherwise the draft is for its first prompt.
    pub is_begun: bool,
    /// The draft as the account's log has it; empty if the session has no draft.
    pub text: String,
    /// The seq of its `draftSaved`; 0 if there was none.
    pub seq: Seq,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub by: Option<Principal>,
    /// What this device has saved since and the log does not have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub unsent: Option<UnsentDraft>,
}

/// A draft that only this device has.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct UnsentDraft {
    /// Empty: discarded or sent.
    pub text: String,
    /// The seq of the draft that it continues. If the log has a different draft of another device, both are kept.
    pub based_on: Seq,
}

/// An intent in the outbox that this version cannot read: a newer version queued it, or its row is damaged. It is not sent until a version
/// that can read it sends it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct OpaqueIntentView {
    /// Its place in the outbox.
    #[ts(type = "number")]
    pub ordinal: i64,
    /// The session that it is for, if it can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub session: Option<SessionId>,
    /// What the person wrote, if it can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub text: Option<String>,
    /// When it was queued, by this device's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub queued_at: Option<TimestampMs>,
}

/// The account, as every screen needs it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct AccountView {
    /// The principal of this device.
    pub me: Principal,
    pub log: LogId,
    /// Names of devices and runners by id.
    pub names: BTreeMap<String, String>,
    /// Ids of the devices and runners that are connected now; empty while this device is offline.
    pub online: Vec<String>,
    /// Agents that can be chosen.
    pub agents: Vec<OfferedAgent>,
}

/// An agent and its runner.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct OfferedAgent {
    pub runner: RunnerId,
    pub agent: AgentDescription,
}

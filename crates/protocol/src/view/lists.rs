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
    /// Which session.
    pub session: SessionId,
    /// Its title; the first prompt's beginning where there is none.
    pub title: String,
    /// What it says about itself.
    pub state: SessionRowState,
    /// When something last happened.
    pub updated_at: TimestampMs,
    /// How many prompts wait.
    pub queued: u32,
}

/// What a session's row says about it; sorted in this order.
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
    /// Something was finished that nobody has read.
    Unread,
    /// A run is on.
    Running {
        /// Since when.
        started_at: TimestampMs,
    },
    /// Prompts wait.
    Waiting,
    /// Stands only in the outbox.
    NotSent,
    /// Nothing.
    Idle,
}

/// A prompt that somebody has begun to write and not sent.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct DraftView {
    /// The session that it is for.
    pub session: SessionId,
    /// Whether that session was begun; otherwise this would be its first prompt.
    pub is_begun: bool,
    /// What the account's log has; empty: nothing.
    pub text: String,
    /// The seq of its `draftSaved`; 0: there was none.
    pub seq: Seq,
    /// Who saved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub by: Option<Principal>,
    /// What this device has saved since, and the log does not have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub unsent: Option<UnsentDraft>,
}

/// A draft that stands on this device alone.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct UnsentDraft {
    /// The text; empty: given up, or sent.
    pub text: String,
    /// The seq of the draft that it goes on from. Where the log has another one of another device's, both stand.
    pub based_on: Seq,
}

/// An intent in the outbox that this version cannot read: a newer one queued it, or its row is damaged. It is not sent; a version that can
/// read it sends it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct OpaqueIntentView {
    /// Its place in the outbox.
    #[ts(type = "number")]
    pub ordinal: i64,
    /// The session that it is for, where that can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub session: Option<SessionId>,
    /// What the person wrote, where that can be read.
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
    /// This device.
    pub me: Principal,
    /// The account's log.
    pub log: LogId,
    /// Names of devices and runners by id.
    pub names: BTreeMap<String, String>,
    /// Who is connected now, by id; empty while this device is offline.
    pub online: Vec<String>,
    /// Agents that can be chosen.
    pub agents: Vec<OfferedAgent>,
}

/// An agent and its runner.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct OfferedAgent {
    /// The runner.
    pub runner: RunnerId,
    /// The agent.
    pub agent: AgentDescription,
}

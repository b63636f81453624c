//! The frames of the socket at `/v1/socket`: JSON text messages, one frame per message.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{
    AccountId, AgentDescription, Batch, Command, CommandId, Cursor, DeviceId, Epoch, ErrorBody,
    Incarnation, LogId, Principal, ProducerSeq, Receipt, RunId, RunWriteEntry, RunnerInstanceId,
    Seq, SessionId, TimestampMs,
};

/// From a device or a runner to the hub.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
#[ts(export)]
pub enum ClientFrame {
    /// The first frame.
    Hello {
        /// [`crate::limits::PROTOCOL_VERSION`].
        protocol: u32,
        /// What this client supports beyond the protocol's version; the hub ignores names that it does not know.
        #[serde(default)]
        capabilities: Vec<String>,
        /// Runners only: what they host.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        runner: Option<RunnerHello>,
    },
    /// Follow a log: the hub sends batches from the cursor on until `unsubscribe`. A second one for the same log replaces the first.
    Subscribe {
        log: LogId,
        /// The reader's cursor; absent: from the beginning.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        cursor: Option<Cursor>,
        /// The format of saved states that this reader understands. If the reader is far behind, the hub may send a [`HubFrame::Snapshot`]
        /// first. Absent: the hub sends batches only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        state_format: Option<u32>,
        /// With `state_format`, for a session: the reader needs at least this many characters from the end of the conversation, and the hub
        /// may answer with a checkpoint, which knows nothing of what had ended at its seq. Absent: the reader needs everything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "number")]
        newest_chars: Option<u64>,
    },
    /// Read the events that a snapshot replaced: the first batch of `(after, upto]`. Neither end may lie inside a sealed part. Answered by
    /// `history`, or refused as a subscription is. One request at a time.
    ReadHistory {
        log: LogId,
        incarnation: Incarnation,
        /// The reader has the events up to and including this seq.
        after: Seq,
        /// The reader has the events above this seq.
        upto: Seq,
    },
    /// Stop following a log.
    Unsubscribe {
        /// The log of an earlier `subscribe`.
        log: LogId,
    },
    /// An intent; answered by `receipt` (or by `refused` with its id if the hub cannot answer now).
    Command {
        /// Sent again under the same id until its receipt comes.
        command: Command,
    },
    /// The client is alive. Answered by `heartbeatAck`.
    Heartbeat {
        /// Runners: every run that this process works on. The connection keeps no other run alive. Absent, from an older runner: the
        /// connection keeps all of its runs alive.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        runs: Option<Vec<RunId>>,
    },
    /// Runners: ask how much of this run the hub has recorded. Answered by `runAcked` or `runFenced`. Sent for each held run after a
    /// reconnect.
    ResumeRun {
        session: SessionId,
        run: RunId,
        /// The lease's epoch.
        epoch: Epoch,
    },
    /// Runners: writes for a run. The hub records all of them, or none. Answered by `runAcked` or `runFenced`.
    WriteRun {
        session: SessionId,
        run: RunId,
        /// The lease's epoch.
        epoch: Epoch,
        /// In producer order; the hub skips entries that it already has.
        entries: Vec<RunWriteEntry>,
    },
    /// Runners: a report on a run that was stopped from outside.
    ReportTeardown {
        session: SessionId,
        run: RunId,
        /// Number of tool calls that were cancelled.
        tools_cancelled: u32,
        /// Names of tools whose calls still run.
        still_running: Vec<String>,
    },
    /// Devices: what the person does at this device. Only for a hub with the capability [`crate::limits::ATTENTION_CAPABILITY`]. Never in a
    /// log; the hub forgets it after [`crate::limits::LOOKING_MS`] unless the device repeats it.
    Attend {
        /// The session that is in view; absent: none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        session: Option<SessionId>,
        /// Whether the person is typing in it.
        #[serde(default)]
        typing: bool,
        /// Whether the person uses this device right now: keys, mouse or focus within the last minute.
        #[serde(default)]
        in_use: bool,
    },
}

/// What a person does at one device, as others see it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct DeviceAttention {
    pub device: DeviceId,
    /// The session that is in view there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub session: Option<SessionId>,
    /// Whether the person is typing in it.
    pub typing: bool,
    /// Whether the person uses the device: notices go there first.
    pub in_use: bool,
}

/// A piece of a saved state that replaces the stretch `(after, seq]`. The texts of all pieces, in order, are the state's JSON.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SnapshotPiece {
    pub log: LogId,
    pub incarnation: Incarnation,
    /// The cursor that it continues.
    pub after: Seq,
    /// The reader's cursor after the last piece.
    pub seq: Seq,
    /// The state's format, as the reader named it.
    pub format: u32,
    /// From 0.
    pub piece: u32,
    /// Number of pieces, at most [`crate::limits::SNAPSHOT_PIECES_MAX`].
    pub pieces: u32,
    /// At most [`crate::limits::SNAPSHOT_PIECE_BYTES_MAX`] bytes.
    pub text: String,
}

/// What a runner says about itself in `hello`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RunnerHello {
    /// New for each start of the process.
    pub instance: RunnerInstanceId,
    pub agents: Vec<AgentDescription>,
}

/// From the hub to a device or a runner. A client ignores frames whose `type` it does not know.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
#[ts(export)]
pub enum HubFrame {
    /// The answer to `hello`.
    Welcome {
        /// The account that the connection belongs to.
        account: AccountId,
        /// The device or runner that the token belongs to.
        principal: Principal,
        hub_name: String,
        /// What this hub can do beyond the protocol's version.
        capabilities: Vec<String>,
        /// The hub's wall clock when it wrote this frame. Clients compare the hub's times with it, not with their own clock. Older hubs do
        /// not send it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        hub_time: Option<TimestampMs>,
    },
    /// A stretch of a subscribed log.
    Batch(Batch),
    /// A stretch of a subscribed log, as the state at its end.
    Snapshot(SnapshotPiece),
    /// The answer to `readHistory`.
    History(Batch),
    /// The cursor matches no log: forget the mirrored events and subscribe without a cursor, or drop the session.
    Missing {
        log: LogId,
        /// The log's identity now; absent: there is no such log.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        incarnation: Option<Incarnation>,
    },
    /// The answer to a command.
    Receipt {
        /// Sent once the events of the command are durable.
        receipt: Receipt,
    },
    /// The hub could not serve a frame. It recorded nothing, and the connection stays open.
    Refused {
        /// The command, if the frame was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        command: Option<CommandId>,
        /// The log, if the frame was about one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        log: Option<LogId>,
        error: ErrorBody,
    },
    /// The hub is alive.
    HeartbeatAck {},
    /// The devices and runners of the account that are connected now. Sent on connecting and on each change; never in a log.
    Presence {
        /// All of them, the receiver included.
        connected: Vec<Principal>,
    },
    /// What people do at the account's devices. Sent on connecting if there is something to report, and on each change; replaces the
    /// previous one. Never in a log. Only for clients that named the capability [`crate::limits::ATTENTION_CAPABILITY`].
    Attention {
        /// Devices that have a session in view, or that a person types on or uses.
        devices: Vec<DeviceAttention>,
    },
    /// Runners: this run is yours. Its prompt and history are in the session's log: subscribe to it.
    RunAssigned {
        session: SessionId,
        run: RunId,
        /// The lease's epoch.
        epoch: Epoch,
        /// The seq of `RunStarted`.
        seq: Seq,
    },
    /// Runners: the log has the run's writes up to this count, durably.
    RunAcked {
        run: RunId,
        /// The last producer count that the log has; 0 if it has none.
        producer: ProducerSeq,
    },
    /// Runners: nothing of the frame was recorded.
    RunFenced {
        run: RunId,
        /// `lease_fenced`: the lease has ended. After `producer_gap` and `invalid_run_write` it goes on.
        error: ErrorBody,
    },
}

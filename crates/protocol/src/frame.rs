//! The frames of the socket at `/v1/socket`: JSON text messages, one frame a message.

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
        /// What else this client can do; unknown ones are ignored.
        #[serde(default)]
        capabilities: Vec<String>,
        /// Runners only: what they host.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        runner: Option<RunnerHello>,
    },
    /// Follow a log: the hub sends batches from the cursor on until `unsubscribe`. A second one for the same log replaces the first.
    Subscribe {
        /// Which log.
        log: LogId,
        /// Where the reader stands; absent: at the beginning.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        cursor: Option<Cursor>,
        /// The format of saved states that this reader understands: where it stands far behind, the hub may answer with a
        /// [`HubFrame::Snapshot`] first. Absent: with batches alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        state_format: Option<u32>,
        /// With `state_format`, for a session: only so many characters of the conversation's end are needed, and the hub may answer with
        /// a state that knows nothing of what was over at its seq. Absent: all of it is needed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "number")]
        newest_chars: Option<u64>,
    },
    /// What a snapshot stood for: the first batch of `(after, upto]`, whose ends are no seqs inside of a sealed part. Answered by
    /// `history`, or as a subscription is refused. One at a time.
    ReadHistory {
        /// Which log.
        log: LogId,
        /// Its identity.
        incarnation: Incarnation,
        /// What the reader has up to here.
        after: Seq,
        /// What it has from here on.
        upto: Seq,
    },
    /// Follow no longer.
    Unsubscribe {
        /// Which log.
        log: LogId,
    },
    /// An intent; answered by `receipt` (or by `refused` with its id where the hub cannot answer now).
    Command {
        /// The intent.
        command: Command,
    },
    /// The client is there. Answered by `heartbeatAck`.
    Heartbeat {
        /// Runners: every run that this process works for. A run that it does not name is not kept alive by the connection. Absent, from
        /// an older runner: all of its runs are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        runs: Option<Vec<RunId>>,
    },
    /// Runners: how far did the hub get with this run? Answered by `runAcked` or `runFenced`. Sent for each held run after a reconnect.
    ResumeRun {
        /// The session of the run.
        session: SessionId,
        /// The run.
        run: RunId,
        /// The lease.
        epoch: Epoch,
    },
    /// Runners: writes for a run. All of them are recorded, or none. Answered by `runAcked` or `runFenced`.
    WriteRun {
        /// The session of the run.
        session: SessionId,
        /// The run.
        run: RunId,
        /// The lease.
        epoch: Epoch,
        /// In producer order; ones that the hub has are skipped.
        entries: Vec<RunWriteEntry>,
    },
    /// Runners: what became of a run that was stopped from outside.
    ReportTeardown {
        /// The session of the run.
        session: SessionId,
        /// The run.
        run: RunId,
        /// Tool calls that were cancelled.
        tools_cancelled: u32,
        /// Tool calls that still run, by name.
        still_running: Vec<String>,
    },
    /// Devices: what the person does at this one. Only for a hub with the capability [`crate::limits::ATTENTION_CAPABILITY`]. It is
    /// never in a log, and is forgotten after [`crate::limits::LOOKING_MS`] unless it is said again.
    Attend {
        /// The session that is in view; absent: none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        session: Option<SessionId>,
        /// Whether the person writes in it.
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
    /// Which device.
    pub device: DeviceId,
    /// The session that is in view there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub session: Option<SessionId>,
    /// Whether somebody writes in it.
    pub typing: bool,
    /// Whether the device is in use: notices go there first.
    pub in_use: bool,
}

/// A piece of a saved state that stands for the stretch `(after, seq]`. The texts of all pieces, in order, are the state's JSON.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SnapshotPiece {
    /// Which log.
    pub log: LogId,
    /// Its identity.
    pub incarnation: Incarnation,
    /// The cursor that it continues.
    pub after: Seq,
    /// The cursor after its last piece.
    pub seq: Seq,
    /// The state's format, as the reader named it.
    pub format: u32,
    /// Which piece this is, from 0.
    pub piece: u32,
    /// How many there are, at most [`crate::limits::SNAPSHOT_PIECES_MAX`].
    pub pieces: u32,
    /// At most [`crate::limits::SNAPSHOT_PIECE_BYTES_MAX`] bytes.
    pub text: String,
}

/// What a runner says of itself.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RunnerHello {
    /// New for each start of the process.
    pub instance: RunnerInstanceId,
    /// What it hosts.
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
        /// Whose logs these are.
        account: AccountId,
        /// Who the hub takes this connection for.
        principal: Principal,
        /// The hub's name.
        hub_name: String,
        /// What this hub can do beyond the protocol's version.
        capabilities: Vec<String>,
        /// The hub's wall clock now: its times are compared with this, not with the client's own clock.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        hub_time: Option<TimestampMs>,
    },
    /// A stretch of a log that is subscribed to.
    Batch(Batch),
    /// A stretch of a log that is subscribed to, given as the state at its end.
    Snapshot(SnapshotPiece),
    /// The answer to `readHistory`.
    History(Batch),
    /// The cursor matches no log: forget what was mirrored and subscribe without a cursor, or drop the session.
    Missing {
        /// Which log.
        log: LogId,
        /// The log's identity now; absent: there is no such log.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        incarnation: Option<Incarnation>,
    },
    /// The answer to a command.
    Receipt {
        /// The answer.
        receipt: Receipt,
    },
    /// A frame could not be served. Nothing was recorded; the connection goes on.
    Refused {
        /// The command, where it was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        command: Option<CommandId>,
        /// The log, where it was about one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        log: Option<LogId>,
        /// Why.
        error: ErrorBody,
    },
    /// The hub is there.
    HeartbeatAck {},
    /// Who of the account is connected now. Sent on connecting and on each change; never in a log.
    Presence {
        /// Devices and runners with an open connection.
        connected: Vec<Principal>,
    },
    /// What people do at the account's devices: on connecting where there is something to say, and on each change; never in a log. It
    /// replaces what was said before. Only to clients that named the capability [`crate::limits::ATTENTION_CAPABILITY`].
    Attention {
        /// Devices that look, write or are in use.
        devices: Vec<DeviceAttention>,
    },
    /// Runners: this run is yours. Its prompt and history stand in the session's log: subscribe to it.
    RunAssigned {
        /// The session.
        session: SessionId,
        /// The run.
        run: RunId,
        /// The lease.
        epoch: Epoch,
        /// Where `RunStarted` stands.
        seq: Seq,
    },
    /// Runners: recorded up to here, durably.
    RunAcked {
        /// The run.
        run: RunId,
        /// The last producer count that the log has; 0 for none.
        producer: ProducerSeq,
    },
    /// Runners: not recorded, and nothing more of this lease will be.
    RunFenced {
        /// The run.
        run: RunId,
        /// Why.
        error: ErrorBody,
    },
}

//! What actors are asked.

use baton_protocol::{
    AgentDescription, ApprovalId, ApprovalPattern, Command, Epoch, ErrorBody, Principal, RunId,
    RunWriteEntry, RunnerId,
};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::answer::Answer;
use crate::authorize::Caller;

/// What a connection asks of a session.
#[derive(Debug)]
pub enum SessionRequest {
    /// A device's intent.
    Command(Command),
    /// How far did the hub get with this run?
    Resume {
        /// The run.
        run: RunId,
        /// The lease.
        epoch: Epoch,
    },
    /// Writes for a run.
    Write {
        /// The run.
        run: RunId,
        /// The lease.
        epoch: Epoch,
        /// In producer order.
        entries: Vec<RunWriteEntry>,
    },
    /// What became of a run that was stopped from outside.
    Teardown {
        /// The run.
        run: RunId,
        /// Tool calls that were cancelled.
        tools_cancelled: u32,
        /// Tool calls that still run.
        still_running: Vec<String>,
    },
}

/// A request with what its answer needs.
#[derive(Debug)]
pub struct PendingRequest {
    /// Who.
    pub caller: Caller,
    /// What.
    pub request: SessionRequest,
    /// Since when it waits.
    pub arrived: Instant,
    /// For the answer.
    pub answer: oneshot::Sender<Answer>,
}

/// To a session's actor.
#[derive(Debug)]
pub enum SessionMessage {
    /// From a connection; answered once what it caused is durable.
    Request(Box<PendingRequest>),
    /// A runner said hello or lost its access: runs of an older instance are lost, its own runs are assigned again, waiting prompts
    /// may start.
    RunnerChanged {
        /// Which.
        runner: RunnerId,
    },
    /// Everything that came before is done: answered with nothing.
    Barrier {
        /// For the answer.
        done: oneshot::Sender<()>,
    },
    /// The session is deleted: end what runs and let nobody find it.
    Delete {
        /// Who deleted it.
        by: Principal,
        /// When it is done.
        done: oneshot::Sender<()>,
    },
    /// Tell the account what the list shows now, whatever was told before.
    Summarize {
        /// When it is told.
        done: oneshot::Sender<()>,
    },
}

/// What the hub records in an account's log, unless it stands there already.
#[derive(Clone, PartialEq, Debug)]
pub enum AccountFact {
    /// A device or a runner has access.
    Linked {
        /// Who.
        principal: Principal,
        /// Its name.
        name: String,
    },
    /// A device or a runner has no access any more.
    Revoked {
        /// Who.
        principal: Principal,
    },
    /// What a runner offers.
    Offered {
        /// Which runner.
        runner: RunnerId,
        /// Its agents.
        agents: Vec<AgentDescription>,
    },
    /// A person allowed calls of a pattern for always.
    ApprovalGranted {
        /// The approval that was answered so.
        grant: ApprovalId,
        /// Who answered.
        by: Principal,
        /// What it covers.
        covers: ApprovalPattern,
    },
}

/// To an account's actor.
#[derive(Debug)]
pub enum AccountMessage {
    /// A device's intent.
    Command {
        /// Who.
        caller: Caller,
        /// What.
        command: Command,
        /// Since when it waits.
        arrived: Instant,
        /// For the answer.
        answer: oneshot::Sender<Answer>,
    },
    /// Something that the hub knows.
    Record {
        /// What.
        fact: AccountFact,
        /// When it is durable.
        done: oneshot::Sender<Result<(), ErrorBody>>,
    },
}

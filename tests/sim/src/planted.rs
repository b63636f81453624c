//! Faults of the product itself, built in on purpose. The checker must find each of them, or it could not find anything.

use std::str::FromStr;

/// What is wrong in this run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Planted {
    /// A device applies whatever batch comes, wherever it begins.
    DeviceIgnoresAfter,
    /// A device forgets an intent when it has sent it.
    DeviceForgetsSent,
    /// A device sends what was not answered under a new id after each reconnect.
    DeviceSendsUnderNewId,
    /// The hub answers, and records after.
    HubAnswersBeforeCommit,
    /// The hub shows, and records after.
    HubShowsBeforeCommit,
    /// The hub keeps no receipts.
    HubForgetsReceipts,
    /// The hub forgets steers that a run did not take in.
    HubDropsMissedSteers,
    /// The hub never ends a run whose host is silent.
    HubKeepsLostRuns,
    /// The hub takes a runner's writes as they come, whatever their count.
    HubIgnoresProducer,
    /// The hub's subscription leaves out a batch now and then.
    HubSkipsBatches,
    /// The hub gives a checkpoint as if nothing had been before it.
    HubHidesHorizons,
    /// A runner counts its writes anew after each reconnect.
    RunnerCountsAnew,
    /// A runner asks the model again after each reconnect.
    RunnerAsksAgain,
    /// A runner forgets its runs of a log that was replaced, and its heartbeats name no runs, as it once did.
    RunnerForgetsReplacedLogs,
    /// A runner takes the end of each batch for the end of its log, as it once did.
    RunnerTakesBatchesForLogs,
    /// The hub takes a runner's own late hello for another process, as it once did.
    HubSendsRunnersAway,
    /// The hub takes whichever process of a runner said hello last for the newest one, as it once did.
    HubTakesLateHellos,
    /// The hub forgets what it refused without a receipt, as it once did.
    HubForgetsRefusals,
    /// The hub does not tell those who follow a session that it was deleted.
    HubDeletesInSilence,
    /// The hub does not go on, after a start, with deletions that an earlier one began.
    HubForgetsDeletions,
    /// A device keeps a deleted session at which nobody looks until its next start, as it once did.
    DeviceKeepsDeleted,
    /// A device tells of a refusal that it could not note, as it once did.
    DeviceTellsOfUnnotedRefusals,
    /// A log that was restored from an older copy keeps its incarnation.
    RestoreKeepsIncarnation,
    /// The log ends batches inside of sealed parts.
    LogCutsSealedParts,
}

impl Planted {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::DeviceIgnoresAfter,
        Self::DeviceForgetsSent,
        Self::DeviceSendsUnderNewId,
        Self::HubAnswersBeforeCommit,
        Self::HubShowsBeforeCommit,
        Self::HubForgetsReceipts,
        Self::HubDropsMissedSteers,
        Self::HubKeepsLostRuns,
        Self::HubIgnoresProducer,
        Self::HubSkipsBatches,
        Self::HubHidesHorizons,
        Self::RunnerCountsAnew,
        Self::RunnerAsksAgain,
        Self::RunnerForgetsReplacedLogs,
        Self::RunnerTakesBatchesForLogs,
        Self::HubSendsRunnersAway,
        Self::HubTakesLateHellos,
        Self::HubForgetsRefusals,
        Self::HubDeletesInSilence,
        Self::HubForgetsDeletions,
        Self::DeviceKeepsDeleted,
        Self::DeviceTellsOfUnnotedRefusals,
        Self::RestoreKeepsIncarnation,
        Self::LogCutsSealedParts,
    ];
}

/// There is no such fault.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownFault;

impl std::fmt::Display for UnknownFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "there is no such planted fault; there are {:?}",
            Planted::ALL
        )
    }
}

impl std::error::Error for UnknownFault {}

impl FromStr for Planted {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, UnknownFault> {
        let named = |planted: &&Self| format!("{planted:?}") == name;
        Self::ALL.iter().find(named).copied().ok_or(UnknownFault)
    }
}

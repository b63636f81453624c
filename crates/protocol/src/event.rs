//! The event envelope, and bodies that an older client does not know.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use ts_rs::TS;

use crate::{
    CommandId, Principal, ProducerSeq, Seq, TimestampMs, account_events::*, control_events::*,
    import::BatchImportedEvent, run_events::*, session_events::*,
};

/// An immutable fact at one position of a log.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Event {
    pub seq: Seq,
    /// When the hub recorded it, by the hub's clock.
    pub recorded_at: TimestampMs,
    pub by: Principal,
    /// The command that caused it, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub command: Option<CommandId>,
    /// The runner's own count of its writes for the run; only on events that a runner wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub producer: Option<ProducerSeq>,
    pub body: EventBody,
}

/// What happened, past tense. On the wire an object with a `type`.
///
/// A kind that this build does not know is kept as [`EventBody::Unknown`] and written back unchanged; a known kind with a body that does
/// not fit is an error. Published kinds never change: a new meaning is a new kind.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(remote = "Self", tag = "type", rename_all = "camelCase")]
#[ts(export, tag = "type", rename_all = "camelCase")]
pub enum EventBody {
    /// First event of a session's log.
    SessionCreated(SessionCreatedEvent),
    SessionRenamed(SessionRenamedEvent),
    PromptSent(PromptSentEvent),
    /// A waiting prompt's text changed.
    PromptEdited(PromptEditedEvent),
    /// A waiting prompt was taken back.
    PromptWithdrawn(PromptWithdrawnEvent),
    /// A prompt moved to the head of the queue.
    PromptRequeued(PromptRequeuedEvent),
    /// A waiting prompt moved within the queue.
    PromptMoved(PromptMovedEvent),
    /// The queue stops starting runs.
    QueuePaused(QueuePausedEvent),
    /// The queue starts runs again.
    QueueResumed(QueueResumedEvent),
    /// An agent began to work on a prompt.
    RunStarted(RunStartedEvent),
    /// A run consumed steering prompts.
    SteerConsumed(SteerConsumedEvent),
    PartOpened(PartOpenedEvent),
    PartAppended(PartAppendedEvent),
    /// A part ended, complete or interrupted.
    PartClosed(PartClosedEvent),
    /// Replaces a closed part's appends and its close with one event that has the whole text.
    PartSealed(PartSealedEvent),
    /// A run ended. Exactly one for each run.
    RunEnded(RunEndedEvent),
    /// A runner's report on a run that was stopped from outside.
    TeardownReported(TeardownReportedEvent),
    /// First event of an account's log.
    AccountOpened(AccountOpenedEvent),
    /// A device or a runner was linked.
    DeviceLinked(DeviceLinkedEvent),
    /// A device or a runner lost its access.
    DeviceRevoked(DeviceRevokedEvent),
    /// A runner announced which agents it hosts.
    AgentsOffered(AgentsOfferedEvent),
    /// What the sessions list shows for one session.
    SessionSummarized(SessionSummarizedEvent),
    /// A person has read a session up to a seq.
    ReadMarked(ReadMarkedEvent),
    /// An agent waits for a person's approval.
    ApprovalRequested(ApprovalRequestedEvent),
    ApprovalAnswered(ApprovalAnsweredEvent),
    /// The run ends without an answer to the approval.
    ApprovalCancelled(ApprovalCancelledEvent),
    /// A device took the edit lease on a waiting prompt.
    PromptEditBegan(PromptEditBeganEvent),
    /// The edit ended and changed nothing.
    PromptEditEnded(PromptEditEndedEvent),
    /// Another branch is shown.
    BranchChosen(BranchChosenEvent),
    /// The session begins with a copy of another session's history.
    SessionForked(SessionForkedEvent),
    /// A session was pinned to the top of the list, or unpinned.
    SessionPinned(SessionPinnedEvent),
    /// A session was archived, or restored.
    SessionArchived(SessionArchivedEvent),
    /// A session moved into a folder or out of one.
    SessionFiled(SessionFiledEvent),
    SessionDeleted(SessionDeletedEvent),
    /// A folder was created or renamed.
    FolderNamed(FolderNamedEvent),
    FolderRemoved(FolderRemovedEvent),
    /// A device saved the draft of a prompt.
    DraftSaved(DraftSavedEvent),
    /// Calls of a pattern need no further approval in any session of the account.
    ApprovalGranted(ApprovalGrantedEvent),
    /// A standing approval of the account was taken back.
    ApprovalGrantRevoked(ApprovalGrantRevokedEvent),
    /// A batch of another hub's log was copied into this one.
    BatchImported(BatchImportedEvent),
    /// An answer that covered later calls of a session no longer applies.
    ApprovalRevoked(ApprovalRevokedEvent),
    /// The model returned nothing and is asked again after a pause.
    ModelRetry(ModelRetryEvent),
    /// A kind from a newer version.
    #[serde(skip)]
    #[ts(skip)]
    Unknown(UnknownEvent),
}

/// An event body from a newer version, unchanged.
#[derive(Clone, PartialEq, Debug)]
pub struct UnknownEvent {
    /// Its `type`.
    pub tag: String,
    /// The whole object, `type` included.
    pub raw: Value,
}

impl EventBody {
    /// Every `type` that this build knows.
    pub const KNOWN_TAGS: &'static [&'static str] = &[
        "sessionCreated",
        "sessionRenamed",
        "promptSent",
        "promptEdited",
        "promptWithdrawn",
        "promptRequeued",
        "promptMoved",
        "queuePaused",
        "queueResumed",
        "runStarted",
        "steerConsumed",
        "partOpened",
        "partAppended",
        "partClosed",
        "partSealed",
        "runEnded",
        "teardownReported",
        "accountOpened",
        "deviceLinked",
        "deviceRevoked",
        "agentsOffered",
        "sessionSummarized",
        "readMarked",
        "approvalRequested",
        "approvalAnswered",
        "approvalCancelled",
        "promptEditBegan",
        "promptEditEnded",
        "branchChosen",
        "sessionForked",
        "sessionPinned",
        "sessionArchived",
        "sessionFiled",
        "sessionDeleted",
        "folderNamed",
        "folderRemoved",
        "draftSaved",
        "approvalGranted",
        "approvalGrantRevoked",
        "batchImported",
        "approvalRevoked",
        "modelRetry",
    ];
}

impl EventBody {
    /// Whether this kind belongs in account logs. Every other kind, including an unknown one, may appear in a session's log.
    pub fn is_for_account(&self) -> bool {
        matches!(
            self,
            Self::AccountOpened(_)
                | Self::DeviceLinked(_)
                | Self::DeviceRevoked(_)
                | Self::AgentsOffered(_)
                | Self::SessionSummarized(_)
                | Self::ReadMarked(_)
                | Self::SessionPinned(_)
                | Self::SessionArchived(_)
                | Self::SessionFiled(_)
                | Self::SessionDeleted(_)
                | Self::FolderNamed(_)
                | Self::FolderRemoved(_)
                | Self::DraftSaved(_)
                | Self::ApprovalGranted(_)
                | Self::ApprovalGrantRevoked(_)
        )
    }
}

impl Serialize for EventBody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unknown(unknown) => unknown.raw.serialize(serializer),
            known => Self::serialize(known, serializer),
        }
    }
}

impl<'de> Deserialize<'de> for EventBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let raw = Value::deserialize(deserializer)?;
        let tag = raw
            .get("type")
            .and_then(Value::as_str)
            .ok_or_else(|| D::Error::missing_field("type"))?;
        if Self::KNOWN_TAGS.contains(&tag) {
            Self::deserialize(raw).map_err(D::Error::custom)
        } else {
            Ok(Self::Unknown(UnknownEvent {
                tag: tag.to_owned(),
                raw,
            }))
        }
    }
}

//! Why an event does not fold.

use baton_protocol::{ApprovalId, PartIndex, PromptId, RunId, Seq};

/// The event does not continue this state: the log and the reader have diverged, and the reader starts again from the log.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// Seqs only grow.
    #[error("event {seq} comes after {head}")]
    OutOfOrder {
        /// The position of the event.
        seq: Seq,
        /// The state's.
        head: Seq,
    },
    /// The event speaks of a run that is not on.
    #[error("event {seq} is about run `{run}`, which is not on")]
    RunNotActive {
        /// The position of the event.
        seq: Seq,
        /// The run.
        run: RunId,
    },
    /// The event speaks of a part that is not open, or opens one out of turn.
    #[error("event {seq} does not fit part {part} of run `{run}`")]
    PartMismatch {
        /// The position of the event.
        seq: Seq,
        /// The run.
        run: RunId,
        /// The part.
        part: PartIndex,
    },
    /// Text would be lost or doubled.
    #[error("event {seq} adds text at byte {offset} of a part that has {length}")]
    OffsetMismatch {
        /// The position of the event.
        seq: Seq,
        /// Where the text should begin.
        offset: u64,
        /// How long the part is.
        length: u64,
    },
    /// The event speaks of a prompt that does not wait.
    #[error("event {seq} is about prompt `{prompt}`, which does not wait")]
    PromptNotWaiting {
        /// The position of the event.
        seq: Seq,
        /// The prompt.
        prompt: PromptId,
    },
    /// The event refers to what was left out of a state without a past: the log must be read from further back.
    #[error("event {seq} refers to what was over at {horizon}, where this state begins")]
    BehindHorizon {
        /// The position of the event.
        seq: Seq,
        /// Where the state begins.
        horizon: Seq,
    },
    /// The event speaks of an approval that does not wait.
    #[error("event {seq} is about approval `{approval}`, which does not wait")]
    ApprovalNotOpen {
        /// The position of the event.
        seq: Seq,
        /// The approval.
        approval: ApprovalId,
    },
    /// The content is not what the log says it is.
    #[error("run `{run}` has the digest {found} here and {recorded} in the log")]
    DigestMismatch {
        /// The run.
        run: RunId,
        /// Of this state.
        found: String,
        /// Of the log.
        recorded: String,
    },
}

//! Why an event does not fold.

use baton_protocol::{ApprovalId, PartIndex, PromptId, RunId, Seq};

/// The event does not continue this state: log and reader have diverged, and the reader must fold the log anew.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// Seqs only grow.
    #[error("event {seq} comes after {head}")]
    OutOfOrder {
        seq: Seq,
        /// The last seq that the state holds.
        head: Seq,
    },
    /// The event refers to a run that is not active.
    #[error("event {seq} is about run `{run}`, which is not on")]
    RunNotActive {
        /// The event's seq.
        seq: Seq,
        run: RunId,
    },
    /// The event refers to a part that is not open, or opens one out of turn.
    #[error("event {seq} does not fit part {part} of run `{run}`")]
    PartMismatch {
        seq: Seq,
        run: RunId,
        part: PartIndex,
    },
    /// The append would lose or duplicate text.
    #[error("event {seq} adds text at byte {offset} of a part that has {length}")]
    OffsetMismatch {
        seq: Seq,
        /// Byte offset that the event claims.
        offset: u64,
        /// Bytes that the part has.
        length: u64,
    },
    /// The event refers to a prompt that does not wait.
    #[error("event {seq} is about prompt `{prompt}`, which does not wait")]
    PromptNotWaiting {
        /// The event's seq.
        seq: Seq,
        prompt: PromptId,
    },
    /// The event refers to something that a state without a past has left out: read the log from further back.
    #[error("event {seq} refers to what was over at {horizon}, where this state begins")]
    BehindHorizon {
        seq: Seq,
        /// The seq at which the state begins.
        horizon: Seq,
    },
    /// The event refers to an approval that is not open.
    #[error("event {seq} is about approval `{approval}`, which does not wait")]
    ApprovalNotOpen {
        /// The event's seq.
        seq: Seq,
        approval: ApprovalId,
    },
    /// The folded content differs from what the log recorded.
    #[error("run `{run}` has the digest {found} here and {recorded} in the log")]
    DigestMismatch {
        run: RunId,
        /// Computed from this state.
        found: String,
        /// Recorded in the log.
        recorded: String,
    },
}

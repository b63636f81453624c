//! How a reader gets a log.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{Event, Incarnation, LogId, Seq};

/// Where a reader stands in one log.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Cursor {
    /// Which log it was; a cursor never matches another incarnation.
    pub incarnation: Incarnation,
    /// The last seq that the reader has applied.
    pub seq: Seq,
}

/// A stretch of a log, `(after, upto]`.
///
/// A reader applies it only if `after` is its own cursor, and then stands at `upto`. Seqs that are missing inside are sealed away,
/// not lost. A batch never ends inside a sealed part.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Batch {
    /// Which log.
    pub log: LogId,
    /// Its identity.
    pub incarnation: Incarnation,
    /// The cursor that this batch continues.
    pub after: Seq,
    /// The cursor after it.
    pub upto: Seq,
    /// The log's last seq when the batch was made; `upto == head` means caught up.
    pub head: Seq,
    /// In seq order.
    pub events: Vec<Event>,
}

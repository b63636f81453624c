//! How a reader receives a log.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{Event, Incarnation, LogId, Seq};

/// A reader's position in one log.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Cursor {
    /// The log's identity; a cursor never matches another incarnation.
    pub incarnation: Incarnation,
    /// The last seq that the reader has applied.
    pub seq: Seq,
}

/// A stretch of a log, `(after, upto]`.
///
/// A reader applies it only if `after` equals its own cursor, which then becomes `upto`. Seqs that are missing inside were sealed, not
/// lost. A batch never ends inside a sealed part.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Batch {
    pub log: LogId,
    pub incarnation: Incarnation,
    /// The cursor that this batch continues.
    pub after: Seq,
    /// The reader's cursor after this batch.
    pub upto: Seq,
    /// The log's last seq when the batch was made; `upto == head` means caught up.
    pub head: Seq,
    /// In seq order.
    pub events: Vec<Event>,
}

//! Checks whether arriving batches and saved states continue what the mirror has.

use baton_protocol::{Batch, Cursor, Seq, SnapshotPiece};

use super::{Following, Subscription};
use crate::sync::Snapshot;

/// How a batch relates to the mirror.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::sync) enum Fit {
    /// Continues the cursor.
    Next { caught_up_changed: bool },
    /// Continues the cursor and contains nothing.
    Empty { caught_up_changed: bool },
    /// Known already, or from an earlier subscription.
    Ignore,
    /// Something before it is missing: subscribe to the log again.
    Gap,
    /// From another log under the same name.
    OtherIncarnation,
    /// Not a valid batch.
    Malformed,
}

impl Following {
    /// Checks a batch and moves the cursor if it fits.
    pub(in crate::sync) fn take(&mut self, batch: &Batch, now_ms: u64) -> Fit {
        let Some(entry) = self.logs.get_mut(&batch.log) else {
            return Fit::Ignore;
        };
        if !is_well_formed(batch) {
            return Fit::Malformed;
        }
        let asked = match entry.subscription {
            Subscription::None => return Fit::Ignore,
            Subscription::Asked { .. } => true,
            Subscription::Following { .. } => false,
        };
        let stands_at = entry.cursor.map_or(Seq::ZERO, |cursor| cursor.seq);
        let other = entry
            .cursor
            .is_some_and(|cursor| cursor.incarnation != batch.incarnation);
        if other {
            return if asked {
                Fit::Ignore
            } else {
                Fit::OtherIncarnation
            };
        }
        if batch.after != stands_at {
            let known = batch.upto <= stands_at;
            return if asked || known {
                Fit::Ignore
            } else {
                Fit::Gap
            };
        }
        entry.subscription = Subscription::Following { at_ms: now_ms };
        entry.cursor = Some(Cursor {
            incarnation: batch.incarnation,
            seq: batch.upto,
        });
        let caught_up = batch.upto >= batch.head;
        let caught_up_changed = std::mem::replace(&mut entry.caught_up, caught_up) != caught_up;
        if caught_up_changed {
            if let (true, Some(position)) = (caught_up, entry.position) {
                entry.fetched_for = position.seq;
            }
            if caught_up {
                self.fetching.remove(&batch.log);
                self.strays.remove(&batch.log);
            }
            self.place(batch.log);
        }
        if batch.upto == batch.after {
            Fit::Empty { caught_up_changed }
        } else {
            Fit::Next { caught_up_changed }
        }
    }

    /// Takes a piece of a saved state. The last piece moves the cursor to the state's seq.
    pub(in crate::sync) fn take_piece(
        &mut self,
        piece: SnapshotPiece,
        now_ms: u64,
    ) -> Option<Snapshot> {
        let entry = self.logs.get_mut(&piece.log)?;
        if entry.subscription == Subscription::None || entry.without_snapshots {
            return None;
        }
        entry.subscription = match entry.subscription {
            Subscription::Asked { .. } => Subscription::Asked { at_ms: now_ms },
            _ => Subscription::Following { at_ms: now_ms },
        };
        let snapshot = entry.pieces.take(piece, entry.cursor)?;
        entry.subscription = Subscription::Following { at_ms: now_ms };
        entry.cursor = Some(Cursor {
            incarnation: snapshot.incarnation,
            seq: snapshot.seq,
        });
        self.place(snapshot.log);
        Some(snapshot)
    }
}

fn is_well_formed(batch: &Batch) -> bool {
    let mut last = batch.after;
    for event in &batch.events {
        if event.seq <= last {
            return false;
        }
        last = event.seq;
    }
    last <= batch.upto && batch.after <= batch.upto
}

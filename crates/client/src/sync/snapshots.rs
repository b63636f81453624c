//! Joins the pieces of a saved state.

use baton_protocol::{Cursor, LogId, SnapshotPiece, limits};
use baton_session::{AccountState, SessionState};

use super::Snapshot;

/// The format of saved states that this client understands.
pub(super) fn format_of(log: LogId) -> u32 {
    match log {
        LogId::Session(_) => SessionState::FORMAT,
        LogId::Account(_) => AccountState::FORMAT,
    }
}

/// A saved state that is still incomplete.
#[derive(Clone, Debug, Default)]
pub(super) struct Pieces {
    begun: Option<SnapshotPiece>,
}

impl Pieces {
    /// Takes a piece and returns the whole state with the last one. A first piece starts over; any other piece out of order discards what
    /// was collected.
    pub(super) fn take(
        &mut self,
        piece: SnapshotPiece,
        stands_at: Option<Cursor>,
    ) -> Option<Snapshot> {
        let begun = self.begun.take();
        let after = stands_at.map(|cursor| cursor.seq).unwrap_or_default();
        let fits = piece.after == after
            && piece.seq > after
            && stands_at.is_none_or(|cursor| cursor.incarnation == piece.incarnation)
            && piece.format == format_of(piece.log)
            && piece.pieces <= limits::SNAPSHOT_PIECES_MAX
            && piece.text.len() <= limits::SNAPSHOT_PIECE_BYTES_MAX;
        if !fits {
            return None;
        }
        let joined = match begun {
            _ if piece.piece == 0 => piece,
            Some(begun) if continues(&begun, &piece) => SnapshotPiece {
                piece: piece.piece,
                text: begun.text + &piece.text,
                ..piece
            },
            _ => return None,
        };
        if joined.piece + 1 < joined.pieces {
            self.begun = Some(joined);
            return None;
        }
        Some(Snapshot {
            log: joined.log,
            incarnation: joined.incarnation,
            after: joined.after,
            seq: joined.seq,
            state: joined.text,
        })
    }

    /// Discards the pieces: the connection is lost, or the engine subscribes to the log again.
    pub(super) fn forget(&mut self) {
        self.begun = None;
    }
}

fn continues(begun: &SnapshotPiece, piece: &SnapshotPiece) -> bool {
    piece.piece == begun.piece + 1
        && piece.pieces == begun.pieces
        && piece.seq == begun.seq
        && piece.incarnation == begun.incarnation
}

#[cfg(test)]
mod tests {
    use baton_protocol::{Incarnation, Seq, SessionId};

    use super::*;

    fn piece(piece: u32, text: &str) -> SnapshotPiece {
        SnapshotPiece {
            log: LogId::Session(SessionId::from_uuid(uuid::Uuid::from_u128(1))),
            incarnation: Incarnation::from_uuid(uuid::Uuid::from_u128(2)),
            after: Seq(3),
            seq: Seq(9),
            format: SessionState::FORMAT,
            piece,
            pieces: 3,
            text: text.to_owned(),
        }
    }

    fn stands_at(seq: u64) -> Option<Cursor> {
        Some(Cursor {
            incarnation: Incarnation::from_uuid(uuid::Uuid::from_u128(2)),
            seq: Seq(seq),
        })
    }

    #[test]
    fn pieces_are_joined_in_their_order_and_from_the_readers_cursor_alone() {
        let mut pieces = Pieces::default();
        assert_eq!(
            pieces.take(piece(0, "a"), stands_at(4)),
            None,
            "of another cursor"
        );
        assert_eq!(
            pieces.take(piece(1, "b"), stands_at(3)),
            None,
            "without the first"
        );
        assert_eq!(pieces.take(piece(0, "a"), stands_at(3)), None);
        assert_eq!(
            pieces.take(piece(2, "c"), stands_at(3)),
            None,
            "one is missing"
        );
        assert_eq!(pieces.take(piece(0, "a"), stands_at(3)), None);
        assert_eq!(pieces.take(piece(1, "b"), stands_at(3)), None);
        let whole = pieces
            .take(piece(2, "c"), stands_at(3))
            .expect("the last one came");
        assert_eq!((whole.state.as_str(), whole.seq), ("abc", Seq(9)));
    }

    #[test]
    fn a_format_that_is_not_known_here_is_nothing() {
        let mut other = piece(0, "a");
        (other.format, other.pieces) = (SessionState::FORMAT + 1, 1);
        assert_eq!(Pieces::default().take(other, stands_at(3)), None);
    }
}

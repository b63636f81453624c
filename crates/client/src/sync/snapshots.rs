//! Saved states on the line: pieces that are joined.

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

/// A saved state of which pieces are missing.
#[derive(Clone, Debug, Default)]
pub(super) struct Pieces {
    begun: Option<SnapshotPiece>,
}

impl Pieces {
    /// Takes the next piece. Gives the whole where it was the last one. Anything else than the next one begins anew, or is nothing.
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

    /// The line is gone, or the log is asked for anew.
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

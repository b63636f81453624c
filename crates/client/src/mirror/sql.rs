//! Shared by the tables: seqs as SQLite integers.

use baton_protocol::Seq;

/// SQLite's integers are signed; no seq comes near that limit.
pub(super) fn seq_into(seq: Seq) -> i64 {
    i64::try_from(seq.0).unwrap_or(i64::MAX)
}

pub(super) fn seq_from(number: i64) -> Seq {
    Seq(u64::try_from(number).unwrap_or_default())
}

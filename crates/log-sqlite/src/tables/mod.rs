//! One file for each table. Migrations are only ever added; their order here is their number.

pub mod arrivals;
pub mod deleted_logs;
pub mod deletions;
pub mod events;
pub mod logs;
pub mod places;
#[cfg(test)]
mod plans;
pub mod receipts;
pub mod saved_states;
pub mod sealed_stretches;
pub mod unsealed_parts;

use baton_protocol::Seq;
use rusqlite::Row;
use rusqlite_migration::{M, Migrations};

/// All migrations, in order.
pub fn migrations() -> Migrations<'static> {
    Migrations::new(vec![
        M::up(logs::MIGRATION),
        M::up(events::MIGRATION),
        M::up(receipts::MIGRATION),
        M::up(unsealed_parts::MIGRATION),
        M::up(sealed_stretches::MIGRATION),
        M::up(saved_states::MIGRATION),
        M::up(arrivals::MIGRATION),
        M::up(deleted_logs::MIGRATION),
        M::up(deletions::MIGRATION),
    ])
}

/// A seq as a column value. SQLite counts in `i64`; see [`events::SEQ_MAX`].
fn to_column(seq: Seq) -> i64 {
    seq.min(events::SEQ_MAX).0 as i64
}

/// A seq from a column.
fn seq_at(row: &Row<'_>, column: usize) -> rusqlite::Result<Seq> {
    let value: i64 = row.get(column)?;
    u64::try_from(value)
        .map(Seq)
        .map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

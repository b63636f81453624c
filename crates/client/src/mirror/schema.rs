//! The mirror's schema: each table's file has its own part, and migrations only add.

use rusqlite_migration::{M, Migrations};

use super::{events, logs, outbox, receipts, rows, search, settings};

/// Every migration, in order.
pub(super) fn migrations() -> Migrations<'static> {
    Migrations::new(vec![
        M::up(logs::TABLE),
        M::up(events::TABLE),
        M::up(rows::TABLE),
        M::up(search::TABLE),
        M::up(outbox::TABLE),
        M::up(receipts::TABLE),
        M::up(settings::TABLE),
        M::up(rows::TURN_COLUMN),
        M::up(logs::GAP_COLUMNS),
        M::up(search::NEWEST_FIRST),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_apply_to_an_empty_file() {
        assert_eq!(migrations().validate(), Ok(()));
    }
}

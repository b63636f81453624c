//! Checks that the queries on hot paths use an index.

use rusqlite::Connection;

use super::{
    arrivals, deleted_logs, deletions, events, logs, migrations, places, receipts, sealed_stretches,
};

#[test]
fn hot_reads_search_by_an_index_and_sort_nothing() {
    let mut database = Connection::open_in_memory().unwrap();
    migrations().to_latest(&mut database).unwrap();
    for sql in [
        logs::FIND,
        deleted_logs::FIND,
        deletions::NEXT_EVENTS,
        receipts::FIND,
        places::LAST,
        arrivals::LOOK,
        arrivals::BEHIND,
        events::PLACED_ROWS,
        sealed_stretches::DOWN_FROM,
    ] {
        let explain = format!("EXPLAIN QUERY PLAN {sql}");
        let mut explain = database.prepare(&explain).unwrap();
        let any = vec![1_i64; explain.parameter_count()];
        let mut steps = explain.query(rusqlite::params_from_iter(any)).unwrap();
        let mut count = 0;
        while let Some(row) = steps.next().unwrap() {
            let step: String = row.get(3).unwrap();
            assert!(step.starts_with("SEARCH "), "{sql}: {step}");
            count += 1;
        }
        assert!(count > 0, "{sql}");
    }
}

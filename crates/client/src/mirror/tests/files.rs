//! One file that several processes, versions and accounts share, and damaged files.

use super::*;

#[test]
fn two_processes_share_one_file() {
    let place = place();
    let mut script = script();
    script.exchange("first", &["one ", "two"]);
    script.ask("second");
    script.start();
    script.open(PartKind::Text);
    script.append("half");
    let middle = script.head();
    script.append(" whole");
    script.close();
    script.end();
    let head = script.head();

    let (mut one, heard_one) = open(&place.path);
    let (mut other, heard_other) = open(&place.path);
    apply(&mut one, &script.batch(0, middle));
    assert_eq!(
        other.apply(&script.batch(0, middle)).unwrap(),
        ApplyOutcome::Known
    );
    let expected = script.transcript(middle).rows;
    assert_eq!(rows(&mut other, script.session), expected);
    // The other process closes and seals the part that is open in the first one's memory.
    apply(&mut other, &script.batch(middle, head));
    assert_eq!(
        one.apply(&script.batch(middle, head)).unwrap(),
        ApplyOutcome::Known
    );
    let expected = script.transcript(head).rows;
    assert_eq!(rows(&mut one, script.session), expected);
    assert_eq!(rows(&mut other, script.session), expected);
    assert_eq!(heard_one.rows.lock().unwrap().rows, expected);
    assert!(heard_other.dropped.lock().unwrap().is_empty());
}

#[test]
fn that_another_process_was_first_is_told_also_of_a_session_that_is_not_in_memory() {
    let place = place();
    let mut script = script();
    script.exchange("where?", &["here"]);
    let middle = script.head();
    script.exchange("and now?", &["there"]);
    let (mut one, heard) = open(&place.path);
    let (mut other, _) = open(&place.path);
    apply(&mut one, &script.batch(0, middle));
    assert!(heard.elsewhere.lock().unwrap().is_empty());
    let next = script.batch(middle, script.head());
    apply(&mut other, &next);
    one.forget_memory();
    assert_eq!(one.apply(&next).unwrap(), ApplyOutcome::Known);
    assert_eq!(*heard.elsewhere.lock().unwrap(), [script.session]);
}

fn pause(log: baton_protocol::LogId) -> Command {
    Command {
        only_if: None,
        id: CommandId::mint(),
        log,
        body: CommandBody::PauseQueue(PauseQueueCommand {}),
    }
}

#[test]
fn a_state_that_an_older_version_saved_is_folded_anew_from_the_mirrors_own_events() {
    let place = place();
    let mut script = script();
    script.exchange("where is the tide table?", &["in the ", "drawer"]);
    script.ask("and now?");
    script.start();
    script.open(PartKind::Text);
    script.append("half");
    let (mut store, _) = open(&place.path);
    apply(&mut store, &script.batch(0, script.head()));
    let older = "UPDATE logs SET state_json = '{\"runs\":{\"older\":1}}', state_seq = cursor WHERE log_id LIKE 'session:%';
                 UPDATE rows SET turn = NULL";
    store.conn.execute_batch(older).unwrap();
    drop(store);

    let (mut store, heard) = open(&place.path);
    let expected = script.transcript(script.head()).rows;
    assert_eq!(rows(&mut store, script.session), expected);
    assert!(
        heard.dropped.lock().unwrap().is_empty(),
        "nothing is fetched again"
    );
    let hits = search::find(&store.conn, "tide", 10).unwrap().hits;
    assert_eq!(hits.len(), 1, "found once");
    let before = script.head();
    script.append(", and the rest");
    script.close();
    script.end();
    apply(&mut store, &script.batch(before, script.head()));
    let expected = script.transcript(script.head()).rows;
    assert_eq!(rows(&mut store, script.session), expected);
}

#[test]
fn a_state_that_cannot_be_folded_anew_leaves_the_mirror_as_it_was_and_is_tried_again() {
    let place = place();
    let mut script = script();
    script.exchange("where is the tide table?", &["in the ", "drawer"]);
    script.exchange("and the tide?", &["it is low"]);
    let (mut store, _) = open(&place.path);
    apply(&mut store, &script.batch(0, script.head()));
    let older =
        "UPDATE logs SET state_json = '{}', state_seq = cursor WHERE log_id LIKE 'session:%'";
    store.conn.execute_batch(older).unwrap();
    drop(store);

    let found = |store: &Store| search::find(&store.conn, "tide", 10).unwrap().hits.len();
    let expected = script.transcript(script.head()).rows;
    for kept in 0..expected.len() {
        let (mut store, _) = open(&place.path);
        let refuses = format!(
            "CREATE TEMP TRIGGER refuses BEFORE INSERT ON main.rows
             WHEN (SELECT count(*) FROM main.rows) = {kept}
             BEGIN SELECT RAISE(ABORT, 'no room'); END"
        );
        store.conn.execute_batch(&refuses).unwrap();
        assert!(store.open_session(script.session, 100).is_err());
        assert_eq!(found(&store), 2, "nothing of it stands");
    }
    let (mut store, _) = open(&place.path);
    assert_eq!(rows(&mut store, script.session), expected);
    assert_eq!(found(&store), 2, "each is found once");
    store.drop_log(script.log()).unwrap();
    assert_eq!(found(&store), 0);
}

#[test]
fn another_accounts_mirror_is_set_aside() {
    let place = place();
    let script = script();
    let (mut store, heard) = open(&place.path);
    apply(&mut store, &script.batch(0, script.head()));
    let queued = [(pause(script.log()), OutboxState::Waiting)];
    store.queue_intents(&queued, &[], TimestampMs(5)).unwrap();
    drop(store);
    let store = Store::open(&place.path, AccountId::mint(), heard).unwrap();
    assert_eq!(store.cursors().unwrap(), []);
    assert_eq!(store.outbox().unwrap().entries, []);
}

#[test]
fn a_file_that_is_no_database_is_set_aside() {
    let place = place();
    std::fs::write(&place.path, vec![7; 8_192]).unwrap();
    let (store, _) = open(&place.path);
    assert_eq!(store.outbox().unwrap().entries, []);
    assert!(place.path.with_extension("db.damaged-1").exists());
}

#[test]
fn an_earlier_mirror_is_taken_into_the_search_index_while_nothing_else_is_written() {
    let place = place();
    let mut script = script();
    for n in 0..30 {
        script.exchange(&format!("the tide of München, day {n}"), &["is high"]);
    }
    let (mut store, heard) = open(&place.path);
    apply(&mut store, &script.batch(0, script.head()));
    let as_it_was = "INSERT INTO search_text (search_text) VALUES ('delete-all');
        UPDATE search_unindexed SET upto = (SELECT max(id) FROM rows);";
    store.conn.execute_batch(as_it_was).unwrap();
    drop(store);

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let account = AccountId::from_uuid(uuid::Uuid::from_u128(1));
        let (mirror, _lost) = Mirror::open(place.path.clone(), account, heard)
            .await
            .unwrap();
        // Each search runs on a reader, so the writer is free to index.
        let found = async {
            loop {
                let found = mirror.search("munchen 7".to_owned(), 50).await.unwrap();
                assert_eq!(found.hits.len(), 3, "7, 17 and 27, indexed or not");
                if found.note.is_none() {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), found)
            .await
            .unwrap();
    });
    let (store, _) = open(&place.path);
    let indexed = "SELECT count(*) FROM search_text WHERE search_text MATCH 'munchen'";
    let indexed: i64 = store.conn.query_row(indexed, [], |row| row.get(0)).unwrap();
    assert_eq!(indexed, 30);
}

#[test]
fn an_older_baton_beside_a_newer_one_writes_nothing_and_says_why() {
    let place = place();
    let mut script = script();
    script.exchange("where?", &["here"]);
    let (mut store, heard) = open(&place.path);
    let newer = rusqlite::Connection::open(&place.path).unwrap();
    let version: i64 = newer
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    newer
        .pragma_update(None, "user_version", version + 1)
        .unwrap();

    let is_newer = |error: &StoreError| matches!(error, StoreError::Newer);
    let batch = script.batch(0, script.head());
    assert!(store.apply(&batch).is_err_and(|error| is_newer(&error)));
    let intents = [(pause(script.log()), OutboxState::Waiting)];
    let queued = store.queue_intents(&intents, &[], TimestampMs(1));
    assert!(queued.is_err_and(|error| is_newer(&error)));
    let set = store.set_setting("theme", "dark");
    assert!(set.is_err_and(|error| is_newer(&error)));
    assert!(heard.rows.lock().unwrap().rows.is_empty());
    let account = AccountId::from_uuid(uuid::Uuid::from_u128(1));
    let reopened = Store::open(&place.path, account, heard);
    assert!(
        reopened.is_err_and(|error| is_newer(&error)),
        "a later start says so too"
    );

    newer.pragma_update(None, "user_version", version).unwrap();
    apply(&mut store, &batch);
}

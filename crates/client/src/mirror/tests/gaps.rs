//! Saved states, and the history that fills the gaps that they leave.

use super::*;

pub(super) fn snapshot(script: &Script, after: u64, seq: u64) -> Snapshot {
    let mut state = SessionState::default();
    for event in script.events.iter().filter(|event| event.seq.0 <= seq) {
        state.apply(event, &mut NoTranscript).unwrap();
    }
    Snapshot {
        log: script.log(),
        incarnation: script.incarnation,
        after: Seq(after),
        seq: Seq(seq),
        state: serde_json::to_string(&state).unwrap(),
    }
}

pub(super) fn take(store: &mut Store, snapshot: &Snapshot) {
    let outcome = store.apply_snapshot(snapshot).unwrap();
    assert_eq!(outcome, SnapshotOutcome::Applied);
}

fn fill(store: &mut Store, batch: &Batch) -> HistoryOutcome {
    store.apply_history(batch).unwrap()
}

fn gap(filled: u64, floor: u64) -> Gap {
    Gap {
        filled: Seq(filled),
        floor: Seq(floor),
    }
}

/// Exchanges, and the heads after each. The first run was stopped, and its host reports that only at the very end.
pub(super) fn long_script() -> (Script, Vec<u64>) {
    let mut script = script();
    let mut heads = Vec::new();
    script.ask("begin");
    let stopped = script.start();
    script.open(PartKind::Text);
    script.append("half of it");
    script.decide(CommandBody::StopRun(StopRunCommand {
        target: StopTarget::Run { run: stopped },
        scope: StopScope::Run,
    }));
    heads.push(script.head());
    for n in 1..6 {
        script.exchange(&format!("question{n}"), &["answer", &format!("{n}")]);
        heads.push(script.head());
    }
    script.confirm_teardown(stopped);
    heads.push(script.head());
    (script, heads)
}

#[test]
fn a_mirror_that_is_far_behind_goes_on_from_a_saved_state_and_fills_the_gap_from_below() {
    let place = place();
    let (script, heads) = long_script();
    let (mut store, heard) = open(&place.path);
    apply(&mut store, &script.batch(0, heads[0]));
    take(&mut store, &snapshot(&script, heads[0], heads[3]));
    apply(&mut store, &script.batch(heads[3], script.head()));
    assert_eq!(
        store.gaps().unwrap(),
        [(script.log(), gap(heads[0], heads[3]))]
    );
    let all = script.transcript(script.head()).rows;
    let behind = |row: &&TranscriptRow| RowPlace::of(&row.id).unwrap().seq > Seq(heads[3]);
    let tail: Vec<TranscriptRow> = all.iter().filter(behind).cloned().collect();
    let opened = store.open_session(script.session, 1_000).unwrap();
    assert_eq!((opened.rows, opened.has_older), (tail, true));

    // Filled from below, across a restart of the process.
    let outcome = fill(&mut store, &script.merged(heads[0], heads[1]));
    assert_eq!(outcome, HistoryOutcome::Applied);
    let again = fill(&mut store, &script.merged(heads[0], heads[1]));
    let now = gap(heads[1], heads[3]);
    assert_eq!(again, HistoryOutcome::Elsewhere(Some(now)));
    drop(store);
    let (mut store, _) = open(&place.path);
    assert_eq!(store.gaps().unwrap(), [(script.log(), now)]);
    let outcome = fill(&mut store, &script.merged(heads[1], heads[3]));
    assert_eq!(outcome, HistoryOutcome::Closed);
    assert_eq!(store.gaps().unwrap(), []);
    let opened = store.open_session(script.session, 1_000).unwrap();
    assert!(!opened.has_older);
    assert_eq!(opened.state, Some(&script.state));
    assert_eq!(
        opened.rows, all,
        "with what was said of the first run at the end"
    );
    for word in ["question1", "question5"] {
        assert_eq!(search::find(&store.conn, word, 10).unwrap().hits.len(), 1);
    }
    assert!(heard.dropped.lock().unwrap().contains(&script.session));
}

#[test]
fn a_new_mirror_begins_with_a_saved_state() {
    let place = place();
    let (script, heads) = long_script();
    let (mut store, _) = open(&place.path);
    take(&mut store, &snapshot(&script, 0, heads[4]));
    let opened = store.open_session(script.session, 10).unwrap();
    assert_eq!((opened.rows.len(), opened.has_older), (0, true));
    let outcome = fill(&mut store, &script.merged(0, heads[4]));
    assert_eq!(outcome, HistoryOutcome::Closed);
    apply(&mut store, &script.batch(heads[4], script.head()));
    let expected = script.transcript(script.head()).rows;
    assert_eq!(rows(&mut store, script.session), expected);
}

#[test]
fn a_second_saved_state_takes_the_place_of_what_stood_behind_the_first() {
    let place = place();
    let (script, heads) = long_script();
    let (mut store, _) = open(&place.path);
    apply(&mut store, &script.batch(0, heads[0]));
    take(&mut store, &snapshot(&script, heads[0], heads[2]));
    apply(&mut store, &script.batch(heads[2], heads[3]));
    take(&mut store, &snapshot(&script, heads[3], heads[5]));
    assert_eq!(
        store.gaps().unwrap(),
        [(script.log(), gap(heads[0], heads[5]))]
    );
    assert_eq!(
        search::find(&store.conn, "question3", 10)
            .unwrap()
            .hits
            .len(),
        0
    );
    apply(&mut store, &script.batch(heads[5], script.head()));
    let outcome = fill(&mut store, &script.merged(heads[0], heads[5]));
    assert_eq!(outcome, HistoryOutcome::Closed);
    let expected = script.transcript(script.head()).rows;
    assert_eq!(rows(&mut store, script.session), expected);
    assert_eq!(
        search::find(&store.conn, "question3", 10)
            .unwrap()
            .hits
            .len(),
        1
    );
}

#[test]
fn a_history_that_does_not_lead_to_the_saved_state_drops_the_log() {
    let place = place();
    let (script, heads) = long_script();
    let (mut store, _) = open(&place.path);
    let mut wrong = snapshot(&script, 0, heads[2]);
    wrong.state = wrong.state.replacen("begin", "began", 1);
    take(&mut store, &wrong);
    let outcome = fill(&mut store, &script.merged(0, heads[2]));
    assert!(
        matches!(outcome, HistoryOutcome::Dropped { .. }),
        "{outcome:?}"
    );
    assert_eq!(store.cursors().unwrap(), []);
    apply(&mut store, &script.batch(0, script.head()));
    let expected = script.transcript(script.head()).rows;
    assert_eq!(rows(&mut store, script.session), expected);
}

#[test]
fn a_saved_state_that_does_not_fit_changes_nothing() {
    let place = place();
    let (script, heads) = long_script();
    let (mut store, _) = open(&place.path);
    apply(&mut store, &script.batch(0, heads[0]));
    let stands_at = Some(script.cursor(heads[0]));
    let mut torn = snapshot(&script, heads[0], heads[2]);
    torn.state.truncate(20);
    let unfit = SnapshotOutcome::Unfit { stands_at };
    assert_eq!(store.apply_snapshot(&torn).unwrap(), unfit);
    let mut other = snapshot(&script, heads[0], heads[2]);
    other.seq = Seq(heads[3]);
    assert_eq!(
        store.apply_snapshot(&other).unwrap(),
        unfit,
        "of another seq"
    );
    let late = snapshot(&script, heads[1], heads[2]);
    let moved = SnapshotOutcome::Moved(stands_at);
    assert_eq!(store.apply_snapshot(&late).unwrap(), moved);
    assert_eq!(store.gaps().unwrap(), []);
    apply(&mut store, &script.batch(heads[0], script.head()));
    let expected = script.transcript(script.head()).rows;
    assert_eq!(rows(&mut store, script.session), expected);
}

#[test]
fn what_happened_behind_the_gap_reaches_the_rows_that_come_after_it() {
    let place = place();
    let (script, heads) = long_script();
    let (mut store, _) = open(&place.path);
    take(&mut store, &snapshot(&script, 0, heads[3]));
    // This batch concerns the first run, whose row is not here yet.
    apply(&mut store, &script.batch(heads[3], script.head()));
    let outcome = fill(&mut store, &script.merged(0, heads[3]));
    assert_eq!(outcome, HistoryOutcome::Closed);
    let expected = script.transcript(script.head()).rows;
    assert_eq!(rows(&mut store, script.session), expected);
}

#[tokio::test]
async fn events_stop_at_a_gap_and_the_cursor_stands_behind_it() {
    let place = place();
    let (script, heads) = long_script();
    let account = AccountId::from_uuid(uuid::Uuid::from_u128(1));
    let heard = Arc::new(Heard::default());
    let (mirror, _lost) = Mirror::open(place.path.clone(), account, heard)
        .await
        .unwrap();
    let front = script.batch(0, heads[0]);
    let state = snapshot(&script, heads[0], heads[3]);
    let tail = script.batch(heads[3], script.head());
    let write = move |store: &mut Store| {
        apply(store, &front);
        take(store, &state);
        apply(store, &tail);
        Ok(())
    };
    mirror.write(write).await.unwrap();
    let log = script.log();
    let cursor = mirror.cursor(log).await.unwrap();
    assert_eq!(cursor, Some(script.cursor(script.head())));
    let (events, upto) = mirror.events_after(log, Seq::ZERO, 1_000).await.unwrap();
    assert_eq!(events.last().map(|event| event.seq), Some(Seq(heads[0])));
    assert_eq!(upto, Some(script.cursor(heads[0])));
    let behind = mirror
        .events_after(log, Seq(heads[3]), 1_000)
        .await
        .unwrap();
    assert_eq!(behind.1, cursor);
    assert_eq!(
        behind.0.first().map(|event| event.seq),
        Some(Seq(heads[3] + 1))
    );
}

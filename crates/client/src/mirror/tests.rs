//! The mirror against the session crate's own fold.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use baton_protocol::view::{RowBody, SearchHit, TranscriptRow};
use baton_protocol::{
    AccountId, Batch, ChooseBranchCommand, Command, CommandBody, CommandId, Delivery, Event,
    EventBody, PartKind, PauseQueueCommand, PromptId, ResendPromptCommand, Seq, SessionId,
    StopRunCommand, StopScope, StopTarget, TimestampMs,
};
use baton_session::{
    AccountState, NoTranscript, RowChange, SessionState, Transcript, TranscriptSink,
};
use proptest::prelude::*;
use tempfile::TempDir;

use super::store::{ApplyOutcome, Store};
use super::*;
use crate::mirror::RowPlace;
use crate::sync::{Gap, Snapshot};

#[path = "../../tests/it/script.rs"]
mod script;
use script::Script;

/// Hears changes, and keeps rows as a screen would.
#[derive(Default)]
struct Heard {
    rows: Mutex<Transcript>,
    dropped: Mutex<Vec<SessionId>>,
    elsewhere: Mutex<Vec<SessionId>>,
}

impl MirrorListener for Heard {
    fn session_changed(
        &self,
        _session: SessionId,
        changes: &[RowChange],
        _state: &SessionState,
        _events: &[Event],
    ) {
        let mut rows = self.rows.lock().unwrap();
        for change in changes {
            rows.change(change.clone());
        }
    }

    fn moved_elsewhere(&self, session: SessionId) {
        self.elsewhere.lock().unwrap().push(session);
    }

    fn session_dropped(&self, session: SessionId) {
        self.dropped.lock().unwrap().push(session);
        self.rows.lock().unwrap().rows.clear();
    }

    fn history_filled(&self, _session: SessionId) {}

    fn account_changed(&self, _state: &AccountState) {}
}

struct Place {
    _dir: TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("mirror.db");
    Place { _dir: dir, path }
}

fn open(path: &Path) -> (Store, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    let account = AccountId::from_uuid(uuid::Uuid::from_u128(1));
    (Store::open(path, account, heard.clone()).unwrap(), heard)
}

fn script() -> Script {
    Script::new(AccountId::mint())
}

fn rows(store: &mut Store, session: SessionId) -> Vec<TranscriptRow> {
    store.open_session(session, 10_000).unwrap().rows
}

fn apply(store: &mut Store, batch: &Batch) {
    assert_eq!(store.apply(batch).unwrap(), ApplyOutcome::Applied);
}

fn stored(store: &Store, script: &Script) -> Vec<Event> {
    let (key, _) = logs::cursor(&store.conn, script.log()).unwrap().unwrap();
    events::between(
        &store.conn,
        key,
        (Seq::ZERO, Seq(i64::MAX as u64)),
        usize::MAX,
    )
    .unwrap()
}

#[test]
fn closed_parts_are_sealed_and_the_rows_are_the_folds() {
    let place = place();
    let mut script = script();
    script.exchange("why?", &["be", "cau", "se"]);
    let (mut store, heard) = open(&place.path);
    for seq in 0..script.head() {
        apply(&mut store, &script.batch(seq, seq + 1));
    }
    let expected = script.transcript(script.head()).rows;
    assert_eq!(rows(&mut store, script.session), expected);
    assert_eq!(heard.rows.lock().unwrap().rows, expected);
    let kinds: Vec<bool> = stored(&store, &script)
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::PartSealed(body) => Some(body.text == "because"),
            EventBody::PartAppended(_) | EventBody::PartClosed(_) => Some(false),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, [true]);
}

#[test]
fn an_open_parts_text_is_there_again_after_a_crash() {
    let place = place();
    let mut script = script();
    script.exchange("first", &["one"]);
    script.ask("second");
    script.start();
    script.open(PartKind::Text);
    script.append("half of ");
    script.append("it");
    let (mut store, _) = open(&place.path);
    apply(&mut store, &script.batch(0, script.head()));
    drop(store);

    let (mut store, heard) = open(&place.path);
    let before = script.head();
    assert_eq!(
        rows(&mut store, script.session),
        script.transcript(before).rows
    );
    script.append(", and the rest");
    script.close();
    script.end();
    apply(&mut store, &script.batch(before, script.head()));
    let expected = script.transcript(script.head()).rows;
    assert_eq!(rows(&mut store, script.session), expected);
    assert!(heard.dropped.lock().unwrap().is_empty());
}

#[test]
fn only_a_batch_that_continues_the_cursor_is_applied() {
    let place = place();
    let mut script = script();
    script.exchange("a", &["b"]);
    let (mut store, _) = open(&place.path);
    let first = script.batch(0, 3);
    apply(&mut store, &first);
    assert_eq!(store.apply(&first).unwrap(), ApplyOutcome::Known);
    let gap = script.batch(4, 6);
    let moved = ApplyOutcome::Moved(Some(script.cursor(3)));
    assert_eq!(store.apply(&gap).unwrap(), moved);
    let overlap = script.batch(2, 6);
    assert_eq!(store.apply(&overlap).unwrap(), moved);
    let mut other = script.batch(3, 6);
    other.incarnation = baton_protocol::Incarnation::mint();
    assert_eq!(store.apply(&other).unwrap(), moved);
}

#[test]
fn a_run_whose_digest_differs_drops_the_log() {
    let place = place();
    let mut script = script();
    script.exchange("a", &["text"]);
    let mut batch = script.batch(0, script.head());
    for event in &mut batch.events {
        if let EventBody::PartAppended(append) = &mut event.body {
            append.text = "tixt".into();
        }
    }
    let (mut store, heard) = open(&place.path);
    let outcome = store.apply(&batch).unwrap();
    assert!(
        matches!(outcome, ApplyOutcome::Dropped { .. }),
        "{outcome:?}"
    );
    assert_eq!(*heard.dropped.lock().unwrap(), [script.session]);
    assert_eq!(store.cursors().unwrap(), []);
    apply(&mut store, &script.batch(0, script.head()));
    let expected = script.transcript(script.head()).rows;
    assert_eq!(rows(&mut store, script.session), expected);
}

#[test]
fn an_event_of_a_newer_version_is_kept_as_it_came_and_changes_nothing_else() {
    let place = place();
    let mut script = script();
    script.exchange("a", &["text"]);
    let raw = serde_json::json!({ "type": "reactionAdded", "emoji": "🌊", "more": [1, null] });
    let mut batch = script.batch(0, script.head());
    let newer = Event {
        seq: batch.upto.next(),
        body: serde_json::from_value(raw).unwrap(),
        ..batch.events[0].clone()
    };
    batch.events.push(newer.clone());
    batch.upto = newer.seq;
    batch.head = newer.seq;
    let (mut store, heard) = open(&place.path);
    apply(&mut store, &batch);
    drop(store);

    let (mut store, _) = open(&place.path);
    assert_eq!(stored(&store, &script).last(), Some(&newer));
    let expected = script.transcript(script.head()).rows;
    assert_eq!(rows(&mut store, script.session), expected);
    assert!(heard.dropped.lock().unwrap().is_empty());
    let (_, cursor) = logs::cursor(&store.conn, script.log()).unwrap().unwrap();
    assert_eq!(cursor.seq, newer.seq);
}

#[test]
fn a_session_is_paged_from_its_end() {
    let place = place();
    let mut script = script();
    for n in 0..20 {
        script.exchange(&format!("q{n}"), &["a"]);
    }
    let (mut store, _) = open(&place.path);
    apply(&mut store, &script.batch(0, script.head()));
    let all = script.transcript(script.head()).rows;
    let opened = store.open_session(script.session, 7).unwrap();
    assert!(opened.has_older);
    let mut paged = opened.rows;
    let mut has_older = true;
    while has_older {
        let first = RowPlace::of(&paged[0].id).unwrap();
        let (older, more) = store.rows_before(script.session, first, 7).unwrap();
        paged.splice(0..0, older);
        has_older = more;
    }
    assert_eq!(paged, all);
}

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
    // The other one closes and seals the part that the first one holds open.
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

#[test]
fn search_finds_every_script_and_forgets_a_dropped_log() {
    let place = place();
    let mut script = script();
    script.exchange(
        "Where is the tide table?",
        &["The 潮汐表 is ", "in the 抽屉. 100% sure"],
    );
    let (mut store, _) = open(&place.path);
    apply(&mut store, &script.batch(0, script.head()));
    let find = |store: &Store, query: &str| {
        let hits = search::find(&store.conn, query, 10).unwrap();
        hits.into_iter().map(|hit| hit.excerpt).collect::<Vec<_>>()
    };
    assert_eq!(find(&store, "tide"), ["Where is the \u{2}tide\u{3} table?"]);
    assert_eq!(find(&store, "TIDE TABLE").len(), 1);
    assert_eq!(find(&store, "潮汐表").len(), 1);
    assert_eq!(find(&store, "抽屉").len(), 1);
    assert_eq!(find(&store, "屉").len(), 1);
    assert_eq!(find(&store, "sure 表").len(), 1);
    assert_eq!(find(&store, "0%").len(), 1);
    assert_eq!(find(&store, "9%"), Vec::<String>::new());
    assert_eq!(find(&store, "\"tide OR"), Vec::<String>::new());
    assert_eq!(find(&store, "  "), Vec::<String>::new());
    store.drop_log(script.log()).unwrap();
    assert_eq!(find(&store, "tide"), Vec::<String>::new());
    assert_eq!(find(&store, "抽屉"), Vec::<String>::new());
}

#[test]
fn what_an_earlier_version_indexed_is_found_after_what_came_since_and_the_newest_comes_first() {
    let place = place();
    let mut script = script();
    for n in 0..3 {
        script.exchange(&format!("the tide of day {n}"), &["is high"]);
    }
    let before = script.head();
    let (mut store, _) = open(&place.path);
    apply(&mut store, &script.batch(0, before));
    let as_it_was = "INSERT INTO search_newest (search_newest) VALUES ('delete-all');
        UPDATE rows SET searched = 1 WHERE searched;
        INSERT INTO search (search) VALUES ('rebuild');";
    store.conn.execute_batch(as_it_was).unwrap();
    for n in 3..6 {
        script.exchange(&format!("the tide of day {n}"), &["is high"]);
    }
    apply(&mut store, &script.batch(before, script.head()));
    let find = |store: &Store, query: &str, limit: u32| {
        let hits = search::find(&store.conn, query, limit).unwrap();
        let plain = |hit: SearchHit| hit.excerpt.replace(['\u{2}', '\u{3}'], "");
        hits.into_iter().map(plain).collect::<Vec<_>>()
    };
    let days = |days: &[u32]| {
        let prompts = days.iter().map(|n| format!("the tide of day {n}"));
        prompts.collect::<Vec<_>>()
    };
    assert_eq!(find(&store, "tide", 10), days(&[5, 4, 3, 2, 1, 0]));
    assert_eq!(find(&store, "tide", 4), days(&[5, 4, 3, 2]));
    assert_eq!(find(&store, "tide", 2), days(&[5, 4]));
    assert_eq!(find(&store, "tide 1", 10), days(&[1]));
    assert_eq!(find(&store, "of", 10), days(&[5, 4, 3, 2, 1, 0]));
    store.drop_log(script.log()).unwrap();
    for word in ["tide", "high", "of"] {
        assert_eq!(find(&store, word, 10), Vec::<String>::new());
    }
    let texts = "SELECT (SELECT count(*) FROM search WHERE search MATCH 'tide')
        + (SELECT count(*) FROM search_newest WHERE search_newest MATCH 'tide')";
    let left: i64 = store.conn.query_row(texts, [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0, "no index knows what is gone");
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
    let hits = search::find(&store.conn, "tide", 10).unwrap();
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

    let found = |store: &Store| search::find(&store.conn, "tide", 10).unwrap().len();
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
fn rows_of_branches_that_are_not_shown_stay_in_the_mirror_and_out_of_the_window() {
    let place = place();
    let mut script = script();
    script.exchange("a", &["to a"]);
    script.exchange("b", &["to b"]);
    let first = script.first_prompt();
    let again = script.decide(CommandBody::ResendPrompt(ResendPromptCommand {
        prompt: first,
        text: "A".into(),
        delivery: Delivery::Queue,
    }));
    script.start();
    script.end();
    let (mut store, heard) = open(&place.path);
    apply(&mut store, &script.batch(0, script.head()));
    let texts = |rows: Vec<TranscriptRow>| {
        let text = |row: TranscriptRow| match row.body {
            RowBody::Prompt { text, branch, .. } => {
                Some((text, branch.map_or(0, |branch| branch.prompts.len())))
            }
            _ => None,
        };
        rows.into_iter().filter_map(text).collect::<Vec<_>>()
    };
    assert_eq!(
        texts(rows(&mut store, script.session)),
        [("A".to_owned(), 2)]
    );
    assert!(heard.rows.lock().unwrap().hidden.contains(&first));

    let before = script.head();
    script.decide(CommandBody::ChooseBranch(ChooseBranchCommand {
        prompt: first,
    }));
    apply(&mut store, &script.batch(before, script.head()));
    let shown = [("a".to_owned(), 2), ("b".to_owned(), 0)];
    assert_eq!(texts(rows(&mut store, script.session)), shown);
    assert!(heard.rows.lock().unwrap().hidden.contains(&PromptId(again)));
}

#[test]
fn a_damaged_mirror_is_set_aside_and_the_outbox_is_taken_over() {
    let place = place();
    let script = script();
    let (mut store, _) = open(&place.path);
    apply(&mut store, &script.batch(0, script.head()));
    let command = pause(script.log());
    let queued = [(command.clone(), OutboxState::Waiting)];
    store.queue_intents(&queued, &[], TimestampMs(5)).unwrap();
    let damage = "UPDATE logs SET incarnation = 'nonsense'";
    store.conn.execute_batch(damage).unwrap();
    drop(store);

    let (store, _) = open(&place.path);
    assert_eq!(store.cursors().unwrap(), []);
    let outbox = store.outbox().unwrap();
    assert_eq!(outbox.len(), 1);
    // Whether it was sent cannot be known any more.
    assert_eq!(
        (&outbox[0].command, &outbox[0].state),
        (&command, &OutboxState::Sent)
    );
    assert!(place.path.with_extension("db.damaged-1").exists());
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
    assert_eq!(store.outbox().unwrap(), []);
}

#[test]
fn a_file_that_is_no_database_is_set_aside() {
    let place = place();
    std::fs::write(&place.path, vec![7; 8_192]).unwrap();
    let (store, _) = open(&place.path);
    assert_eq!(store.outbox().unwrap(), []);
    assert!(place.path.with_extension("db.damaged-1").exists());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However the log is cut into batches, merged or not, with restarts in between: the rows are the fold's.
    #[test]
    fn any_cut_of_the_log_gives_the_same_rows(
        cuts in prop::collection::vec((1..6_u64, any::<bool>(), 0..8_u8), 40),
    ) {
        let place = place();
        let mut script = script();
        script.exchange("one", &["a", "bc", "ö", "def"]);
        script.exchange("two", &["漢", "字"]);
        script.ask("three");
        script.start();
        script.open(PartKind::Reasoning);
        script.append("hm");
        script.close();
        script.open(PartKind::Text);
        script.append("so");
        let (mut store, _) = open(&place.path);
        let mut at = 0;
        for (step, merged, restart) in cuts {
            let upto = (at + step).min(script.head());
            if upto > at {
                let batch = if merged { script.merged(at, upto) } else { script.batch(at, upto) };
                prop_assert_eq!(store.apply(&batch).unwrap(), ApplyOutcome::Applied);
                at = upto;
            }
            if restart == 0 {
                drop(store);
                store = open(&place.path).0;
            }
            prop_assert_eq!(&rows(&mut store, script.session), &script.transcript(at).rows);
        }
    }
}

fn snapshot(script: &Script, after: u64, seq: u64) -> Snapshot {
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

fn take(store: &mut Store, snapshot: &Snapshot) {
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

/// Exchanges, and the heads after them. The first run was stopped, and its host says so only at the very end.
fn long_script() -> (Script, Vec<u64>) {
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

    // From below, through the end of the process.
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
        assert_eq!(search::find(&store.conn, word, 10).unwrap().len(), 1);
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
    assert_eq!(search::find(&store.conn, "question3", 10).unwrap().len(), 0);
    apply(&mut store, &script.batch(heads[5], script.head()));
    let outcome = fill(&mut store, &script.merged(heads[0], heads[5]));
    assert_eq!(outcome, HistoryOutcome::Closed);
    let expected = script.transcript(script.head()).rows;
    assert_eq!(rows(&mut store, script.session), expected);
    assert_eq!(search::find(&store.conn, "question3", 10).unwrap().len(), 1);
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
    // It says something of the first run, whose row is not here yet.
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
    let mirror = Mirror::open(place.path.clone(), account, heard)
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

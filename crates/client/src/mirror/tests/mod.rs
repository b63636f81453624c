//! The mirror against the session crate's own fold.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use baton_protocol::view::{RowBody, TranscriptRow};
use baton_protocol::{
    AccountId, Batch, ChooseBranchCommand, Command, CommandBody, CommandId, Delivery, Event,
    EventBody, PartKind, PauseQueueCommand, PromptId, ResendPromptCommand, Seq, SessionId,
    StopRunCommand, StopScope, StopTarget, TimestampMs,
};
use baton_session::{
    AccountState, Draft, NoTranscript, RowChange, SessionState, Transcript, TranscriptSink,
};
use proptest::prelude::*;
use tempfile::TempDir;

use super::store::{ApplyOutcome, Store};
use super::*;
use crate::mirror::RowPlace;
use crate::sync::{Gap, Snapshot};

mod damage;
mod files;
mod gaps;
#[path = "../../../tests/it/script.rs"]
mod script;
use script::Script;

/// Receives changes and keeps rows as a screen would.
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

    fn account_changed(&self, _state: &AccountState, _bereft: Vec<(SessionId, Draft)>) {}
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
        let hits = search::find(&store.conn, query, 10).unwrap().hits;
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However the log is cut into batches, merged or not, with restarts in between: the rows equal the fold's.
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

//! A screen that applies every patch has exactly the window's rows.

use baton_protocol::view::{PartState, RowBody, RowId, RowPatch, TranscriptRow};
use baton_protocol::{Seq, TimestampMs};
use baton_session::{RowChange, Transcript, TranscriptSink};
use proptest::prelude::*;

use super::window::Window;

fn text_row(seq: u64, text: &str, state: PartState) -> TranscriptRow {
    TranscriptRow {
        turn: None,
        id: RowId(seq.to_string()),
        seq: Seq(seq),
        at: TimestampMs(0),
        run: None,
        body: RowBody::Text {
            text: text.to_owned(),
            state,
        },
    }
}

/// A renderer's state.
#[derive(Default)]
struct Rendered {
    rows: Vec<TranscriptRow>,
}

impl Rendered {
    fn take(&mut self, window: &mut Window) -> Vec<RowPatch> {
        let patches = window.take_patches();
        for patch in patches.clone() {
            self.apply(patch);
        }
        patches
    }

    fn at(&self, id: &RowId) -> usize {
        let found = self.rows.iter().position(|row| row.id == *id);
        found.unwrap_or_else(|| panic!("no row {id:?}"))
    }

    fn apply(&mut self, patch: RowPatch) {
        match patch {
            RowPatch::Reset { rows } => self.rows = rows,
            RowPatch::Insert { row, before } => {
                assert!(!self.rows.iter().any(|known| known.id == row.id), "twice");
                let at = before.map_or(self.rows.len(), |before| self.at(&before));
                self.rows.insert(at, row);
            }
            RowPatch::Update { row } => {
                let at = self.at(&row.id);
                self.rows[at] = row;
            }
            RowPatch::AppendText { id, text } => {
                let at = self.at(&id);
                RowChange::AppendText { id, text }.apply_to(&mut self.rows[at]);
            }
            RowPatch::Remove { id } => {
                let at = self.at(&id);
                self.rows.remove(at);
            }
        }
    }
}

#[test]
fn growing_text_goes_out_as_what_was_added() {
    let mut window = Window::new(vec![text_row(1, "a", PartState::Open)], false);
    let mut screen = Rendered::default();
    screen.take(&mut window);
    let id = RowId("1".into());
    for text in ["b", "c"] {
        let (id, text) = (id.clone(), text.to_owned());
        window.apply(&RowChange::AppendText { id, text });
    }
    let text = "bc".to_owned();
    assert_eq!(
        screen.take(&mut window),
        [RowPatch::AppendText { id, text }]
    );
    assert_eq!(screen.take(&mut window), []);
}

#[test]
fn older_rows_come_before_and_in_order() {
    let newest = vec![text_row(5, "e", PartState::Complete)];
    let mut window = Window::new(newest, true);
    let mut screen = Rendered::default();
    screen.take(&mut window);
    let older = [3, 4].map(|seq| text_row(seq, "x", PartState::Complete));
    window.prepend(older.to_vec(), true);
    screen.take(&mut window);
    // A change that raced with the request supplies the same rows again.
    window.prepend(older.to_vec(), false);
    screen.take(&mut window);
    let ids: Vec<&str> = screen.rows.iter().map(|row| row.id.0.as_str()).collect();
    assert_eq!(ids, ["3", "4", "5"]);
}

#[test]
fn a_window_is_bounded_while_nobody_reads() {
    let mut window = Window::new(Vec::new(), false);
    let mut screen = Rendered::default();
    screen.take(&mut window);
    let rows = 3 * crate::limits::WINDOW_ROWS_MAX as u64;
    for seq in 1..=rows {
        if seq == 600 {
            screen.take(&mut window);
        }
        window.apply(&RowChange::Insert(text_row(seq, "x", PartState::Complete)));
    }
    let patches = screen.take(&mut window);
    assert!(patches.len() <= 2 * crate::limits::WINDOW_ROWS_MAX);
    assert_eq!(screen.rows.len(), crate::limits::WINDOW_ROWS_MAX);
    assert_eq!(screen.rows.last().unwrap().seq, Seq(rows));
    assert!(window.has_older);
}

#[derive(Clone, Debug)]
enum Step {
    Open,
    Grow(u8),
    Close(u8, bool),
    Frame,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => Just(Step::Open),
        5 => any::<u8>().prop_map(Step::Grow),
        2 => any::<(u8, bool)>().prop_map(|(row, sealed)| Step::Close(row, sealed)),
        3 => Just(Step::Frame),
    ];
    prop::collection::vec(step, 0..80)
}

proptest! {
    #[test]
    fn a_screen_has_what_the_window_has_whenever_it_reads(steps in steps()) {
        let mut window = Window::new(Vec::new(), false);
        let mut oracle = Transcript::default();
        let mut screen = Rendered::default();
        let change = |window: &mut Window, oracle: &mut Transcript, change: RowChange| {
            window.apply(&change);
            oracle.change(change);
        };
        for step in steps {
            let rows = oracle.rows.len() as u64;
            let pick = |row: u8| RowId((u64::from(row) % rows.max(1) + 1).to_string());
            match step {
                Step::Open => {
                    let row = text_row(rows + 1, "", PartState::Open);
                    change(&mut window, &mut oracle, RowChange::Insert(row));
                }
                Step::Grow(row) => {
                    let text = format!("ö{row}");
                    change(&mut window, &mut oracle, RowChange::AppendText { id: pick(row), text });
                }
                Step::Close(row, false) => {
                    let state = PartState::Interrupted;
                    let close = RowChange::ClosePart { id: pick(row), state, duration_ms: 1 };
                    change(&mut window, &mut oracle, close);
                }
                Step::Close(row, true) => {
                    let text = "sealed".to_owned();
                    let state = PartState::Complete;
                    let seal = RowChange::SealPart { id: pick(row), text, state, duration_ms: 1 };
                    change(&mut window, &mut oracle, seal);
                }
                Step::Frame => {
                    screen.take(&mut window);
                    prop_assert_eq!(&screen.rows, &oracle.rows);
                }
            }
        }
        screen.take(&mut window);
        prop_assert_eq!(&screen.rows, &oracle.rows);
    }
}

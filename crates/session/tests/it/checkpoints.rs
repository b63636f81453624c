//! Checkpoints: what a reader that starts at one sees, and how many are kept.

use baton_protocol::view::TranscriptRow;
use baton_protocol::*;
use baton_session::*;
use proptest::prelude::*;

use crate::interleavings::{Seen, step, take};
use crate::rig::*;

/// The shown branch's rows above a seq.
fn shown_above(transcript: &Transcript, seq: Seq) -> Vec<&TranscriptRow> {
    transcript.shown().filter(|row| row.seq > seq).collect()
}

/// Folds the rest of a log over a state that may lack its past.
fn folded_on(
    mut state: SessionState,
    log: &[Event],
) -> Result<(SessionState, Transcript), FoldError> {
    let mut transcript = Transcript::default();
    let head = state.head();
    for event in log.iter().filter(|event| event.seq > head) {
        state.apply(event, &mut transcript)?;
    }
    Ok((state, transcript))
}

fn records_of(state: &SessionState, transcript: &Transcript, seq: Seq) -> Vec<RunRecord> {
    let runs = shown_above(transcript, seq);
    let runs = runs.iter().filter_map(|row| state.run_record(row.run?));
    runs.cloned().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// A reader that starts anywhere sees the same rows of the shown branch as a reader of the whole log, or is sent further back.
    #[test]
    fn a_state_without_its_past_shows_what_the_whole_one_shows(steps in prop::collection::vec(step(), 1..60)) {
        let mut rig = Rig::new();
        let mut seen = Seen::default();
        let mut beginnings = Vec::new();
        for step in &steps {
            take(&mut rig, &mut seen, step);
            beginnings.extend(rig.state.without_past());
        }
        for beginning in beginnings {
            let seq = beginning.head();
            match folded_on(beginning, &rig.log) {
                Ok((state, transcript)) => {
                    prop_assert_eq!(shown_above(&transcript, seq), shown_above(&rig.transcript, seq));
                    prop_assert_eq!(
                        records_of(&state, &transcript, seq),
                        records_of(&rig.state, &rig.transcript, seq)
                    );
                    prop_assert_eq!(state.queue(), rig.state.queue());
                    prop_assert_eq!(state.steers(), rig.state.steers());
                    prop_assert_eq!(
                        state.active_runs().collect::<Vec<_>>(),
                        rig.state.active_runs().collect::<Vec<_>>()
                    );
                }
                Err(FoldError::BehindHorizon { .. }) => {}
                Err(error) => prop_assert!(false, "{error}"),
            }
        }
    }
}

fn turn(rig: &mut Rig, text: &str) -> PromptId {
    let prompt = rig.send(laptop(), text, Delivery::Queue);
    let run = rig.start().expect("a prompt waits");
    rig.complete(run);
    prompt
}

#[test]
fn a_branch_beside_a_turn_behind_the_horizon_sends_the_reader_back() {
    let mut rig = Rig::new();
    let old = turn(&mut rig, "old");
    turn(&mut rig, "new");
    let beginning = rig.state.without_past().expect("nothing runs");
    let horizon = beginning.head();
    assert_eq!(beginning.horizon(), Some(horizon));
    let resend = ResendPromptCommand {
        prompt: old,
        text: "old, otherwise".into(),
        delivery: Delivery::Queue,
    };
    rig.accept(desk(), CommandBody::ResendPrompt(resend));
    rig.start().expect("the branch begins");
    let seq = rig.state.head();
    assert_eq!(
        folded_on(beginning, &rig.log),
        Err(FoldError::BehindHorizon { seq, horizon })
    );
}

/// A session of turns with a thousand characters each, and the checkpoints that a hub keeps of it.
fn noted(turns: usize) -> (Rig, Checkpoints) {
    let mut rig = Rig::new();
    let mut checkpoints = Checkpoints::default();
    let mut state = SessionState::default();
    let mut followed = 0;
    for n in 0..turns {
        turn(&mut rig, &format!("{n:1000}"));
        for event in &rig.log[followed..] {
            state.apply(event, &mut NoTranscript).expect("folds");
            checkpoints.follow(&state, event);
        }
        followed = rig.log.len();
    }
    (rig, checkpoints)
}

#[test]
fn whatever_is_needed_is_found_with_at_most_half_as_much_again() {
    let (rig, checkpoints) = noted(3_000);
    for needed in [1_000, 10_000, 50_000, 200_000, 1_000_000] {
        let found = checkpoints.behind(needed).expect("so far back");
        let begun: SessionState = serde_json::from_str(&found.state).expect("a state");
        assert_eq!(begun.head(), found.seq);
        let (_, transcript) = folded_on(begun, &rig.log).expect("folds");
        let got = 1_000 * transcript.rows.len() as u64 / 2;
        let between = Checkpoints::CHARS_BETWEEN;
        assert!(got >= needed, "{got} of {needed}");
        assert!(got <= needed * 3 / 2 + 2 * between, "{got} for {needed}");
    }
    assert_eq!(checkpoints.behind(4_000_000), None);
}

#[test]
fn the_list_is_short_however_long_the_session() {
    let size = |turns| {
        let list = serde_json::to_string(&noted(turns).1);
        list.expect("JSON").len()
    };
    let (short, long) = (size(300), size(3_000));
    assert!(long < 3 * short, "{long} bytes, and {short} for a tenth");
    assert!(long < 32 * 1024, "{long} bytes");
}

#[test]
fn what_was_counted_before_is_not_counted_again() {
    let (rig, checkpoints) = noted(40);
    let saved = serde_json::to_string(&checkpoints).expect("JSON");
    let mut read: Checkpoints = serde_json::from_str(&saved).expect("reads");
    let mut state = SessionState::default();
    for event in &rig.log {
        state.apply(event, &mut NoTranscript).expect("folds");
        assert_eq!(read.follow(&state, event), Noted::Nothing);
    }
    assert_eq!(read, checkpoints);
}

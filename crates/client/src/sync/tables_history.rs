//! History that the mirror does not have yet.

use super::bench::*;
use super::*;
use crate::limits::MIRROR_RETRY_MS;
use baton_protocol::{ClientFrame, HubFrame, Seq};

#[test]
fn a_mirror_that_cannot_write_history_gets_it_again_after_a_pause() {
    let mut bench = Bench::with(vec![(log(1), cursor(9))], Vec::new());
    bench.connect();
    let gap = Gap {
        filled: Seq(2),
        floor: Seq(6),
    };
    let moved = Input::GapMoved {
        log: log(1),
        gap: Some(gap),
    };
    let ask = ClientFrame::ReadHistory {
        log: log(1),
        incarnation: incarnation(7),
        after: Seq(2),
        upto: Seq(6),
    };
    bench.give(moved.clone());
    let wanted = sent(&bench.give(Input::WantHistory(log(1))));
    assert_eq!(wanted, std::slice::from_ref(&ask));
    let page = batch(log(1), 2, 4, 9);
    let outputs = bench.hear(HubFrame::History(page.clone()));
    assert!(outputs.contains(&Output::ApplyHistory(page)));

    // The disk is full.
    bench.give(Input::HistoryUnwritten(log(1)));
    assert_eq!(sent(&bench.give(moved.clone())), [], "not at once");
    let outputs = bench.pass(MIRROR_RETRY_MS);
    assert!(sent(&outputs).contains(&ask), "{outputs:?}");
}

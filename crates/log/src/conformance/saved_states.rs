//! Law 7: saved states are shortcuts, never ahead of their log.

use baton_protocol::Seq;

use super::LogUnderTest;
use super::fixtures::*;
use crate::{AppendError, EventLog, ExpectedHead, STATE_FORMATS, STATES_KEPT, SavedState};

fn state(seq: Seq, format: u32) -> SavedState {
    SavedState {
        seq,
        format,
        json: format!("{{\"at\":{}}}", seq.0),
    }
}

async fn append_with(log: &dyn EventLog, made: &mut Conversation<'_>, format: u32) {
    let mut request = made.request(vec![prompt("more")]);
    request.state = Some(state(made.head, format));
    let appended = log.append(request).await;
    made.head = appended.expect("the writer stands at the head").head();
}

async fn newest(
    log: &dyn EventLog,
    made: &Conversation<'_>,
    format: u32,
    upto: Seq,
) -> Option<SavedState> {
    let found = log.saved_state(made.id, format, upto).await;
    found.expect("readable")
}

/// The state is found at and after its seq, only in its own log and format, and also after a restart.
pub async fn a_state_is_kept_with_the_append_that_carried_it<L: LogUnderTest>(subject: L) {
    let log = subject.log();
    let mut made = Conversation::create(log).await;
    let other = Conversation::create(log).await;
    append_with(log, &mut made, 1).await;
    let saved = state(Seq(1), 1);
    assert_eq!(newest(log, &made, 1, Seq(9)).await, Some(saved.clone()));
    assert_eq!(newest(log, &made, 1, Seq(1)).await, Some(saved.clone()));
    assert_eq!(newest(log, &made, 1, Seq(0)).await, None);
    assert_eq!(newest(log, &made, 2, Seq(9)).await, None);
    assert_eq!(newest(log, &other, 1, Seq(9)).await, None);
    let (id, head) = (made.id, made.head);
    let Some(subject) = subject.reopened().await else {
        return;
    };
    let made = Conversation::resume(subject.log(), id, head);
    assert_eq!(newest(subject.log(), &made, 1, Seq(9)).await, Some(saved));
}

/// The newest states of one format are kept; a state of another format of the same kind replaces all earlier ones.
pub async fn the_newest_states_of_one_format_are_kept<L: LogUnderTest>(subject: L) {
    let log = subject.log();
    let mut made = Conversation::create(log).await;
    for _ in 0..4 {
        append_with(log, &mut made, 1).await;
    }
    let mut found = Vec::new();
    let mut upto = made.head;
    while let Some(state) = newest(log, &made, 1, upto).await {
        upto = Seq(state.seq.0 - 1);
        found.push(state.seq.0);
    }
    assert_eq!(found, [4, 3]);
    assert_eq!(found.len(), STATES_KEPT);
    append_with(log, &mut made, 2).await;
    assert_eq!(newest(log, &made, 1, made.head).await, None);
    assert_eq!(
        newest(log, &made, 2, made.head).await,
        Some(state(Seq(5), 2))
    );
}

/// A state replaces none of another kind, and each kind keeps its newest ones.
pub async fn states_of_two_kinds_are_kept_beside_each_other<L: LogUnderTest>(subject: L) {
    let log = subject.log();
    let mut made = Conversation::create(log).await;
    let (one, other) = (1, STATE_FORMATS + 1);
    for format in [one, other, one, other, other, other] {
        append_with(log, &mut made, format).await;
    }
    let seqs = |format| {
        let made = &made;
        async move {
            let newest_of = newest(log, made, format, made.head).await;
            let seq = newest_of.expect("one is kept").seq;
            let before = newest(log, made, format, Seq(seq.0 - 1)).await;
            [before.expect("and one before it").seq.0, seq.0]
        }
    };
    assert_eq!(seqs(one).await, [1, 3]);
    assert_eq!(seqs(other).await, [5, 6]);
}

/// A refused append leaves no state.
pub async fn a_refused_append_saves_no_state<L: LogUnderTest>(subject: L) {
    let log = subject.log();
    let made = Conversation::create(log).await;
    let mut late = made.request(vec![prompt("late")]);
    late.expected = ExpectedHead::At(Seq(0));
    late.state = Some(state(Seq(0), 1));
    let refused = log.append(late).await;
    assert!(
        matches!(refused, Err(AppendError::HeadMoved { actual: Seq(1) })),
        "{refused:?}"
    );
    assert_eq!(newest(log, &made, 1, Seq(9)).await, None);
}

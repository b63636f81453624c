//! Events as a reader gets them: decoded, folded, joined.

use baton_protocol::Event;
use baton_session::{AccountState, SessionState, Transcript, sealing};

/// Reads each line as an event and folds them, as a session's log and as an account's.
///
/// # Panics
/// Where an event is written as something else than was read, a state does not survive being written down, or joined appends give
/// another state than the events that they stand for.
pub fn event_fold(data: &[u8]) {
    let mut account = AccountState::default();
    let (mut state, mut rows) = (SessionState::default(), Transcript::default());
    let mut folded = Vec::new();
    for line in crate::lines(data) {
        let Ok(event) = serde_json::from_str::<Event>(line) else {
            continue;
        };
        let written = serde_json::to_string(&event).expect("an event can be written");
        let again: Event = serde_json::from_str(&written).expect("and is read again");
        assert_eq!(again, event);
        // An event that does not fit is an error, never a panic.
        let _ = account.apply(&event);
        let before = (state.clone(), rows.clone());
        if state.apply(&event, &mut rows).is_ok() {
            folded.push(event);
        } else {
            (state, rows) = before;
        }
    }
    let written = serde_json::to_string(&state).expect("a state can be written");
    let again: SessionState = serde_json::from_str(&written).expect("and is read again");
    assert_eq!(again, state);

    let (mut joined, mut joined_rows) = (SessionState::default(), Transcript::default());
    for event in sealing::merge_appends(folded) {
        joined
            .apply(&event, &mut joined_rows)
            .expect("joined appends fold where the plain ones did");
    }
    joined.set_head(state.head());
    assert_eq!(joined, state);
    assert_eq!(joined_rows, rows);
}

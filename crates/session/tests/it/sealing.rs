//! The sealing law as a property: any interleaving of parts, any chunking, any set of sealed parts, any cursor, any merge.

use std::collections::HashMap;

use baton_protocol::*;
use baton_session::sealing::{merge_appends, seal_part};
use baton_session::*;
use proptest::prelude::*;

use crate::rig::*;

/// A log of parts that grow in parallel, as with sub-agents. Each step opens a part, closes one or appends to one.
fn grow(steps: &[(u8, String)]) -> Rig {
    let mut rig = Rig::new();
    rig.send(laptop(), "go", Delivery::Queue);
    let run = rig.start().expect("starts");
    for (choice, text) in steps {
        let active = rig.state.active_run(run).expect("on").clone();
        let open_parts: Vec<(PartIndex, u64)> = active
            .open_parts()
            .map(|part| (part.index, part.text.len() as u64))
            .collect();
        let pick = open_parts
            .get(*choice as usize % open_parts.len().max(1))
            .copied();
        match (choice % 8, pick) {
            (0, _) | (_, None) => {
                let part = PartIndex(active.parts.len() as u32);
                let kind = if choice & 8 == 0 {
                    PartKind::Text
                } else {
                    PartKind::Reasoning
                };
                rig.write(run, vec![RunWrite::OpenPart { part, kind }]);
            }
            (1, Some((part, _))) => rig.write(run, vec![close(part)]),
            (_, Some((part, offset))) => rig.write(run, vec![append(part, offset, text)]),
        }
    }
    rig.complete(run);
    rig
}

/// The log as stored after the chosen parts are sealed.
fn seal(log: &[Event], chosen: impl Fn(PartIndex) -> bool) -> Vec<Event> {
    let mut appends: HashMap<PartIndex, Vec<Event>> = HashMap::new();
    let mut sealed: HashMap<Seq, Event> = HashMap::new();
    let mut gone: Vec<Seq> = Vec::new();
    for event in log {
        match &event.body {
            EventBody::PartAppended(body) => {
                appends.entry(body.part).or_default().push(event.clone())
            }
            EventBody::PartClosed(body) if chosen(body.part) => {
                let of_part = appends.remove(&body.part).unwrap_or_default();
                if let Some(event) = seal_part(&of_part, event) {
                    gone.extend(of_part.iter().map(|event| event.seq));
                    sealed.insert(event.seq, event);
                }
            }
            _ => {}
        }
    }
    let kept = log.iter().filter(|event| !gone.contains(&event.seq));
    kept.map(|event| sealed.get(&event.seq).unwrap_or(event).clone())
        .collect()
}

/// Moves a batch's end out of sealed parts, as a log does.
pub fn batch_end(stored: &[Event], mut upto: Seq) -> Seq {
    loop {
        let inside = stored.iter().filter_map(|event| match &event.body {
            EventBody::PartSealed(body) if body.since <= upto && upto < event.seq => {
                Some(event.seq)
            }
            _ => None,
        });
        match inside.max() {
            Some(end) => upto = end,
            None => return upto,
        }
    }
}

fn fold(events: &[Event], state: &mut SessionState, transcript: &mut Transcript, upto: Seq) {
    for event in events {
        state.apply(event, transcript).expect("a batch folds");
    }
    state.set_head(upto);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_batch_from_any_cursor_gives_the_state_of_the_plain_log(
        steps in prop::collection::vec((any::<u8>(), "[aé漢🙂]{1,6}"), 1..60),
        chosen in any::<u64>(),
        at_k in 0.0..=1.0f64,
        at_m in 0.0..=1.0f64,
        merge in any::<bool>(),
    ) {
        let rig = grow(&steps);
        let head = rig.state.head();
        let k = Seq((head.0 as f64 * at_k) as u64);
        let stored = seal(&rig.log, |part| chosen >> (part.0 % 64) & 1 == 1);
        let m = batch_end(&stored, Seq(k.0 + ((head.0 - k.0) as f64 * at_m) as u64));

        let plain = |upto: Seq| {
            let (mut state, mut transcript) = (SessionState::default(), Transcript::default());
            let events: Vec<Event> = rig.log.iter().filter(|event| event.seq <= upto).cloned().collect();
            fold(&events, &mut state, &mut transcript, upto);
            (state, transcript)
        };
        let (mut state, mut transcript) = plain(k);
        let mut batch: Vec<Event> = stored.iter().filter(|event| event.seq > k && event.seq <= m).cloned().collect();
        if merge {
            batch = merge_appends(batch);
        }
        fold(&batch, &mut state, &mut transcript, m);
        prop_assert_eq!((state, transcript), plain(m));
    }

    #[test]
    fn a_state_survives_being_written_down(steps in prop::collection::vec((any::<u8>(), "[aé漢🙂]{1,6}"), 1..40)) {
        let rig = grow(&steps);
        for upto in 0..rig.log.len() {
            let (mut state, mut transcript) = (SessionState::default(), Transcript::default());
            fold(&rig.log[..upto], &mut state, &mut transcript, Seq(upto as u64));
            let json = serde_json::to_string(&state).expect("serialises");
            prop_assert_eq!(serde_json::from_str::<SessionState>(&json).expect("comes back"), state);
        }
    }
}

#[test]
fn a_part_without_text_is_not_sealed() {
    let mut rig = Rig::new();
    rig.send(laptop(), "go", Delivery::Queue);
    let run = rig.start().expect("starts");
    rig.write(run, vec![open(PartIndex(0)), close(PartIndex(0))]);
    let closed = rig.log.last().expect("closed");
    assert_eq!(seal_part(&[], closed), None);
}

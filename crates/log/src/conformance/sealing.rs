//! Law 5 by example; [`super::sealing_law`] tests it as a property.

use baton_protocol::{Batch, Event, EventBody, PartEnd, PartSealedEvent, Seq, limits};

use super::LogUnderTest;
use super::fixtures::*;
use crate::batching::{STRETCH_BYTES_MAX, STRETCH_EVENTS_MAX};
use crate::{EventLog, ReadLimit};

const ONE: ReadLimit = ReadLimit {
    events: 1,
    bytes: 1,
};

/// The many deltas of a part that is still open are read as one append.
pub async fn a_growing_part_is_read_as_one_append<L: LogUnderTest>(subject: L) {
    let mut made = Conversation::create(subject.log()).await;
    let mut run = RunScript::new(1);
    made.say(run.open()).await;
    for n in 0..40 {
        made.say(run.append(0, &format!("{n} "))).await;
    }
    let limit = ReadLimit {
        events: 4,
        bytes: 100_000,
    };
    let batches = read_all(subject.log(), made.id, Seq(1), limit).await;
    assert_eq!(batches.len(), 1);
    let events = events_of(batches);
    assert_eq!(events.len(), 2);
    assert_eq!(events[1].seq, Seq(42));
    let EventBody::PartAppended(joined) = &events[1].body else {
        panic!("the deltas are one append, not {:?}", events[1]);
    };
    let whole: String = (0..40).map(|n| format!("{n} ")).collect();
    assert_eq!((joined.offset, &joined.text), (0, &whole));
}

/// The whole text is at the seq of the close.
pub async fn a_closed_part_is_sealed_at_its_close<L: LogUnderTest>(subject: L) {
    let mut made = Conversation::create(subject.log()).await;
    let mut run = RunScript::new(1);
    let part = [
        run.open(),
        run.append(0, "Hel"),
        run.append(0, "lo, "),
        run.append(0, "you"),
        run.close(0),
    ];
    let close = made
        .append(part.into())
        .await
        .events
        .pop()
        .expect("five events");
    subject.seal_closed_parts().await;
    subject.seal_closed_parts().await;
    let events = events_of(read_all(subject.log(), made.id, Seq(2), ReadLimit::default()).await);
    let body = EventBody::PartSealed(PartSealedEvent {
        run: run.run,
        part: baton_protocol::PartIndex(0),
        end: PartEnd::Complete,
        since: Seq(3),
        text: "Hello, you".to_owned(),
    });
    assert_eq!(events, [Event { body, ..close }]);
    assert_eq!(made.say(prompt("next")).await, Seq(7));
}

/// Sealing gains nothing for an empty part, and an open one may still grow.
pub async fn a_part_without_text_or_without_end_is_not_sealed<L: LogUnderTest>(subject: L) {
    let mut made = Conversation::create(subject.log()).await;
    let mut run = RunScript::new(1);
    let parts = [run.open(), run.close(0), run.open(), run.append(1, "open")];
    let recorded = made.append(parts.into()).await.events;
    subject.seal_closed_parts().await;
    let batches = read_all(subject.log(), made.id, Seq(1), ONE).await;
    assert_eq!(batches.len(), 4);
    assert_eq!(events_of(batches), recorded);
}

/// A reader that saw half of the deltas gets the seal, with the whole text in it.
pub async fn a_reader_inside_a_sealed_part_gets_the_whole_text<L: LogUnderTest>(subject: L) {
    let mut made = Conversation::create(subject.log()).await;
    let mut run = RunScript::new(1);
    let part = [
        run.open(),
        run.append(0, "a"),
        run.append(0, "b"),
        run.append(0, "c"),
        run.close(0),
    ];
    made.append(part.into()).await;
    made.say(prompt("behind")).await;
    subject.seal_closed_parts().await;
    for inside in [3, 4, 5] {
        let first = read_all(subject.log(), made.id, Seq(inside), ONE)
            .await
            .remove(0);
        assert_eq!((first.upto, first.events.len()), (Seq(6), 1));
        let EventBody::PartSealed(sealed) = &first.events[0].body else {
            panic!("the part is sealed, not {:?}", first.events[0]);
        };
        assert_eq!(sealed.text, "abc");
    }
}

/// If other events lie in between, the batch extends to the end of the part.
pub async fn no_batch_ends_inside_a_sealed_part<L: LogUnderTest>(subject: L) {
    let mut made = Conversation::create(subject.log()).await;
    let mut run = RunScript::new(1);
    for event in [
        run.open(),
        run.append(0, "a"),
        prompt("p"),
        run.append(0, "b"),
        prompt("q"),
        run.close(0),
        prompt("r"),
    ] {
        made.say(event).await;
    }
    subject.seal_closed_parts().await;
    assert_eq!(ends(subject.log(), &made, Seq::ZERO).await, [1, 2, 7, 8]);
    for inside in [3, 4, 5, 6] {
        assert_eq!(ends(subject.log(), &made, Seq(inside)).await, [7, 8]);
    }
}

/// Overlapping parts of two runs form one stretch, whichever is sealed first.
pub async fn no_batch_ends_inside_interleaved_sealed_parts<L: LogUnderTest>(subject: L) {
    for first in 0..3 {
        let mut made = Conversation::create(subject.log()).await;
        let (mut one, mut two) = (RunScript::new(1), RunScript::new(2));
        let opened = [
            one.open(),
            two.open(),
            one.append(0, "a"),
            prompt("p"),
            two.append(0, "b"),
            one.append(0, "c"),
        ];
        made.append(opened.into()).await;
        let closes = [
            one.close(0),
            two.append(0, "d"),
            prompt("q"),
            two.close(0),
            prompt("r"),
        ];
        for (n, close) in closes.into_iter().enumerate() {
            made.say(close).await;
            if n >= first {
                subject.seal_closed_parts().await;
            }
        }
        assert_eq!(
            ends(subject.log(), &made, Seq::ZERO).await,
            [1, 2, 3, 11, 12]
        );
        assert_eq!(ends(subject.log(), &made, Seq(5)).await, [11, 12]);
        let whole = events_of(read_all(subject.log(), made.id, Seq(3), ReadLimit::default()).await);
        let seqs: Vec<u64> = whole.iter().map(|event| event.seq.0).collect();
        assert_eq!(
            seqs,
            [5, 8, 10, 11, 12],
            "appends are gone, everything else stands"
        );
    }
}

/// A batch stays within its limit if it can end before the stretch.
pub async fn a_batch_ends_before_a_sealed_part_rather_than_beyond_its_limit<L: LogUnderTest>(
    subject: L,
) {
    let mut made = Conversation::create(subject.log()).await;
    let mut run = RunScript::new(1);
    for event in [
        prompt("p"),
        run.open(),
        run.append(0, "a"),
        prompt("q"),
        prompt("r"),
        run.append(0, "b"),
        run.close(0),
    ] {
        made.say(event).await;
    }
    subject.seal_closed_parts().await;
    let limit = ReadLimit {
        events: 4,
        bytes: 100_000,
    };
    let batches = read_all(subject.log(), made.id, Seq::ZERO, limit).await;
    let shape: Vec<(u64, usize)> = batches
        .iter()
        .map(|batch| (batch.upto.0, batch.events.len()))
        .collect();
    assert_eq!(shape, [(3, 3), (8, 3)]);
}

/// There is always an open part here, so sealing every part would chain all of them into one stretch.
pub async fn parts_that_interleave_for_ever_never_make_a_batch_too_large_for_a_frame<
    L: LogUnderTest,
>(
    subject: L,
) {
    let mut made = Conversation::create(subject.log()).await;
    let mut runs = [RunScript::new(1), RunScript::new(2)];
    let text = "long ".repeat(6_000);
    made.append(vec![runs[0].open(), runs[0].append(0, &text)])
        .await;
    for n in 1..80_u32 {
        let (part, earlier) = (n / 2, (n - 1) / 2);
        let (this, other) = (n as usize % 2, (n as usize + 1) % 2);
        let overlap = [
            runs[this].open(),
            runs[this].append(part, &text),
            runs[other].close(earlier),
        ];
        made.append(overlap.into()).await;
        subject.seal_closed_parts().await;
    }
    let batches = read_all(subject.log(), made.id, Seq::ZERO, ReadLimit::default()).await;
    for batch in &batches {
        let bytes: usize = batch.events.iter().map(encoded_bytes).sum();
        assert!(
            bytes <= STRETCH_BYTES_MAX.max(limits::BATCH_BYTES_TARGET),
            "{bytes} bytes in a batch"
        );
        assert!(batch.events.len() <= STRETCH_EVENTS_MAX);
        assert!(encoded_bytes(batch) <= limits::FRAME_BYTES_MAX);
    }
    let sealed = events_of(batches);
    let sealed = sealed
        .iter()
        .filter(|event| matches!(event.body, EventBody::PartSealed(_)));
    assert!(sealed.count() > 60, "nearly all parts are sealed");
}

/// A sealed part of many deltas costs as much as its text.
pub async fn sealing_drops_what_the_appends_took<L: LogUnderTest>(subject: L) {
    let mut made = Conversation::create(subject.log()).await;
    let mut run = RunScript::new(1);
    made.say(run.open()).await;
    for _ in 0..20 {
        let deltas = (0..50).map(|_| run.append(0, "word ")).collect();
        made.append(deltas).await;
    }
    made.say(run.close(0)).await;
    subject.seal_closed_parts().await;
    let batch = read_all(subject.log(), made.id, Seq::ZERO, ReadLimit::default()).await;
    let events = events_of(batch);
    assert_eq!(events.len(), 3);
    assert!(events.iter().map(encoded_bytes).sum::<usize>() < 1_000 * 5 + 1_000);
}

async fn ends(log: &dyn EventLog, made: &Conversation<'_>, after: Seq) -> Vec<u64> {
    let batches: Vec<Batch> = read_all(log, made.id, after, ONE).await;
    batches.iter().map(|batch| batch.upto.0).collect()
}

fn encoded_bytes(value: &impl serde::Serialize) -> usize {
    serde_json::to_vec(value).expect("encodable").len()
}

//! How readers get batches.

use baton_protocol::{EventBody, Seq, UnknownEvent};

use super::LogUnderTest;
use super::fixtures::*;
use crate::{ReadError, ReadLimit};

/// Being caught up is an answer, not an error.
pub async fn a_reader_at_the_head_gets_an_empty_batch<L: LogUnderTest>(subject: L) {
    let (log, mut made) = (subject.log(), Conversation::create(subject.log()).await);
    let incarnation = made.append(vec![prompt("one")]).await.incarnation;
    let batch = log
        .read(made.id, made.head, ReadLimit::default())
        .await
        .expect("readable");
    assert_eq!((batch.log, batch.incarnation), (made.id, incarnation));
    assert_eq!(
        (batch.after, batch.upto, batch.head),
        (Seq(2), Seq(2), Seq(2))
    );
    assert_eq!(batch.events, Vec::new());
}

/// A cursor that the log never handed out is refused.
pub async fn a_reader_ahead_of_the_head_is_told<L: LogUnderTest>(subject: L) {
    let made = Conversation::create(subject.log()).await;
    for ahead in [Seq(2), Seq(1 << 33), Seq(u64::MAX)] {
        match subject
            .log()
            .read(made.id, ahead, ReadLimit::default())
            .await
        {
            Err(ReadError::AheadOfHead { head }) => assert_eq!(head, Seq(1)),
            other => panic!("a reader at {ahead} is told, not {other:?}"),
        }
    }
}

/// Whatever the limit and the start, the batches together are the log.
pub async fn batches_of_any_size_cover_the_log_without_gaps<L: LogUnderTest>(subject: L) {
    let (log, mut made) = (subject.log(), Conversation::create(subject.log()).await);
    let mut recorded = Vec::new();
    for n in 0..30 {
        recorded.extend(
            made.append(vec![prompt(&format!("number {n}"))])
                .await
                .events,
        );
    }
    for events in [1, 2, 3, 7, 29, 30, 31, 100] {
        for after in [1, 2, 15, 30, 31] {
            let limit = ReadLimit {
                events,
                bytes: usize::MAX,
            };
            let batches = read_all(log, made.id, Seq(after), limit).await;
            assert!(batches.iter().all(|batch| batch.events.len() <= events));
            assert!(batches.iter().all(|batch| batch.head == Seq(31)));
            let expected = &recorded[after as usize - 1..];
            assert_eq!(events_of(batches), expected);
        }
    }
}

/// Bytes limit a batch too, but a batch holds at least one event.
pub async fn a_batch_ends_at_its_bytes_and_holds_at_least_one_event<L: LogUnderTest>(subject: L) {
    let (log, mut made) = (subject.log(), Conversation::create(subject.log()).await);
    let text = "x".repeat(1_000);
    for _ in 0..9 {
        made.say(prompt(&text)).await;
    }
    let limit = |bytes| ReadLimit { events: 512, bytes };
    let sizes = |batches: Vec<baton_protocol::Batch>| -> Vec<usize> {
        batches.iter().map(|batch| batch.events.len()).collect()
    };
    let three = read_all(log, made.id, Seq(1), limit(4_600)).await;
    assert_eq!(sizes(three), [3, 3, 3]);
    let one = read_all(log, made.id, Seq(1), limit(1)).await;
    assert_eq!(sizes(one), [1; 9]);
}

/// An event kind of a newer version comes back unchanged.
pub async fn unknown_kinds_come_back_as_they_were<L: LogUnderTest>(subject: L) {
    let (log, mut made) = (subject.log(), Conversation::create(subject.log()).await);
    let text = r#"{"type":"moodChanged","mood":{"b":[1,2.5,null],"a":"…"}}"#;
    let raw: serde_json::Value = serde_json::from_str(text).expect("valid JSON");
    let mut event = prompt("");
    event.body = EventBody::Unknown(UnknownEvent {
        tag: "moodChanged".to_owned(),
        raw,
    });
    let appended = made.append(vec![event]).await;
    let batches = read_all(log, made.id, Seq(1), ReadLimit::default()).await;
    assert_eq!(events_of(batches), appended.events);
}

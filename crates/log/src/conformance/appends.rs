//! Laws 1 to 3: whole requests, one order.

use std::sync::Arc;

use baton_protocol::{Event, Seq, TimestampMs, limits};

use super::fixtures::*;
use super::{LogUnderTest, accepted, command};
use crate::{AppendError, AppendRequest, ExpectedHead, LogHead, ReadError, ReadLimit};

/// The first events of a log get the seqs from 1 on and are stored as given.
pub async fn a_log_begins_at_seq_one_with_its_first_events<L: LogUnderTest>(subject: L) {
    let (log, id) = (subject.log(), session_log());
    let events = vec![session_created(id), prompt("first"), prompt("second")];
    let request = AppendRequest {
        log: id,
        expected: ExpectedHead::Absent,
        recorded_at: TimestampMs(7),
        events: events.clone(),
        receipt: None,
        state: None,
    };
    let appended = log.append(request).await.expect("a new log is created");
    let recorded: Vec<Event> = (1..)
        .zip(events)
        .map(|(seq, event)| event.at(Seq(seq), TimestampMs(7)))
        .collect();
    assert_eq!((appended.after, &appended.events), (Seq::ZERO, &recorded));
    let head = LogHead {
        incarnation: appended.incarnation,
        seq: Seq(3),
    };
    assert_eq!(log.head(id).await.expect("readable"), Some(head));
    let batches = read_all(log, id, Seq::ZERO, ReadLimit::default()).await;
    assert_eq!(events_of(batches), recorded);
}

/// An existing log is not created again.
pub async fn a_log_is_created_once<L: LogUnderTest>(subject: L) {
    let made = Conversation::create(subject.log()).await;
    let mut again = made.request(vec![session_created(made.id)]);
    again.expected = ExpectedHead::Absent;
    let refused = subject.log().append(again).await;
    assert!(
        matches!(refused, Err(AppendError::AlreadyExists)),
        "{refused:?}"
    );
    let head = subject.log().head(made.id).await.expect("readable");
    assert_eq!(head.map(|head| head.seq), Some(Seq(1)));
}

/// An unknown log has no events, and cannot be continued.
pub async fn a_log_that_is_not_there_is_said_to_be_absent<L: LogUnderTest>(subject: L) {
    let (log, id) = (subject.log(), session_log());
    let read = log.read(id, Seq::ZERO, ReadLimit::default()).await;
    assert!(matches!(read, Err(ReadError::NotFound)), "{read:?}");
    assert_eq!(log.head(id).await.expect("readable"), None);
    assert_eq!(log.receipt(id, command()).await.expect("readable"), None);
    let request = AppendRequest {
        log: id,
        expected: ExpectedHead::At(Seq::ZERO),
        recorded_at: TimestampMs(1),
        events: vec![prompt("to nobody")],
        receipt: None,
        state: None,
    };
    let refused = log.append(request).await;
    assert!(matches!(refused, Err(AppendError::NotFound)), "{refused:?}");
    assert_eq!(log.logs().await.expect("readable"), Vec::new());
}

/// A log begins with an event.
pub async fn a_receipt_alone_creates_no_log<L: LogUnderTest>(subject: L) {
    let (log, id) = (subject.log(), session_log());
    let request = AppendRequest {
        log: id,
        expected: ExpectedHead::Absent,
        recorded_at: TimestampMs(1),
        events: Vec::new(),
        receipt: Some(accepted(command(), 1)),
        state: None,
    };
    let refused = log.append(request).await;
    assert!(
        matches!(refused, Err(AppendError::NoFirstEvent)),
        "{refused:?}"
    );
    assert_eq!(log.head(id).await.expect("readable"), None);
}

/// Seqs have no gaps over many appends of several events each.
pub async fn appends_continue_at_the_expected_head<L: LogUnderTest>(subject: L) {
    let mut writer = Conversation::create(subject.log()).await;
    for size in [1, 3, 2, 7] {
        let events = (0..size)
            .map(|n| prompt(&format!("{n} of {size}")))
            .collect();
        let before = writer.head;
        let appended = writer.append(events).await;
        assert_eq!(appended.after, before);
        let seqs: Vec<u64> = appended.events.iter().map(|event| event.seq.0).collect();
        assert_eq!(seqs, (before.0 + 1..=before.0 + size).collect::<Vec<_>>());
    }
    assert_eq!(writer.head, Seq(14));
}

/// A writer that expects an older or a future head learns the actual head.
pub async fn a_moved_head_is_told_and_nothing_is_recorded<L: LogUnderTest>(subject: L) {
    let mut writer = Conversation::create(subject.log()).await;
    writer.append(vec![prompt("one"), prompt("two")]).await;
    for wrong in [Seq::ZERO, Seq(1), Seq(4), Seq(4_000_000)] {
        let mut request = writer.request(vec![prompt("never")]);
        request.expected = ExpectedHead::At(wrong);
        match subject.log().append(request).await {
            Err(AppendError::HeadMoved { actual }) => assert_eq!(actual, Seq(3)),
            other => panic!("a writer at {wrong} is told the head, not {other:?}"),
        }
    }
    let batches = read_all(subject.log(), writer.id, Seq::ZERO, ReadLimit::default()).await;
    assert_eq!(events_of(batches).len(), 3);
}

/// One event that is too large fails its whole request, and only that request.
pub async fn an_event_beyond_the_limit_is_refused_with_its_whole_request<L: LogUnderTest>(
    subject: L,
) {
    let mut writer = Conversation::create(subject.log()).await;
    let large = "x".repeat(limits::EVENT_BYTES_MAX);
    let request = writer.request(vec![prompt("small"), prompt(&large)]);
    let refused = subject.log().append(request).await;
    assert!(
        matches!(refused, Err(AppendError::EventTooLarge { bytes }) if bytes > limits::EVENT_BYTES_MAX),
        "{refused:?}"
    );
    assert_eq!(writer.say(prompt("after it")).await, Seq(2));
}

/// Several writers race for one log: exactly one wins each seq.
pub async fn concurrent_writers_get_one_order<L: LogUnderTest>(subject: L) {
    const WRITERS: u64 = 8;
    const EACH: u64 = 8;
    let subject = Arc::new(subject);
    let id = Conversation::create(subject.log()).await.id;
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let subject = Arc::clone(&subject);
        tasks.spawn(async move {
            let mut won = Vec::new();
            let mut expected = Seq(1);
            while won.len() < EACH as usize {
                let request = AppendRequest {
                    log: id,
                    expected: ExpectedHead::At(expected),
                    recorded_at: TimestampMs(1),
                    events: vec![prompt(&format!("{writer}/{}", won.len()))],
                    receipt: None,
                    state: None,
                };
                match subject.log().append(request).await {
                    Ok(appended) => {
                        expected = appended.head();
                        won.extend(appended.events);
                    }
                    Err(AppendError::HeadMoved { actual }) => {
                        assert!(actual > expected, "a head only moves on");
                        expected = actual;
                    }
                    Err(other) => panic!("a race moves heads, no more: {other:?}"),
                }
            }
            won
        });
    }
    let mut acknowledged: Vec<Event> = tasks.join_all().await.into_iter().flatten().collect();
    acknowledged.sort_by_key(|event| event.seq);
    let batches = read_all(subject.log(), id, Seq(1), ReadLimit::default()).await;
    assert_eq!(events_of(batches), acknowledged);
    let seqs: Vec<u64> = acknowledged.iter().map(|event| event.seq.0).collect();
    assert_eq!(seqs, (2..2 + WRITERS * EACH).collect::<Vec<_>>());
}

/// Logs share the storage and nothing else.
pub async fn writers_of_many_logs_do_not_disturb_each_other<L: LogUnderTest>(subject: L) {
    let subject = Arc::new(subject);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..16 {
        let subject = Arc::clone(&subject);
        tasks.spawn(async move {
            let mut writer = Conversation::create(subject.log()).await;
            let mut recorded = Vec::new();
            for n in 0..10 {
                let event = prompt(&format!("{number}/{n}"));
                recorded.extend(writer.append(vec![event]).await.events);
            }
            (writer.id, recorded)
        });
    }
    for (id, recorded) in tasks.join_all().await {
        let batches = read_all(subject.log(), id, Seq(1), ReadLimit::default()).await;
        assert_eq!(events_of(batches), recorded);
    }
}

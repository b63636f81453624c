//! Law 8: deletion is final, and affects no other log.

use baton_protocol::{CommandId, LogId, Seq};

use super::LogUnderTest;
use super::fixtures::*;
use crate::{AppendError, EventLog, ExpectedHead, ReadError, ReadLimit, SavedState};

/// A log with one of everything: a sealed part, a closed one, an open one, a receipt and a saved state.
async fn full_log<L: LogUnderTest>(subject: &L, id: LogId, answered: CommandId) -> Seq {
    let mut script = RunScript::new(1);
    let mut made = Conversation::create_as(subject.log(), id).await;
    let sealed = [
        script.open(),
        script.append(0, "Hel"),
        script.append(0, "lo"),
        script.close(0),
    ];
    made.append(sealed.into()).await;
    subject.seal_closed_parts().await;
    let closed = [script.open(), script.append(1, "closed"), script.close(1)];
    made.append(closed.into()).await;
    made.append(vec![script.open(), script.append(2, "half")])
        .await;
    let mut request = made.request(vec![prompt_named(answered, "hello")]);
    request.receipt = Some(accepted(answered, 4));
    request.state = Some(SavedState {
        seq: made.head,
        format: 1,
        json: "{}".to_owned(),
    });
    let appended = subject.log().append(request).await;
    appended.expect("the writer stands at the head").head()
}

async fn assert_absent(log: &dyn EventLog, id: LogId, answered: CommandId) {
    assert_eq!(log.head(id).await.expect("readable"), None);
    assert_eq!(log.receipt(id, answered).await.expect("readable"), None);
    let state = log.saved_state(id, 1, Seq(u64::MAX)).await;
    assert_eq!(state.expect("readable"), None);
    for after in [Seq::ZERO, Seq(3), Seq(1_000)] {
        let read = log.read(id, after, ReadLimit::default()).await;
        assert!(matches!(read, Err(ReadError::NotFound)), "{read:?}");
    }
    assert!(!log.logs().await.expect("readable").contains(&id));
}

/// Holds for events, receipts, saved states and the list: at once, after the storage's background work, and after a restart.
pub async fn a_deleted_log_reads_as_one_that_never_was<L: LogUnderTest>(subject: L) {
    let (id, answered) = (session_log(), command());
    let other = Conversation::create(subject.log()).await.id;
    full_log(&subject, id, answered).await;
    subject.log().delete(id).await.expect("it is deleted");
    assert_absent(subject.log(), id, answered).await;
    subject.seal_closed_parts().await;
    assert_absent(subject.log(), id, answered).await;
    let findings = subject.log().examine().await.expect("readable");
    assert_eq!(findings, [] as [&str; 0]);
    let Some(subject) = subject.reopened().await else {
        return;
    };
    assert_absent(subject.log(), id, answered).await;
    let listed = subject.log().logs().await.expect("readable");
    assert_eq!(listed, [other]);
}

/// A late writer is refused whatever it expects, even a retry whose receipt went with the log.
pub async fn a_deleted_logs_id_is_never_used_again<L: LogUnderTest>(subject: L) {
    let (id, answered) = (session_log(), command());
    let head = full_log(&subject, id, answered).await;
    subject.log().delete(id).await.expect("it is deleted");
    assert_refused(subject.log(), id, head, answered).await;
    subject.seal_closed_parts().await;
    assert_refused(subject.log(), id, head, answered).await;
    let Some(subject) = subject.reopened().await else {
        return;
    };
    assert_refused(subject.log(), id, head, answered).await;
    assert_absent(subject.log(), id, answered).await;
}

async fn assert_refused(log: &dyn EventLog, id: LogId, head: Seq, answered: CommandId) {
    for expected in [ExpectedHead::Absent, ExpectedHead::At(head)] {
        let mut late = Conversation::resume(log, id, head).request(vec![prompt("late")]);
        late.expected = expected;
        late.receipt = Some(accepted(answered, 4));
        let refused = log.append(late).await;
        assert!(matches!(refused, Err(AppendError::Deleted)), "{refused:?}");
    }
}

/// Deleting is idempotent, and deleting an id that was never a log does not use it up.
pub async fn deleting_again_or_what_is_not_there_changes_nothing<L: LogUnderTest>(subject: L) {
    let (id, never) = (session_log(), session_log());
    let log = subject.log();
    log.delete(never).await.expect("there is nothing to delete");
    Conversation::create_as(log, never).await;
    Conversation::create_as(log, id).await;
    for _ in 0..2 {
        log.delete(id).await.expect("it is deleted");
        let listed = log.logs().await.expect("readable");
        assert_eq!(listed, [never]);
    }
}

/// A reader in the middle of the log finds it missing, and a writer at its head finds it deleted.
pub async fn a_deletion_stops_writers_and_readers_between_two_steps<L: LogUnderTest>(subject: L) {
    let log = subject.log();
    let mut made = Conversation::create(log).await;
    made.append((0..9).map(|n| prompt(&n.to_string())).collect())
        .await;
    let few = ReadLimit {
        events: 2,
        ..ReadLimit::default()
    };
    let batch = log.read(made.id, Seq::ZERO, few).await.expect("readable");
    log.delete(made.id).await.expect("it is deleted");
    let next = log.read(made.id, batch.upto, few).await;
    assert!(matches!(next, Err(ReadError::NotFound)), "{next:?}");
    let late = log.append(made.request(vec![prompt("late")])).await;
    assert!(matches!(late, Err(AppendError::Deleted)), "{late:?}");
}

/// Logs created before, between and after deleted ones keep their events and can grow: a backend must not reuse its internal names of
/// logs.
pub async fn a_log_that_was_deleted_while_it_grew_leaves_the_others_whole<L: LogUnderTest>(
    subject: L,
) {
    let (log, limit) = (subject.log(), ReadLimit::default());
    let mut kept = Conversation::create(log).await;
    for round in 0..4 {
        let mut doomed = Conversation::create(log).await;
        let mut script = RunScript::new(round);
        doomed.append(vec![script.open()]).await;
        for n in 0..6 {
            kept.say(prompt(&format!("kept {round} {n}"))).await;
            doomed.say(script.append(0, "gone")).await;
        }
        if round % 2 == 0 {
            doomed.say(script.close(0)).await;
        }
        log.delete(doomed.id).await.expect("it is deleted");
        let mut next = Conversation::create(log).await;
        next.say(prompt("another")).await;
        let read = events_of(read_all(log, next.id, Seq::ZERO, limit).await);
        assert_eq!(read.len(), 2, "it has its own two events and nobody else's");
    }
    let before = read_all(log, kept.id, Seq::ZERO, limit).await;
    assert_eq!(events_of(before.clone()).len(), 1 + 4 * 6);
    subject.seal_closed_parts().await;
    assert_eq!(
        read_all(subject.log(), kept.id, Seq::ZERO, limit).await,
        before
    );
    let (id, head) = (kept.id, kept.head);
    let Some(subject) = subject.reopened().await else {
        return;
    };
    assert_eq!(read_all(subject.log(), id, Seq::ZERO, limit).await, before);
    Conversation::resume(subject.log(), id, head)
        .say(prompt("on"))
        .await;
    assert_eq!(subject.log().logs().await.expect("readable").len(), 1 + 4);
}

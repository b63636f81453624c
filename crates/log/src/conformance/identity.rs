//! Law 6, and law 2 as far as a process can observe it.

use std::collections::HashSet;

use baton_protocol::Seq;

use super::LogUnderTest;
use super::fixtures::*;
use crate::{AppendError, ExpectedHead, ReadLimit};

/// An old cursor never matches another log by accident.
pub async fn every_log_has_an_incarnation_of_its_own<L: LogUnderTest>(subject: L) {
    let mut seen = HashSet::new();
    for _ in 0..5 {
        let mut made = Conversation::create(subject.log()).await;
        let first = made.append(vec![prompt("one")]).await.incarnation;
        let second = made.append(vec![prompt("two")]).await.incarnation;
        assert_eq!(first, second, "a log keeps its incarnation");
        assert!(seen.insert(first), "no two logs share one");
    }
}

/// Session logs and account logs alike.
pub async fn all_logs_are_listed<L: LogUnderTest>(subject: L) {
    let account = baton_protocol::LogId::Account(baton_protocol::AccountId::mint());
    let mut made = HashSet::from([account]);
    Conversation::create_as(subject.log(), account).await;
    for _ in 0..4 {
        made.insert(Conversation::create(subject.log()).await.id);
    }
    let listed = subject.log().logs().await.expect("readable");
    assert_eq!(listed.len(), made.len());
    assert_eq!(listed.into_iter().collect::<HashSet<_>>(), made);
}

/// Every question that a reader, a retrying device or a writer may ask has the same answer after a restart.
pub async fn what_was_acknowledged_is_there_after_reopening<L: LogUnderTest>(subject: L) {
    let (id, answered, cut) = (session_log(), command(), command());
    let (limit, mut script) = (ReadLimit::default(), RunScript::new(1));
    let mut writer = Conversation::create_as(subject.log(), id).await;
    let mut request = writer.request(vec![prompt_named(answered, "hello")]);
    request.receipt = Some(accepted(answered, 4));
    subject
        .log()
        .append(request)
        .await
        .expect("the head is as expected");
    writer.head = Seq(2);
    let part = [
        script.open(),
        script.append(0, "Hel"),
        script.append(0, "lo"),
        script.close(0),
    ];
    writer.append(part.into()).await;
    subject.seal_closed_parts().await;
    let open = [script.open(), script.append(1, "half")];
    writer.append(open.into()).await;
    let head = subject.log().head(id).await.expect("readable");
    let receipt = subject.log().receipt(id, answered).await.expect("readable");
    let batches = read_all(subject.log(), id, Seq::ZERO, limit).await;
    let Some(subject) = subject.reopened().await else {
        return;
    };
    let log = subject.log();
    assert_eq!(log.head(id).await.expect("readable"), head);
    assert_eq!(log.receipt(id, answered).await.expect("readable"), receipt);
    assert_eq!(log.receipt(id, cut).await.expect("readable"), None);
    assert_eq!(read_all(log, id, Seq::ZERO, limit).await, batches);
    let mut writer = Conversation::resume(log, id, Seq(8));
    let mut retry = writer.request(vec![prompt_named(answered, "hello")]);
    (retry.receipt, retry.expected) = (Some(accepted(answered, 4)), ExpectedHead::At(Seq(2)));
    let known = log.append(retry).await;
    assert!(
        matches!(known, Err(AppendError::CommandKnown(_))),
        "{known:?}"
    );
    writer.say(script.append(1, " and whole")).await;
    writer.say(script.close(1)).await;
    subject.seal_closed_parts().await;
    let one = ReadLimit {
        events: 1,
        bytes: 1,
    };
    let ends: Vec<u64> = read_all(log, id, Seq::ZERO, one)
        .await
        .iter()
        .map(|batch| batch.upto.0)
        .collect();
    assert_eq!(
        ends,
        [1, 2, 3, 6, 7, 10],
        "both parts are sealed, and no batch ends inside"
    );
}

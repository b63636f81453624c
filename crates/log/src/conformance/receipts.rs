//! Law 4: one answer to each command, permanently.

use std::sync::Arc;

use baton_protocol::{ErrorCode, Receipt, ReceiptOutcome, Seq};

use super::LogUnderTest;
use super::fixtures::*;
use crate::{AppendError, ExpectedHead, NewReceipt, ReadLimit, StoredReceipt};

/// The receipt names the head after the command's events, and is found by the command's id.
pub async fn a_receipt_stands_with_its_events<L: LogUnderTest>(subject: L) {
    let (log, made) = (subject.log(), Conversation::create(subject.log()).await);
    let id = command();
    let mut request = made.request(vec![prompt_named(id, "hello"), prompt("more")]);
    let (new, recorded_at) = (accepted(id, 9), request.recorded_at);
    request.receipt = Some(new.clone());
    let appended = log.append(request).await.expect("the head is as expected");
    let receipt = Receipt {
        command: id,
        log: made.id,
        seq: Seq(3),
        recorded_at,
        outcome: new.outcome,
    };
    assert_eq!(appended.receipt.as_ref(), Some(&receipt));
    let stored = StoredReceipt {
        receipt,
        digest: new.digest,
    };
    assert_eq!(
        log.receipt(made.id, id).await.expect("readable"),
        Some(stored)
    );
    assert_eq!(
        log.receipt(made.id, command()).await.expect("readable"),
        None
    );
}

/// A refusal is an answer too: it is kept, although the log does not grow.
pub async fn a_refused_command_has_a_receipt_and_no_events<L: LogUnderTest>(subject: L) {
    let (log, mut made) = (subject.log(), Conversation::create(subject.log()).await);
    let id = command();
    let mut request = made.request(Vec::new());
    let outcome = ReceiptOutcome::Refused {
        error: ErrorCode::PromptNotFound.with("no such prompt", "look again"),
    };
    request.receipt = Some(NewReceipt {
        command: id,
        digest: [3; 32],
        outcome: outcome.clone(),
    });
    let appended = log.append(request).await.expect("the head is as expected");
    assert_eq!((appended.events.len(), appended.head()), (0, Seq(1)));
    let stored = log
        .receipt(made.id, id)
        .await
        .expect("readable")
        .expect("recorded");
    assert_eq!(
        (stored.receipt.seq, stored.receipt.outcome),
        (Seq(1), outcome)
    );
    assert_eq!(made.say(prompt("goes on")).await, Seq(2));
}

/// No part of a refused request is ever recorded.
pub async fn a_receipt_is_not_recorded_where_its_events_are_not<L: LogUnderTest>(subject: L) {
    let (log, made) = (subject.log(), Conversation::create(subject.log()).await);
    let id = command();
    let mut request = made.request(vec![prompt("late")]);
    request.expected = ExpectedHead::At(Seq(12));
    request.receipt = Some(accepted(id, 1));
    let refused = log.append(request).await;
    assert!(
        matches!(refused, Err(AppendError::HeadMoved { .. })),
        "{refused:?}"
    );
    assert_eq!(log.receipt(made.id, id).await.expect("readable"), None);
}

/// A retry gets the first answer with its digest, whatever head it expects, and records nothing.
pub async fn a_command_is_answered_once_whatever_else_is_expected<L: LogUnderTest>(subject: L) {
    let (log, mut made) = (subject.log(), Conversation::create(subject.log()).await);
    let id = command();
    let mut request = made.request(vec![prompt("once")]);
    request.receipt = Some(accepted(id, 5));
    let first = log.append(request).await.expect("the head is as expected");
    let first = first.receipt.expect("a receipt was asked for");
    made.head = Seq(2);
    made.say(prompt("in between")).await;
    let heads = [
        ExpectedHead::Absent,
        ExpectedHead::At(Seq(1)),
        ExpectedHead::At(Seq(3)),
    ];
    for expected in heads {
        for digest in [5, 6] {
            let mut retry = made.request(vec![prompt("twice")]);
            retry.expected = expected;
            retry.receipt = Some(accepted(id, digest));
            match log.append(retry).await {
                Err(AppendError::CommandKnown(known)) => {
                    assert_eq!((&known.receipt, known.digest), (&first, [5; 32]));
                }
                other => panic!("the first answer is given again, not {other:?}"),
            }
        }
    }
    let batches = read_all(log, made.id, Seq::ZERO, ReadLimit::default()).await;
    assert_eq!(events_of(batches).len(), 3);
}

/// Receipts belong to their log.
pub async fn a_command_known_in_one_log_is_new_in_another<L: LogUnderTest>(subject: L) {
    let id = command();
    for _ in 0..2 {
        let made = Conversation::create(subject.log()).await;
        let mut request = made.request(vec![prompt("once in each")]);
        request.receipt = Some(accepted(id, 1));
        let appended = subject.log().append(request).await;
        assert_eq!(appended.expect("new in this log").head(), Seq(2));
    }
}

/// A command that arrives over many connections at once is recorded once.
pub async fn one_of_many_retries_at_once_is_recorded<L: LogUnderTest>(subject: L) {
    let subject = Arc::new(subject);
    let made = Conversation::create(subject.log()).await;
    let id = command();
    let mut request = made.request(vec![prompt_named(id, "once")]);
    request.receipt = Some(accepted(id, 1));
    let log_id = made.id;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let (subject, request) = (Arc::clone(&subject), request.clone());
        tasks.spawn(async move { subject.log().append(request).await });
    }
    let (mut recorded, mut known) = (0, 0);
    for answer in tasks.join_all().await {
        match answer {
            Ok(_) => recorded += 1,
            Err(AppendError::CommandKnown(_)) => known += 1,
            Err(other) => panic!("recorded or known, not {other:?}"),
        }
    }
    assert_eq!((recorded, known), (1, 11));
    let head = subject.log().head(log_id).await.expect("readable");
    assert_eq!(head.map(|head| head.seq), Some(Seq(2)));
}

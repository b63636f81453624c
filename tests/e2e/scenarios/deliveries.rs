//! Steer, queue, interrupt.

use baton_protocol::EventBody;

use crate::history::{assert_same_everywhere, log};
use crate::screen::ShownRow;
use crate::stage::{HALF, LONG, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn steer_from_b() {
    let stage = Stage::set().await;
    stage.model.hold_after(HALF);
    let (a, b) = (stage.desktop("laptop").await, stage.desktop("desk").await);
    let session = a.begin(LONG).await;
    let half = stage.half(0).await;
    b.open(&session).await;
    b.wait_equal("the half-written answer", &half, |screen| screen.answer())
        .await;
    let run = b
        .wait("the run", |screen| screen.run().map(str::to_owned))
        .await;

    let steer = "The keeper is a cat. Go on.";
    b.send_as("steer", steer).await;
    stage.closed(0).await;
    let second = stage.asked(1).await;
    let context = second["messages"].to_string();
    assert!(
        context.contains(steer),
        "the steer is in the context of the same run"
    );
    a.wait("a steered run that is still on", |screen| {
        (screen.run() == Some(run.as_str()) && screen.answer().starts_with(&half)).then_some(())
    })
    .await;
    a.screenshot("steered-on-a").await;

    stage.model.release();
    let rest = stage.sent(1).await;
    a.wait_equal(
        "one run, completed",
        &vec!["completed".to_owned()],
        |screen| screen.outcomes(),
    )
    .await;
    assert_same_everywhere(&stage, &session, &[&a, &b], &[&half, &rest]).await;
    let parts = a
        .wait("the rows", |screen| Some(screen.rows_of("text")))
        .await;
    let states: Vec<&str> = parts.iter().map(ShownRow::state).collect();
    assert_eq!(
        states,
        ["interrupted", "complete"],
        "the partial text stays, cut"
    );
    let prompts = a
        .wait("the rows", |screen| Some(screen.rows_of("prompt")))
        .await;
    assert_eq!(prompts[1].text(), steer);
    assert_eq!(prompts[1].body["steered"], true);
    a.screenshot("steered-end").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queue_from_b_interrupt_from_a() {
    let stage = Stage::set().await;
    stage.model.hold_after(HALF);
    let (a, b) = (stage.desktop("laptop").await, stage.desktop("desk").await);
    let session = a.begin(LONG).await;
    let half = stage.half(0).await;
    b.open(&session).await;
    b.wait_equal("the half-written answer", &half, |screen| screen.answer())
        .await;
    let (on_a, on_b) = (
        a.wait("its id", |screen| Some(screen.me().to_owned()))
            .await,
        b.wait("its id", |screen| Some(screen.me().to_owned()))
            .await,
    );

    let queued = "Then name three ships.";
    b.send_as("queue", queued).await;
    let waiting = vec![(
        queued.to_owned(),
        on_b.clone(),
        "queue".to_owned(),
        "accepted".to_owned(),
    )];
    for window in [&a, &b] {
        window
            .wait_equal("the same queue with its origin", &waiting, |screen| {
                screen.queue()
            })
            .await;
    }
    a.screenshot("queue-on-a").await;
    b.screenshot("queue-on-b").await;

    let first = "No, first explain in three paragraphs why the sea is salty.";
    a.send_as("interrupt", first).await;
    stage.closed(0).await;
    let second = stage.half(1).await;
    for window in [&a, &b] {
        window
            .wait("the interrupting prompt's run", |screen| {
                (screen.run_started_by() == Some(on_a.as_str())
                    && screen.outcomes() == ["stopped"]
                    && screen.answer() == format!("{half}{second}")
                    && screen.queue() == waiting)
                    .then_some(())
            })
            .await;
    }
    b.screenshot("interrupted-on-b").await;

    stage.model.release();
    let (second, third) = (stage.sent(1).await, stage.sent(2).await);
    let outcomes = ["stopped", "completed", "completed"]
        .map(str::to_owned)
        .to_vec();
    for window in [&a, &b] {
        window
            .wait_equal("all three runs", &outcomes, |screen| screen.outcomes())
            .await;
    }
    assert_same_everywhere(&stage, &session, &[&a, &b], &[&half, &second, &third]).await;
    assert_order(
        &stage,
        &session,
        &[(LONG, &on_a), (first, &on_a), (queued, &on_b)],
    )
    .await;
}

/// Checks the order in which runs took the prompts, the device that each came from, and that each was accepted with the delivery that was
/// requested.
async fn assert_order(stage: &Stage, session: &str, expected: &[(&str, &str)]) {
    let events = log(stage, session, expected.len()).await;
    let prompts: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::PromptSent(sent) => {
                assert_eq!(sent.delivery, sent.requested);
                Some((
                    sent.prompt,
                    sent.text.as_str(),
                    event.by.id().unwrap_or_default(),
                ))
            }
            _ => None,
        })
        .collect();
    let taken: Vec<(&str, &str)> = events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::RunStarted(started) => prompts
                .iter()
                .find(|(prompt, ..)| *prompt == started.prompt)
                .map(|(_, text, by)| (*text, by.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(taken, expected);
}

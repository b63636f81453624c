//! One answer in two windows.

use baton_protocol::EventBody;
use baton_testkit::Ending;

use crate::history::assert_same_everywhere;
use crate::programs::kinds;
use crate::stage::{HALF, LONG, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn pick_up() {
    let stage = Stage::set().await;
    stage.model.hold_after(HALF);
    let (a, b) = (stage.desktop("laptop").await, stage.desktop("desk").await);

    let session = a.begin(LONG).await;
    let half = stage.half(0).await;
    a.wait_equal("the half-written answer", &half, |screen| screen.answer())
        .await;
    b.wait("a running session in the list", |screen| {
        (screen.session_state(&session) == Some("running")).then_some(())
    })
    .await;
    b.open(&session).await;
    b.wait_equal("what is there already", &half, |screen| screen.answer())
        .await;
    a.screenshot("pick-up-a-half").await;
    b.screenshot("pick-up-b-half").await;

    stage.model.hold_after(2 * HALF);
    let more = stage.handed_over(0, 2 * HALF).await;
    for window in [&a, &b] {
        window
            .wait_equal("an answer that grows", &more, |screen| screen.answer())
            .await;
    }

    stage.model.release();
    let sent = stage.sent(0).await;
    let events = assert_same_everywhere(&stage, &session, &[&a, &b], &[&sent]).await;
    assert_eq!(stage.model.request_count(), 1);
    assert!(
        kinds(&events).iter().all(|kind| kind != "partAppended"),
        "a closed part is sealed"
    );
    b.screenshot("pick-up-b-end").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_from_b() {
    let stage = Stage::set().await;
    stage.model.hold_after(HALF);
    let (a, b) = (stage.desktop("laptop").await, stage.desktop("desk").await);
    let session = a.begin(LONG).await;
    let half = stage.half(0).await;
    b.open(&session).await;
    b.wait_equal("the half-written answer", &half, |screen| screen.answer())
        .await;

    b.press("stop").await;
    for window in [&a, &b] {
        window
            .wait_equal("the stop", &vec!["stopped".to_owned()], |screen| {
                screen.outcomes()
            })
            .await;
    }
    stage.closed(0).await;
    let stopper = b
        .wait("its own name", |screen| {
            Some(screen.name_of(screen.me()).to_owned())
        })
        .await;
    a.wait_text("run-outcome", "who stopped it", |text| {
        text.contains(&stopper)
    })
    .await;
    a.screenshot("stopped-on-a").await;
    b.screenshot("stopped-on-b").await;
    assert_same_everywhere(&stage, &session, &[&a, &b], &[&half]).await;

    stage.model.release();
    a.send("Say hello.").await;
    let next = stage.sent(1).await;
    let expected = vec!["stopped".to_owned(), "completed".to_owned()];
    a.wait_equal("the next run", &expected, |screen| screen.outcomes())
        .await;
    let events = assert_same_everywhere(&stage, &session, &[&a, &b], &[&half, &next]).await;
    assert_eq!(
        stage.model.exchanges()[0].ending,
        Some(Ending::ClosedByClient)
    );
    let stopped = events.iter().find_map(|event| match &event.body {
        EventBody::RunEnded(end) => Some((end.run, event.seq)),
        _ => None,
    });
    let (run, end) = stopped.expect("the stopped run has an end");
    let late = events.iter().filter(|event| event.seq > end).any(|event| {
        matches!(&event.body, EventBody::PartSealed(part) if part.run == run)
            || matches!(&event.body, EventBody::PartAppended(part) if part.run == run)
    });
    assert!(!late, "nothing of a stopped run stands above its end");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_windows_closed() {
    let stage = Stage::set().await;
    stage.model.hold_after(HALF);
    let a = stage.desktop("laptop").await;
    let session = a.begin(LONG).await;
    let half = stage.half(0).await;
    a.wait_equal("the half-written answer", &half, |screen| screen.answer())
        .await;
    let closed = a.folder();
    a.close().await;

    stage.model.release();
    let sent = stage.sent(0).await;
    let a = crate::desktop::Desktop::start(closed.parent().expect("a root"), "laptop", None).await;
    a.wait("a finished answer that nobody has read", |screen| {
        (screen.session_state(&session) == Some("unread")).then_some(())
    })
    .await;
    a.screenshot("unread").await;
    a.open(&session).await;
    assert_same_everywhere(&stage, &session, &[&a], &[&sent]).await;
    assert_eq!(stage.model.request_count(), 1);
}

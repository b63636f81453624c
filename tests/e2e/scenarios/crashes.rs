//! Programs that are killed.

use crate::history::assert_same_everywhere;
use crate::stage::{HALF, LONG, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn hub_killed_in_mid_answer() {
    let mut stage = Stage::set().await;
    stage.model.hold_after(HALF);
    let (a, b) = (stage.desktop("laptop").await, stage.desktop("desk").await);
    let session = a.begin(LONG).await;
    let half = stage.half(0).await;
    b.open(&session).await;
    for window in [&a, &b] {
        window
            .wait_equal("the half-written answer", &half, |screen| screen.answer())
            .await;
    }

    stage.hub.kill_9().await;
    for window in [&a, &b] {
        window
            .wait("that the line is down", |screen| {
                (screen.phase() == "reconnecting").then_some(())
            })
            .await;
    }
    a.wait_text("connection-phase", "the same in words", |text| {
        text.contains("Reconnecting") || text.contains("Offline")
    })
    .await;
    a.screenshot("reconnecting").await;
    stage.model.release();
    let sent = stage.sent(0).await;
    stage.hub.run().await;

    let completed = vec!["completed".to_owned()];
    for window in [&a, &b] {
        window
            .wait("a live line", |screen| {
                (screen.phase() == "live").then_some(())
            })
            .await;
        window
            .wait_equal("the end of the answer", &completed, |screen| {
                screen.outcomes()
            })
            .await;
    }
    assert_same_everywhere(&stage, &session, &[&a, &b], &[&sent]).await;
    assert_eq!(stage.model.request_count(), 1, "the model was called once");
}

#[tokio::test(flavor = "multi_thread")]
async fn runner_killed_is_lost_and_retry_works() {
    let mut stage = Stage::set_with(&["--lease-ms", "4000"]).await;
    stage.model.hold_after(HALF);
    let a = stage.desktop("laptop").await;
    let session = a.begin(LONG).await;
    let half = stage.half(0).await;
    a.wait_equal("the half-written answer", &half, |screen| screen.answer())
        .await;

    stage.runner.child.kill_9().await;
    a.wait_equal("the loss", &vec!["lost".to_owned()], |screen| {
        screen.outcomes()
    })
    .await;
    assert_same_everywhere(&stage, &session, &[&a], &[&half]).await;
    a.screenshot("lost").await;

    stage.model.release();
    stage.start_runner_again().await;
    a.press("retry-run").await;
    let second = stage.sent(1).await;
    let expected = vec!["lost".to_owned(), "completed".to_owned()];
    a.wait_equal("the retried run", &expected, |screen| screen.outcomes())
        .await;
    assert_same_everywhere(&stage, &session, &[&a], &[&half, &second]).await;
    a.screenshot("retried").await;
}

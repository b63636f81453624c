//! Work while the hub cannot be reached.

use baton_protocol::EventBody;

use crate::history::assert_same_everywhere;
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn no_hub_history_and_outbox() {
    let mut stage = Stage::set().await;
    let mut a = stage.desktop("laptop").await;
    let session = a.begin("What is a zebrafinch?").await;
    let first = stage.sent(0).await;
    assert_same_everywhere(&stage, &session, &[&a], &[&first]).await;
    let history = a.wait("the rows", |screen| Some(screen.rows())).await;

    stage.hub.kill_9().await;
    a.kill_9().await;
    let mut a = a.start_again().await;
    a.open(&session).await;
    a.wait_equal("the history without a hub", &history, |screen| {
        screen.rows()
    })
    .await;
    a.press("open-search").await;
    a.type_into("palette-input", "zebrafinch").await;
    a.find(&format!("[data-testid^=\"palette-messages-{session}\"]"))
        .await;
    a.screenshot("search-offline").await;
    a.press_css(&format!("[data-testid^=\"palette-messages-{session}\"]"))
        .await;

    let later = "Does it sing?";
    a.send(later).await;
    a.wait_equal("an intent in the outbox", &1, |screen| screen.outbox())
        .await;
    a.screenshot("outbox").await;
    a.kill_9().await;
    let a = a.start_again().await;
    a.wait_equal("the intent after a kill", &1, |screen| screen.outbox())
        .await;
    a.open(&session).await;

    stage.hub.run().await;
    let second = stage.sent(1).await;
    let expected = vec!["completed".to_owned(), "completed".to_owned()];
    a.wait_equal("the answer", &expected, |screen| screen.outcomes())
        .await;
    a.wait_equal("an empty outbox", &0, |screen| screen.outbox())
        .await;
    let events = assert_same_everywhere(&stage, &session, &[&a], &[&first, &second]).await;
    let sent = |text: &str| {
        let prompts = events.iter().filter(
            |event| matches!(&event.body, EventBody::PromptSent(sent) if sent.text == text),
        );
        prompts.count()
    };
    assert_eq!(sent(later), 1, "delivered once");
    assert_eq!(stage.model.request_count(), 2);
}

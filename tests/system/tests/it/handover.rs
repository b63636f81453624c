//! One answer, several devices: pick up, stop, steer, queue.

use baton_protocol::{CommandEffect, Delivery, EventBody, RunOutcome};
use baton_testkit::{Ending, FakeModel, Reply};

use crate::stage::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_comes_in_mid_answer_ends_with_the_bytes_that_the_model_sent() {
    let model = FakeModel::start().await;
    let text = long_text(300);
    model.reply(Reply::text(text.clone()).write_bytes(7).hold_after(100));
    let hub = Hub::start().await;
    let _runner = Runner::start(&hub, &model.base_url()).await;
    let (a, b) = (
        Device::link(&hub, "Laptop").await,
        Device::link(&hub, "Desk").await,
    );

    let session = a.new_session("Why?").await;
    let on_a = a.tail(&session);
    let half = on_a.wait_text(50).await;
    let on_b = b.tail(&session);
    on_b.wait_text(half.len()).await;
    model.release(0);
    let end = on_b.wait_end(0).await;
    assert_eq!(on_a.wait_end(0).await, end);
    assert_eq!(end.outcome, RunOutcome::Completed);
    assert_eq!(answer(&on_a.events()), text);
    assert_eq!(answer(&on_b.events()), text);
    assert_eq!(
        (model.request_count(), model.exchanges()[0].text.as_str()),
        (1, text.as_str())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_from_another_device_is_final_and_closes_the_models_connection() {
    let model = FakeModel::start().await;
    model.reply(Reply::text(long_text(300)).hold_after(60));
    model.reply(Reply::text("clean"));
    let hub = Hub::start().await;
    let _runner = Runner::start(&hub, &model.base_url()).await;
    let (a, b) = (
        Device::link(&hub, "Laptop").await,
        Device::link(&hub, "Desk").await,
    );
    let session = a.new_session("Why?").await;
    let on_a = a.tail(&session);
    on_a.wait_text(50).await;

    let (seq, effect) = b.receipt(&["stop", &session]).await;
    assert!(
        matches!(effect, CommandEffect::Stopped { .. }),
        "{effect:?}"
    );
    model.wait_closed(0).await;
    let end = on_a.wait_end(0).await;
    assert!(matches!(end.outcome, RunOutcome::Stopped { .. }));

    a.receipt(&["send", &session, "and now?"]).await;
    assert_eq!(on_a.wait_end(1).await.outcome, RunOutcome::Completed);
    let events = on_a.events();
    let late = events
        .iter()
        .filter(|event| event.seq.0 > seq)
        .filter(|event| match &event.body {
            EventBody::PartOpened(body) => body.run == end.run,
            EventBody::PartAppended(body) => body.run == end.run,
            EventBody::PartSealed(body) => body.run == end.run,
            _ => false,
        });
    assert_eq!(late.count(), 0, "text stands above the receipt of the stop");
    assert_eq!(model.exchanges()[0].ending, Some(Ending::ClosedByClient));
    assert!(answer(&events).ends_with("clean"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_steer_cuts_the_answer_and_the_same_run_goes_on_with_it_in_view() {
    let model = FakeModel::start().await;
    model.reply(Reply::text(long_text(300)).hold_after(60));
    model.reply(Reply::text("shorter then"));
    let hub = Hub::start().await;
    let _runner = Runner::start(&hub, &model.base_url()).await;
    let (a, b) = (
        Device::link(&hub, "Laptop").await,
        Device::link(&hub, "Desk").await,
    );
    let session = a.new_session("Tell me all").await;
    let on_a = a.tail(&session);
    on_a.wait_text(50).await;

    let (_, effect) = b.receipt(&["steer", &session, "make it short"]).await;
    assert_eq!(
        effect,
        CommandEffect::PromptAccepted {
            delivery: Delivery::Steer
        }
    );
    let end = on_a.wait_end(0).await;
    assert_eq!(end.outcome, RunOutcome::Completed);
    let events = on_a.events();
    assert_eq!(
        kinds(&events)
            .iter()
            .filter(|kind| *kind == "runStarted")
            .count(),
        1
    );
    assert!(kinds(&events).contains(&"steerConsumed".to_owned()));
    let partial = &model.exchanges()[0].text;
    let answer = answer(&events);
    let kept = answer
        .strip_suffix("shorter then")
        .expect("the second answer is the end");
    assert!(
        !kept.is_empty() && partial.starts_with(kept),
        "the partial answer is kept as it was"
    );
    let asked = model.exchanges()[1].request.to_string();
    assert!(
        asked.contains("make it short") && asked.contains("Tell me all"),
        "{asked}"
    );
    model.wait_closed(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queue_and_interrupt_from_two_devices_have_one_order() {
    let model = FakeModel::start().await;
    model.reply(Reply::text(long_text(300)).hold_after(60));
    model.reply(Reply::text("interrupted with this"));
    model.reply(Reply::text("queued before"));
    let hub = Hub::start().await;
    let _runner = Runner::start(&hub, &model.base_url()).await;
    let (a, b) = (
        Device::link(&hub, "Laptop").await,
        Device::link(&hub, "Desk").await,
    );
    let session = a.new_session("first").await;
    let (on_a, on_b) = (a.tail(&session), b.tail(&session));
    on_a.wait_text(50).await;

    b.receipt(&["send", &session, "second", "--delivery", "queue"])
        .await;
    let (_, effect) = a
        .receipt(&["send", &session, "urgent", "--delivery", "interrupt"])
        .await;
    assert_eq!(
        effect,
        CommandEffect::PromptAccepted {
            delivery: Delivery::Interrupt
        }
    );
    on_a.wait_end(2).await;
    on_b.wait_end(2).await;
    let asked: Vec<String> = model
        .exchanges()
        .iter()
        .map(|exchange| last_prompt(&exchange.request))
        .collect();
    assert_eq!(asked, ["first", "urgent", "second"]);
    assert_eq!(answer(&on_a.events()), answer(&on_b.events()));
}

fn last_prompt(request: &serde_json::Value) -> String {
    let messages = request["messages"].as_array().expect("messages");
    let content = &messages.last().expect("one message")["content"];
    content.as_str().map_or_else(
        || content[0]["text"].as_str().expect("text").to_owned(),
        str::to_owned,
    )
}

//! Killed processes and cut connections.

use baton_protocol::{Event, EventBody, RunOutcome};
use baton_testkit::{FakeModel, Reply};

use crate::stage::*;

/// A prompt that a runner has taken, at a hub that loses a silent runner after two seconds.
struct Asked {
    hub: Hub,
    runner: Runner,
    device: Device,
    session: String,
}

impl Asked {
    async fn start(model: &FakeModel) -> Self {
        let hub = Hub::start_at(Place::Here, "127.0.0.1:0", &["--lease-ms", "2000"]).await;
        let runner = Runner::start(&hub, &model.base_url()).await;
        let device = Device::link(&hub, "Laptop").await;
        let session = device.new_session("Why?").await;
        Self {
            hub,
            runner,
            device,
            session,
        }
    }

    /// Starts another runner in place of the dead one, and asks again.
    async fn retry(&mut self, model: &FakeModel) {
        self.runner = Runner::start(&self.hub, &model.base_url()).await;
        self.device.receipt(&["retry", &self.session]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_killed_in_mid_answer_goes_on_and_the_model_is_called_once() {
    let model = FakeModel::start().await;
    let text = long_text(400);
    model.reply(Reply::text(text.clone()).deltas_per_second(150.0));
    let mut hub = Hub::start().await;
    let _runner = Runner::start(&hub, &model.base_url()).await;
    let a = Device::link(&hub, "Laptop").await;
    let session = a.new_session("Why?").await;
    let on_a = a.tail(&session);
    for bytes in [100, 600] {
        on_a.wait_text(bytes).await;
        hub.kill_9().await;
        hub.run().await;
    }
    assert_eq!(on_a.wait_end(0).await.outcome, RunOutcome::Completed);
    assert_eq!(answer(&on_a.events()), text);
    assert_eq!(model.request_count(), 1);
    let desk = Device::link(&hub, "Desk").await;
    let late = desk.tail(&session);
    late.wait_end(0).await;
    assert_eq!(answer(&late.events()), text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_killed_in_mid_answer_ends_as_lost_and_the_prompt_can_be_tried_again() {
    let model = FakeModel::start().await;
    model.reply(Reply::text(long_text(300)).hold_after(60));
    model.reply(Reply::text("second try"));
    let mut asked = Asked::start(&model).await;
    let on_a = asked.device.tail(&asked.session);
    let partial = on_a.wait_text(50).await;
    asked.runner.child.kill_9().await;
    assert_eq!(on_a.wait_end(0).await.outcome, RunOutcome::Lost);
    assert!(
        answer(&on_a.events()).starts_with(&partial),
        "the partial answer is kept"
    );

    asked.retry(&model).await;
    assert_eq!(on_a.wait_end(1).await.outcome, RunOutcome::Completed);
    assert!(answer(&on_a.events()).ends_with("second try"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_killed_while_it_waits_for_a_busy_model_ends_as_lost_and_asks_no_more() {
    let model = FakeModel::start().await;
    model.reply(Reply::error(503, "loading model"));
    model.reply(Reply::text("second try"));
    let mut asked = Asked::start(&model).await;
    let on_a = asked.device.tail(&asked.session);
    let waits = |events: &[Event]| {
        let retry = |event: &Event| matches!(event.body, EventBody::ModelRetry(_));
        events.iter().any(retry).then_some(())
    };
    on_a.wait("the pause", waits).await;
    asked.runner.child.kill_9().await;
    assert_eq!(on_a.wait_end(0).await.outcome, RunOutcome::Lost);
    assert_eq!(model.request_count(), 1, "a lost run asks no more");

    asked.retry(&model).await;
    assert_eq!(on_a.wait_end(1).await.outcome, RunOutcome::Completed);
    assert_eq!(answer(&on_a.events()), "second try");
    assert_eq!(model.request_count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_goes_on_without_any_device() {
    let model = FakeModel::start().await;
    model.reply(Reply::text("finished alone").hold_after(1));
    let hub = Hub::start().await;
    let _runner = Runner::start(&hub, &model.base_url()).await;
    let a = Device::link(&hub, "Laptop").await;
    let session = a.new_session("Why?").await;
    let mut on_a = a.tail(&session);
    on_a.wait_text(1).await;
    on_a.child.kill_9().await;
    model.release(0);
    model.wait_ended(0).await;
    let again = a.tail(&session);
    assert_eq!(again.wait_end(0).await.outcome, RunOutcome::Completed);
    assert_eq!(answer(&again.events()), "finished alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fenced_runner_that_wakes_up_writes_nothing() {
    let model = FakeModel::start().await;
    model.reply(Reply::text(long_text(300)).deltas_per_second(40.0));
    let hub = Hub::start_at(Place::Here, "127.0.0.1:0", &["--lease-ms", "1500"]).await;
    let runner = Runner::start(&hub, &model.base_url()).await;
    let a = Device::link(&hub, "Laptop").await;
    let session = a.new_session("Why?").await;
    let on_a = a.tail(&session);
    on_a.wait_text(30).await;
    runner.child.sigstop();
    assert_eq!(on_a.wait_end(0).await.outcome, RunOutcome::Lost);
    let lost = answer(&on_a.events());
    runner.child.sigcont();
    // The woken runner must close the connection to the model, and its late writes must appear nowhere.
    model.wait_ended(0).await;
    a.receipt(&["queue", &session, "pause"]).await;
    let pause_seen = |events: &[baton_protocol::Event]| {
        kinds(events)
            .contains(&"queuePaused".to_owned())
            .then_some(())
    };
    on_a.wait("the pause", pause_seen).await;
    assert_eq!(answer(&on_a.events()), lost);
}

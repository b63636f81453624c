//! A runner that is suspended past its lease and resumes as if nothing had happened.

use baton_protocol::{Event, EventBody, RunId, RunOutcome};
use baton_testkit::{FakeModel, Reply};

use crate::stage::*;

fn first_run(events: &[Event]) -> Option<RunId> {
    events.iter().find_map(|event| match &event.body {
        EventBody::RunStarted(started) => Some(started.run),
        _ => None,
    })
}

/// Returns everything that was written for a run.
fn of_run(events: &[Event], run: RunId) -> Vec<&Event> {
    let is_of = |event: &&Event| {
        let body = serde_json::to_value(&event.body).expect("serialises");
        body["run"] == serde_json::json!(run)
    };
    events.iter().filter(is_of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_wakes_after_its_lease_writes_nothing() {
    let model = FakeModel::start().await;
    let text = long_text(300);
    model.reply(Reply::text(text.clone()).hold_after(60));
    model.reply(Reply::text("second try"));
    let hub = Hub::start_at(Place::Here, "127.0.0.1:0", &["--lease-ms", "2000"]).await;
    let zombie = Runner::start(&hub, &model.base_url()).await;
    let a = Device::link(&hub, "Laptop").await;
    let session = a.new_session("Why?").await;
    let on_a = a.tail(&session);
    on_a.wait_text(50).await;
    zombie.child.sigstop();
    assert_eq!(on_a.wait_end(0).await.outcome, RunOutcome::Lost);
    let run = first_run(&on_a.events()).expect("it was there");
    let kept = answer(&on_a.events());

    let _other = Runner::start_at(&Place::Here, &hub, &model.base_url(), "other-box").await;
    // The model's new text waits in the socket of the stopped process.
    model.release(0);
    zombie.child.sigcont();
    // The runner has noticed when it closes the connection to the model, or the model has said everything.
    model.wait_ended(0).await;
    a.receipt(&["retry", &session]).await;
    assert_eq!(on_a.wait_end(1).await.outcome, RunOutcome::Completed);

    let desk = Device::link(&hub, "Desk").await;
    let late = desk.tail(&session);
    late.wait_end(1).await;
    let events = late.events();
    let of_first = of_run(&events, run);
    let end = of_first
        .iter()
        .position(|event| matches!(event.body, EventBody::RunEnded(_)))
        .expect("it ended");
    let after: Vec<_> = of_first[end + 1..]
        .iter()
        .filter(|event| !matches!(event.body, EventBody::TeardownReported(_)))
        .collect();
    assert_eq!(after, Vec::<&&Event>::new(), "nothing above its end");
    assert_eq!(answer(&events), format!("{kept}second try"));
}

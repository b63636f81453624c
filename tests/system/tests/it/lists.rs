//! How sessions are ordered, and drafts, from any device.

use baton_protocol::CommandEffect;
use baton_testkit::{Ending, FakeModel, Reply};
use serde_json::Value;

use crate::stage::*;

/// Returns the sessions in the order of the list.
async fn listed(device: &Device) -> Vec<String> {
    let output = device.ctl(&["list"]).await;
    assert_eq!(output.code, 0, "{output:?}");
    let lines = output.stdout.lines();
    let rows = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    rows.filter_map(|row| row["session"].as_str().map(str::to_owned))
        .collect()
}

async fn draft(device: &Device, session: &str) -> String {
    let output = device.ctl(&["draft", session]).await;
    assert_eq!(output.code, 0, "{output:?}");
    let value: Value = serde_json::from_str(output.stdout.trim()).expect("one line of JSON");
    value["text"].as_str().expect("a text").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_pinned_put_aside_and_deleted_for_all_devices() {
    let model = FakeModel::start().await;
    model.reply(Reply::text("first"));
    model.reply(Reply::text("second"));
    let hub = Hub::start().await;
    let _runner = Runner::start(&hub, &model.base_url()).await;
    let (a, b) = (
        Device::link(&hub, "Laptop").await,
        Device::link(&hub, "Desk").await,
    );
    let first = a.new_session("One?").await;
    a.tail(&first).wait_end(0).await;
    let second = a.new_session("Two?").await;
    a.tail(&second).wait_end(0).await;
    let order = |sessions: [&String; 2]| sessions.map(Clone::clone).to_vec();
    assert_eq!(listed(&b).await, order([&second, &first]));

    let effect = |(_, effect): (u64, CommandEffect)| effect;
    let applied = CommandEffect::Applied;
    assert_eq!(effect(a.receipt(&["pin", &first]).await), applied);
    assert_eq!(
        effect(b.receipt(&["pin", &first]).await),
        CommandEffect::Unchanged
    );
    assert_eq!(listed(&b).await, order([&first, &second]));
    assert_eq!(effect(b.receipt(&["pin", &first, "--undo"]).await), applied);
    assert_eq!(listed(&a).await, order([&second, &first]));

    assert_eq!(effect(b.receipt(&["archive", &second]).await), applied);
    assert_eq!(listed(&a).await, std::slice::from_ref(&first));
    let back = a.receipt(&["archive", &second, "--undo"]).await;
    assert_eq!(effect(back), applied);
    assert_eq!(listed(&b).await.len(), 2);

    assert_eq!(effect(a.receipt(&["delete", &second]).await), applied);
    assert_eq!(listed(&b).await, [first]);
    let gone = b.ctl(&["send", &second, "Still there?"]).await;
    assert_ne!(gone.code, 0, "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_goes_on_on_another_device_and_survives_the_hubs_death() {
    let model = FakeModel::start().await;
    model.reply(Reply::text("an answer"));
    let mut hub = Hub::start().await;
    let _runner = Runner::start(&hub, &model.base_url()).await;
    let (a, b) = (
        Device::link(&hub, "Laptop").await,
        Device::link(&hub, "Desk").await,
    );
    let session = a.new_session("One?").await;
    a.tail(&session).wait_end(0).await;
    assert_eq!(draft(&a, &session).await, "");
    a.receipt(&["draft", &session, "half a"]).await;
    assert_eq!(draft(&b, &session).await, "half a");
    b.receipt(&["draft", &session, "half a thought"]).await;
    hub.kill_9().await;
    hub.run().await;
    assert_eq!(draft(&a, &session).await, "half a thought");
    a.receipt(&["draft", &session, ""]).await;
    assert_eq!(draft(&b, &session).await, "");
}

/// A deletion on one device ends what other devices follow or wait for in that session, and tells them so.
#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_ends_what_goes_on_in_the_session_on_every_device() {
    let model = FakeModel::start().await;
    model.reply(Reply::text(long_text(300)).hold_after(60));
    let hub = Hub::start().await;
    let _runner = Runner::start(&hub, &model.base_url()).await;
    let (a, b) = (
        Device::link(&hub, "Laptop").await,
        Device::link(&hub, "Desk").await,
    );
    let session = a.new_session("A long one?").await;
    let mut follower = b.tail(&session);
    follower.wait_text(1).await;

    let (_, effect) = a.receipt(&["delete", &session]).await;
    assert_eq!(effect, CommandEffect::Applied);
    let ended = follower.child.wait_exit().await;
    let said = follower.child.stderr_lines().join("\n");
    assert_eq!(ended.code(), Some(1), "{said}");
    assert!(said.contains("this session was deleted"), "{said}");
    assert_eq!(model.wait_ended(0).await, Ending::ClosedByClient);

    // Later requests report the deletion too, even without a hub.
    for words in [
        &["tail", &session, "--until-idle"][..],
        &["tail", &session, "--offline"],
        &["send", &session, "Still there?"],
    ] {
        let output = b.ctl(words).await;
        assert_ne!(output.code, 0, "{words:?}: {output:?}");
    }
}

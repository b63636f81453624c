//! Clear refusals that harm no other client.

use baton_testkit::{FakeModel, Reply};

use crate::stage::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_device_hears_so_at_once_and_others_go_on() {
    let model = FakeModel::start().await;
    let text = long_text(200);
    model.reply(Reply::text(text.clone()).hold_after(60));
    let hub = Hub::start().await;
    let _runner = Runner::start(&hub, &model.base_url()).await;
    let (a, b) = (
        Device::link(&hub, "Laptop").await,
        Device::link(&hub, "Stolen").await,
    );
    let session = a.new_session("Why?").await;
    let (on_a, mut on_b) = (a.tail(&session), b.tail(&session));
    on_b.wait_text(30).await;
    assert_eq!(hub.revoke("Stolen").await.code, 0);
    let seen = on_b.events().len();
    model.release(0);
    let status = on_b.child.wait_exit().await;
    assert!(!status.success());
    assert_eq!(
        on_b.events().len(),
        seen,
        "nothing is delivered after a revoke"
    );
    let refused = b.ctl(&["send", &session, "hello"]).await;
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.stderr.contains("revoked"), "{refused:?}");
    on_a.wait_end(0).await;
    assert_eq!(answer(&on_a.events()), text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_good_once_and_a_device_without_one_is_told_what_to_do() {
    let hub = Hub::start().await;
    let link = hub.link("device").await;
    let first = Device::unlinked(Place::Here, "First");
    assert_eq!(first.ctl(&["link", &link]).await.code, 0);
    let second = Device::unlinked(Place::Here, "Second");
    let used = second.ctl(&["link", &link]).await;
    assert_eq!(used.code, 3, "{used:?}");
    assert!(used.stderr.contains("used"), "{used:?}");
    let unlinked = second.ctl(&["list"]).await;
    assert_eq!(unlinked.code, 5, "{unlinked:?}");
    assert!(unlinked.stderr.contains("link"), "{unlinked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_does_not_listen_beyond_loopback_without_tls_and_stops_cleanly() {
    let mut open = Hub::start_at(Place::Here, "0.0.0.0:0", &["--public-name", "127.0.0.1"]).await;
    assert!(open.fingerprint.is_some(), "beyond loopback there is TLS");
    let device = Device::link(&open, "Laptop").await;
    assert_eq!(device.ctl(&["list"]).await.code, 0);
    open.child().sigterm();
    assert!(open.child().wait_exit().await.success());
}

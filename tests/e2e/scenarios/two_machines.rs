//! Windows on separate machines, over TLS with the pinned key.

use std::time::{Duration, Instant};

use crate::driver::Seat;
use crate::history::assert_same_everywhere;
use crate::network::Network;
use crate::programs::{Hub, Place};
use crate::stage::{HALF, LONG, Stage};

/// How long the connection is cut: longer than every heartbeat.
const CUT: Duration = Duration::from_secs(20);

pub(super) fn seat(network: &Network, machine: &str) -> Seat {
    let control = network.control_line(machine);
    Seat {
        place: Place::Namespace(machine.to_owned()),
        control: control.parse().expect("an address"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pick_up_a_cut_line_and_a_stop_between_machines() {
    let mut network = Network::new(4);
    network.join();
    let (hub_machine, hub_address) = network.machine();
    let (desk, _) = network.machine();
    let (laptop, _) = network.machine();
    let at_hub = Place::Namespace(hub_machine);
    let stage = Stage::set_at(at_hub, &format!("{hub_address}:7420"), &[]).await;
    assert!(
        stage.hub.fingerprint.is_some(),
        "beyond loopback there is TLS"
    );
    stage.model.hold_after(HALF);
    let a = stage.desktop_at(seat(&network, &desk), "desk").await;
    let b = stage.desktop_at(seat(&network, &laptop), "laptop").await;

    let session = a.begin(LONG).await;
    let half = stage.half(0).await;
    b.open(&session).await;
    for window in [&a, &b] {
        window
            .wait_equal("the half-written answer", &half, |screen| screen.answer())
            .await;
    }

    network.cut(&laptop);
    let cut_at = Instant::now();
    stage.model.hold_after(2 * HALF);
    let more = stage.handed_over(0, 2 * HALF).await;
    a.wait_equal("an answer that grows", &more, |screen| screen.answer())
        .await;
    b.wait("that the line is down", |screen| {
        (screen.phase() != "live").then_some(())
    })
    .await;
    assert_eq!(
        b.wait("what it had", |screen| Some(screen.answer())).await,
        half
    );
    b.screenshot("two-machines-cut").await;
    tokio::time::sleep_until((cut_at + CUT).into()).await;
    network.mend(&laptop);
    b.wait_equal("what it missed", &more, |screen| screen.answer())
        .await;

    b.press("stop").await;
    for window in [&a, &b] {
        let stopped = vec!["stopped".to_owned()];
        window
            .wait_equal("the stop", &stopped, |screen| screen.outcomes())
            .await;
    }
    stage.closed(0).await;
    assert_same_everywhere(&stage, &session, &[&a, &b], &[&more]).await;
    assert_eq!(stage.model.request_count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_with_another_key_is_refused_and_the_window_says_why() {
    let mut network = Network::new(5);
    network.join();
    let (hub_machine, hub_address) = network.machine();
    let (desk, _) = network.machine();
    let at_hub = Place::Namespace(hub_machine);
    let listen = format!("{hub_address}:7420");
    let mut stage = Stage::set_at(at_hub.clone(), &listen, &[]).await;
    let a = stage.desktop_at(seat(&network, &desk), "desk").await;
    stage.hub.kill_9().await;
    let _other = Hub::start_at(at_hub, &listen, &[]).await;
    a.wait("a refusal", |screen| {
        (screen.phase() == "refused").then_some(())
    })
    .await;
    a.wait_text("connection-problem", "why", |text| text.contains("key"))
        .await;
    a.screenshot("another-key").await;
}

//! The hub on one machine, devices and a runner on others, over TLS with the pinned key.

use std::time::{Duration, Instant};

use baton_protocol::{CommandEffect, RunOutcome};
use baton_testkit::{Child, bin};

use crate::network::Network;
use crate::stage::*;

/// How long the connection is cut: longer than every heartbeat.
const CUT: Duration = Duration::from_secs(20);

/// A model on the runner's own machine: the test process is on none of the machines.
struct Model {
    child: Child,
    url: String,
}

impl Model {
    async fn start(place: &Place) -> Self {
        let mut command = place.command(&bin("fake-model"));
        command.args(["1500", "40"]);
        let child = Child::spawn(command);
        let url = child
            .wait_for_line("its address", |line| {
                line.strip_prefix("listening ").map(str::to_owned)
            })
            .await;
        Self { child, url }
    }

    fn requests(&self) -> usize {
        self.child
            .stdout_lines()
            .iter()
            .filter(|line| line.starts_with("request"))
            .count()
    }

    async fn wait_closed(&self) {
        self.child
            .wait_for_line("the model's connection closed", |line| {
                line.starts_with("closed").then_some(())
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pick_up_a_long_cut_and_a_stop_between_machines() {
    let mut network = Network::new(1);
    let (hub_machine, hub_address) = network.machine();
    let (build_box, _) = network.machine();
    let (desk, _) = network.machine();
    let (laptop, _) = network.machine();
    let at = |name: &String| Place::Namespace(name.clone());

    let hub = Hub::start_at(at(&hub_machine), &format!("{hub_address}:7420"), &[]).await;
    assert!(hub.fingerprint.is_some());
    let model = Model::start(&at(&build_box)).await;
    let _runner = Runner::start_at(&at(&build_box), &hub, &model.url, "build-box").await;
    let a = Device::link_at(at(&desk), &hub, "Desk").await;
    let b = Device::link_at(at(&laptop), &hub, "Laptop").await;

    let session = a.new_session("Why?").await;
    let on_a = a.tail(&session);
    on_a.wait_text(200).await;
    let on_b = b.tail(&session);
    let picked_up = on_b.wait_text(200).await;

    network.cut(&laptop);
    let cut_at = Instant::now();
    let during = answer(&on_b.events()).len();
    on_a.wait_text(picked_up.len() + 2_000).await;
    tokio::time::sleep_until((cut_at + CUT).into()).await;
    let missed = answer(&on_b.events());
    assert!(
        missed.len() < during + 1_000,
        "the cut line carried {} bytes",
        missed.len() - during
    );
    network.mend(&laptop);
    let now = answer(&on_a.events()).len();
    on_b.wait_text(now).await;

    let (_, effect) = b.receipt(&["stop", &session]).await;
    assert!(
        matches!(effect, CommandEffect::Stopped { .. }),
        "{effect:?}"
    );
    assert!(matches!(
        on_a.wait_end(0).await.outcome,
        RunOutcome::Stopped { .. }
    ));
    on_b.wait_end(0).await;
    model.wait_closed().await;
    assert_eq!(answer(&on_a.events()), answer(&on_b.events()));
    assert_eq!(model.requests(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_cut_off_within_its_lease_goes_on_where_it_was() {
    let mut network = Network::new(2);
    let (hub_machine, hub_address) = network.machine();
    let (build_box, _) = network.machine();
    let at = |name: &String| Place::Namespace(name.clone());
    let lease = ["--lease-ms", "60000"];
    let hub = Hub::start_at(at(&hub_machine), &format!("{hub_address}:7420"), &lease).await;
    let model = Model::start(&at(&build_box)).await;
    let _runner = Runner::start_at(&at(&build_box), &hub, &model.url, "build-box").await;
    let a = Device::link_at(at(&hub_machine), &hub, "Desk").await;
    let session = a.new_session("Why?").await;
    let on_a = a.tail(&session);
    on_a.wait_text(200).await;
    network.cut(&build_box);
    let cut_at = Instant::now();
    tokio::time::sleep_until((cut_at + CUT).into()).await;
    let before = answer(&on_a.events()).len();
    network.mend(&build_box);
    on_a.wait_text(before + 2_000).await;
    assert_eq!(model.requests(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_with_another_key_is_refused_and_says_why() {
    let mut network = Network::new(3);
    let (hub_machine, hub_address) = network.machine();
    let (laptop, _) = network.machine();
    let at = |name: &String| Place::Namespace(name.clone());
    let listen = format!("{hub_address}:7420");
    let mut real = Hub::start_at(at(&hub_machine), &listen, &[]).await;
    let device = Device::link_at(at(&laptop), &real, "Laptop").await;
    assert_eq!(device.ctl(&["list"]).await.code, 0);
    real.kill_9().await;
    let _other = Hub::start_at(at(&hub_machine), &listen, &[]).await;
    let refused = device.ctl(&["send", "last", "hello"]).await;
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("key"), "{refused:?}");
}

//! The first journey: start on this computer, continue on another one, then move everything to a separate hub.

use baton_testkit::{Ending, eventually};
use tempfile::TempDir;

use super::two_machines::seat;
use crate::desktop::{Desktop, LIMIT};
use crate::network::Network;
use crate::programs::{Hub, Place};
use crate::stage::{HALF, LONG, handed_over, model_at, model_name, screen_alone};

/// A draft that is never sent.
const DRAFT: &str = "and what of the moon?";
/// Typed after the draft on the other machine, and sent while no hub can be reached.
const UNSENT: &str = " And of the stars?";

#[tokio::test(flavor = "multi_thread")]
async fn start_here_go_on_there_and_move_to_another_hub() {
    let _screen = screen_alone().await;
    let mut network = Network::new(6);
    network.join();
    let host = network.host_address().parse().expect("an address");
    let model = model_at(host).await;
    let (desk, desk_address) = network.machine();
    let (laptop, _) = network.machine();
    let (attic, attic_address) = network.machine();
    let folder = TempDir::new().expect("a temporary folder");
    let root = folder.path();

    let a = Desktop::start_at(seat(&network, &desk), root, "desk", None).await;
    begin_at(&a, &model.base_url()).await;
    model.hold_after(HALF);
    let session = a.begin(LONG).await;
    let half = handed_over(&model, 0, HALF).await;
    a.wait_equal("the half-written answer", &half, |screen| screen.answer())
        .await;
    let link = use_from_other_devices(&a, &desk_address).await;

    let b = Desktop::start_at(seat(&network, &laptop), root, "laptop", Some(&link)).await;
    b.wait("a live line", |screen| {
        (screen.phase() == "live").then_some(())
    })
    .await;
    b.open(&session).await;
    b.wait_equal("what is there already", &half, |screen| screen.answer())
        .await;
    a.screenshot("other-devices-a").await;
    b.screenshot("other-devices-b").await;
    b.press("stop").await;
    for window in [&a, &b] {
        let stopped = vec!["stopped".to_owned()];
        window
            .wait_equal("the stop", &stopped, |screen| screen.outcomes())
            .await;
    }
    let ending = eventually(LIMIT, "the end of the call", || async {
        model
            .exchanges()
            .first()
            .and_then(|exchange| exchange.ending)
    });
    assert_eq!(ending.await, Ending::ClosedByClient);

    let at_attic = Place::Namespace(attic);
    let attic = Hub::start_at(
        at_attic,
        &format!("{attic_address}:7420"),
        &["--name", "attic"],
    )
    .await;
    a.type_into("composer", DRAFT).await;
    // What the other window shows has reached the hub.
    b.wait_value("composer", DRAFT).await;
    move_to(&attic, &a, &session).await;
    shows(&a, &session, &half).await;
    a.wait_value("composer", DRAFT).await;
    a.screenshot("moved").await;
    move_with_an_unsent_prompt(&attic, &a, &b, &session, &half).await;
    assert_eq!(model.request_count(), 1, "nothing was asked again");
}

/// Starts on this computer with the model, as a person does.
async fn begin_at(a: &Desktop, model_url: &str) {
    a.press("choose-local").await;
    a.press("source-endpoint").await;
    a.type_into("base-url", model_url).await;
    a.type_into("model", &model_name()).await;
    a.press("start-local").await;
    a.wait("a live line and an agent", |screen| {
        (screen.phase() == "live" && screen.has_agent()).then_some(())
    })
    .await;
}

/// Switches on *Use from other devices* in Settings, chooses this address, and returns the link that is shown.
async fn use_from_other_devices(a: &Desktop, address: &str) -> String {
    a.press("open-settings").await;
    a.press("network-on").await;
    a.press_css(&format!(
        "[data-testid=\"network-host\"] option[value=\"{address}\"]"
    ))
    .await;
    a.wait_value("network-host", address).await;
    a.press("network-link").await;
    a.element("network-qr").await;
    let shown = a.element("network-link-text").await;
    let link = shown.text().await.expect("the link is text");
    assert!(link.contains(address), "{link}");
    assert!(
        link.contains("&key="),
        "the link carries the hub's key: {link}"
    );
    a.screenshot("use-from-other-devices").await;
    a.press("settings-close").await;
    link
}

/// The move closes the hub inside: what the person sends on the laptop waits, and goes to the new hub when the laptop moves there too.
async fn move_with_an_unsent_prompt(
    attic: &Hub,
    a: &Desktop,
    b: &Desktop,
    session: &str,
    half: &str,
) {
    b.wait("a line that is down", |screen| {
        (screen.phase() != "live").then_some(())
    })
    .await;
    b.send(UNSENT).await;
    b.wait("a prompt in the outbox", |screen| {
        (screen.outbox() > 0).then_some(())
    })
    .await;
    b.screenshot("unsent-before-the-move").await;
    move_to(attic, b, session).await;
    b.wait_equal("an empty outbox", &0, |screen| screen.outbox())
        .await;
    for window in [a, b] {
        shows(window, session, half).await;
        // The new hub has no agent yet, so the prompt waits in the session, exactly once.
        window
            .wait_equal("the prompt", &vec![format!("{DRAFT}{UNSENT}")], |screen| {
                screen.queue().into_iter().map(|(text, ..)| text).collect()
            })
            .await;
    }
    b.screenshot("unsent-after-the-move").await;
}

/// Moves to the hub, as a person does.
async fn move_to(attic: &Hub, a: &Desktop, session: &str) {
    a.press("open-settings").await;
    a.press("relink").await;
    a.type_into("link-input", &attic.link("device").await).await;
    a.screenshot("move-to-another-hub").await;
    a.press("link-submit").await;
    a.wait("the session at the new hub", |screen| {
        let is_there = screen.session_state(session).is_some();
        (screen.hub() == "attic" && screen.phase() == "live" && is_there).then_some(())
    })
    .await;
}

/// Opens the session and checks that it is unchanged.
async fn shows(a: &Desktop, session: &str, half: &str) {
    a.open(session).await;
    a.wait_equal("the answer", &half.to_owned(), |screen| screen.answer())
        .await;
    a.wait_equal("its end", &vec!["stopped".to_owned()], |screen| {
        screen.outcomes()
    })
    .await;
}

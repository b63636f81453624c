//! A disk that stands still for longer than any silence that the protocol allows.
//!
//! These tests take as long as the silence that they disprove: what they wait for are the hub's own signs of life.

use baton_hub::HubOptions;
use baton_protocol::*;

use crate::client::Client;
use crate::moody::{Mood, moody_world};
use crate::scene::Answering;
use crate::world::new_session;

/// More than the hub works on at once for one connection.
const MORE_THAN_IN_FLIGHT: usize = 48;

/// Signs of life, three seconds apart, that outlast both the limit of silence and a lease.
const SIGNS: usize = 6;

impl Client {
    /// A sign of life that nobody asked for.
    async fn sign_of_life(&mut self) {
        self.take(|frame| matches!(frame, HubFrame::HeartbeatAck {}).then_some(()))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_are_held_back_by_the_disk_are_neither_closed_nor_lost() {
    let (world, log) = moody_world(HubOptions::default()).await;
    let Answering {
        mut laptop,
        mut runner,
        session,
        held,
        mut script,
        ..
    } = Answering::begin(&world).await;

    log.set(Mood::Stalled);
    for n in 0..MORE_THAN_IN_FLIGHT {
        runner.write(held, vec![script.text("word ")]).await;
        laptop.send_prompt(session, &format!("later {n}")).await;
    }
    for _ in 0..SIGNS {
        runner.sign_of_life().await;
        laptop.sign_of_life().await;
    }

    log.set(Mood::Good);
    let closing = vec![script.close(PartEnd::Complete), script.end()];
    let last = closing.last().unwrap().producer;
    runner.write(held, closing).await;
    while runner.acked(held.run).await < last {}
    laptop
        .until(session, |followed| {
            followed.outcomes() == [RunOutcome::Completed]
        })
        .await;
    let text = laptop.logs[&session].text();
    assert_eq!(text, "word ".repeat(MORE_THAN_IN_FLIGHT));
    // Everything is in order again, by the same connections.
    for client in [&mut laptop, &mut runner] {
        client.heard().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_mailbox_holds_a_client_back_and_its_other_answers_still_come() {
    let (world, log) = moody_world(HubOptions::default()).await;
    let session = new_session();
    let mut first = world.device("Device 0").await;
    first.create(session).await;
    let mut devices = vec![first];
    for n in 1..12 {
        devices.push(world.device(&format!("Device {n}")).await);
    }
    log.set(Mood::Stalled);
    // Twelve times thirty requests fill the actor's mailbox of 256, and no connection is at its own limit.
    for device in &mut devices {
        for n in 0..30 {
            device.send_prompt(session, &format!("prompt {n}")).await;
        }
    }
    // Everybody hears that the hub lives: who is read, by an answer; who waits for the mailbox, in its time.
    for _ in 0..SIGNS {
        for device in &mut devices {
            device.send(&ClientFrame::Heartbeat { runs: None }).await;
            device.sign_of_life().await;
        }
    }
    log.set(Mood::Good);
    for device in &mut devices {
        device.heard().await;
    }
}

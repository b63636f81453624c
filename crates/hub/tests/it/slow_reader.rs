//! A reader that does not read.

use std::time::{Duration, Instant};

use baton_protocol::*;

use crate::client::{Client, Script};
use crate::http::figure;
use crate::world::{new_session, on_each_log};

on_each_log! {
    async fn a_stalled_reader_slows_nobody_and_catches_up(world: World) {
        let (mut runner, _) = world.runner().await;
        let laptop_link = world.link(Role::Device, "Laptop").await;
        let mut laptop = Client::device(world.hub(), &laptop_link.token).await;
        let mut stalled = world.device("Stalled").await;
        let log = new_session();
        laptop.create(log).await;
        stalled.follow(log).await;
        stalled.until(log, |followed| followed.level).await;
        laptop.prompt(log, "a long one", Delivery::Queue).await;
        let held = runner.assigned().await;

        // Far more than sockets and queues hold: 12 MiB in parts of 128 KiB, and ten times as many frames as the hub keeps for a reader.
        let piece = "0123456789abcdef".repeat(512);
        let mut script = Script::new();
        let mut slowest = Duration::ZERO;
        for round in 0..96 {
            let mut entries = vec![script.open()];
            entries.extend((0..16).map(|_| script.text(&piece)));
            entries.push(script.close(PartEnd::Complete));
            let begun = Instant::now();
            let upto = entries.last().unwrap().producer;
            for entry in entries {
                runner.write(held, vec![entry]).await;
            }
            while runner.acked(held.run).await < upto {}
            laptop.until(log, |followed| followed.events.last().is_some_and(|event| event.producer == Some(upto))).await;
            slowest = slowest.max(begun.elapsed());
            // All three are there; the stalled one only does not read.
            for client in [&mut runner, &mut laptop, &mut stalled] {
                if round % 8 == 0 {
                    client.send(&ClientFrame::Heartbeat { runs: None }).await;
                }
            }
        }
        runner.write_acked(held, vec![script.end()]).await;
        assert!(slowest < Duration::from_secs(2), "{slowest:?}");
        let whole = laptop.until(log, |followed| !followed.outcomes().is_empty()).await.text();

        let followed = stalled.until(log, |followed| !followed.outcomes().is_empty()).await;
        assert_eq!(followed.text(), whole);
        let forgotten = figure(world.hub(), &laptop_link.token, "baton_hub_subscribers_lagged_total").await;
        assert!(forgotten > 0, "the reader never fell behind what the hub keeps");
    }
}

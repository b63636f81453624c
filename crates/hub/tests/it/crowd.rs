//! One of a crowd stops reading. Two sessions of one hub are written in turns, at the same moments and under the same load: one with the
//! stalled reader and one without. The figure with a thousand readers is `cargo xtask bench stalled`.

use std::time::{Duration, Instant};

use baton_protocol::*;
use futures::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Assigned, Client, Script, Socket};
use crate::http::figure;
use crate::soak::memory_kib;
use crate::world::{Backend, PATIENCE, World, new_session};

/// Of each session. Both ends of every socket are in this process, which may have 1,024 descriptors.
const READERS: usize = 150;

/// To each session, in turns.
const WRITES: usize = 100;

/// What fills the stalled reader's socket, and far more.
const FILLING_BYTES: usize = 24 * 1024 * 1024;

/// By design the hub holds 128 live frames or 1 MiB for a socket, of 8 KiB here; the rest is what a process does by itself.
const GROWTH_KIB_MAX: usize = 8 * 1024;

/// How much slower everybody may become. The target with a thousand readers in a release build is 1.2; a hub that waits for the
/// stalled reader is slower by more than a hundred times.
const RATIO_MAX: f64 = 3.0;

/// Of a session, and who follows it.
struct Room {
    log: LogId,
    held: Assigned,
    script: Script,
    arrivals: UnboundedReceiver<Instant>,
    readers: UnboundedSender<Instant>,
    delays: Vec<Duration>,
}

impl Room {
    async fn open(laptop: &mut Client, runner: &mut Client) -> Self {
        let log = new_session();
        laptop.create(log).await;
        laptop.prompt(log, "go on", Delivery::Queue).await;
        let held = runner.assigned().await;
        let mut script = Script::new();
        runner.write_acked(held, vec![script.open()]).await;
        let (readers, arrivals) = unbounded_channel();
        Self {
            log,
            held,
            script,
            arrivals,
            readers,
            delays: Vec::new(),
        }
    }

    /// Somebody who reads, from the head on, until the test is over.
    async fn enter(&self, world: &World, token: &str) {
        let mut client = Client::device(world.hub(), token).await;
        client.follow(self.log).await;
        client.until(self.log, |followed| followed.level).await;
        tokio::spawn(read(client.socket, self.readers.clone()));
    }

    /// One write, and how long it took to each reader.
    async fn write(&mut self, runner: &mut Client) {
        let entry = self.script.text("a word or two ");
        let begun = Instant::now();
        runner.write(self.held, vec![entry]).await;
        for _ in 0..READERS {
            let arrival = tokio::time::timeout(PATIENCE, self.arrivals.recv());
            let arrival = arrival.await.expect("a batch in time");
            let arrival = arrival.expect("a reader is there");
            self.delays.push(arrival.duration_since(begun));
        }
    }

    fn p99(&mut self) -> Duration {
        self.delays.sort();
        self.delays[self.delays.len() * 99 / 100]
    }
}

async fn growth_kib(work: impl Future<Output = ()>) -> usize {
    let before = memory_kib();
    work.await;
    memory_kib().saturating_sub(before)
}

/// Says of each batch when it came.
async fn read(mut socket: Socket, arrivals: UnboundedSender<Instant>) {
    let beat = serde_json::to_string(&ClientFrame::Heartbeat {}).unwrap();
    let mut beats = tokio::time::interval(Duration::from_millis(limits::HEARTBEAT_INTERVAL_MS));
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) if text.starts_with(r#"{"type":"batch""#) => {
                    // The test may be over.
                    let _ = arrivals.send(Instant::now());
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            _ = beats.tick() => if socket.send(Message::text(beat.clone())).await.is_err() {
                return;
            },
        }
    }
}

/// Writes until nothing more goes into the socket of whoever follows and does not read.
async fn fill(room: &mut Room, runner: &mut Client, stalled: &mut Client) {
    let piece = "0123456789abcdef".repeat(512);
    let parts = FILLING_BYTES / (16 * piece.len());
    for part in 0..parts {
        let mut entries: Vec<_> = (0..16).map(|_| room.script.text(&piece)).collect();
        entries.push(room.script.close(PartEnd::Complete));
        entries.push(room.script.open());
        let upto = entries.last().unwrap().producer;
        for entry in entries {
            runner.write(room.held, vec![entry]).await;
        }
        while runner.acked(room.held.run).await < upto {}
        if part % 16 == 0 {
            runner.send(&ClientFrame::Heartbeat {}).await;
            stalled.send(&ClientFrame::Heartbeat {}).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_stalled_reader_in_a_crowd_delays_nobody_and_takes_no_memory() {
    let world = World::start(Backend::Sqlite).await;
    let linked = world.link(Role::Device, "Laptop").await;
    let (mut runner, _) = world.runner().await;
    let mut laptop = Client::device(world.hub(), &linked.token).await;
    let mut stalled = world.device("Stalled").await;
    // What a hub holds of any log, it holds after the first one; the second one shows what comes on top of that.
    let mut unread = Room::open(&mut laptop, &mut runner).await;
    fill(&mut unread, &mut runner, &mut stalled).await;
    let mut unread = Room::open(&mut laptop, &mut runner).await;
    let usual = growth_kib(fill(&mut unread, &mut runner, &mut stalled)).await;
    let mut filling = Room::open(&mut laptop, &mut runner).await;
    stalled.follow(filling.log).await;
    stalled.until(filling.log, |followed| followed.level).await;
    let held = growth_kib(fill(&mut filling, &mut runner, &mut stalled)).await;

    let mut alone = Room::open(&mut laptop, &mut runner).await;
    let mut crowded = Room::open(&mut laptop, &mut runner).await;
    stalled.follow(crowded.log).await;
    for number in 0..READERS {
        alone.enter(&world, &linked.token).await;
        crowded.enter(&world, &linked.token).await;
        if number % 16 == 0 {
            runner.send(&ClientFrame::Heartbeat {}).await;
            stalled.send(&ClientFrame::Heartbeat {}).await;
        }
    }
    for write in 0..WRITES {
        alone.write(&mut runner).await;
        crowded.write(&mut runner).await;
        if write % 16 == 0 {
            runner.send(&ClientFrame::Heartbeat {}).await;
            stalled.send(&ClientFrame::Heartbeat {}).await;
        }
    }
    let (alone_p99, crowded_p99) = (alone.p99(), crowded.p99());
    println!("p99 {alone_p99:?} without and {crowded_p99:?} with a stalled reader");
    println!("{held} KiB with the stalled reader, {usual} KiB without");
    let ratio = crowded_p99.as_secs_f64() / alone_p99.as_secs_f64();
    assert!(
        ratio <= RATIO_MAX,
        "{crowded_p99:?} instead of {alone_p99:?}"
    );
    assert!(
        held <= usual + GROWTH_KIB_MAX,
        "{held} KiB instead of {usual} KiB for one reader"
    );

    // It was behind all the time, and misses nothing.
    let end = runner
        .write_acked(filling.held, vec![filling.script.close(PartEnd::Complete)])
        .await;
    stalled
        .until(filling.log, |followed| {
            let last = followed.events.last();
            last.is_some_and(|event| event.producer == Some(end))
        })
        .await;
    let forgotten = figure(
        world.hub(),
        &linked.token,
        "baton_hub_subscribers_lagged_total",
    );
    assert!(forgotten.await > 0, "the reader never fell behind");
}

//! One of a crowd stops reading. Two sessions of one hub are written in turns, at the same moments and under the same load: one with the
//! stalled reader and one without. The figure with a thousand readers is `cargo xtask bench stalled`.

use std::time::{Duration, Instant};

use baton_protocol::*;
use futures::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Assigned, Client, Followed, Script, Socket, create};
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

/// Of the deliveries that are compared. The slowest hundredth is one write of all: whatever else the machine did in that moment.
const PERCENT: usize = 90;

/// Who is there from the beginning to the end.
struct Present {
    laptop: Client,
    runner: Client,
    stalled: Client,
}

impl Present {
    /// All three say that they are there; the stalled one only does not read.
    async fn beat(&mut self) {
        for client in [&mut self.laptop, &mut self.runner, &mut self.stalled] {
            client.send(&ClientFrame::Heartbeat { runs: None }).await;
        }
    }
}

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
    async fn open(present: &mut Present) -> Self {
        let Present { laptop, runner, .. } = present;
        let log = new_session();
        // Who writes here follows nothing: a device that never reads would be a second stalled reader, of every room.
        laptop.command(log, create()).await;
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

    /// In how much time so many of a hundred deliveries were made.
    fn within(&mut self, percent: usize) -> Duration {
        self.delays.sort();
        self.delays[self.delays.len() * percent / 100]
    }
}

async fn growth_kib(work: impl Future<Output = ()>) -> usize {
    let before = memory_kib();
    work.await;
    memory_kib().saturating_sub(before)
}

/// Says of each batch when it came.
async fn read(mut socket: Socket, arrivals: UnboundedSender<Instant>) {
    let beat = serde_json::to_string(&ClientFrame::Heartbeat { runs: None }).unwrap();
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
async fn fill(room: &mut Room, present: &mut Present) {
    let piece = "0123456789abcdef".repeat(512);
    let parts = FILLING_BYTES / (16 * piece.len());
    for part in 0..parts {
        let mut entries: Vec<_> = (0..16).map(|_| room.script.text(&piece)).collect();
        entries.push(room.script.close(PartEnd::Complete));
        entries.push(room.script.open());
        let upto = entries.last().unwrap().producer;
        for entry in entries {
            present.runner.write(room.held, vec![entry]).await;
        }
        while present.runner.acked(room.held.run).await < upto {}
        if part % 4 == 0 {
            present.beat().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_stalled_reader_in_a_crowd_delays_nobody_and_takes_no_memory() {
    let world = World::start(Backend::Sqlite).await;
    let linked = world.link(Role::Device, "Laptop").await;
    let mut present = Present {
        laptop: Client::device(world.hub(), &linked.token).await,
        runner: world.runner().await.0,
        stalled: world.device("Stalled").await,
    };
    // What a hub holds of any log, it holds after the first one; the second one shows what comes on top of that.
    let mut unread = Room::open(&mut present).await;
    fill(&mut unread, &mut present).await;
    let mut unread = Room::open(&mut present).await;
    let usual = growth_kib(fill(&mut unread, &mut present)).await;
    let mut filling = Room::open(&mut present).await;
    present.stalled.follow(filling.log).await;
    let is_level = |followed: &Followed| followed.level;
    present.stalled.until(filling.log, is_level).await;
    let held = growth_kib(fill(&mut filling, &mut present)).await;

    let mut alone = Room::open(&mut present).await;
    let mut crowded = Room::open(&mut present).await;
    present.stalled.follow(crowded.log).await;
    for number in 0..READERS {
        alone.enter(&world, &linked.token).await;
        crowded.enter(&world, &linked.token).await;
        if number % 16 == 0 {
            present.beat().await;
        }
    }
    for write in 0..WRITES {
        alone.write(&mut present.runner).await;
        crowded.write(&mut present.runner).await;
        if write % 16 == 0 {
            present.beat().await;
        }
    }
    for percent in [50, PERCENT, 99] {
        let (without, with) = (alone.within(percent), crowded.within(percent));
        println!("p{percent} {without:?} without and {with:?} with a stalled reader");
    }
    println!("{held} KiB with the stalled reader, {usual} KiB without");
    let (without, with) = (alone.within(PERCENT), crowded.within(PERCENT));
    let ratio = with.as_secs_f64() / without.as_secs_f64();
    assert!(ratio <= RATIO_MAX, "{with:?} instead of {without:?}");
    assert!(
        held <= usual + GROWTH_KIB_MAX,
        "{held} KiB instead of {usual} KiB for one reader"
    );

    // It was behind all the time, and misses nothing.
    let closing = vec![filling.script.close(PartEnd::Complete)];
    let end = present.runner.write_acked(filling.held, closing).await;
    present
        .stalled
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

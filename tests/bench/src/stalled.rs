//! `stalled`: one of a thousand readers stops reading. How much later do the others get what is written, and what does the hub hold for
//! the one that does not read?

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use baton_protocol::{ClientFrame, LogId, limits};
use baton_transport::HubSocket;
use futures::{SinkExt as _, StreamExt as _};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::MissedTickBehavior;
use tokio_tungstenite::tungstenite::Message;

use crate::append::payload;
use crate::bench::Bench;
use crate::fan_out::batch_behind;
use crate::figures::{Label, Row, Series, Target, compare, quantile};
use crate::hub::HubProcess;
use crate::idle::memory;
use crate::wire::Client;
use crate::writer::Writer;

/// With the one that stops reading.
const READERS: usize = 1_000;

/// Writes a second, by the clock: a model at a usual speed.
const RATE: u32 = 25;

/// How long one measurement lasts.
const SECONDS: usize = 6;

/// What is written before, to whoever does not read: more than what the sockets of a system that gives them tens of MiB and the hub's
/// queues hold.
const FILLING_BYTES: usize = 96 * 1024 * 1024;
const PIECE_BYTES: usize = 8 * 1024;

const BEAT: Duration = Duration::from_millis(limits::HEARTBEAT_INTERVAL_MS);

/// What the thousandth reader does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Last {
    Reads,
    Stalls,
}

/// What one measurement gave.
struct Measured {
    /// Milliseconds from a write to a reader that reads.
    p99: f64,
    /// MiB that the hub grew by from before it was written to the thousandth reader.
    growth: f64,
}

/// The benchmark.
pub async fn run(bench: &Bench) -> Result<Vec<Row>> {
    let [mut with, mut with_growth] = [(); 2].map(|()| Series::new("one stalls"));
    let [mut without, mut without_growth] = [(); 2].map(|()| Series::new("all read"));
    let writes = bench.shortened(SECONDS * RATE as usize);
    for round in 0..bench.rounds {
        eprintln!("stalled: round {} of {}", round + 1, bench.rounds);
        // Neither of them is always the first one.
        let mut order = [Last::Stalls, Last::Reads];
        if !round.is_multiple_of(2) {
            order.reverse();
        }
        for last in order {
            let measured = measure(bench, last, writes).await?;
            let (times, growth) = match last {
                Last::Stalls => (&mut with, &mut with_growth),
                Last::Reads => (&mut without, &mut without_growth),
            };
            times.values.push(measured.p99);
            growth.values.push(measured.growth);
        }
    }
    let label = |what: &str, unit| Label {
        name: "stalled",
        case: format!("{READERS} readers of a session, {RATE} writes/s, {what}"),
        unit,
    };
    Ok(vec![
        compare(
            &label("p99 of those who read", "ms"),
            &with,
            &without,
            Target::AtMost(1.2),
            &bench.machine,
        ),
        compare(
            &label("growth of the hub", "MiB"),
            &with_growth,
            &without_growth,
            Target::None,
            &bench.machine,
        ),
    ])
}

async fn measure(bench: &Bench, last: Last, writes: usize) -> Result<Measured> {
    let hub = HubProcess::start(bench).await?;
    let mut filling = Writer::begin(&hub).await?;
    let mut odd_one = Client::connect(&hub.address, &hub.device.token, None).await?;
    odd_one.subscribe(filling.log(), None).await?;
    let filled = odd_one.catch_up(None).await?;
    let before = memory(hub.pid())?;
    let odd_one = OddOne::begin(odd_one.into_socket(), last);
    fill(&mut filling).await?;
    let filled_log = filling.log();
    drop(filling);

    let mut writer = Writer::begin(&hub).await?;
    odd_one.follow(writer.log())?;
    let from = writer_head(&hub, writer.log()).await?;
    let clock = Arc::new(Clock::new(from, writes));
    let mut reading = JoinSet::new();
    for n in 1..READERS {
        let mut client = Client::connect(&hub.address, &hub.device.token, None).await?;
        client.subscribe(writer.log(), None).await?;
        client.catch_up(None).await?;
        let (socket, clock) = (client.into_socket(), Arc::clone(&clock));
        // At once: whoever waits for the others must say meanwhile that it is there.
        reading.spawn(async move { read_all(socket, &clock).await });
        if n.is_multiple_of(100) {
            writer
                .runner
                .send(&ClientFrame::Heartbeat { runs: None })
                .await?;
        }
    }
    pace(&mut writer, &clock, writes).await?;
    let mut times = Vec::with_capacity(READERS * writes);
    while let Some(read) = reading.join_next().await {
        times.extend(read??);
    }
    let growth = memory(hub.pid())?.saturating_sub(before);
    if last == Last::Stalls {
        let client = Client::over(odd_one.socket().await?);
        catches_up(client, filled_log, filled.seq.0).await?;
    }
    Ok(Measured {
        p99: quantile(&times, 0.99),
        growth: growth as f64 / (1024.0 * 1024.0),
    })
}

/// The thousandth reader: says that it is there, and reads or does not.
struct OddOne {
    words: tokio::sync::mpsc::UnboundedSender<ClientFrame>,
    task: JoinHandle<Result<HubSocket>>,
}

impl OddOne {
    fn begin(mut socket: HubSocket, last: Last) -> Self {
        let (words, mut said) = tokio::sync::mpsc::unbounded_channel::<ClientFrame>();
        let task = tokio::spawn(async move {
            let mut beats = tokio::time::interval(BEAT);
            loop {
                let frame = tokio::select! {
                    word = said.recv() => match word {
                        Some(word) => word,
                        None => return Ok(socket),
                    },
                    _ = beats.tick() => ClientFrame::Heartbeat { runs: None },
                    message = socket.next(), if last == Last::Reads => {
                        message.context("the hub closed the connection")??;
                        continue;
                    }
                };
                let text = serde_json::to_string(&frame)?;
                socket.send(Message::text(text)).await?;
            }
        });
        Self { words, task }
    }

    fn follow(&self, log: LogId) -> Result<()> {
        let subscribe = ClientFrame::Subscribe {
            log,
            cursor: None,
            newest_chars: None,
            state_format: None,
        };
        self.words.send(subscribe).context("its connection is gone")
    }

    async fn socket(self) -> Result<HubSocket> {
        drop(self.words);
        self.task.await?
    }
}

async fn fill(filling: &mut Writer) -> Result<()> {
    let piece = "0123456789abcdef".repeat(PIECE_BYTES / 16);
    for _ in 0..FILLING_BYTES / (16 * PIECE_BYTES) {
        for _ in 0..16 {
            let entry = filling.text(piece.clone());
            filling.write(vec![entry]).await?;
        }
        let next = filling.next_part();
        filling.write(next.into()).await?;
        filling
            .runner
            .send(&ClientFrame::Heartbeat { runs: None })
            .await?;
    }
    Ok(())
}

/// Where the log ends before anything is measured.
async fn writer_head(hub: &HubProcess, log: LogId) -> Result<u64> {
    let mut client = Client::connect(&hub.address, &hub.device.token, None).await?;
    client.subscribe(log, None).await?;
    Ok(client.catch_up(None).await?.seq.0)
}

/// When each write was made.
struct Clock {
    began: Instant,
    from: u64,
    made: Vec<AtomicU64>,
}

impl Clock {
    fn new(from: u64, writes: usize) -> Self {
        Self {
            began: Instant::now(),
            from,
            made: (0..writes).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Milliseconds since the write was made that stands at this seq.
    fn since(&self, seq: u64) -> Result<f64> {
        let index = usize::try_from(seq - self.from - 1)?;
        let made = self.made.get(index).context("a write that nobody made")?;
        let made = made.load(Ordering::Acquire);
        ensure!(made > 0, "a write was seen before it was made");
        Ok((self.now() - made) as f64 / 1e6)
    }

    fn last(&self) -> u64 {
        self.from + self.made.len() as u64
    }
}

/// Writes by the clock, and never waits for a reader or an answer.
async fn pace(writer: &mut Writer, clock: &Clock, writes: usize) -> Result<()> {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / RATE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for n in 0..writes {
        ticks.tick().await;
        let entry = writer.text(payload(n as u64));
        let frame = writer.frame(vec![entry]);
        clock.made[n].store(clock.now(), Ordering::Release);
        writer.runner.send(&frame).await?;
    }
    Ok(())
}

/// Reads batches that continue each other, and says how long each write took to come.
async fn read_all(mut socket: HubSocket, clock: &Clock) -> Result<Vec<f64>> {
    let beat = serde_json::to_string(&ClientFrame::Heartbeat { runs: None })?;
    let mut beats = tokio::time::interval(BEAT);
    let (mut at, mut times) = (clock.from, Vec::with_capacity(clock.made.len()));
    while at < clock.last() {
        let message = tokio::select! {
            message = socket.next() => message.context("the hub closed the connection")??,
            _ = beats.tick() => {
                socket.send(Message::text(beat.clone())).await?;
                continue;
            }
        };
        let Some((_, upto)) = batch_behind(&message, at)? else {
            continue;
        };
        for seq in at + 1..=upto {
            times.push(clock.since(seq)?);
        }
        at = upto;
    }
    Ok(times)
}

/// The stalled one reads at last: it misses nothing, and the hub had forgotten what waited for it, so that it comes in fewer batches than
/// it was written in.
async fn catches_up(mut client: Client, log: LogId, from: u64) -> Result<()> {
    let (mut at, mut batches) = (from, 0);
    loop {
        let batch = client.batch().await?;
        if batch.log != log {
            continue;
        }
        ensure!(batch.after.0 == at, "a gap: {} after {at}", batch.after);
        at = batch.upto.0;
        batches += 1;
        if batch.upto >= batch.head {
            break;
        }
    }
    ensure!(
        batches < FILLING_BYTES / PIECE_BYTES * 3 / 4,
        "the reader never fell behind what the hub holds"
    );
    Ok(())
}

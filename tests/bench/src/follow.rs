//! `follow`: from an append to the moment in which another client has it, open loop: the sender never waits for an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use baton_protocol::EventBody;
use futures::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use crate::append::payload;
use crate::bench::{Bench, take};
use crate::figures::{Label, Row, Series, Target, compare, quantile};
use crate::hub::HubProcess;
use crate::peers::{Server, Watch, loopback, redis, resp};
use crate::wire::Client;
use crate::writer::{Writer, payload_at};

/// Appends a second: what a fast model says, and many of them at once.
const RATES: [u32; 2] = [200, 1_000];

/// How long one measurement lasts.
const SECONDS: usize = 3;

/// The benchmark.
pub async fn run(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for rate in RATES {
        rows.extend(at_rate(bench, rate).await?);
    }
    Ok(rows)
}

async fn at_rate(bench: &Bench, rate: u32) -> Result<Vec<Row>> {
    let [mut ours_p50, mut ours_p99] = [(); 2].map(|()| Series::new("Baton"));
    let [mut theirs_p50, mut theirs_p99] =
        [(); 2].map(|()| Series::new("Redis always, XREAD BLOCK"));
    let count = bench.shortened(SECONDS * rate as usize);
    for round in 0..bench.rounds {
        eprintln!("follow: {rate}/s, round {} of {}", round + 1, bench.rounds);
        let times = ours(bench, rate, count).await?;
        ours_p50.values.push(quantile(&times, 0.5));
        ours_p99.values.push(quantile(&times, 0.99));
        let theirs = in_redis(bench, rate, count).await;
        let part = |place| {
            let times = theirs
                .as_ref()
                .map_err(|error| anyhow::anyhow!("{error:#}"));
            std::future::ready(times.map(|times| quantile(times, place)))
        };
        take(&mut theirs_p50, part(0.5)).await;
        take(&mut theirs_p99, part(0.99)).await;
    }
    let label = |what: &str| Label {
        name: "follow",
        case: format!("{rate} appends/s, {what}"),
        unit: "us",
    };
    Ok(vec![
        compare(
            &label("p50"),
            &ours_p50,
            &theirs_p50,
            Target::AtMost(1.2),
            &bench.machine,
        ),
        compare(
            &label("p99"),
            &ours_p99,
            &theirs_p99,
            Target::AtMost(1.0),
            &bench.machine,
        ),
    ])
}

/// When each append was made and how long it took to be seen.
struct Clock {
    began: Instant,
    sent: Vec<AtomicU64>,
}

impl Clock {
    fn new(count: usize) -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            sent: (0..count).map(|_| AtomicU64::new(0)).collect(),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Makes appends by the clock and hands them to whoever writes them, without waiting for anything but the time.
    async fn pace(&self, rate: u32, frames: Vec<Vec<u8>>, out: mpsc::UnboundedSender<Vec<u8>>) {
        let pause = Duration::from_secs(1) / rate;
        let first = tokio::time::Instant::now() + pause;
        for (n, frame) in frames.into_iter().enumerate() {
            tokio::time::sleep_until(first + pause * u32::try_from(n).unwrap_or(u32::MAX)).await;
            self.sent[n].store(self.now(), Ordering::Release);
            // The writer is gone where the connection is, which the reader reports.
            let _ = out.send(frame);
        }
    }

    /// Microseconds since the `n`th was made.
    fn seen(&self, n: u64) -> Result<f64> {
        let sent = self
            .sent
            .get(n as usize)
            .context("an append that nobody made")?;
        let sent = sent.load(Ordering::Acquire);
        ensure!(sent > 0, "append {n} was seen before it was made");
        Ok((self.now() - sent) as f64 / 1e3)
    }
}

async fn ours(bench: &Bench, rate: u32, count: usize) -> Result<Vec<f64>> {
    let hub = HubProcess::start(bench).await?;
    let mut writer = Writer::begin(&hub).await?;
    let mut reader = Client::connect(&hub.address, &hub.device.token, None).await?;
    reader.subscribe(writer.log(), None).await?;
    let cursor = reader.catch_up(None).await?;
    let frames: Vec<Vec<u8>> = (0..count as u64)
        .map(|n| Ok(serde_json::to_vec(&writer.next_text(n))?))
        .collect::<Result<_>>()?;
    let (mut sink, mut acks) = writer.runner.into_socket().split();
    let (out, mut frames_out) = mpsc::unbounded_channel::<Vec<u8>>();
    let sending = tokio::spawn(async move {
        while let Some(frame) = frames_out.recv().await {
            sink.send(Message::text(String::from_utf8(frame)?)).await?;
        }
        anyhow::Ok(sink)
    });
    let mut refused = tokio::spawn(async move {
        while let Some(Ok(message)) = acks.next().await {
            if matches!(&message, Message::Text(text) if !text.as_str().contains("runAcked")) {
                return message.to_string();
            }
        }
        "the hub closed the runner's connection".to_owned()
    });
    let clock = Clock::new(count);
    let pacing = {
        let clock = Arc::clone(&clock);
        tokio::spawn(async move { clock.pace(rate, frames, out).await })
    };
    let (mut times, mut seq) = (Vec::with_capacity(count), cursor.seq);
    while times.len() < count {
        let batch = tokio::select! {
            batch = reader.batch() => batch?,
            said = &mut refused => bail!("the runner was told: {}", said?),
        };
        ensure!(batch.after == seq, "a gap at {seq:?}");
        seq = batch.upto;
        for event in batch.events {
            if let EventBody::PartAppended(body) = event.body {
                let last = payload_at(body.part, body.offset + body.text.len() as u64);
                for n in payload_at(body.part, body.offset)..last {
                    ensure!(n == times.len() as u64, "append {n} came out of order");
                    times.push(clock.seen(n)?);
                }
                ensure!(
                    body.text.ends_with(&payload(last - 1)),
                    "an append came back changed"
                );
            }
        }
    }
    pacing.await?;
    drop(sending.await??);
    refused.abort();
    Ok(times)
}

async fn in_redis(bench: &Bench, rate: u32, count: usize) -> Result<Vec<f64>> {
    let folder = bench.fresh("follow")?;
    let server: Server = redis::start(folder.path(), Watch::No).await?;
    let (mut answers, mut sink) = TcpStream::connect(loopback(server.port))
        .await?
        .into_split();
    let frames = (0..count as u64)
        .map(|n| resp::encode(&[b"XADD", &redis::key(0), b"*", b"d", payload(n).as_bytes()]))
        .collect();
    let (out, mut frames_out) = mpsc::unbounded_channel::<Vec<u8>>();
    let sending = tokio::spawn(async move {
        sink.as_ref().set_nodelay(true)?;
        while let Some(frame) = frames_out.recv().await {
            sink.write_all(&frame).await?;
        }
        anyhow::Ok(sink)
    });
    let answered = tokio::spawn(async move {
        let mut bytes = [0; 4096];
        while answers.read(&mut bytes).await.is_ok_and(|count| count > 0) {}
    });
    let mut reader = resp::RedisConnection::open(server.port).await?;
    let clock = Clock::new(count);
    let pacing = {
        let clock = Arc::clone(&clock);
        tokio::spawn(async move { clock.pace(rate, frames, out).await })
    };
    let (mut times, mut last) = (Vec::with_capacity(count), b"0-0".to_vec());
    while times.len() < count {
        let words: [&[u8]; 6] = [b"XREAD", b"BLOCK", b"0", b"STREAMS", &redis::key(0), &last];
        let reply = reader.call(&words).await?;
        let entries = redis::entries(&reply);
        ensure!(!entries.is_empty(), "redis woke its reader with nothing");
        for (id, text) in entries {
            let n = times.len() as u64;
            ensure!(
                text == payload(n).as_bytes(),
                "redis gave another entry than {n}"
            );
            times.push(clock.seen(n)?);
            last = id.to_vec();
        }
    }
    pacing.await?;
    drop(sending.await??);
    answered.abort();
    Ok(times)
}

//! `pick-up`: a device that knows nothing opens a session in whose midst an answer stands half-written, until it is live.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use baton_protocol::{Batch, EventBody, HubFrame};
use futures::StreamExt as _;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use crate::bench::{Bench, take};
use crate::figures::{Label, Row, Series, Target, compare, quantile};
use crate::frames::{FrameServer, When};
use crate::hub::HubProcess;
use crate::peers::{Watch, node, redis};
use crate::wire::Client;
use crate::writer::Writer;

/// Deltas of the answer, and what each of them says: four characters, as a token has.
const TOKENS: usize = 10_000;
const TOKEN_BYTES: usize = 4;

/// Writes in one frame of the runner.
const WRITES: usize = 250;

/// How often it is opened in a round.
const OPENED: usize = 9;

/// One contestant: bytes received and milliseconds to live.
struct Contestant {
    bytes: Series,
    time: Series,
}

impl Contestant {
    fn new(name: &str) -> Self {
        Self {
            bytes: Series::new(name),
            time: Series::new(name),
        }
    }

    async fn take(&mut self, measured: Result<Opened>) {
        let Opened {
            bytes,
            milliseconds,
        } = match measured {
            Ok(opened) => opened,
            Err(error) => {
                let text = format!("{error:#}");
                take(&mut self.bytes, async { anyhow::bail!("{text}") }).await;
                self.time.absent = Some(text);
                return;
            }
        };
        take(&mut self.bytes, async { Ok(bytes) }).await;
        take(&mut self.time, async { Ok(quantile(&milliseconds, 0.5)) }).await;
    }
}

struct Opened {
    bytes: f64,
    milliseconds: Vec<f64>,
}

/// The benchmark.
pub async fn run(bench: &Bench) -> Result<Vec<Row>> {
    let mut ours = Contestant::new("Baton");
    let mut deltas = Contestant::new("the raw deltas, replayed");
    let mut resumable = Contestant::new("resumable-stream on Redis");
    for round in 0..bench.rounds {
        eprintln!("pick-up: round {} of {}", round + 1, bench.rounds);
        let (opened, recorded) = through_the_hub(bench).await?;
        ours.take(Ok(opened)).await;
        deltas.take(replayed(bench, &recorded).await).await;
        resumable.take(resumed(bench).await).await;
    }
    let mut rows = Vec::new();
    for peer in [&deltas, &resumable] {
        let label = |what: &str, unit| Label {
            name: "pick-up",
            case: format!("{TOKENS} tokens half-written, {what}"),
            unit,
        };
        let bytes = label("bytes", "bytes");
        rows.push(compare(
            &bytes,
            &ours.bytes,
            &peer.bytes,
            Target::AtMost(0.1),
            &bench.machine,
        ));
        let time = label("to live", "ms");
        rows.push(compare(
            &time,
            &ours.time,
            &peer.time,
            Target::AtMost(0.2),
            &bench.machine,
        ));
    }
    Ok(rows)
}

fn token(n: usize) -> String {
    format!("{:04}", n % 10_000)
}

fn whole_text() -> String {
    (0..TOKENS).map(token).collect()
}

/// Opens the session, and gives every delta as the frame that brought it to a device that was there.
async fn through_the_hub(bench: &Bench) -> Result<(Opened, Vec<String>)> {
    let hub = HubProcess::start(bench).await?;
    let mut writer = Writer::begin(&hub).await?;
    let mut witness = Client::connect(&hub.address, &hub.device.token, None).await?;
    witness.subscribe(writer.log(), None).await?;
    let mut at = witness.catch_up(None).await?.seq;
    let mut recorded = Vec::with_capacity(TOKENS);
    for from in (0..TOKENS).step_by(WRITES) {
        let entries = (from..from + WRITES)
            .map(|n| writer.text(token(n)))
            .collect();
        writer.write(entries).await?;
        let until = at.0 + WRITES as u64;
        while at.0 < until {
            let batch = witness.batch().await?;
            at = batch.upto;
            for event in &batch.events {
                recorded.push(one_event_frame(&batch, event)?);
            }
        }
    }
    ensure!(
        recorded.len() == TOKENS,
        "{} deltas were seen",
        recorded.len()
    );
    let mut opened = Opened {
        bytes: 0.0,
        milliseconds: Vec::new(),
    };
    for _ in 0..OPENED {
        let began = Instant::now();
        let mut device = Client::connect(&hub.address, &hub.device.token, None).await?;
        device.subscribe(writer.log(), None).await?;
        let mut text = String::new();
        loop {
            let batch = device.batch().await?;
            add_text(&batch, &mut text);
            if batch.upto >= batch.head {
                break;
            }
        }
        opened
            .milliseconds
            .push(began.elapsed().as_secs_f64() * 1e3);
        ensure!(text == whole_text(), "the answer came back wrong");
        opened.bytes = device.received as f64;
    }
    Ok((opened, recorded))
}

fn one_event_frame(batch: &Batch, event: &baton_protocol::Event) -> Result<String> {
    let frame = HubFrame::Batch(Batch {
        after: baton_protocol::Seq(event.seq.0 - 1),
        upto: event.seq,
        head: event.seq,
        events: vec![event.clone()],
        ..batch.clone()
    });
    Ok(serde_json::to_string(&frame)?)
}

fn add_text(batch: &Batch, text: &mut String) {
    for event in &batch.events {
        if let EventBody::PartAppended(body) = &event.body {
            text.push_str(&body.text);
        }
    }
}

async fn replayed(bench: &Bench, recorded: &[String]) -> Result<Opened> {
    let folder = bench.fresh("pick-up")?;
    let file = folder.path().join("frames");
    std::fs::write(&file, recorded.join("\n"))?;
    let server = FrameServer::start(&file, When::OnConnect).await?;
    let mut opened = Opened {
        bytes: 0.0,
        milliseconds: Vec::new(),
    };
    for _ in 0..OPENED {
        let began = Instant::now();
        let mut socket = server.connect().await?;
        let (mut text, mut bytes) = (String::new(), 0);
        while text.len() < TOKENS * TOKEN_BYTES {
            let message = socket
                .next()
                .await
                .context("the server closed the connection")??;
            if let Message::Text(frame) = message {
                bytes += frame.len();
                if let HubFrame::Batch(batch) = serde_json::from_str(frame.as_str())? {
                    add_text(&batch, &mut text);
                }
            }
        }
        opened
            .milliseconds
            .push(began.elapsed().as_secs_f64() * 1e3);
        ensure!(text == whole_text(), "the answer came back wrong");
        opened.bytes = bytes as f64;
    }
    Ok(opened)
}

async fn resumed(bench: &Bench) -> Result<Opened> {
    let folder = bench.fresh("pick-up")?;
    let server = redis::start(folder.path(), Watch::No).await?;
    let port = server.port.to_string();
    let tokens = TOKENS.to_string();
    let words = ["produce", &port, "answer", &tokens];
    let _producer = node::start(
        bench,
        "resumable-stream.mjs",
        &words,
        folder.path(),
        Watch::No,
    )
    .await?;
    let bytes = (TOKENS * TOKEN_BYTES).to_string();
    let words = ["resume", &port, "answer", &bytes, &OPENED.to_string()];
    let said = node::run(bench, "resumable-stream.mjs", &words).await?;
    let numbers = said["milliseconds"].as_array().context("no times")?;
    Ok(Opened {
        bytes: said["bytes"].as_f64().context("no bytes")?,
        milliseconds: numbers.iter().filter_map(Value::as_f64).collect(),
    })
}

//! The processes that write: a runner, or a peer's client. Each says "ready", waits for how long it is to write, and says how much it did.

use std::collections::{HashMap, VecDeque};
use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use baton_protocol::{HubAddress, HubFrame, ProducerSeq, RunId};
use futures::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio_tungstenite::tungstenite::Message;

use super::Written;
use crate::append::{Producer, closed_loop};
use crate::peers::{durable_streams, nats, redis, resp::RedisConnection};
use crate::wire::Client;
use crate::writer::{RunScript, hello};

/// What a process writes to.
#[derive(clap::Subcommand)]
pub enum WriterTask {
    /// Runs of a runner over its socket.
    Hub {
        authority: String,
        token: String,
        runs: usize,
    },
    /// Streams of Redis over one connection.
    Redis {
        port: u16,
        name: String,
        first: usize,
        runs: usize,
    },
    /// Subjects of NATS over one connection.
    Nats {
        port: u16,
        name: String,
        first: usize,
        runs: usize,
    },
    /// Streams of the HTTP server.
    Streams {
        port: u16,
        name: String,
        first: usize,
        runs: usize,
    },
}

/// What the process does.
pub async fn write(task: WriterTask) -> Result<()> {
    let written = match task {
        WriterTask::Hub {
            authority,
            token,
            runs,
        } => write_to_hub(&authority, &token, runs).await?,
        WriterTask::Redis {
            port, first, runs, ..
        } => write_to_redis(port, first, runs).await?,
        WriterTask::Nats {
            port, first, runs, ..
        } => {
            let producer = nats::NatsProducer::connect(port).await?;
            write_each(vec![producer; runs], first).await?
        }
        WriterTask::Streams {
            port,
            name,
            first,
            runs,
        } => {
            let client = reqwest::Client::new();
            let producer = || durable_streams::StreamProducer::at(port, &name, &client);
            write_each((0..runs).map(|_| producer()).collect(), first).await?
        }
    };
    println!("{}", serde_json::to_string(&written)?);
    Ok(())
}

/// Says that everything is set up, and waits for how long to write.
async fn ready() -> Result<Duration> {
    println!("ready");
    std::io::stdout().flush()?;
    let mut line = String::new();
    BufReader::new(tokio::io::stdin())
        .read_line(&mut line)
        .await?;
    Ok(Duration::from_millis(line.trim().parse()?))
}

/// A producer for one session alone.
struct Own<P>(P, usize);

impl<P: Producer> Producer for Own<P> {
    async fn append(&mut self, _: usize, n: u64) -> Result<()> {
        self.0.append(self.1, n).await
    }
}

async fn write_each<P: Producer>(producers: Vec<P>, first: usize) -> Result<Written> {
    let own = producers.into_iter().zip(first..);
    let own = own
        .map(|(producer, session)| Own(producer, session))
        .collect();
    let duration = ready().await?;
    let began = Instant::now();
    let done = closed_loop(own, 1, duration).await?;
    Ok(Written {
        appended: done.appended,
        ms: began.elapsed().as_secs_f64() * 1e3,
    })
}

/// One connection, on which each stream has one command under way: answers come in the order of the commands.
async fn write_to_redis(port: u16, first: usize, runs: usize) -> Result<Written> {
    let mut connection = RedisConnection::open(port).await?;
    let duration = ready().await?;
    let (began, mut appended) = (Instant::now(), 0);
    let mut under_way: VecDeque<usize> = (first..first + runs).collect();
    let mut out = Vec::new();
    for session in &under_way {
        out.extend(redis::append_command(*session, 0));
    }
    connection.write(&out).await?;
    while let Some(session) = under_way.pop_front() {
        out.clear();
        let mut answered = Some((session, connection.answer().await?));
        // Whatever has come by now is answered with one write.
        while let Some((session, _)) = answered.take() {
            appended += 1;
            if began.elapsed() < duration {
                out.extend(redis::append_command(session, appended));
                under_way.push_back(session);
            }
            if let Some(reply) = connection.answer().now_or_never() {
                let session = under_way.pop_front().context("an answer to nothing")?;
                answered = Some((session, reply?));
            }
        }
        connection.write(&out).await?;
    }
    Ok(Written {
        appended,
        ms: began.elapsed().as_secs_f64() * 1e3,
    })
}

/// One socket, on which each run has one write under way.
async fn write_to_hub(authority: &str, token: &str, runs: usize) -> Result<Written> {
    let hub = HubAddress {
        authority: authority.to_owned(),
        fingerprint: None,
        public_path: None,
    };
    let mut client = Client::connect(&hub, token, Some(hello())).await?;
    let mut scripts: HashMap<RunId, (RunScript, u64)> = HashMap::new();
    while scripts.len() < runs {
        let script = client.take(RunScript::assigned).await?;
        scripts.insert(script.run, (script, 0));
    }
    for (script, _) in scripts.values_mut() {
        let open = script.open_part();
        script.write(&mut client, vec![open]).await?;
    }
    let duration = ready().await?;
    let (began, mut appended) = (Instant::now(), 0);
    let (mut sink, stream) = client.into_socket().split();
    let mut under_way = 0;
    for (script, n) in scripts.values_mut() {
        let text = serde_json::to_string(&script.next_text(*n))?;
        sink.feed(Message::text(text)).await?;
        under_way += 1;
    }
    sink.flush().await?;
    let mut stream = stream.ready_chunks(FRAMES_AT_ONCE);
    while under_way > 0 {
        for message in stream.next().await.context("the hub closed")? {
            let Some((run, producer)) = acknowledged(&message?)? else {
                continue;
            };
            let (script, n) = scripts.get_mut(&run).context("a run of another runner")?;
            if producer != script.producer() {
                continue;
            }
            appended += 1;
            under_way -= 1;
            *n += 1;
            if began.elapsed() < duration {
                let text = serde_json::to_string(&script.next_text(*n))?;
                sink.feed(Message::text(text)).await?;
                under_way += 1;
            }
        }
        sink.flush().await?;
    }
    let ms = began.elapsed().as_secs_f64() * 1e3;
    ensure!(appended > 0, "nothing was written");
    Ok(Written { appended, ms })
}

/// Frames that are read before the answers to them are sent.
const FRAMES_AT_ONCE: usize = 64;

fn acknowledged(message: &Message) -> Result<Option<(RunId, ProducerSeq)>> {
    let Message::Text(text) = message else {
        return Ok(None);
    };
    match serde_json::from_str(text)? {
        HubFrame::RunAcked { run, producer } => Ok(Some((run, producer))),
        HubFrame::RunFenced { error, .. } | HubFrame::Refused { error, .. } => {
            bail!("the hub refused: {error:?}")
        }
        _ => Ok(None),
    }
}

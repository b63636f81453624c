//! `idle`: what a connection costs a server in memory when ten thousand of them do nothing but beat.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use baton_protocol::{ClientFrame, LogId};
use futures::stream::{Stream, StreamExt as _};
use futures::{Sink, SinkExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::bench::{Bench, take};
use crate::figures::{Label, Row, Series, Target, compare};
use crate::hub::HubProcess;
use crate::peers::{Watch, loopback, node};
use crate::wire::Client;

const CONNECTIONS: usize = 10_000;

/// Connections that are there before the first look: what a server makes once is no connection's cost.
const WARM: usize = 50;

/// Heartbeats of each connection while they are all there.
const BEATS: usize = 2;
const BEAT: Duration = Duration::from_millis(baton_protocol::limits::HEARTBEAT_INTERVAL_MS);

/// The benchmark.
pub async fn run(bench: &Bench) -> Result<Vec<Row>> {
    let mut greeted = Series::new("Baton");
    let mut following = Series::new("Baton");
    let mut theirs = Series::new("npm ws");
    let count = bench.shortened(CONNECTIONS);
    for round in 0..bench.rounds {
        eprintln!("idle: round {} of {}", round + 1, bench.rounds);
        greeted
            .values
            .push(at_the_hub(bench, count, Follows::Nothing).await?);
        following
            .values
            .push(at_the_hub(bench, count, Follows::AccountLog).await?);
        take(&mut theirs, at_ws(bench, count)).await;
    }
    let label = |what: &str| Label {
        name: "idle",
        case: format!("{count} connections, {what}"),
        unit: "bytes a connection",
    };
    let target = Target::AtMost(0.5);
    Ok(vec![
        compare(&label("greeted"), &greeted, &theirs, target, &bench.machine),
        compare(
            &label("each follows its account"),
            &following,
            &theirs,
            target,
            &bench.machine,
        ),
    ])
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Follows {
    Nothing,
    AccountLog,
}

async fn at_the_hub(bench: &Bench, count: usize, follows: Follows) -> Result<f64> {
    let hub = HubProcess::start(bench).await?;
    let beat = serde_json::to_string(&ClientFrame::Heartbeat { runs: None })?;
    let connect = || async {
        let mut client = Client::connect(&hub.address, &hub.device.token, None).await?;
        if follows == Follows::AccountLog {
            client
                .subscribe(LogId::Account(hub.device.account), None)
                .await?;
            client.catch_up(None).await?;
        }
        anyhow::Ok(client.into_socket())
    };
    memory_a_connection(hub.pid(), count, &beat, connect).await
}

async fn at_ws(bench: &Bench, count: usize) -> Result<f64> {
    let folder = bench.fresh("idle")?;
    let (server, _) = node::start(bench, "ws-idle.mjs", &[], folder.path(), Watch::No).await?;
    let (port, address) = (server.port, format!("ws://127.0.0.1:{}/", server.port));
    let connect = || async {
        let stream = TcpStream::connect(loopback(port)).await?;
        anyhow::Ok(tokio_tungstenite::client_async(&address, stream).await?.0)
    };
    memory_a_connection(server.pid(), count, r#"{"type":"heartbeat"}"#, connect).await
}

/// Bytes that the server's process grew by, divided by the connections that made it grow.
async fn memory_a_connection<S, F>(
    pid: u32,
    count: usize,
    beat: &str,
    connect: impl Fn() -> F,
) -> Result<f64>
where
    F: Future<Output = Result<S>>,
    S: Stream<Item = Result<Message, Error>>
        + Sink<Message, Error = Error>
        + Unpin
        + Send
        + 'static,
{
    let mut idling = JoinSet::new();
    for _ in 0..WARM {
        idling.spawn(beating(connect().await?, beat.to_owned()));
    }
    let before = memory(pid)?;
    for _ in 0..count {
        idling.spawn(beating(connect().await?, beat.to_owned()));
    }
    // The first to be through was connected first; when the last one is, all of them were there together for a beat at least.
    let mut open = Vec::with_capacity(count);
    while let Some(socket) = idling.join_next().await {
        open.push(socket??);
    }
    let after = memory(pid)?;
    ensure!(
        open.len() == count + WARM,
        "{} connections are open",
        open.len()
    );
    Ok((after.saturating_sub(before)) as f64 / count as f64)
}

/// Beats, and is answered each time.
async fn beating<S>(mut socket: S, beat: String) -> Result<S>
where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin,
{
    for _ in 0..BEATS {
        socket.send(Message::text(beat.clone())).await?;
        loop {
            let message = socket
                .next()
                .await
                .context("the server closed the connection")??;
            if matches!(&message, Message::Text(text) if text.as_str().contains("heartbeatAck")) {
                break;
            }
        }
        tokio::time::sleep(BEAT).await;
    }
    Ok(socket)
}

/// Proportional memory of a process, in bytes.
pub fn memory(pid: u32) -> Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = line
        .and_then(|rest| rest.split_whitespace().next())
        .context("no Pss")?;
    Ok(kib.parse::<u64>()? * 1024)
}

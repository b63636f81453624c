//! `storm`: the hub is killed under five thousand subscribers and started again; until 99 % of them have everything, without a gap.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use baton_protocol::{Cursor, HubAddress, LogId, Seq};
use tokio::task::JoinSet;

use crate::append::payload;
use crate::bench::{Bench, take};
use crate::figures::{Label, Row, Series, Target, compare};
use crate::hub::HubProcess;
use crate::peers::{Watch, redis, resp::RedisConnection};
use crate::wire::Client;
use crate::writer::Writer;

const SUBSCRIBERS: usize = 5_000;

/// What was written behind the subscribers' cursors: they come back to something that they lack.
const MISSED: usize = 50;

/// Of a hundred.
const PERCENT: usize = 99;

/// Between two attempts of one subscriber to connect.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// After this a subscriber has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// The benchmark.
pub async fn run(bench: &Bench) -> Result<Vec<Row>> {
    let mut ours = Series::new("Baton");
    let mut theirs = Series::new("Redis always, XREAD");
    let subscribers = bench.shortened(SUBSCRIBERS);
    for round in 0..bench.rounds {
        eprintln!("storm: round {} of {}", round + 1, bench.rounds);
        ours.values.push(at_the_hub(bench, subscribers).await?);
        take(&mut theirs, at_redis(bench, subscribers)).await;
    }
    let label = Label {
        name: "storm",
        case: format!("killed under {subscribers} subscribers, to {PERCENT} % gap-free"),
        unit: "ms",
    };
    Ok(vec![compare(
        &label,
        &ours,
        &theirs,
        Target::AtMost(1.0),
        &bench.machine,
    )])
}

async fn at_the_hub(bench: &Bench, subscribers: usize) -> Result<f64> {
    let mut hub = HubProcess::start(bench).await?;
    let mut writer = Writer::begin(&hub).await?;
    writer.device.subscribe(writer.log(), None).await?;
    let stale = writer.device.catch_up(None).await?;
    let entries = (0..MISSED)
        .map(|n| writer.text(payload(n as u64)))
        .collect();
    writer.write(entries).await?;
    let until = writer.device.catch_up(Some(stale)).await?.seq;
    let mut connected = Vec::with_capacity(subscribers);
    for _ in 0..subscribers {
        connected.push(follow(&hub.address, &hub.device.token, writer.log(), stale, until).await?);
    }
    // Each of them dies with the hub. It comes back with the cursor of a device that was cut before the last texts.
    let began = Instant::now();
    hub.kill_9().await;
    let (address, token, log) = (hub.address.clone(), hub.device.token.clone(), writer.log());
    let back = come_back(connected, |client: Client| {
        let (address, token) = (address.clone(), token.clone());
        async move {
            drop(client);
            attempt(|| follow(&address, &token, log, stale, until)).await
        }
    });
    let (started, took) = tokio::join!(hub.start_again(), back);
    started?;
    Ok((took? - began).as_secs_f64() * 1e3)
}

/// Connects and reads from a cursor until the end, without a gap.
async fn follow(
    hub: &HubAddress,
    token: &str,
    log: LogId,
    from: Cursor,
    until: Seq,
) -> Result<Client> {
    let mut client = Client::connect(hub, token, None).await?;
    client.subscribe(log, Some(from)).await?;
    // A hub that starts may end runs that it finds: that is more, not less.
    let reached = client.catch_up(Some(from)).await?;
    ensure!(reached.seq >= until, "the head is at {:?}", reached.seq);
    ensure!(reached.incarnation == from.incarnation, "another log");
    Ok(client)
}

async fn at_redis(bench: &Bench, subscribers: usize) -> Result<f64> {
    let folder = bench.fresh("storm")?;
    let server = redis::start(folder.path(), Watch::No).await?;
    let port = server.port;
    let mut writer = RedisConnection::open(port).await?;
    let mut stale = Vec::new();
    for n in 0..=MISSED as u64 {
        let text = payload(n);
        let id = writer
            .call(&[b"XADD", &redis::key(0), b"*", b"d", text.as_bytes()])
            .await?;
        if n == 0 {
            stale = id.bytes().to_vec();
        }
    }
    let mut connected = Vec::with_capacity(subscribers);
    for _ in 0..subscribers {
        connected.push(read_stream(port, &stale).await?);
    }
    let began = Instant::now();
    server.kill_9().await;
    let back = come_back(connected, |connection: RedisConnection| {
        let stale = stale.clone();
        async move {
            drop(connection);
            attempt(|| read_stream(port, &stale)).await
        }
    });
    let (started, took) = tokio::join!(redis::start_at(port, folder.path(), Watch::No), back);
    let _server = started?;
    Ok((took? - began).as_secs_f64() * 1e3)
}

async fn read_stream(port: u16, from: &[u8]) -> Result<RedisConnection> {
    let mut connection = RedisConnection::open(port).await?;
    let reply = connection
        .call(&[b"XREAD", b"STREAMS", &redis::key(0), from])
        .await?;
    let entries = redis::entries(&reply);
    ensure!(
        entries.len() == MISSED,
        "redis gave {} entries",
        entries.len()
    );
    for (n, (_, text)) in entries.iter().enumerate() {
        ensure!(
            *text == payload(n as u64 + 1).as_bytes(),
            "entry {n} is another one"
        );
    }
    Ok(connection)
}

async fn attempt<T, F: Future<Output = Result<T>>>(mut once: impl FnMut() -> F) -> Result<T> {
    let began = Instant::now();
    loop {
        match once().await {
            Ok(done) => return Ok(done),
            Err(error) if began.elapsed() > PATIENCE => return Err(error),
            Err(_) => tokio::time::sleep(RETRY_PAUSE).await,
        }
    }
}

/// When 99 of 100 are back. All of them come back, or it counts for nothing.
async fn come_back<C, T, F>(connected: Vec<C>, again: impl Fn(C) -> F) -> Result<Instant>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let enough = (connected.len() * PERCENT).div_ceil(100);
    let mut tasks = JoinSet::new();
    for connection in connected {
        tasks.spawn(again(connection));
    }
    let (mut back, mut when) = (Vec::new(), None);
    while let Some(done) = tasks.join_next().await {
        back.push(done??);
        if back.len() == enough {
            when = Some(Instant::now());
        }
    }
    when.context("nobody came back")
}

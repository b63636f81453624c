//! `fan-out`: one session, a thousand subscribers, deliveries a second; against a broadcaster that knows nothing, with the same bytes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use baton_protocol::{ClientFrame, LogId, limits};
use futures::stream::{Stream, StreamExt as _};
use futures::{SinkExt as _, future};
use tokio::sync::{oneshot, watch};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::append::payload;
use crate::bench::{Bench, take};
use crate::figures::{Label, Row, Series, Target, compare, quantile};
use crate::frames::{FrameServer, When};
use crate::hub::HubProcess;
use crate::wire::Client;
use crate::writer::Writer;

const SUBSCRIBERS: usize = 1_000;

/// Writes of the runner, each of which comes as one batch.
const WRITES: usize = 300;

/// Writes that a reader may be behind before the runner waits: nobody lags so far that the hub forgets its queue.
const AHEAD_MAX: u64 = 64;

/// While the subscribers connect.
const BEAT: Duration = Duration::from_millis(limits::HEARTBEAT_INTERVAL_MS);

/// The benchmark.
pub async fn run(bench: &Bench) -> Result<Vec<Row>> {
    let mut ours = Series::new("Baton");
    let mut bare = Series::new("bare tokio-tungstenite broadcaster");
    let writes = bench.shortened(WRITES);
    let mut frames = Vec::new();
    for round in 0..bench.rounds {
        eprintln!("fan-out: round {} of {}", round + 1, bench.rounds);
        let (rate, recorded) = through_the_hub(bench, writes).await?;
        ours.values.push(rate);
        frames.push(recorded.len() as f64);
        take(&mut bare, broadcast(bench, &recorded)).await;
    }
    let label = Label {
        name: "fan-out",
        case: format!(
            "1 session, {SUBSCRIBERS} subscribers, {writes} writes in {} batches",
            quantile(&frames, 0.5)
        ),
        unit: "deliveries/s",
    };
    Ok(vec![compare(
        &label,
        &ours,
        &bare,
        Target::AtLeast(0.8),
        &bench.machine,
    )])
}

/// Deliveries a second, and the frames as they came.
async fn through_the_hub(bench: &Bench, writes: usize) -> Result<(f64, Vec<String>)> {
    let hub = Arc::new(HubProcess::start(bench).await?);
    let (progress, reached) = watch::channel(0);
    let (begun, log) = oneshot::channel();
    let (go, gone) = oneshot::channel();
    let writing = {
        let hub = Arc::clone(&hub);
        // A thread of its own: among a thousand readers the runner would wait for its turn.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(write(&hub, writes, begun, gone, reached))
        })
    };
    let log = log.await.context("the runner did not begin")?;
    let mut subscribers = Vec::with_capacity(SUBSCRIBERS);
    for _ in 0..SUBSCRIBERS {
        let mut client = Client::connect(&hub.address, &hub.device.token, None).await?;
        client.subscribe(log, None).await?;
        let cursor = client.catch_up(None).await?;
        subscribers.push((client, cursor.seq.0));
    }
    let from = subscribers[0].1;
    let until = from + writes as u64;
    let last = SUBSCRIBERS - 1;
    let readers = subscribers
        .into_iter()
        .enumerate()
        .map(|(index, (client, at))| {
            let told = (index == last).then(|| progress.clone());
            tokio::spawn(read_until(client.into_socket(), at, until, told))
        });
    let readers: Vec<_> = readers.collect();
    // The reader's end is then seen by whoever waits for it.
    drop(progress);
    let began = Instant::now();
    // Where it has gone, the readers wait in vain, and it says why.
    let _ = go.send(from);
    let written = tokio::task::spawn_blocking(move || writing.join());
    written
        .await?
        .map_err(|_| anyhow::anyhow!("the runner panicked"))??;
    let recorded = all_of(readers).await?;
    let took = began.elapsed().as_secs_f64();
    Ok(((SUBSCRIBERS * recorded.len()) as f64 / took, recorded))
}

/// Begins a session, and writes when it is told from which seq on.
async fn write(
    hub: &HubProcess,
    writes: usize,
    begun: oneshot::Sender<LogId>,
    go: oneshot::Receiver<u64>,
    mut reached: watch::Receiver<u64>,
) -> Result<()> {
    let mut writer = Writer::begin(hub).await?;
    // Whoever waits for it reports that it is gone.
    let _ = begun.send(writer.log());
    let mut beat = tokio::time::interval(BEAT);
    let mut go = std::pin::pin!(go);
    let from = loop {
        tokio::select! {
            from = &mut go => break from?,
            _ = beat.tick() => writer.runner.send(&ClientFrame::Heartbeat { runs: None }).await?,
        }
    };
    for n in 0..writes {
        let entry = writer.text(payload(n as u64));
        writer.write(vec![entry]).await?;
        let enough = (from + n as u64).saturating_sub(AHEAD_MAX);
        reached.wait_for(|at| *at >= enough || *at == 0).await?;
    }
    Ok(())
}

async fn broadcast(bench: &Bench, recorded: &[String]) -> Result<f64> {
    let folder = bench.fresh("fan-out")?;
    let file = folder.path().join("frames");
    std::fs::write(&file, recorded.join("\n"))?;
    let (from, _) = ends(recorded.first().context("no frame")?)?;
    let (_, until) = ends(recorded.last().context("no frame")?)?;
    let server = FrameServer::start(&file, When::OnGo).await?;
    let mut sockets = Vec::with_capacity(SUBSCRIBERS);
    for _ in 0..SUBSCRIBERS {
        let mut socket = server.connect().await?;
        ensure!(socket.next().await.is_some(), "the broadcaster closed");
        sockets.push(socket);
    }
    let mut trigger = server.connect().await?;
    let readers: Vec<_> = sockets
        .into_iter()
        .map(|socket| tokio::spawn(read_until(socket, from, until, None)))
        .collect();
    let began = Instant::now();
    trigger.send(Message::text("go")).await?;
    all_of(readers).await?;
    Ok((SUBSCRIBERS * recorded.len()) as f64 / began.elapsed().as_secs_f64())
}

/// The first reader's frames, when all have theirs.
async fn all_of(readers: Vec<tokio::task::JoinHandle<Result<Vec<String>>>>) -> Result<Vec<String>> {
    let mut first = None;
    for read in future::try_join_all(readers).await? {
        let frames = read?;
        first.get_or_insert(frames);
    }
    first.context("nobody reads")
}

/// Reads batches that continue each other. Cheap, for it is done a thousand times: only the cursors are looked at.
async fn read_until<S>(
    mut socket: S,
    mut at: u64,
    until: u64,
    progress: Option<watch::Sender<u64>>,
) -> Result<Vec<String>>
where
    S: Stream<Item = Result<Message, Error>> + Unpin,
{
    let mut frames = Vec::new();
    while at < until {
        let message = socket
            .next()
            .await
            .context("the server closed the connection")??;
        let Some((text, upto)) = batch_behind(&message, at)? else {
            continue;
        };
        at = upto;
        if let Some(progress) = &progress {
            progress.send_replace(at);
        }
        frames.push(text.to_owned());
    }
    Ok(frames)
}

/// The text of a batch that continues `at`, and where it leads; `None`: the message is no batch.
pub fn batch_behind(message: &Message, at: u64) -> Result<Option<(&str, u64)>> {
    let Message::Text(text) = message else {
        return Ok(None);
    };
    let text = text.as_str();
    if !text.starts_with(r#"{"type":"batch""#) {
        return Ok(None);
    }
    let (after, upto) = ends(text)?;
    ensure!(after == at, "a gap: {after} after {at}");
    Ok(Some((text, upto)))
}

/// The cursors of a batch, which stand before its events.
fn ends(frame: &str) -> Result<(u64, u64)> {
    let number = |name: &str| {
        let at = frame.find(name)? + name.len();
        let digits = frame[at..].bytes().take_while(u8::is_ascii_digit).count();
        frame[at..at + digits].parse().ok()
    };
    number("\"after\":")
        .zip(number("\"upto\":"))
        .context("a batch without cursors")
}

#[cfg(test)]
mod tests {
    use super::ends;

    #[test]
    fn cursors_are_read_without_the_events() {
        let frame = r#"{"type":"batch","log":"x","incarnation":"y","after":12,"upto":13,"head":13,"events":[{"seq":13}]}"#;
        assert_eq!(ends(frame).unwrap(), (12, 13));
        assert!(ends("{}").is_err());
    }
}

//! `append`: durable appends a second at the level of the log, closed loop. And the check that every contestant syncs.

mod ours;
mod syncs;

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::Result;

pub use ours::OpenedLog;
pub use syncs::{Contestant, append_for_check};

use crate::bench::{Bench, take};
use crate::figures::{Label, Row, Series, Target, compare};
use crate::peers::{self, Server, Watch, durable_streams, nats, redis};

/// What every append carries.
pub const PAYLOAD_BYTES: usize = 256;

/// How long one measurement lasts.
const MEASURED: Duration = Duration::from_millis(800);

const PRODUCERS: [usize; 4] = [1, 8, 64, 256];
const SESSIONS: [usize; 2] = [1, 1_000];

/// Text that says which one it is.
pub fn payload(n: u64) -> String {
    let mut text = format!("{n:016} ");
    while text.len() < PAYLOAD_BYTES {
        text.push_str("lorem ipsum dolor ");
    }
    text.truncate(PAYLOAD_BYTES);
    text
}

/// Appends and waits until the append is durable.
pub trait Producer: Send + 'static {
    /// The `n`th of this producer, to one of the sessions.
    fn append(&mut self, session: usize, n: u64) -> impl Future<Output = Result<()>> + Send;
}

/// What a closed loop did.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    pub appended: u64,
    pub per_second: f64,
}

/// Lets each producer append as fast as it gets its answers, over all sessions in turn.
pub async fn closed_loop<P: Producer>(
    producers: Vec<P>,
    sessions: usize,
    duration: Duration,
) -> Result<Done> {
    let began = Instant::now();
    let deadline = began + duration;
    let count = producers.len();
    let mut tasks = tokio::task::JoinSet::new();
    for (index, mut producer) in producers.into_iter().enumerate() {
        tasks.spawn(async move {
            let mut n = 0_u64;
            while Instant::now() < deadline {
                let session = (index + n as usize * count) % sessions;
                producer.append(session, n).await?;
                n += 1;
            }
            anyhow::Ok(n)
        });
    }
    let mut appended = 0;
    while let Some(done) = tasks.join_next().await {
        appended += done??;
    }
    let per_second = appended as f64 / began.elapsed().as_secs_f64();
    Ok(Done {
        appended,
        per_second,
    })
}

/// A load.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Case {
    producers: usize,
    sessions: usize,
}

/// What is measured for one case.
struct Contest {
    case: Case,
    ours: Series,
    raw: Series,
    redis: Series,
    nats: Series,
    streams: Series,
}

impl Contest {
    fn new(case: Case) -> Self {
        Self {
            case,
            ours: Series::new("Baton"),
            raw: Series::new(peers::sqlite::NAME),
            redis: Series::new(redis::NAME),
            nats: Series::new(nats::NAME),
            streams: Series::new(durable_streams::NAME),
        }
    }

    fn rows(&self, bench: &Bench) -> Vec<Row> {
        let Case {
            producers,
            sessions,
        } = self.case;
        let label = Label {
            name: "append (log)",
            case: format!("{producers} producers, {sessions} sessions"),
            unit: "appends/s",
        };
        let at_64 = |ratio| match producers {
            64 => Target::AtLeast(ratio),
            _ => Target::None,
        };
        let pairs = [
            (&self.raw, at_64(10.0)),
            (&self.redis, at_64(1.0)),
            (&self.nats, at_64(3.0)),
            (&self.streams, at_64(5.0)),
        ];
        let row = |(peer, target)| compare(&label, &self.ours, peer, target, &bench.machine);
        pairs.map(row).into()
    }
}

/// The benchmark.
pub async fn run(bench: &Bench) -> Result<Vec<Row>> {
    let mut contests: Vec<Contest> = SESSIONS
        .iter()
        .flat_map(|&sessions| {
            PRODUCERS.map(|producers| {
                Contest::new(Case {
                    producers,
                    sessions,
                })
            })
        })
        .collect();
    for round in 0..bench.rounds {
        eprintln!("append: round {} of {}", round + 1, bench.rounds);
        play_round(bench, &mut contests).await?;
    }
    let mut rows: Vec<Row> = contests
        .iter()
        .flat_map(|contest| contest.rows(bench))
        .collect();
    rows.extend(syncs::check_all(bench).await?);
    Ok(rows)
}

async fn play_round(bench: &Bench, contests: &mut [Contest]) -> Result<()> {
    let folder = bench.fresh("append")?;
    let place = |name: &str| -> Result<std::path::PathBuf> {
        let path = folder.path().join(name);
        std::fs::create_dir(&path)?;
        Ok(path)
    };
    let redis = redis::start(&place("redis")?, Watch::No).await;
    let nats = nats::start(bench, &place("nats")?, Watch::No).await;
    for (index, contest) in contests.iter_mut().enumerate() {
        let case = contest.case;
        let ours = place(&format!("ours-{index}"))?;
        let raw = place(&format!("raw-{index}"))?;
        let duration = MEASURED / bench.hurry;
        contest
            .ours
            .values
            .push(ours::measure(&ours, case, duration).await?);
        let rate = tokio::task::spawn_blocking(move || peers::sqlite::rate(&raw, duration));
        take(&mut contest.raw, async { rate.await? }).await;
        take(&mut contest.redis, measure_redis(&redis, case, duration)).await;
        take(&mut contest.nats, measure_nats(&nats, case, duration)).await;
        // A server for each case: one that holds thousands of streams answers "not found" for some of them.
        let streams =
            durable_streams::start(bench, &place(&format!("streams-{index}"))?, Watch::No).await;
        take(
            &mut contest.streams,
            measure_streams(&streams, index, case, duration),
        )
        .await;
    }
    Ok(())
}

fn started(server: &Result<Server>) -> Result<&Server> {
    server
        .as_ref()
        .map_err(|error| anyhow::anyhow!("{error:#}"))
}

async fn measure_redis(server: &Result<Server>, case: Case, duration: Duration) -> Result<f64> {
    let server = started(server)?;
    peers::resp::RedisConnection::open(server.port)
        .await?
        .call(&[b"FLUSHALL"])
        .await?;
    let mut producers = Vec::new();
    for _ in 0..case.producers {
        producers.push(redis::RedisProducer::open(server).await?);
    }
    let done = closed_loop(producers, case.sessions, duration).await?;
    redis::check(server, case.sessions, done.appended).await?;
    Ok(done.per_second)
}

async fn measure_nats(server: &Result<Server>, case: Case, duration: Duration) -> Result<f64> {
    let server = started(server)?;
    let before = nats::count(server).await?;
    let producer = nats::NatsProducer::open(server).await?;
    let done = closed_loop(vec![producer; case.producers], case.sessions, duration).await?;
    nats::check(server, before, done.appended).await?;
    Ok(done.per_second)
}

async fn measure_streams(
    server: &Result<Server>,
    index: usize,
    case: Case,
    duration: Duration,
) -> Result<f64> {
    let server = started(server)?;
    let name = format!("case{index}");
    durable_streams::create(server, &name, case.sessions).await?;
    let client = reqwest::Client::new();
    let producer = || durable_streams::StreamProducer::open(server, &name, &client);
    let producers = (0..case.producers).map(|_| producer()).collect();
    let done = closed_loop(producers, case.sessions, duration).await?;
    durable_streams::check(server, &name, case.sessions, done.appended).await?;
    Ok(done.per_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_has_its_size_and_its_number() {
        assert_eq!(payload(7).len(), PAYLOAD_BYTES);
        assert!(payload(7).starts_with("0000000000000007 "));
    }
}

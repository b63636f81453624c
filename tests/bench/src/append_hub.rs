//! `append-hub`: durable appends a second through the hub's socket. Runs, each in a session of its own, are written by at most eight
//! runners, each a process with one socket; the peers get as many processes, and a socket each where their protocol takes more than one
//! request at once. Closed loop: each run has one append under way.

mod writers;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use baton_log::{EventLog as _, ReadLimit};
use baton_log_sqlite::SqliteEventLog;
use baton_protocol::{
    CommandBody, CreateSessionCommand, Delivery, EventBody, LinkResponse, LogId, Principal,
    SendPromptCommand, Seq, SessionId,
};
use baton_testkit::Child;
use serde::{Deserialize, Serialize};

pub use writers::{WriterTask, write};

use crate::append::PAYLOAD_BYTES;
use crate::bench::{Bench, take};
use crate::figures::{Label, Row, Series, Target, compare};
use crate::hub::HubProcess;
use crate::peers::{Server, Watch, durable_streams, nats, redis};
use crate::wire::Client;
use crate::writer::agent;

const RUNS: [usize; 4] = [1, 8, 64, 256];

/// Runners, or a peer's clients: more would only measure how processes take turns on two cores.
const PROCESSES_MAX: usize = 8;

/// How long one measurement lasts.
const MEASURED: Duration = Duration::from_millis(1_500);

/// What a writer's process says of its work.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Written {
    pub appended: u64,
    pub ms: f64,
}

struct Contest {
    runs: usize,
    ours: Series,
    redis: Series,
    nats: Series,
    streams: Series,
}

impl Contest {
    fn new(runs: usize) -> Self {
        Self {
            runs,
            ours: Series::new("Baton"),
            redis: Series::new(redis::NAME),
            nats: Series::new(nats::NAME),
            streams: Series::new(durable_streams::NAME),
        }
    }

    fn rows(&self, bench: &Bench) -> Vec<Row> {
        let processes = self.runs.min(PROCESSES_MAX);
        let label = Label {
            name: "append (hub)",
            case: format!("{} runs, {processes} processes", self.runs),
            unit: "appends/s",
        };
        let pairs = [
            (&self.redis, Target::None),
            (&self.nats, Target::AtLeast(3.0)),
            (&self.streams, Target::AtLeast(5.0)),
        ];
        let row = |(peer, target)| compare(&label, &self.ours, peer, target, &bench.machine);
        pairs.map(row).into()
    }
}

/// Measures appends through the hub's socket, one row a load.
pub async fn run(bench: &Bench) -> Result<Vec<Row>> {
    let mut contests = RUNS.map(Contest::new);
    for round in 0..bench.rounds {
        eprintln!("append-hub: round {} of {}", round + 1, bench.rounds);
        for contest in &mut contests {
            play(bench, contest).await?;
        }
    }
    Ok(contests
        .iter()
        .flat_map(|contest| contest.rows(bench))
        .collect())
}

async fn play(bench: &Bench, contest: &mut Contest) -> Result<()> {
    let runs = contest.runs;
    let folder = bench.fresh("append-hub")?;
    let place = |name: &str| -> Result<std::path::PathBuf> {
        let path = folder.path().join(name);
        std::fs::create_dir(&path)?;
        Ok(path)
    };
    contest
        .ours
        .values
        .push(through_the_hub(bench, runs).await?);
    let redis = redis::start(&place("redis")?, Watch::No).await;
    take(&mut contest.redis, async {
        let server = started(&redis)?;
        let done = through(bench, "redis", server, "s", runs).await?;
        redis::check(server, runs, done.appended).await?;
        Ok(done.per_second)
    })
    .await;
    drop(redis);
    let nats = nats::start(bench, &place("nats")?, Watch::No).await;
    take(&mut contest.nats, async {
        let server = started(&nats)?;
        let done = through(bench, "nats", server, "s", runs).await?;
        nats::check(server, 0, done.appended).await?;
        Ok(done.per_second)
    })
    .await;
    drop(nats);
    let streams = durable_streams::start(bench, &place("streams")?, Watch::No).await;
    take(&mut contest.streams, async {
        let server = started(&streams)?;
        durable_streams::create(server, "case", runs).await?;
        let done = through(bench, "streams", server, "case", runs).await?;
        durable_streams::check(server, "case", runs, done.appended).await?;
        Ok(done.per_second)
    })
    .await;
    Ok(())
}

fn started(server: &Result<Server>) -> Result<&Server> {
    server
        .as_ref()
        .map_err(|error| anyhow::anyhow!("{error:#}"))
}

/// What all processes did together.
struct Done {
    appended: u64,
    per_second: f64,
}

/// The processes of one contestant, each with its share of the runs.
struct Writers(Vec<Child>);

impl Writers {
    fn spawn(commands: impl Iterator<Item = Command>) -> Self {
        Self(commands.map(Child::spawn_listening).collect())
    }

    /// Waits until each has its runs, lets all go, and counts what they wrote.
    async fn go(mut self, duration: Duration) -> Result<Done> {
        for child in &self.0 {
            child
                .wait_for_line("its runs", |line| (line == "ready").then_some(()))
                .await;
        }
        let began = Instant::now();
        for child in &mut self.0 {
            child.say(&duration.as_millis().to_string()).await;
        }
        let mut appended = 0;
        let mut slowest: f64 = 0.0;
        for child in &mut self.0 {
            let written: Written = child
                .wait_for_line("its count", |line| serde_json::from_str(line).ok())
                .await;
            appended += written.appended;
            slowest = slowest.max(written.ms);
            let status = child.wait_exit().await;
            ensure!(status.success(), "a writer failed: {child}");
        }
        let within = began.elapsed().as_secs_f64() * 1e3;
        ensure!(slowest <= within, "a writer's clock is wrong");
        Ok(Done {
            appended,
            per_second: appended as f64 / slowest * 1e3,
        })
    }
}

/// The runs of each process: their first number and how many.
fn shares(runs: usize) -> impl Iterator<Item = (usize, usize)> {
    let processes = runs.min(PROCESSES_MAX);
    (0..processes).map(move |n| {
        (
            n * runs / processes,
            (n + 1) * runs / processes - n * runs / processes,
        )
    })
}

fn writer(kind: &str, words: &[&str]) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["write", kind]).args(words);
    Ok(command)
}

async fn through(
    bench: &Bench,
    kind: &str,
    server: &Server,
    name: &str,
    runs: usize,
) -> Result<Done> {
    let port = server.port.to_string();
    let commands: Result<Vec<Command>> = shares(runs)
        .map(|(first, count)| {
            let words = [&port, name, &first.to_string(), &count.to_string()];
            writer(kind, &words)
        })
        .collect();
    Writers::spawn(commands?.into_iter())
        .go(MEASURED / bench.hurry)
        .await
}

/// Appends a second, with the log opened again afterwards to see what the disk has.
async fn through_the_hub(bench: &Bench, runs: usize) -> Result<f64> {
    let mut hub = HubProcess::start(bench).await?;
    let authority = hub.address.authority.clone();
    let mut commands = Vec::new();
    let mut shared = Vec::new();
    for (_, count) in shares(runs) {
        let runner = hub.another_runner().await?;
        commands.push(writer(
            "hub",
            &[&authority, &runner.token, &count.to_string()],
        )?);
        shared.push((runner, count));
    }
    let writers = Writers::spawn(commands.into_iter());
    // A session goes to the runner that it names, once that is connected.
    let mut sessions = Vec::new();
    for (runner, count) in &shared {
        // A connection may send so many commands and no more at once.
        let mut device = Client::connect(&hub.address, &hub.device.token, None).await?;
        for _ in 0..*count {
            sessions.push(begin_run(&mut device, runner).await?);
        }
    }
    let done = writers.go(MEASURED / bench.hurry).await?;
    hub.kill_9().await;
    let found = appended_in(&hub.data().join("log"), &sessions).await?;
    ensure!(
        found == done.appended,
        "the log holds {found} of {} appends",
        done.appended
    );
    Ok(done.per_second)
}

async fn begin_run(device: &mut Client, runner: &LinkResponse) -> Result<LogId> {
    let log = LogId::Session(SessionId::mint());
    let Principal::Runner { runner, .. } = runner.principal else {
        anyhow::bail!("the link is no runner's");
    };
    let create = CreateSessionCommand {
        agent: agent(),
        runner: Some(runner),
        title: None,
    };
    device
        .command(log, CommandBody::CreateSession(create))
        .await?;
    let prompt = SendPromptCommand {
        run: None,
        text: "Go on.".to_owned(),
        delivery: Delivery::Queue,
    };
    device.command(log, CommandBody::SendPrompt(prompt)).await?;
    Ok(log)
}

/// The payloads that stand in these logs.
async fn appended_in(folder: &Path, sessions: &[LogId]) -> Result<u64> {
    let folder = folder.to_owned();
    let log = tokio::task::spawn_blocking(move || SqliteEventLog::open(&folder)).await??;
    let mut bytes = 0;
    for session in sessions {
        let mut after = Seq::ZERO;
        loop {
            let batch = log.read(*session, after, ReadLimit::default()).await?;
            for event in &batch.events {
                bytes += match &event.body {
                    EventBody::PartAppended(body) => body.text.len(),
                    EventBody::PartSealed(body) => body.text.len(),
                    _ => 0,
                };
            }
            after = batch.upto;
            if batch.upto >= batch.head {
                break;
            }
        }
    }
    tokio::task::spawn_blocking(move || drop(log))
        .await
        .context("the log was not closed")?;
    Ok((bytes / PAYLOAD_BYTES) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_has_one_process() {
        for runs in RUNS.into_iter().chain([13]) {
            let shares: Vec<_> = shares(runs).collect();
            assert!(shares.len() <= PROCESSES_MAX);
            let mut next = 0;
            for (first, count) in shares {
                assert_eq!(first, next);
                assert!(count > 0);
                next += count;
            }
            assert_eq!(next, runs);
        }
    }
}

//! `stop`: from the press on one device until that device has its receipt, another one sees the end, and the model's connection is
//! closed. A real runner, and a model that would go on for ever.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use baton_client::{
    Device, DeviceConfig, IntentOutcome, LinkedHub, TailItem, TailStart, TokenInMemory,
};
use baton_protocol::{
    AgentId, CommandBody, CreateSessionCommand, Delivery, EventBody, LogId, RunId, RunOutcome,
    RunnerInstanceId, SendPromptCommand, SessionId, StopRunCommand, StopScope, StopTarget,
};
use baton_runner::provider::{OpenAiEndpoint, OpenAiProvider};
use baton_runner::{Assistant, Runner, RunnerConfig};
use baton_testkit::{FakeModel, Reply};

use crate::bench::Bench;
use crate::figures::{Label, Row, Series, Target, compare, quantile};
use crate::floor::{answer_p50, flush_p50, round_trip_p50};
use crate::hub::HubProcess;
use crate::wire::Client;

/// Presses of a round, on either kind of device.
const PRESSES: usize = 20;

/// Deltas a second of the model that is stopped.
const DELTAS_PER_SECOND: f64 = 100.0;

/// Between two writes of the run that is stopped.
const WRITE_PAUSE: Duration = Duration::from_millis(10);

/// Flushes and round trips for the floor.
const FLOOR_SAMPLES: usize = 300;

/// Milliseconds from the press.
#[derive(Default)]
struct Times {
    receipt: Vec<f64>,
    seen: Vec<f64>,
    closed: Vec<f64>,
}

/// The benchmark.
pub async fn run(bench: &Bench) -> Result<Vec<Row>> {
    let mut floor = Series::new("loopback round trip + fdatasync");
    let mut bare = Series::new("a bare server that flushes, then answers, every 10 ms");
    let names = ["receipt on B", "end seen on A", "model connection closed"];
    let [mut wire, mut device] = [(); 2].map(|()| names.map(Series::new));
    for round in 0..bench.rounds {
        eprintln!("stop: round {} of {}", round + 1, bench.rounds);
        let folder = bench.fresh("stop")?;
        let flushed = flush_p50(folder.path(), FLOOR_SAMPLES)?;
        let on_wire = Stage::start(bench).await?.press(bench, Kind::Wire).await?;
        let on_devices = Stage::start(bench)
            .await?
            .press(bench, Kind::Device)
            .await?;
        let flushed = (flushed + flush_p50(folder.path(), FLOOR_SAMPLES)?) / 2.0;
        floor
            .values
            .push((flushed + round_trip_p50(FLOOR_SAMPLES).await?) / 1e3);
        bare.values
            .push(answer_p50(folder.path(), FLOOR_SAMPLES, WRITE_PAUSE)? / 1e3);
        for (series, times) in [(&mut wire, on_wire), (&mut device, on_devices)] {
            for (series, times) in series
                .iter_mut()
                .zip([times.receipt, times.seen, times.closed])
            {
                series.values.push(quantile(&times, 0.5));
            }
        }
    }
    let mut rows = Vec::new();
    for (kind, series) in [("the protocol", &wire), ("devices with mirrors", &device)] {
        for series in series {
            let label = Label {
                name: "stop",
                case: format!("{kind}: {}, p50", series.name),
                unit: "ms",
            };
            for (peer, target) in [(&floor, Target::AtMost(3.0)), (&bare, Target::None)] {
                rows.push(compare(&label, series, peer, target, &bench.machine));
            }
        }
    }
    Ok(rows)
}

/// Who presses and who watches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// Bare connections: what the hub and the runner take.
    Wire,
    /// Whole devices: the intent is durable there before it is sent, the event before it is shown.
    Device,
}

/// A hub, a runner and a model.
struct Stage {
    hub: HubProcess,
    model: FakeModel,
    _runner: Runner,
}

impl Stage {
    async fn start(bench: &Bench) -> Result<Self> {
        let hub = HubProcess::start(bench).await?;
        let model = FakeModel::start().await;
        let endless = "and so on, ".repeat(2_000);
        model.reply_to_the_rest(Reply::text(endless).deltas_per_second(DELTAS_PER_SECOND));
        let endpoint = OpenAiEndpoint {
            base_url: model.base_url(),
            api_key: None,
        };
        let assistant = Assistant {
            model: model.model().to_owned(),
            system_prompt: None,
            context_chars_max: None,
        };
        let provider = OpenAiProvider::new(&endpoint)?;
        let runner = Runner::start(RunnerConfig {
            hub: hub.address.clone(),
            token: hub.runner.token.clone(),
            instance: RunnerInstanceId::mint(),
            agents: vec![assistant.with_provider(Arc::new(provider))],
            model_retry_ms_min: baton_runner::limits::MODEL_RETRY_MS_MIN,
        });
        Ok(Self {
            hub,
            model,
            _runner: runner,
        })
    }

    async fn press(&self, bench: &Bench, kind: Kind) -> Result<Times> {
        let mut times = Times::default();
        let presses = bench.shortened(PRESSES);
        match kind {
            Kind::Wire => {
                let mut a = self.client().await?;
                let mut b = self.client().await?;
                for index in 0..presses {
                    self.press_on_wire((&mut a, &mut b), index, &mut times)
                        .await?;
                }
            }
            Kind::Device => {
                let folder = bench.fresh("devices")?;
                let a = self.device(&folder.path().join("a")).await?;
                let b = self.device(&folder.path().join("b")).await?;
                for index in 0..presses {
                    self.press_on_device((&a, &b), index, &mut times).await?;
                }
            }
        }
        Ok(times)
    }

    async fn client(&self) -> Result<Client> {
        Client::connect(&self.hub.address, &self.hub.device.token, None).await
    }

    async fn device(&self, folder: &std::path::Path) -> Result<Device> {
        let linked = &self.hub.device;
        let config = DeviceConfig {
            data_dir: folder.to_owned(),
            hub: LinkedHub {
                hub: self.hub.address.clone(),
                account: linked.account,
                principal: linked.principal.clone(),
                hub_name: linked.hub_name.clone(),
            },
            tokens: Arc::new(TokenInMemory(linked.token.clone())),
        };
        Ok(Device::open(config).await?)
    }

    async fn press_on_wire(
        &self,
        (a, b): (&mut Client, &mut Client),
        index: usize,
        times: &mut Times,
    ) -> Result<()> {
        let log = LogId::Session(SessionId::mint());
        b.command(log, CommandBody::CreateSession(create())).await?;
        a.subscribe(log, None).await?;
        b.command(log, CommandBody::SendPrompt(prompt())).await?;
        let run = loop {
            if let Some(run) = writing_run(a.batch().await?.events.iter().map(|event| &event.body))
            {
                break run;
            }
        };
        self.model.wait_sent(index, 3).await;
        let began = Instant::now();
        let pressed = async {
            b.command(log, stop(run)).await?;
            anyhow::Ok(millis(began))
        };
        let watched = async {
            loop {
                let batch = a.batch().await?;
                if batch.events.iter().any(|event| ends(&event.body, run)) {
                    return anyhow::Ok(millis(began));
                }
            }
        };
        let closed = async {
            self.model.wait_closed(index).await;
            millis(began)
        };
        let (receipt, seen, closed) = tokio::join!(pressed, watched, closed);
        times.add(receipt?, seen?, closed);
        Ok(())
    }

    async fn press_on_device(
        &self,
        (a, b): (&Device, &Device),
        index: usize,
        times: &mut Times,
    ) -> Result<()> {
        let session = SessionId::mint();
        let log = LogId::Session(session);
        let started = b.start_session(session, create(), Some(prompt())).await?;
        answered(started.prompt.context("no prompt")?.outcome().await)?;
        let mut on_a = a.tail(log, TailStart::After(baton_protocol::Seq::ZERO));
        let mut on_b = b.tail(log, TailStart::After(baton_protocol::Seq::ZERO));
        let run = until(&mut on_a, |body| writing_run([body].into_iter())).await?;
        until(&mut on_b, |body| writing_run([body].into_iter())).await?;
        self.model.wait_sent(index, 3).await;
        let began = Instant::now();
        let pressed = async {
            answered(b.act(log, stop(run)).await?.outcome().await)?;
            anyhow::Ok(millis(began))
        };
        let watched = async {
            until(&mut on_a, |body| ends(body, run).then_some(())).await?;
            anyhow::Ok(millis(began))
        };
        let closed = async {
            self.model.wait_closed(index).await;
            millis(began)
        };
        let (receipt, seen, closed) = tokio::join!(pressed, watched, closed);
        times.add(receipt?, seen?, closed);
        Ok(())
    }
}

impl Times {
    fn add(&mut self, receipt: f64, seen: f64, closed: f64) {
        self.receipt.push(receipt);
        self.seen.push(seen);
        self.closed.push(closed);
    }
}

fn millis(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e3
}

fn answered(outcome: IntentOutcome) -> Result<()> {
    ensure!(
        matches!(outcome, IntentOutcome::Answered(_)),
        "the intent ended as {outcome:?}"
    );
    Ok(())
}

async fn until<T>(
    tail: &mut baton_client::Tail,
    pick: impl Fn(&EventBody) -> Option<T>,
) -> Result<T> {
    loop {
        if let TailItem::Event(event) = tail.next().await?
            && let Some(found) = pick(&event.body)
        {
            return Ok(found);
        }
    }
}

/// The run that writes already.
fn writing_run<'a>(bodies: impl Iterator<Item = &'a EventBody>) -> Option<RunId> {
    bodies
        .filter_map(|body| match body {
            EventBody::PartAppended(body) => Some(body.run),
            _ => None,
        })
        .last()
}

fn ends(body: &EventBody, run: RunId) -> bool {
    matches!(body, EventBody::RunEnded(ended)
        if ended.run == run && matches!(ended.outcome, RunOutcome::Stopped { .. }))
}

fn create() -> CreateSessionCommand {
    CreateSessionCommand {
        agent: AgentId(baton_runner::ASSISTANT_ID.to_owned()),
        runner: None,
        title: None,
    }
}

fn prompt() -> SendPromptCommand {
    SendPromptCommand {
        run: None,
        text: "Go on for ever.".to_owned(),
        delivery: Delivery::Queue,
    }
}

fn stop(run: RunId) -> CommandBody {
    CommandBody::StopRun(StopRunCommand {
        target: StopTarget::Run { run },
        scope: StopScope::Run,
    })
}

//! `turn`: from the receipt of a prompt to the request at the model, in sessions of 10 to 10,000 turns. Warm: the runner had the run
//! before. Cold: the runner has never seen the session. After a restart: neither has the hub's process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use baton_log_sqlite::SqliteEventLog;
use baton_protocol::{
    CommandBody, Cursor, Delivery, EventBody, LogId, RunnerInstanceId, SendPromptCommand,
};
use baton_runner::limits::CONTEXT_CHARS_MAX_DEFAULT;
use baton_runner::provider::{OpenAiEndpoint, OpenAiProvider};
use baton_runner::{Assistant, Runner, RunnerConfig, RunnerStatus};
use baton_testkit::{FakeModel, Reply};
use serde_json::Value;

use crate::bench::Bench;
use crate::conversation::{Amount, Conversation};
use crate::figures::{Label, Row, Series, Target, compare, quantile};
use crate::hub::HubProcess;
use crate::wire::Client;
use crate::words::{Dice, Vocabulary};

/// Turns that a session has before it is measured. The first is what the others are held against.
const LENGTHS: [usize; 4] = [10, 300, 1_000, 10_000];

/// Words of a prompt and of an answer: some 150 and 1,500 characters, so that a model of the smallest kind is told of 30 turns.
const PROMPT_WORDS: usize = 25;
const ANSWER_WORDS: usize = 250;

/// Prompts of a round in each session: with a runner that had the run before, and each with a new runner.
const WARM: usize = 40;
const COLD: usize = 8;

/// How the runner and the hub stand when the prompt comes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    Warm,
    Cold,
    Restarted,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Warm, Self::Cold, Self::Restarted];

    fn shown(self) -> &'static str {
        match self {
            Self::Warm => "warm",
            Self::Cold => "cold, a new runner",
            Self::Restarted => "cold, a new runner and a new hub",
        }
    }

    /// What the page of targets asks of it.
    fn target(self) -> Target {
        match self {
            Self::Warm | Self::Cold => Target::AtMost(1.5),
            Self::Restarted => Target::None,
        }
    }
}

/// Milliseconds of one round, by kind and length.
type Times = BTreeMap<(Kind, usize), Vec<f64>>;

/// Measures turns at each length of the session.
pub async fn run(bench: &Bench) -> Result<Vec<Row>> {
    let mut rounds: Vec<Times> = Vec::new();
    for round in 0..bench.rounds {
        eprintln!("turn: round {} of {}", round + 1, bench.rounds);
        rounds.push(Stage::start(bench).await?.round(bench).await?);
    }
    let mut rows = Vec::new();
    for kind in Kind::ALL {
        for (place, shown) in [(0.5, "p50"), (0.99, "p99")] {
            let series = |turns: usize| {
                let mut series = Series::new(format!("{turns} turns"));
                let values = rounds
                    .iter()
                    .map(|times| quantile(&times[&(kind, turns)], place));
                series.values = values.collect();
                series
            };
            let short = series(LENGTHS[0]);
            for turns in &LENGTHS[1..] {
                let label = Label {
                    name: "turn",
                    case: format!("{}: {turns} turns, {shown}", kind.shown()),
                    unit: "ms",
                };
                let target = match shown {
                    "p50" => kind.target(),
                    _ => Target::None,
                };
                rows.push(compare(
                    &label,
                    &series(*turns),
                    &short,
                    target,
                    &bench.machine,
                ));
            }
        }
    }
    Ok(rows)
}

/// A hub with a session of each length, and a model.
struct Stage {
    hub: HubProcess,
    model: FakeModel,
    sessions: Vec<(usize, LogId)>,
    /// Up to where each session was followed.
    cursors: BTreeMap<LogId, Cursor>,
    /// Requests that the model got.
    asked: usize,
}

impl Stage {
    async fn start(bench: &Bench) -> Result<Self> {
        let mut hub = HubProcess::start(bench).await?;
        hub.kill_9().await;
        let folder = hub.data().join("log");
        let log = tokio::task::spawn_blocking(move || SqliteEventLog::open(&folder)).await??;
        let (vocabulary, mut dice) = (Vocabulary::new(5_000), Dice::new(1));
        let mut sessions = Vec::new();
        for turns in LENGTHS {
            let mut conversation = Conversation::new(hub.device.account);
            conversation.create()?;
            for _ in 0..turns {
                let prompt = vocabulary.sentence(&mut dice, PROMPT_WORDS);
                let answer = vocabulary.sentence(&mut dice, ANSWER_WORDS);
                conversation.turn(&prompt, &answer)?;
                conversation.flush(&log, Amount::FullAppends).await?;
            }
            conversation.flush(&log, Amount::All).await?;
            sessions.push((turns, conversation.log()));
        }
        log.seal_closed_parts().await;
        tokio::task::spawn_blocking(move || drop(log)).await?;
        hub.start_again().await?;
        let model = FakeModel::start().await;
        model.reply_to_the_rest(Reply::text("Yes."));
        Ok(Self {
            hub,
            model,
            sessions,
            cursors: BTreeMap::new(),
            asked: 0,
        })
    }

    async fn round(mut self, bench: &Bench) -> Result<Times> {
        let mut times = Times::new();
        // Not measured: a hub that was updated notes the checkpoints of what is there already when it first folds it.
        self.visit(1).await?;
        for _ in 0..bench.shortened(COLD) {
            let cold = self.visit(1).await?;
            take(&mut times, Kind::Cold, cold);
        }
        let mut warm = self.visit(1 + bench.shortened(WARM)).await?;
        for taken in warm.values_mut() {
            taken.remove(0);
        }
        take(&mut times, Kind::Warm, warm);
        for _ in 0..bench.shortened(COLD) {
            self.hub.kill_9().await;
            self.hub.start_again().await?;
            let restarted = self.visit(1).await?;
            take(&mut times, Kind::Restarted, restarted);
        }
        Ok(times)
    }

    /// A new runner, and so many prompts in each session in turn. Milliseconds by length.
    async fn visit(&mut self, prompts: usize) -> Result<BTreeMap<usize, Vec<f64>>> {
        let runner = self.runner()?;
        let mut status = runner.status();
        status
            .wait_for(|status| matches!(status, RunnerStatus::Connected { .. }))
            .await?;
        let mut times: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for _ in 0..prompts {
            for (turns, log) in self.sessions.clone() {
                let took = self.prompt(turns, log).await?;
                times.entry(turns).or_default().push(took);
            }
        }
        runner.stop().await;
        Ok(times)
    }

    fn runner(&self) -> Result<Runner> {
        let endpoint = OpenAiEndpoint {
            base_url: self.model.base_url(),
            api_key: None,
        };
        let assistant = Assistant {
            model: self.model.model().to_owned(),
            system_prompt: None,
            context_chars_max: None,
        };
        let provider = OpenAiProvider::new(&endpoint)?;
        Ok(Runner::start(RunnerConfig {
            hub: self.hub.address.clone(),
            token: self.hub.runner.token.clone(),
            instance: RunnerInstanceId::mint(),
            agents: vec![assistant.with_provider(Arc::new(provider))],
            model_retry_ms_min: baton_runner::limits::MODEL_RETRY_MS_MIN,
        }))
    }

    /// One prompt, until its run has ended. Milliseconds from its receipt to the request at the model.
    async fn prompt(&mut self, turns: usize, log: LogId) -> Result<f64> {
        let index = self.asked;
        self.asked += 1;
        let text = format!("Question {index}?");
        let mut client = Client::connect(&self.hub.address, &self.hub.device.token, None).await?;
        let body = CommandBody::SendPrompt(SendPromptCommand {
            run: None,
            text: text.clone(),
            delivery: Delivery::Queue,
        });
        let asked = async {
            let request = self.model.wait_request(index).await;
            (request, Instant::now())
        };
        let accepted = async {
            client.command(log, body).await?;
            anyhow::Ok(Instant::now())
        };
        let ((request, at_model), accepted) = tokio::join!(asked, accepted);
        let took = at_model.saturating_duration_since(accepted?);
        check_request(&request, turns, &text)?;
        self.ended(&mut client, log).await?;
        Ok(took.as_secs_f64() * 1e3)
    }

    /// Follows the session until the run of its last prompt has ended.
    async fn ended(&mut self, client: &mut Client, log: LogId) -> Result<()> {
        let known = self.cursors.get(&log).copied();
        client.subscribe(log, known).await?;
        let mut is_over = false;
        loop {
            let batch = client.batch().await?;
            for event in &batch.events {
                match event.body {
                    EventBody::RunStarted(_) => is_over = false,
                    EventBody::RunEnded(_) => is_over = true,
                    _ => {}
                }
            }
            if is_over && batch.upto >= batch.head {
                let cursor = Cursor {
                    incarnation: batch.incarnation,
                    seq: batch.upto,
                };
                self.cursors.insert(log, cursor);
                return Ok(());
            }
        }
    }
}

fn take(times: &mut Times, kind: Kind, taken: BTreeMap<usize, Vec<f64>>) {
    for (turns, taken) in taken {
        times.entry((kind, turns)).or_default().extend(taken);
    }
}

/// The model is told the question, and as much of the conversation as it takes: all of a short one.
fn check_request(request: &Value, turns: usize, text: &str) -> Result<()> {
    let messages = request["messages"].as_array().context("no messages")?;
    let content = |message: &Value| message["content"].as_str().unwrap_or_default().to_owned();
    ensure!(messages.last().map(content).as_deref() == Some(text));
    let chars: usize = messages
        .iter()
        .map(|message| content(message).chars().count())
        .sum();
    let all = messages.len() > 2 * turns;
    let full = (CONTEXT_CHARS_MAX_DEFAULT * 9 / 10..=CONTEXT_CHARS_MAX_DEFAULT).contains(&chars);
    ensure!(
        all || full,
        "{} messages of {chars} characters in a session of {turns} turns",
        messages.len()
    );
    Ok(())
}

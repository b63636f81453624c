//! The Python client as a process, and what a reader of the log expects it to have.

use std::path::{Path, PathBuf};
use std::process::Command;

use baton_protocol::view::{PartState, RowBody};
use baton_protocol::{Event, EventBody, RunOutcome};
use baton_session::{SessionState, Transcript};
use baton_testkit::Child;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stage::{Output, output};

/// A device that runs `tests/clients/python/baton_client.py`.
pub struct PythonClient {
    child: Child,
    pub account: String,
    shown: u32,
    folder: TempDir,
}

fn command(words: &[&str]) -> Command {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let python = root.join(".local/client-venv/bin/python");
    assert!(
        python.is_file(),
        "the client in Python has no environment: run `cargo xtask setup`"
    );
    let mut command = Command::new(python);
    command
        .arg("-B")
        .arg(root.join("tests/clients/python/baton_client.py"));
    command.args(words);
    command
}

fn state_file(folder: &TempDir) -> PathBuf {
    folder.path().join("client.json")
}

async fn try_link(folder: &TempDir, link: &str, name: &str) -> Output {
    let state = state_file(folder);
    output(command(&["link", &state.to_string_lossy(), link, name])).await
}

/// Tries a link that must be refused, and returns the client's message.
pub async fn refused_link(link: &str) -> String {
    let folder = TempDir::new().expect("a temporary folder");
    let refused = try_link(&folder, link, "Script").await;
    assert_eq!(refused.code, 1, "{refused:?}");
    let said: Value = serde_json::from_str(&refused.stdout).expect("JSON");
    said["why"].as_str().expect("a reason").to_owned()
}

impl PythonClient {
    /// Links the client and lets it connect. It cuts its own connection `cuts` times, at points that the seed chooses.
    pub async fn start(link: &str, name: &str, seed: u64, cuts: u32) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let linked = try_link(&folder, link, name).await;
        assert_eq!(linked.code, 0, "{linked:?}");
        let linked: Value = serde_json::from_str(&linked.stdout).expect("JSON");
        Self {
            child: Self::talk(&folder, seed, cuts),
            account: format!("account:{}", linked["account"].as_str().expect("an id")),
            shown: 0,
            folder,
        }
    }

    fn talk(folder: &TempDir, seed: u64, cuts: u32) -> Child {
        let (seed, cuts) = (seed.to_string(), cuts.to_string());
        let state = state_file(folder);
        let talk = [
            "talk",
            &state.to_string_lossy(),
            "--seed",
            &seed,
            "--cuts",
            &cuts,
        ];
        Child::spawn_listening(command(&talk))
    }

    /// Kills the client in the middle of its work, and starts it again with the data on its disk.
    pub async fn kill_and_start(&mut self) {
        self.child.kill_9().await;
        self.child = Self::talk(&self.folder, 0, 0);
    }

    async fn order(&mut self, order: Value) {
        self.child.say(&order.to_string()).await;
    }

    pub async fn follow(&mut self, log: &str) {
        self.order(json!({ "do": "follow", "log": log })).await;
    }

    /// Gives the client a command without waiting.
    pub async fn command(&mut self, log: &str, id: &str, body: Value) {
        self.order(json!({ "do": "command", "log": log, "id": id, "body": body }))
            .await;
    }

    /// Gives the client a command and waits for the receipt.
    pub async fn receipt(&mut self, log: &str, body: Value) -> Value {
        let id = uuid::Uuid::now_v7().to_string();
        self.command(log, &id, body).await;
        let is_mine = |line: &Value| line["type"] == "receipt" && line["command"] == id.as_str();
        self.line("the receipt", |line| is_mine(line).then(|| line.clone()))
            .await
    }

    /// Gives the client a command that must be accepted, and returns its effect.
    pub async fn effect(&mut self, log: &str, body: Value) -> Value {
        let receipt = self.receipt(log, body).await;
        assert_eq!(receipt["outcome"]["type"], "accepted", "{receipt}");
        receipt["outcome"]["effect"].clone()
    }

    /// Waits for a line that the client prints. Lines that were already printed count.
    pub async fn line<T>(&self, what: &str, pick: impl Fn(&Value) -> Option<T>) -> T {
        self.child
            .wait_for_line(what, |line| pick(&serde_json::from_str(line).ok()?))
            .await
    }

    /// Returns every line of one type so far.
    pub fn lines(&self, kind: &str) -> Vec<Value> {
        let lines = self.child.stdout_lines();
        let values = lines
            .iter()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        values.filter(|line| line["type"] == kind).collect()
    }

    /// Waits until the client has reached a seq of a log, or passed it.
    pub async fn wait_seq(&self, log: &str, seq: u64) {
        // A receipt names its seq before the batch with that seq may have arrived.
        let is_there = |line: &Value| {
            line["type"] == "moved"
                && line["log"] == log
                && line["seq"].as_u64().is_some_and(|at| at >= seq)
        };
        self.line(&format!("seq {seq} of {log}"), |line| {
            is_there(line).then_some(())
        })
        .await;
    }

    /// Waits until the n-th run of a session (from 0) has this many bytes, and returns its id.
    pub async fn wait_bytes(&self, log: &str, n: usize, bytes: u64) -> String {
        let run = |line: &Value| {
            let run = (line["log"] == log).then(|| line["runs"][n].clone())?;
            let has = run["bytes"].as_u64()? >= bytes;
            has.then(|| run["run"].as_str().expect("an id").to_owned())
        };
        self.line(&format!("{bytes} bytes of run {n}"), run).await
    }

    /// Waits for the end of the n-th run and returns its outcome.
    pub async fn wait_outcome(&self, log: &str, n: usize) -> String {
        let outcome = |line: &Value| {
            let is_it = line["log"] == log;
            is_it.then(|| line["runs"][n]["outcome"].as_str().map(str::to_owned))?
        };
        self.line(&format!("the end of run {n}"), outcome).await
    }

    /// Returns everything that the client has of a log.
    pub async fn show(&mut self, log: &str) -> Value {
        self.shown += 1;
        let tag = self.shown;
        self.order(json!({ "do": "show", "log": log, "tag": tag }))
            .await;
        let is_it = |line: &Value| line["type"] == "state" && line["tag"] == tag;
        self.line("its state", |line| {
            is_it(line).then(|| line["state"].clone())
        })
        .await
    }

    /// Waits until the client ends on its own.
    pub async fn wait_exit(&mut self) -> std::process::ExitStatus {
        self.child.wait_exit().await
    }
}

/// Computes what the client must have of a session with these events: by another fold, in another language.
pub fn expected(events: &[Event]) -> Value {
    let (mut state, mut transcript) = (SessionState::default(), Transcript::default());
    let mut runs = serde_json::Map::new();
    for event in events {
        state.apply(event, &mut transcript).expect("the log folds");
        match &event.body {
            EventBody::RunStarted(body) => {
                let run = json!({ "prompt": body.prompt, "outcome": null, "digest": null });
                runs.insert(body.run.to_string(), run);
            }
            EventBody::RunEnded(body) => {
                let run = &mut runs[&body.run.to_string()];
                run["outcome"] = json!(outcome(&body.outcome));
                run["digest"] = json!(body.digest);
            }
            EventBody::TeardownReported(body) => {
                runs[&body.run.to_string()]["teardown"] = json!(body.still_running);
            }
            _ => {}
        }
    }
    let queue = state.queue().iter();
    let queue = queue.map(|waiting| json!({ "prompt": waiting.prompt, "text": waiting.text }));
    json!({
        "title": state.title(),
        "paused": state.pause().map(|pause| pause.reason),
        "rows": rows(&transcript),
        "runs": runs,
        "queue": queue.collect::<Vec<_>>(),
    })
}

fn outcome(outcome: &RunOutcome) -> Value {
    serde_json::to_value(outcome).expect("serialises")["type"].clone()
}

fn rows(transcript: &Transcript) -> Vec<Value> {
    let mut parts = std::collections::HashMap::new();
    let mut row = |row: &baton_protocol::view::TranscriptRow| {
        let run = row.run;
        let mut part = |kind: &str, text: &str, state: PartState| {
            let count = parts.entry(run).or_insert(0);
            let index = *count;
            *count += 1;
            let end = match state {
                PartState::Open => Value::Null,
                PartState::Complete => json!("complete"),
                PartState::Interrupted => json!("interrupted"),
            };
            json!({ "run": run, "part": index, "kind": kind, "text": text, "end": end })
        };
        match &row.body {
            RowBody::Prompt { prompt, text, .. } => json!({ "prompt": prompt, "text": text }),
            RowBody::Text { text, state } => part("text", text, *state),
            RowBody::Reasoning { text, state, .. } => part("reasoning", text, *state),
            RowBody::RunEnd { outcome: how, .. } => json!({ "run": run, "outcome": outcome(how) }),
            other => panic!("a row that no run here makes: {other:?}"),
        }
    };
    transcript.rows.iter().map(&mut row).collect()
}

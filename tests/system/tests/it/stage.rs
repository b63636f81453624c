//! Real programs in a temporary folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use baton_protocol::{CommandEffect, Event, EventBody, ReceiptOutcome};
use baton_testkit::{Child, bin, eventually};
use serde_json::Value;
use tempfile::TempDir;

/// Far beyond anything that works, even on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Where a program runs: on this host, on this host with a certificate authority that it trusts, or in a network namespace.
#[derive(Clone, Debug)]
pub enum Place {
    Here,
    Trusting(PathBuf),
    Namespace(String),
}

impl Place {
    pub fn command(&self, program: &Path) -> Command {
        match self {
            Self::Here => Command::new(program),
            Self::Trusting(root) => {
                let mut command = Command::new(program);
                command
                    .env("SSL_CERT_FILE", root)
                    .env_remove("SSL_CERT_DIR");
                command
            }
            Self::Namespace(name) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", name]).arg(program);
                command
            }
        }
    }
}

/// A hub's process and what is needed to restart it.
pub struct Hub {
    pub place: Place,
    pub data: PathBuf,
    listen: String,
    more: Vec<String>,
    child: Option<Child>,
    pub listening: String,
    pub fingerprint: Option<String>,
    _folder: Option<TempDir>,
}

impl Hub {
    /// Starts a hub on loopback, on a free port that it keeps across restarts.
    pub async fn start() -> Self {
        Self::start_at(Place::Here, "127.0.0.1:0", &[]).await
    }

    pub async fn start_at(place: Place, listen: &str, more: &[&str]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut hub = Self {
            place,
            data: folder.path().join("hub"),
            listen: listen.to_owned(),
            more: more.iter().map(|&word| word.to_owned()).collect(),
            child: None,
            listening: String::new(),
            fingerprint: None,
            _folder: Some(folder),
        };
        hub.run().await;
        hub.listen.clone_from(&hub.listening);
        hub
    }

    /// Starts the process, at its first address if it ran before.
    pub async fn run(&mut self) {
        let mut command = self.place.command(&bin("baton-hub"));
        command.arg("serve").arg("--data").arg(&self.data);
        command.args(["--listen", &self.listen]).args(&self.more);
        let child = Child::spawn(command);
        let ready: Value = child
            .wait_for_line("its address", |line| serde_json::from_str(line).ok())
            .await;
        self.listening = ready["listening"].as_str().expect("an address").to_owned();
        self.fingerprint = ready["fingerprint"].as_str().map(str::to_owned);
        self.child = Some(child);
    }

    pub async fn kill_9(&mut self) {
        self.child.take().expect("it runs").kill_9().await;
    }

    pub fn child(&mut self) -> &mut Child {
        self.child.as_mut().expect("it runs")
    }

    fn admin(&self, words: &[&str]) -> Command {
        let mut command = self.place.command(&bin("baton-hub"));
        command
            .arg(words[0])
            .arg("--data")
            .arg(&self.data)
            .args(&words[1..]);
        command
    }

    pub async fn link(&self, role: &str) -> String {
        let output = output(self.admin(&["link", "--role", role])).await;
        let line = output
            .stdout
            .lines()
            .find(|line| line.contains("baton://link?"));
        line.unwrap_or_else(|| panic!("no link in: {output:?}"))
            .trim()
            .to_owned()
    }

    /// Writes a backup while the hub runs.
    pub async fn backup(&self, to: &Path) -> Output {
        let mut command = self.admin(&["backup"]);
        command.arg("--to").arg(to);
        output(command).await
    }

    /// Restores a backup into a directory.
    pub async fn restore(&self, from: &Path, data: &Path) -> Output {
        let mut command = self.place.command(&bin("baton-hub"));
        command.arg("restore").arg("--from").arg(from);
        command.arg("--data").arg(data);
        output(command).await
    }

    pub async fn revoke(&self, name: &str) -> Output {
        output(self.admin(&["revoke", name])).await
    }
}

/// A runner's process.
pub struct Runner {
    pub child: Child,
    _folder: TempDir,
}

impl Runner {
    pub async fn start(hub: &Hub, model_url: &str) -> Self {
        Self::start_at(&Place::Here, hub, model_url, "build-box").await
    }

    pub async fn start_at(place: &Place, hub: &Hub, model_url: &str, name: &str) -> Self {
        Self::start_with(place, hub, model_url, name, &[]).await
    }

    pub async fn start_with(
        place: &Place,
        hub: &Hub,
        model_url: &str,
        name: &str,
        more: &[&str],
    ) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut command = place.command(&bin("baton-runner"));
        command
            .arg("--data")
            .arg(folder.path())
            .args(["--link", &hub.link("runner").await]);
        command.args(["--name", name, "--base-url", model_url, "--model", "fake"]);
        command.args(more);
        command.env("OPENAI_API_KEY", "none");
        let child = Child::spawn(command);
        child
            .wait_for_line("its greeting", |line| {
                line.contains("\"connected\":true").then_some(())
            })
            .await;
        Self {
            child,
            _folder: folder,
        }
    }
}

/// A command's output and exit code.
#[derive(Debug)]
pub struct Output {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

pub async fn output(mut command: Command) -> Output {
    command.stdin(std::process::Stdio::null());
    let run = tokio::task::spawn_blocking(move || command.output().expect("the program starts"));
    let output = tokio::time::timeout(LIMIT, run)
        .await
        .expect("the program ends")
        .expect("no panic");
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A device that `batonctl` drives.
pub struct Device {
    pub name: String,
    place: Place,
    data: PathBuf,
    _folder: TempDir,
}

impl Device {
    pub async fn link(hub: &Hub, name: &str) -> Self {
        Self::link_at(Place::Here, hub, name).await
    }

    pub async fn link_at(place: Place, hub: &Hub, name: &str) -> Self {
        let device = Self::unlinked(place, name);
        let linked = device
            .ctl(&["link", &hub.link("device").await, "--name", name])
            .await;
        assert_eq!(linked.code, 0, "{linked:?}");
        device
    }

    pub fn unlinked(place: Place, name: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        Self {
            name: name.to_owned(),
            place,
            data: folder.path().join("device"),
            _folder: folder,
        }
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = self.place.command(&bin("batonctl"));
        command
            .arg("--data")
            .arg(&self.data)
            .arg("--json")
            .args(words);
        command
    }

    /// Runs `batonctl` until it ends.
    pub async fn ctl(&self, words: &[&str]) -> Output {
        output(self.command(words)).await
    }

    /// Runs `batonctl`, expects success, and returns the receipt.
    pub async fn receipt(&self, words: &[&str]) -> (u64, CommandEffect) {
        let output = self.ctl(words).await;
        assert_eq!(output.code, 0, "batonctl {words:?}: {output:?}");
        let mut receipt = output
            .stdout
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let receipt = receipt.rfind(|line| line["type"] == "receipt");
        let receipt = receipt.unwrap_or_else(|| panic!("no receipt in {output:?}"));
        let receipt: baton_protocol::Receipt =
            serde_json::from_value(receipt["receipt"].clone()).expect("a receipt");
        match receipt.outcome {
            ReceiptOutcome::Accepted { effect } => (receipt.seq.0, effect),
            ReceiptOutcome::Refused { error } => panic!("refused: {error:?}"),
        }
    }

    /// Starts a session with a first prompt and returns its id.
    pub async fn new_session(&self, prompt: &str) -> String {
        let output = self.ctl(&["new", prompt]).await;
        assert_eq!(output.code, 0, "{output:?}");
        let values = output
            .stdout
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let session = values
            .filter_map(|line| line["session"].as_str().map(str::to_owned))
            .next();
        session.unwrap_or_else(|| panic!("no session in {output:?}"))
    }

    /// Follows a session from its beginning, in a process of its own.
    pub fn tail(&self, session: &str) -> Tail {
        Tail {
            child: Child::spawn(self.command(&["tail", session, "--from", "0"])),
            device: self.name.clone(),
        }
    }
}

/// A device that follows a session.
pub struct Tail {
    pub child: Child,
    device: String,
}

impl Tail {
    /// Returns every event so far.
    pub fn events(&self) -> Vec<Event> {
        let lines = self.child.stdout_lines();
        let values = lines
            .iter()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let events = values.filter(|line| line["type"] == "event");
        events
            .map(|line| serde_json::from_value(line["event"].clone()).expect("an event"))
            .collect()
    }

    /// Waits until `pick` accepts the events.
    pub async fn wait<T>(&self, what: &str, pick: impl Fn(&[Event]) -> Option<T>) -> T {
        let what = format!("{} on {}", what, self.device);
        eventually(LIMIT, &what, || async { pick(&self.events()) }).await
    }

    pub async fn wait_text(&self, bytes: usize) -> String {
        let has = |events: &[Event]| Some(answer(events)).filter(|text| text.len() >= bytes);
        self.wait(&format!("{bytes} bytes of the answer"), has)
            .await
    }

    /// Waits for the end of the n-th run (from 0) and returns it.
    pub async fn wait_end(&self, n: usize) -> baton_protocol::RunEndedEvent {
        self.wait("the end of the run", |events| {
            let ends = events.iter().filter_map(|event| match &event.body {
                EventBody::RunEnded(end) => Some(end.clone()),
                _ => None,
            });
            ends.clone().nth(n)
        })
        .await
    }
}

/// Returns all text of all parts in order, as a reader of the log has it.
pub fn answer(events: &[Event]) -> String {
    let mut parts: Vec<((baton_protocol::RunId, baton_protocol::PartIndex), String)> = Vec::new();
    for event in events {
        match &event.body {
            EventBody::PartOpened(body) => parts.push(((body.run, body.part), String::new())),
            EventBody::PartAppended(body) => {
                let part = parts
                    .iter_mut()
                    .find(|(key, _)| *key == (body.run, body.part))
                    .expect("the part is open");
                assert_eq!(part.1.len() as u64, body.offset, "a gap or a duplicate");
                part.1.push_str(&body.text);
            }
            EventBody::PartSealed(body) => {
                let part = parts
                    .iter_mut()
                    .find(|(key, _)| *key == (body.run, body.part))
                    .expect("the part is open");
                part.1.clone_from(&body.text);
            }
            _ => {}
        }
    }
    parts.into_iter().map(|(_, text)| text).collect()
}

pub fn kinds(events: &[Event]) -> Vec<String> {
    let kind = |event: &Event| {
        serde_json::to_value(&event.body).expect("serialises")["type"]
            .as_str()
            .expect("tag")
            .to_owned()
    };
    events.iter().map(kind).collect()
}

/// Builds a text with characters that break careless programs.
pub fn long_text(words: usize) -> String {
    let pieces = [
        "tide ",
        "漢字 ",
        "🌊 ",
        "naïve ",
        "\n\n",
        "```rs\nlet x;\n``` ",
        "\"q\" ",
    ];
    (0..words).map(|n| pieces[n % pieces.len()]).collect()
}

//! The setup of a scenario: a hub, a runner, the real model behind a witness, and windows.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use baton_testkit::{Child, Ending, Exchange, RecordingProxy, bin, while_it_moves};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

use crate::desktop::{Desktop, LIMIT};
use crate::driver::Seat;
use crate::programs::{Device, Hub, Place};

/// There is one screen and one small model, so one scenario runs at a time, however the tests are started.
static SCREEN: Mutex<()> = Mutex::const_new(());

/// How many pieces of an answer are handed over when it is held in its middle.
pub const HALF: usize = 16;

/// Pieces after which every answer ends: enough to cut, hold and compare, and few enough for a small model on two busy cores to say in less
/// than a minute.
const ANSWER_PIECES_MAX: usize = 120;

/// A prompt whose answer is long enough to be interrupted in the middle, and short enough to wait for.
pub const LONG: &str = "Explain in three paragraphs how tides work.";

/// Everything but the windows.
pub struct Stage {
    pub hub: Hub,
    pub runner: Runner,
    pub model: RecordingProxy,
    /// A device without a window that reads the hub's log.
    pub witness: Device,
    folder: TempDir,
    _screen: MutexGuard<'static, ()>,
}

impl Stage {
    /// Starts everything with a hub that has its usual limits.
    pub async fn set() -> Self {
        Self::set_with(&[]).await
    }

    /// Starts everything with a hub that has other limits.
    pub async fn set_with(hub_arguments: &[&str]) -> Self {
        Self::set_at(Place::Here, "127.0.0.1:0", hub_arguments).await
    }

    /// Starts the hub on another machine; the runner, the model and the witness are here.
    pub async fn set_at(place: Place, listen: &str, hub_arguments: &[&str]) -> Self {
        let screen = SCREEN.lock().await;
        let model = witnessed_model().await;
        let hub = Hub::start_at(place, listen, hub_arguments).await;
        let folder = TempDir::new().expect("a temporary folder");
        let link = hub.link("runner").await;
        let runner = Runner::start(
            &folder.path().join("runner"),
            &model.base_url(),
            Some(&link),
        )
        .await;
        let witness = Device::link(&hub, "Witness").await;
        Self {
            hub,
            runner,
            model,
            witness,
            folder,
            _screen: screen,
        }
    }

    /// Opens a window that is a new device of this name, and waits until it is live and has an agent.
    pub async fn desktop(&self, profile: &str) -> Desktop {
        self.desktop_at(Seat::HERE, profile).await
    }

    /// Opens such a window on another machine.
    pub async fn desktop_at(&self, seat: Seat, profile: &str) -> Desktop {
        let link = self.hub.link("device").await;
        let root = self.folder.path().join("desktops");
        let desktop = Desktop::start_at(seat, &root, profile, Some(&link)).await;
        desktop
            .wait("a live line and an agent", |screen| {
                (screen.phase() == "live" && screen.has_agent()).then_some(())
            })
            .await;
        desktop
    }

    /// Starts the runner again with the same identity.
    pub async fn start_runner_again(&mut self) {
        self.runner = Runner::start(
            &self.folder.path().join("runner"),
            &self.model.base_url(),
            None,
        )
        .await;
    }

    /// Returns the n-th answer as the model server gave it, once it has ended.
    pub async fn sent(&self, call: usize) -> String {
        sent(&self.model, call).await
    }

    /// Waits until the n-th answer is held in its middle, and returns the text that was handed over so far.
    pub async fn half(&self, call: usize) -> String {
        self.handed_over(call, HALF).await
    }

    /// Waits until this many pieces of the n-th answer were handed over, and returns its text so far.
    pub async fn handed_over(&self, call: usize, pieces: usize) -> String {
        handed_over(&self.model, call, pieces).await
    }

    /// Waits until the n-th answer ends, and checks that the runner has closed its connection.
    pub async fn closed(&self, call: usize) {
        let what = format!("the end of answer {call}");
        let ending = exchange(&self.model, call, &what, |exchange| exchange.ending).await;
        assert_eq!(ending, Ending::ClosedByClient);
    }

    /// Waits for the n-th call, and returns its request.
    pub async fn asked(&self, call: usize) -> serde_json::Value {
        let what = format!("call {call}");
        exchange(&self.model, call, &what, |exchange| {
            Some(exchange.request.clone())
        })
        .await
    }
}

/// Returns the real model behind a witness, and the lock on the screen: for windows that bring a hub of their own.
pub async fn model_alone() -> (RecordingProxy, MutexGuard<'static, ()>) {
    let screen = SCREEN.lock().await;
    (witnessed_model().await, screen)
}

/// Returns the lock on the screen, before anything is started.
pub async fn screen_alone() -> MutexGuard<'static, ()> {
    SCREEN.lock().await
}

async fn witnessed_model() -> RecordingProxy {
    model_at(Ipv4Addr::LOCALHOST).await
}

/// Starts the real model's witness at an address of this host.
pub async fn model_at(host: Ipv4Addr) -> RecordingProxy {
    let model = RecordingProxy::start_at(host, &variable("BATON_TEST_MODEL_URL")).await;
    model.end_after(ANSWER_PIECES_MAX);
    model
}

/// Returns the model's name at its server.
pub fn model_name() -> String {
    variable("BATON_TEST_MODEL_NAME")
}

/// Returns the n-th answer as the model server gave it, once it has ended.
pub async fn sent(model: &RecordingProxy, call: usize) -> String {
    let what = format!("the end of answer {call}");
    exchange(model, call, &what, |exchange| {
        exchange.ending.map(|_| exchange.text.clone())
    })
    .await
}

/// Waits until this many pieces of the n-th answer were handed over, and returns its text so far.
pub async fn handed_over(model: &RecordingProxy, call: usize, pieces: usize) -> String {
    let what = format!("{pieces} pieces of answer {call}");
    exchange(model, call, &what, |exchange| {
        (exchange.deltas >= pieces).then(|| exchange.text.clone())
    })
    .await
}

/// Waits for an exchange. A small model on two busy cores is slow, so the wait fails only if the model says nothing more.
async fn exchange<T>(
    model: &RecordingProxy,
    call: usize,
    what: &str,
    pick: impl Fn(&Exchange) -> Option<T>,
) -> T {
    let said = || {
        model
            .exchanges()
            .iter()
            .map(|exchange| exchange.deltas)
            .sum::<usize>()
    };
    while_it_moves(LIMIT, what, said, || async {
        model.exchanges().get(call).and_then(&pick)
    })
    .await
}

/// A runner's process.
pub struct Runner {
    pub child: Child,
}

impl Runner {
    /// Starts a runner, and waits until the hub has accepted it.
    pub async fn start(data: &Path, model_url: &str, link: Option<&str>) -> Self {
        let mut command = Command::new(bin("baton-runner"));
        command.arg("--data").arg(data);
        if let Some(link) = link {
            command.args(["--link", link]);
        }
        command.args(["--name", "build-box", "--base-url", model_url]);
        command.args(["--model", &variable("BATON_TEST_MODEL_NAME")]);
        command.env("OPENAI_API_KEY", "none");
        let child = Child::spawn(command);
        child
            .wait_for_line("its greeting", |line| {
                line.contains("\"connected\":true").then_some(())
            })
            .await;
        Self { child }
    }
}

/// # Panics
/// If the variable is not set: without its model server, a test would show nothing.
fn variable(name: &str) -> String {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => value,
        _ => panic!(
            "`{name}` is not set: these tests need a real model server. Run `cargo xtask test`, or see the head of tests/e2e/main.rs"
        ),
    }
}

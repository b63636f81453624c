//! What a scenario plays on: a hub, a runner, the real model behind a witness, and windows.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use baton_testkit::{Child, Ending, Exchange, RecordingProxy, bin, while_it_moves};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

use crate::desktop::{Desktop, LIMIT};
use crate::driver::Seat;
use crate::programs::{Device, Hub, Place};

/// One screen, one small model: one scenario at a time, however the tests are started.
static SCREEN: Mutex<()> = Mutex::const_new(());

/// Enough of an answer to be in the middle of it.
pub const HALF: usize = 16;

/// Pieces at which every answer ends: enough to be cut, held and compared, and no more than a small model on two busy cores says in
/// less than a minute.
const ANSWER_PIECES_MAX: usize = 120;

/// A prompt whose answer is long enough to be caught in the middle, and short enough to wait for.
pub const LONG: &str = "Explain in three paragraphs how tides work.";

/// Everything but the windows.
pub struct Stage {
    pub hub: Hub,
    pub runner: Runner,
    pub model: RecordingProxy,
    /// A device without a window, which reads the hub's log.
    pub witness: Device,
    folder: TempDir,
    _screen: MutexGuard<'static, ()>,
}

impl Stage {
    /// A hub with its usual limits.
    pub async fn set() -> Self {
        Self::set_with(&[]).await
    }

    /// A hub with other limits.
    pub async fn set_with(hub_arguments: &[&str]) -> Self {
        Self::set_at(Place::Here, "127.0.0.1:0", hub_arguments).await
    }

    /// A hub on another machine; the runner, the model and the witness are here.
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

    /// Opens a window that is a new device of this name, live and with an agent.
    pub async fn desktop(&self, profile: &str) -> Desktop {
        self.desktop_at(Seat::HERE, profile).await
    }

    /// The same on another machine.
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

    /// Starts the runner again as the one that it was.
    pub async fn start_runner_again(&mut self) {
        self.runner = Runner::start(
            &self.folder.path().join("runner"),
            &self.model.base_url(),
            None,
        )
        .await;
    }

    /// The answer of the n-th call as the model's server gave it, once it is over.
    pub async fn sent(&self, call: usize) -> String {
        sent(&self.model, call).await
    }

    /// Waits until the n-th answer is held in its middle, and gives what was handed over by then.
    pub async fn half(&self, call: usize) -> String {
        self.handed_over(call, HALF).await
    }

    /// Waits until so many pieces of the n-th answer were handed over, and gives its text by then.
    pub async fn handed_over(&self, call: usize, pieces: usize) -> String {
        handed_over(&self.model, call, pieces).await
    }

    /// Waits until the n-th call's connection to the model is closed by the runner, and nothing else.
    pub async fn closed(&self, call: usize) {
        let what = format!("the end of answer {call}");
        let ending = exchange(&self.model, call, &what, |exchange| exchange.ending).await;
        assert_eq!(ending, Ending::ClosedByClient);
    }

    /// Waits for the n-th call, and gives what was asked.
    pub async fn asked(&self, call: usize) -> serde_json::Value {
        let what = format!("call {call}");
        exchange(&self.model, call, &what, |exchange| {
            Some(exchange.request.clone())
        })
        .await
    }
}

/// The real model behind a witness, and the screen for oneself: for windows that bring a hub of their own.
pub async fn model_alone() -> (RecordingProxy, MutexGuard<'static, ()>) {
    let screen = SCREEN.lock().await;
    (witnessed_model().await, screen)
}

/// The screen for oneself, before anything is there.
pub async fn screen_alone() -> MutexGuard<'static, ()> {
    SCREEN.lock().await
}

async fn witnessed_model() -> RecordingProxy {
    model_at(Ipv4Addr::LOCALHOST).await
}

/// The real model behind a witness at an address of this host.
pub async fn model_at(host: Ipv4Addr) -> RecordingProxy {
    let model = RecordingProxy::start_at(host, &variable("BATON_TEST_MODEL_URL")).await;
    model.end_after(ANSWER_PIECES_MAX);
    model
}

/// The model's name at its server.
pub fn model_name() -> String {
    variable("BATON_TEST_MODEL_NAME")
}

/// The answer of the n-th call as the model's server gave it, once it is over.
pub async fn sent(model: &RecordingProxy, call: usize) -> String {
    let what = format!("the end of answer {call}");
    exchange(model, call, &what, |exchange| {
        exchange.ending.map(|_| exchange.text.clone())
    })
    .await
}

/// Waits until so many pieces of the n-th answer were handed over, and gives its text by then.
pub async fn handed_over(model: &RecordingProxy, call: usize, pieces: usize) -> String {
    let what = format!("{pieces} pieces of answer {call}");
    exchange(model, call, &what, |exchange| {
        (exchange.deltas >= pieces).then(|| exchange.text.clone())
    })
    .await
}

/// A small model on two busy cores is slow: only one that says nothing more is given up.
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
    /// Starts it, and waits until the hub has it.
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
/// When it is not set: a test without its model server would show nothing.
fn variable(name: &str) -> String {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => value,
        _ => panic!(
            "`{name}` is not set: these tests need a real model server. Run `cargo xtask test`, or see the head of tests/e2e/main.rs"
        ),
    }
}

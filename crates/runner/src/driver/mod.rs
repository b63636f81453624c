//! The driver: connects the core with the hub and with calls to models.

mod calls;
mod line;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use baton_protocol::{
    AgentId, ClientFrame, ErrorBody, HubAddress, PromptId, RunId, RunnerHello, RunnerId,
    RunnerInstanceId,
};
use baton_transport::ConnectError;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::core::{AgentSpec, Core, Effect, Taken};
use crate::provider::ModelProvider;
use calls::{Calls, Piece};
use line::{Line, LineEvent, Sent};

/// An agent and the provider that answers for it.
#[derive(Clone)]
pub struct Agent {
    /// What the hub and the model are told about the agent.
    pub spec: AgentSpec,
    pub provider: Arc<dyn ModelProvider>,
}

/// The configuration of a runner.
#[derive(Clone)]
pub struct RunnerConfig {
    pub hub: HubAddress,
    /// The runner's token at that hub.
    pub token: String,
    /// New for each start of the process: a run belongs to the start in which it began.
    pub instance: RunnerInstanceId,
    pub agents: Vec<Agent>,
    /// The first pause before a model that gave nothing is asked again: [`MODEL_RETRY_MS_MIN`](crate::limits::MODEL_RETRY_MS_MIN).
    pub model_retry_ms_min: u64,
}

/// The state of a runner's connection to its hub.
#[derive(Clone, PartialEq, Debug)]
pub enum RunnerStatus {
    /// The runner makes its first attempt.
    Connecting,
    /// The runner can take runs.
    Connected {
        runner: RunnerId,
        /// The hub's display name.
        hub_name: String,
    },
    /// The runner will try again.
    Reconnecting {
        why: String,
    },
    /// The hub refuses the runner, or is another hub than the link named: a person must link again.
    Refused {
        /// What the person can do.
        message: String,
    },
    Stopped,
}

/// Why a runner stops trying to connect.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("the hub refused this runner: {} ({})", .0.message, .0.hint)]
    Hub(ErrorBody),
    /// The address does not lead to the hub that the link named.
    #[error(transparent)]
    Connect(ConnectError),
}

/// A started runner. Dropping it stops it at once; its runs then end with their leases.
pub struct Runner {
    status: watch::Receiver<RunnerStatus>,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Runner {
    /// Starts to connect, in the background. Needs a tokio runtime.
    pub fn start(config: RunnerConfig) -> Self {
        let (status_sender, status) = watch::channel(RunnerStatus::Connecting);
        let stop = CancellationToken::new();
        let driver = Driver::new(config, status_sender, stop.clone());
        let task = tokio::spawn(driver.run());
        Self {
            status,
            stop,
            task: Some(task),
        }
    }

    /// Follows the runner's status.
    pub fn status(&self) -> watch::Receiver<RunnerStatus> {
        self.status.clone()
    }

    /// Closes every connection to a model, then the one to the hub. Finishes no answer; the hub ends the runs with their leases.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take()
            && let Err(error) = task.await
            && error.is_panic()
        {
            tracing::error!("the runner has panicked");
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

struct Driver {
    core: Core,
    providers: HashMap<AgentId, Arc<dyn ModelProvider>>,
    calls: Calls,
    /// The prompt of each run that called a model, for log lines.
    prompts: HashMap<RunId, PromptId>,
    pieces: mpsc::Receiver<Piece>,
    line: JoinHandle<()>,
    events: mpsc::Receiver<LineEvent>,
    outbound: Option<mpsc::Sender<ClientFrame>>,
    /// The runs that the core works for, for the heartbeats.
    held: watch::Sender<Vec<RunId>>,
    status: watch::Sender<RunnerStatus>,
    stop: CancellationToken,
}

impl Driver {
    fn new(
        config: RunnerConfig,
        status: watch::Sender<RunnerStatus>,
        stop: CancellationToken,
    ) -> Self {
        let agents = config
            .agents
            .iter()
            .map(|agent| agent.spec.description.clone())
            .collect();
        let hello = RunnerHello {
            instance: config.instance,
            agents,
        };
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        let (held, told) = watch::channel(Vec::new());
        let line = Line {
            hub: config.hub,
            token: config.token,
            hello,
            held: told,
        };
        let (calls, pieces) = Calls::new();
        let id = |agent: &Agent| agent.spec.description.id.clone();
        Self {
            core: Core::new(
                config.instance,
                config.agents.iter().map(|agent| agent.spec.clone()),
            )
            .with_retry_ms_min(config.model_retry_ms_min),
            providers: config
                .agents
                .iter()
                .map(|agent| (id(agent), Arc::clone(&agent.provider)))
                .collect(),
            calls,
            prompts: HashMap::new(),
            pieces,
            line: tokio::spawn(line.run(sender)),
            events,
            outbound: None,
            held,
            status,
            stop,
        }
    }

    async fn run(mut self) {
        let stop = self.stop.clone();
        let last = tokio::select! {
            () = stop.cancelled() => RunnerStatus::Stopped,
            refused = self.work() => RunnerStatus::Refused { message: refused },
        };
        self.calls.stop_all().await;
        self.line.abort();
        self.status.send_replace(last);
    }

    /// Works until the hub refuses the runner. Returns the reason.
    async fn work(&mut self) -> String {
        loop {
            let now = Instant::now();
            self.core.tick(now);
            self.apply_effects().await;
            self.tell_held();
            let wake = self.core.wake_at().filter(|wake| *wake > now);
            let outbound = self.outbound.clone().filter(|_| self.core.has_frame(now));
            tokio::select! {
                Some(piece) = self.pieces.recv() => self.piece(piece),
                event = self.events.recv() => {
                    if let Some(refused) = self.line_event(event) {
                        return refused;
                    }
                }
                Ok(permit) = reserve(outbound), if self.core.has_frame(now) => {
                    if let Some(frame) = self.core.next_frame(Instant::now()) {
                        permit.send(frame);
                    }
                }
                () = sleep_until(wake) => {}
            }
        }
    }

    fn tell_held(&self) {
        self.held.send_if_modified(|held| {
            let is_same = self.core.held_runs().eq(held.iter().copied());
            if !is_same {
                *held = self.core.held_runs().collect();
            }
            !is_same
        });
    }

    fn piece(&mut self, piece: Piece) {
        if piece.output.is_last() {
            self.calls.ended(piece.call);
        }
        let taken = self.core.model(piece.call, piece.output, Instant::now());
        if let (Taken::Yes, Some(share)) = (taken, piece.share) {
            // The permits return when the text is settled at the hub.
            share.forget();
        }
    }

    fn line_event(&mut self, event: Option<LineEvent>) -> Option<String> {
        let now = Instant::now();
        match event {
            Some(LineEvent::Up {
                runner,
                hub_name,
                capabilities,
                outbound,
            }) => {
                tracing::info!(runner.id = %runner, "connected to the hub");
                self.outbound = Some(outbound);
                self.core.hub_can(&capabilities);
                self.core.connected(now);
                self.status
                    .send_replace(RunnerStatus::Connected { runner, hub_name });
            }
            Some(LineEvent::Frame(frame)) => self.core.frame(*frame, now),
            Some(LineEvent::Down { why, sent }) => {
                tracing::info!(why, "no connection to the hub");
                self.outbound = None;
                if sent == Sent::Unreadable {
                    self.core.unreadable();
                }
                self.core.disconnected();
                self.status.send_replace(RunnerStatus::Reconnecting { why });
            }
            Some(LineEvent::Refused(refused)) => return Some(refused.to_string()),
            None => return Some("the connection's task has ended unexpectedly".to_owned()),
        }
        None
    }

    async fn apply_effects(&mut self) {
        for effect in self.core.take_effects() {
            match effect {
                Effect::Call {
                    call,
                    session,
                    run,
                    agent,
                    request,
                } => {
                    let prompt = request.prompt;
                    tracing::info!(
                        command.id = %prompt.0,
                        session.id = %session,
                        run.id = %run,
                        call = call.0,
                        messages = request.messages.len(),
                        "the context is built"
                    );
                    self.prompts.insert(run, prompt);
                    let provider = Arc::clone(&self.providers[&agent]);
                    self.calls.start(call, run, provider, request);
                }
                Effect::Drop { call } => self.calls.stop(call).await,
                Effect::Settled { run, bytes } => self.calls.settled(run, bytes),
                Effect::Forgotten { run } => {
                    if let Some(prompt) = self.prompts.remove(&run) {
                        tracing::info!(command.id = %prompt.0, run.id = %run, "the run is over here");
                    }
                    self.calls.forget(run);
                }
            }
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.line.abort();
    }
}

/// Events of the line that wait for the driver.
const EVENTS_MAX: usize = 16;

async fn reserve(
    outbound: Option<mpsc::Sender<ClientFrame>>,
) -> Result<mpsc::OwnedPermit<ClientFrame>, mpsc::error::SendError<()>> {
    match outbound {
        Some(sender) => sender.reserve_owned().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake.into()).await,
        None => std::future::pending().await,
    }
}

//! A runner between a fake hub and a fake model, with views of the log.

use std::sync::Arc;

use baton_protocol::view::{PartState, RowBody};
use baton_protocol::*;
use baton_runner::provider::{ModelProvider, OpenAiEndpoint, OpenAiProvider};
use baton_runner::{Assistant, Runner, RunnerConfig, RunnerStatus};
use baton_testkit::{FakeModel, TcpCutter, WAIT_LIMIT};

use crate::fake_hub::{FakeHub, State};

pub const KEY: &str = "sk-very-secret";

pub struct Scene {
    pub hub: FakeHub,
    pub model: FakeModel,
    pub cutter: TcpCutter,
    pub runner: Runner,
}

/// One piece of a run's answer, as its rows show it.
#[derive(PartialEq, Debug)]
pub enum Piece {
    Text(String, PartState),
    Reasoning(String),
    Steer(String),
}

impl Scene {
    pub async fn start() -> Self {
        let (hub, model) = (FakeHub::start().await, FakeModel::start().await);
        let provider = provider(&model.base_url());
        Self::with(hub, model, provider).await
    }

    pub async fn with(hub: FakeHub, model: FakeModel, provider: Arc<dyn ModelProvider>) -> Self {
        let cutter = TcpCutter::start(hub.addr).await;
        let runner = Runner::start(config(&cutter.addr().to_string(), model.model(), provider));
        Self {
            hub,
            model,
            cutter,
            runner,
        }
    }

    /// Sends a prompt and returns its run.
    pub async fn ask(&self, text: &str) -> RunId {
        self.hub.send(text, Delivery::Queue);
        self.hub.started().await
    }

    /// Sends a prompt and waits for the end of its run.
    pub async fn ask_to_the_end(&self, text: &str) -> (RunId, RunOutcome) {
        let run = self.ask(text).await;
        (run, self.hub.ended(run).await)
    }

    pub fn pieces(&self, run: RunId) -> Vec<Piece> {
        let state = self.hub.state();
        let rows = state
            .transcript
            .rows
            .iter()
            .filter(|row| row.run == Some(run));
        let piece = |body: &RowBody| match body {
            RowBody::Text { text, state } => Some(Piece::Text(text.clone(), *state)),
            RowBody::Reasoning { text, .. } => Some(Piece::Reasoning(text.clone())),
            RowBody::Prompt {
                text,
                steered: true,
                ..
            } => Some(Piece::Steer(text.clone())),
            _ => None,
        };
        rows.filter_map(|row| piece(&row.body)).collect()
    }

    /// The concatenated text of a run.
    pub fn text(&self, run: RunId) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Text(text, _) => text.clone(),
            _ => String::new(),
        };
        self.pieces(run).iter().map(text).collect()
    }

    /// Waits until the log has this much of the run's text.
    pub async fn has_text(&self, run: RunId, bytes: usize) {
        let has = |state: &State| {
            let parts = &state.session.active_run(run)?.parts;
            (parts.iter().map(|part| part.text.len()).sum::<usize>() >= bytes).then_some(())
        };
        self.hub.wait("text of the run", has).await;
    }

    pub fn usage(&self, run: RunId) -> Option<Usage> {
        let state = self.hub.state();
        state.log.iter().find_map(|event| match &event.body {
            EventBody::RunEnded(body) if body.run == run => body.usage.clone(),
            _ => None,
        })
    }

    pub async fn status(&self, what: &str, is: impl Fn(&RunnerStatus) -> bool) -> RunnerStatus {
        let mut status = self.runner.status();
        let waiting = status.wait_for(|status| is(status));
        match tokio::time::timeout(WAIT_LIMIT, waiting).await {
            Ok(found) => found.expect("the runner lives").clone(),
            Err(_) => panic!("not within {WAIT_LIMIT:?}: {what}"),
        }
    }
}

pub fn provider(base_url: &str) -> Arc<OpenAiProvider> {
    let endpoint = OpenAiEndpoint {
        base_url: base_url.to_owned(),
        api_key: Some(KEY.to_owned()),
    };
    Arc::new(OpenAiProvider::new(&endpoint).expect("a base URL"))
}

pub fn config(authority: &str, model: &str, provider: Arc<dyn ModelProvider>) -> RunnerConfig {
    let assistant = Assistant {
        model: model.to_owned(),
        system_prompt: Some("Be brief.".to_owned()),
        context_chars_max: None,
    };
    RunnerConfig {
        hub: HubAddress {
            authority: authority.to_owned(),
            fingerprint: None,
            public_path: None,
        },
        token: "baton_test".to_owned(),
        instance: RunnerInstanceId::mint(),
        agents: vec![assistant.with_provider(provider)],
        model_retry_ms_min: 1,
    }
}

/// `role: text` for each message of a request.
pub fn messages(request: &serde_json::Value) -> Vec<String> {
    let messages = request["messages"].as_array().expect("messages");
    let line = |message: &serde_json::Value| {
        format!(
            "{}: {}",
            message["role"].as_str().expect("a role"),
            message["content"].as_str().expect("a text")
        )
    };
    messages.iter().map(line).collect()
}

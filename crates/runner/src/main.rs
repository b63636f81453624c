//! `baton-runner`: hosts the built-in agent on this machine for any hub.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use baton_protocol::{ErrorCode, LinkCode, Principal, RunnerId, RunnerInstanceId};
use baton_runner::provider::{KeyInClear, OpenAiEndpoint, OpenAiProvider, UseEndpointError};
use baton_runner::{Assistant, Identity, Runner, RunnerConfig, RunnerStatus, limits};
use baton_transport::{
    ConnectError, LinkError, ON_COMMAND_LINE, is_on_command_line, secret_argument,
};
use clap::{Parser, ValueEnum};
use tracing_subscriber::EnvFilter;

/// Exit code if the hub refuses this runner: only a new link helps.
const EXIT_REFUSED: u8 = 3;

/// Hosts an agent: takes runs from a hub and answers them with a model of any OpenAI-compatible server.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// The directory for the runner's token for the hub (runner.json, readable only by its user).
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// A link for a runner, from `baton-hub link --role runner`; needed once. `-` reads it from standard input, where other users
    /// cannot see it.
    #[arg(long, value_name = "LINK", env = "BATON_LINK", hide_env_values = true)]
    link: Option<String>,
    /// The name that devices show.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The model server, for example http://127.0.0.1:8080/v1.
    #[arg(long, value_name = "URL", env = "OPENAI_BASE_URL")]
    base_url: String,
    /// The server's API key, if it needs one: from the environment, or `-` to read it from standard input (after the link, if both
    /// come from there).
    #[arg(
        long,
        value_name = "KEY",
        env = "OPENAI_API_KEY",
        hide_env_values = true
    )]
    api_key: Option<String>,
    /// Sends the API key even over plain http to a host outside this network, where anyone on the way can read it.
    #[arg(long, env = "BATON_ALLOW_KEY_OVER_HTTP")]
    allow_key_over_http: bool,
    /// The model, as its server names it.
    #[arg(long, value_name = "NAME", env = "BATON_MODEL")]
    model: String,
    /// A text file with the system prompt, which the agent is told first.
    #[arg(long, value_name = "FILE")]
    system_prompt_file: Option<PathBuf>,
    /// Sends at most this many characters of a conversation to the model; set it for models with a small context.
    #[arg(long, value_name = "COUNT", env = "BATON_CONTEXT_CHARS")]
    context_chars: Option<usize>,
    /// The format of log lines.
    #[arg(long, value_enum, default_value_t = LogFormat::Text, env = "BATON_LOG_FORMAT")]
    log_format: LogFormat,
}

/// The format of log lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_stderr(arguments.log_format);
    match run(arguments).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("baton-runner: {error:#}");
            match error.downcast_ref::<LinkError>() {
                Some(_) => ExitCode::from(EXIT_REFUSED),
                None => ExitCode::FAILURE,
            }
        }
    }
}

fn log_to_stderr(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(filter);
    match format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
}

/// Reads the secrets that come from standard input, and warns about those that other users can see on the command line.
fn with_secrets(mut arguments: Arguments) -> Result<Arguments> {
    if is_on_command_line(std::env::args(), &["--link", "--api-key"]) {
        tracing::warn!("{ON_COMMAND_LINE}");
    }
    if let Some(link) = &arguments.link {
        arguments.link = Some(secret_argument(link).context("no link")?);
    }
    if let Some(key) = &arguments.api_key {
        arguments.api_key = Some(secret_argument(key).context("no API key")?);
    }
    Ok(arguments)
}

async fn run(arguments: Arguments) -> Result<ExitCode> {
    let arguments = with_secrets(arguments)?;
    let endpoint = OpenAiEndpoint {
        base_url: arguments.base_url.clone(),
        api_key: arguments.api_key.clone(),
    };
    let in_clear = match arguments.allow_key_over_http {
        true => KeyInClear::Allowed,
        false => KeyInClear::Refused,
    };
    let provider = OpenAiProvider::with_key_in_clear(&endpoint, in_clear).map_err(with_hint)?;
    let system_prompt = match &arguments.system_prompt_file {
        Some(path) => Some(
            std::fs::read_to_string(path)
                .with_context(|| format!("cannot read `{}`", path.display()))?,
        ),
        None => None,
    };
    let identity = identity(&arguments).await?;
    let assistant = Assistant {
        model: arguments.model,
        system_prompt,
        context_chars_max: arguments.context_chars,
    };
    let runner = Runner::start(RunnerConfig {
        hub: identity.hub,
        token: identity.token,
        instance: RunnerInstanceId::mint(),
        agents: vec![assistant.with_provider(Arc::new(provider))],
        model_retry_ms_min: limits::MODEL_RETRY_MS_MIN,
    });
    let mut status = runner.status();
    let end = tokio::select! {
        () = interrupted() => None,
        refused = follow(&mut status) => Some(refused),
    };
    runner.stop().await;
    Ok(match end {
        None => ExitCode::SUCCESS,
        Some(message) => {
            eprintln!("baton-runner: {message}");
            ExitCode::from(EXIT_REFUSED)
        }
    })
}

fn with_hint(error: UseEndpointError) -> anyhow::Error {
    match error {
        UseEndpointError::KeyInClear { .. } => {
            anyhow::anyhow!("{error}, or say `--allow-key-over-http`")
        }
        error => error.into(),
    }
}

/// The stored identity, or a new one from the link.
async fn identity(arguments: &Arguments) -> Result<Identity> {
    let kept = Identity::load(&arguments.data)?;
    let Some(link) = &arguments.link else {
        return kept.context(
            "this runner is not linked: make a link at the hub and give it on standard input with `--link -`",
        );
    };
    let code: LinkCode = link.parse()?;
    Identity::prepare(&arguments.data)?;
    let name = arguments.name.clone().unwrap_or_else(machine_name);
    let answer = match baton_transport::link(&code, &name).await {
        Ok(answer) => answer,
        // A service that restarts with the same command line has already used this link.
        Err(LinkError::Connect(ConnectError::Refused(error)))
            if matches!(
                error.code,
                ErrorCode::LinkCodeUsed | ErrorCode::LinkCodeExpired | ErrorCode::LinkCodeUnknown
            ) && kept.as_ref().is_some_and(|kept| kept.hub == code.hub) =>
        {
            return Ok(kept.expect("it was just looked at"));
        }
        Err(error) => return Err(error.into()),
    };
    let Principal::Runner { runner, .. } = answer.principal else {
        bail!("this link is for a device: make one for a runner");
    };
    let identity = Identity {
        hub: code.hub,
        runner,
        token: answer.token,
    };
    identity.save(&arguments.data)?;
    Ok(identity)
}

fn machine_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() {
        "Runner".to_owned()
    } else {
        name.trim().to_owned()
    }
}

/// Prints a line when the runner first connects. Returns the message when the hub refuses the runner.
async fn follow(status: &mut tokio::sync::watch::Receiver<RunnerStatus>) -> String {
    let mut has_said = false;
    loop {
        let now = status.borrow_and_update().clone();
        match now {
            RunnerStatus::Connected { runner, .. } if !has_said => {
                has_said = true;
                say_connected(runner);
            }
            RunnerStatus::Refused { message } => return message,
            _ => {}
        }
        if status.changed().await.is_err() {
            return "the runner has ended unexpectedly".to_owned();
        }
    }
}

fn say_connected(runner: RunnerId) {
    let line = serde_json::json!({ "connected": true, "runner": runner });
    let mut out = std::io::stdout().lock();
    // A reader that closed the pipe does not need the line.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

#[cfg(unix)]
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).expect("a signal handler can be set");
    let mut interrupt = signal(SignalKind::interrupt()).expect("a signal handler can be set");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

#[cfg(not(unix))]
async fn interrupted() {
    tokio::signal::ctrl_c()
        .await
        .expect("a signal handler can be set");
}

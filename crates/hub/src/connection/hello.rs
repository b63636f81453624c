//! The first frame: which protocol, and for a runner what it hosts.

use std::time::Duration;

use baton_protocol::{ClientFrame, ErrorBody, ErrorCode, Role, RunnerHello, limits};

use super::End;
use super::incoming::Incoming;
use super::parse::{Parsed, parse};

/// What a client said of itself, as far as the hub believes it.
pub struct Hello {
    /// Whether it wants to hear what people do at their devices.
    pub hears_attention: bool,
    /// What it hosts, where it is a runner.
    pub runner: Option<RunnerHello>,
}

/// Waits for the first frame, for as long as the protocol allows.
pub async fn wait(incoming: &mut Incoming<'_>, role: Role) -> Result<Hello, End> {
    let limit = Duration::from_millis(limits::HELLO_TIMEOUT_MS);
    let Ok(text) = tokio::time::timeout(limit, incoming.next()).await else {
        return Err(End::Because(
            ErrorCode::HeartbeatMissed.with("no hello came in time", "send `hello` first"),
        ));
    };
    check(parse(&text?), role).map_err(End::Because)
}

fn check(parsed: Parsed, role: Role) -> Result<Hello, ErrorBody> {
    let (protocol, capabilities, runner) = match parsed {
        Parsed::Frame(ClientFrame::Hello {
            protocol,
            capabilities,
            runner,
        }) => (protocol, capabilities, runner),
        Parsed::Malformed(error) => return Err(error),
        Parsed::Frame(_) | Parsed::Unknown { .. } => {
            return Err(ErrorCode::MalformedFrame
                .with("the first frame is not a hello", "send `hello` first"));
        }
    };
    if protocol != limits::PROTOCOL_VERSION {
        let message = format!(
            "this hub speaks protocol {}, not {protocol}",
            limits::PROTOCOL_VERSION
        );
        return Err(ErrorCode::UnsupportedProtocol.with(message, "update the older one of the two"));
    }
    let hears_attention = capabilities
        .iter()
        .any(|capability| capability == limits::ATTENTION_CAPABILITY);
    let runner =
        match (role, runner) {
            (Role::Device, None) => Ok(None),
            (Role::Device, Some(_)) => {
                Err(ErrorCode::Forbidden.with("a device hosts no agents", "link it as a runner"))
            }
            (Role::Runner, None) => Err(ErrorCode::MalformedFrame
                .with("a runner's hello says what it hosts", "send `runner`")),
            (Role::Runner, Some(runner)) => check_agents(runner).map(Some),
        };
    Ok(Hello {
        hears_attention: hears_attention && role == Role::Device,
        runner: runner?,
    })
}

fn check_agents(runner: RunnerHello) -> Result<RunnerHello, ErrorBody> {
    let name_max = 4 * limits::DEVICE_NAME_CHARS_MAX;
    let fits = runner.agents.len() <= limits::AGENTS_PER_RUNNER_MAX
        && runner.agents.iter().all(|agent| {
            let id = &agent.id.0;
            !id.is_empty()
                && id.len() <= limits::AGENT_ID_BYTES_MAX
                && agent.name.len() <= name_max
                && agent.model.len() <= name_max
        });
    if fits {
        Ok(runner)
    } else {
        Err(ErrorCode::TooLarge.with(
            "too many agents, or an agent's id or name is too long",
            "offer less",
        ))
    }
}

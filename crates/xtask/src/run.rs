//! Hub, runner, model and desktop on this machine, ready to chat with, until Ctrl-C.

mod devices;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde::Deserialize;

use crate::console::{heading, say, waiting};
use crate::model::{self, Endpoint, ModelServer};
use crate::services::Service;
use crate::setup::{self, Purpose, has_display};
use crate::{paths, process, ui};
use devices::Links;

#[derive(Args)]
pub struct Options {
    /// How many windows to open, each a device of its own.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=8))]
    devices: u8,
    /// Where the hub listens.
    #[arg(long, default_value = "127.0.0.1:7420")]
    listen: SocketAddr,
    /// Forget the conversations and devices of earlier runs first.
    #[arg(long)]
    fresh: bool,
    /// Open no window, even where there is a display.
    #[arg(long)]
    headless: bool,
    /// Keep the devices' tokens in plain files, where there is no system keyring.
    #[arg(long)]
    insecure_token_file: bool,
}

/// How long the hub and the runner may take to come up.
const READY_LIMIT: Duration = Duration::from_secs(30);

/// The task `run`.
pub fn run(options: &Options) -> Result<()> {
    let windows = has_display() && !options.headless;
    let own = own_endpoint()?;
    setup::setup(match (windows, own.is_some()) {
        (true, false) => Purpose::Run,
        (true, true) => Purpose::RunOwnModel,
        (false, false) => Purpose::RunHeadless,
        (false, true) => Purpose::RunHeadlessOwnModel,
    })?;
    build(windows)?;
    if options.fresh {
        forget()?;
    }
    keep_address(&paths::local("run/address")?, options.listen)?;
    heading("starting");
    let mut services = Vec::new();
    let provider = provider(own, &mut services)?;
    let (hub, address) = start_hub(options.listen)?;
    services.push(hub);
    let links = Links {
        folder: paths::local("run/linked")?,
        hub_data: hub_data()?,
    };
    services.push(start_runner(&provider, &links)?);
    say(&format!(
        "hub at {address}, agent \"Assistant\" on {}",
        provider.model
    ));
    if windows {
        open_windows(options, &links, &mut services)?;
    } else {
        devices::introduce_terminal(&links)?;
    }
    say("Ctrl-C ends everything.");
    supervise(services, options)
}

struct Provider {
    base_url: String,
    api_key: Option<String>,
    model: String,
    /// How much of a conversation fits into its context, where that is known to be little.
    context_chars: Option<usize>,
}

fn own_endpoint() -> Result<Option<Provider>> {
    let Some(own) = model::own_endpoint() else {
        return Ok(None);
    };
    let unnamed = "OPENAI_BASE_URL is set: say which model to use there in BATON_MODEL";
    Ok(Some(Provider {
        base_url: own.base_url,
        api_key: own.api_key,
        model: own.model.context(unnamed)?,
        context_chars: None,
    }))
}

fn build(windows: bool) -> Result<()> {
    let mut packages = vec!["baton-hub", "baton-runner", "baton-cli"];
    if windows {
        heading("building the interface");
        ui::build_if_stale()?;
        packages.push("baton");
    }
    heading("building the programs (the first time takes minutes)");
    let mut build = process::cargo();
    build.args(["build", "--bins"]);
    for package in packages {
        build.args(["--package", package]);
    }
    process::run(&mut build)
}

fn forget() -> Result<()> {
    let folder = paths::local("run")?;
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove `{}`", paths::shown(&folder)))
        }
        _ => Ok(()),
    }
}

/// The runner and the devices of earlier runs know the hub by its address: it stays the same until they are forgotten.
fn keep_address(file: &Path, listen: SocketAddr) -> Result<()> {
    match fs::read_to_string(file) {
        Ok(known) if known.trim() == listen.to_string() => Ok(()),
        Ok(known) => bail!(
            "earlier runs know the hub at {known}: run with `--listen {known}`, or begin anew with `--fresh`"
        ),
        Err(_) => {
            if let Some(folder) = file.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(file, listen.to_string()).context("cannot note the hub's address")
        }
    }
}

fn provider(own: Option<Provider>, services: &mut Vec<Service>) -> Result<Provider> {
    if let Some(own) = own {
        return Ok(own);
    }
    let ModelServer { service, endpoint } = model::start(0, &log("model-server")?)?;
    services.push(service);
    let Endpoint { base_url, model } = endpoint;
    Ok(Provider {
        base_url,
        api_key: None,
        model,
        context_chars: Some(model::CONTEXT_CHARS),
    })
}

fn hub_data() -> Result<PathBuf> {
    paths::local("run/hub")
}

fn log(name: &str) -> Result<PathBuf> {
    paths::local(&format!("run/logs/{name}.log"))
}

/// The hub's line on standard output when it is ready.
#[derive(Deserialize)]
struct HubReady {
    listening: SocketAddr,
}

fn start_hub(listen: SocketAddr) -> Result<(Service, SocketAddr)> {
    let mut command = process::command(paths::program("baton-hub"));
    command
        .arg("serve")
        .arg("--data")
        .arg(hub_data()?)
        .args(["--listen", &listen.to_string()]);
    let mut hub = Service::start("the hub", &mut command, &log("hub")?)?;
    let ready = waiting("starting the hub", || {
        hub.wait_for(READY_LIMIT, |line| {
            serde_json::from_str::<HubReady>(line).ok()
        })
    })
    .context(
        "the hub did not start; is another one using its address (see --listen) or its data?",
    )?;
    Ok((hub, ready.listening))
}

/// The runner's line on standard output when the hub has taken it.
#[derive(Deserialize)]
struct RunnerReady {
    connected: bool,
}

fn start_runner(provider: &Provider, links: &Links) -> Result<Service> {
    let data = paths::local("run/runner")?;
    let mut command = process::command(paths::program("baton-runner"));
    command.arg("--data").arg(&data);
    if !data.join("runner.json").is_file() {
        command.env("BATON_LINK", links.fresh("runner")?);
    }
    // By environment: a command line is readable by every process of this machine.
    command.env("OPENAI_BASE_URL", &provider.base_url);
    command.env("BATON_MODEL", &provider.model);
    if let Some(api_key) = &provider.api_key {
        command.env("OPENAI_API_KEY", api_key);
    }
    if let Some(context_chars) = provider.context_chars {
        command.env("BATON_CONTEXT_CHARS", context_chars.to_string());
    }
    let mut runner = Service::start("the runner", &mut command, &log("runner")?)?;
    waiting("starting the runner", || {
        runner.wait_for(READY_LIMIT, |line| {
            let ready = serde_json::from_str::<RunnerReady>(line).ok()?;
            ready.connected.then_some(())
        })
    })
    .context("the runner did not start; after a new hub, `--fresh` forgets its old link")?;
    Ok(runner)
}

fn open_windows(options: &Options, links: &Links, services: &mut Vec<Service>) -> Result<()> {
    for number in 1..=options.devices {
        let name = format!("device{number}");
        let mut command = devices::desktop(&name, options.insecure_token_file)?;
        // A profile that has a hub pays no attention to it.
        command.env("BATON_LINK", links.fresh("device")?);
        services.push(Service::start(&name, &mut command, &log(&name)?)?);
        say(&format!("window {number} is the device \"{name}\""));
    }
    Ok(())
}

/// Until Ctrl-C, or until something ends that the rest cannot do without.
fn supervise(mut services: Vec<Service>, options: &Options) -> Result<()> {
    loop {
        let mut index = 0;
        while index < services.len() {
            match services[index].ended()? {
                None => index += 1,
                Some(status) => {
                    let ended = services.remove(index);
                    if !ended.name().starts_with("device") {
                        // The newest first: windows, runner, hub, model.
                        while services.pop().is_some() {}
                        bail!("{} ended ({status})\n{}", ended.name(), ended.log_tail());
                    }
                    let again = devices::desktop(ended.name(), options.insecure_token_file)?;
                    let name = ended.name();
                    say(&format!(
                        "the window of {name} was closed ({status}); answers go on without it"
                    ));
                    say(&format!("open it again: {}", devices::line(&again)));
                }
            }
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_address_is_refused_while_devices_know_the_first() {
        let folder = std::env::temp_dir().join(format!("baton-address-{}", std::process::id()));
        let file = folder.join("run/address");
        let first = SocketAddr::from(([127, 0, 0, 1], 7420));
        let second = SocketAddr::from(([127, 0, 0, 1], 7421));
        keep_address(&file, first).expect("the first is noted");
        keep_address(&file, first).expect("the same again");
        let refused = keep_address(&file, second).expect_err("another one");
        assert!(refused.to_string().contains("--fresh"));
        fs::remove_dir_all(folder).expect("the folder was made here");
    }
}

//! The hub in a process of its own, as it runs for people: this program again, under another name.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use baton_hub::{Hub, HubConfig, HubOptions, SystemClock, Tls};
use baton_log_sqlite::SqliteEventLog;
use baton_protocol::{HubAddress, LinkCode, LinkResponse, Role};
use baton_testkit::Child;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::bench::Bench;
use crate::peers::free_port;

/// Descriptors that a process with ten thousand connections needs.
const DESCRIPTORS: u64 = 65_536;

/// What the process says when it serves.
#[derive(Serialize, Deserialize)]
struct Ready {
    device: String,
    runner: String,
    /// For benchmarks with several runners.
    more_runners: Vec<String>,
}

/// Runners beside the first one that a benchmark may link.
const MORE_RUNNERS: usize = 8;

/// What the process does: serves until it is killed.
pub async fn serve(data: &Path, port: u16) -> Result<()> {
    raise_descriptors()?;
    let log_folder = data.join("log");
    let log = tokio::task::spawn_blocking(move || SqliteEventLog::open(&log_folder)).await??;
    let config = HubConfig {
        name: "bench hub".to_owned(),
        data_dir: data.to_owned(),
        listen: crate::peers::loopback(port),
        tls: Tls::Plain,
    };
    let hub = Hub::start_with(
        config,
        HubOptions::default(),
        Arc::new(log),
        Arc::new(SystemClock),
    )
    .await?;
    let account = hub.account();
    let mut more_runners = Vec::new();
    for _ in 0..MORE_RUNNERS {
        more_runners.push(hub.link_code(Role::Runner, account).await?.to_string());
    }
    let ready = Ready {
        more_runners,
        device: hub.link_code(Role::Device, account).await?.to_string(),
        runner: hub.link_code(Role::Runner, account).await?.to_string(),
    };
    println!("{}", serde_json::to_string(&ready)?);
    std::io::stdout().flush()?;
    std::future::pending::<()>().await;
    Ok(())
}

/// Lets this process hold as many sockets as its limit allows.
pub fn raise_descriptors() -> Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit
        .maximum
        .map_or(DESCRIPTORS, |most| most.min(DESCRIPTORS));
    let raised = Rlimit {
        current: Some(wanted),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).context("the limit of descriptors cannot be raised")
}

/// A hub's process, with a device and a runner that are linked to it.
pub struct HubProcess {
    child: Child,
    data: PathBuf,
    _folder: Option<TempDir>,
    pub address: HubAddress,
    pub device: LinkResponse,
    pub runner: LinkResponse,
    more_runners: Vec<String>,
}

impl HubProcess {
    /// On fresh data.
    pub async fn start(bench: &Bench) -> Result<Self> {
        let folder = bench.fresh("hub")?;
        let data = folder.path().join("data");
        Self::start_on(data, Some(folder)).await
    }

    /// On data that is there, perhaps.
    pub async fn start_on(data: PathBuf, folder: Option<TempDir>) -> Result<Self> {
        let port = free_port()?;
        let (child, ready) = spawn(&data, port).await?;
        let code: LinkCode = ready.device.parse()?;
        let device = baton_transport::link(&code, "Laptop").await?;
        let runner = baton_transport::link(&ready.runner.parse()?, "Runner").await?;
        Ok(Self {
            child,
            data,
            _folder: folder,
            address: code.hub,
            device,
            runner,
            more_runners: ready.more_runners,
        })
    }

    pub async fn another_runner(&mut self) -> Result<LinkResponse> {
        let code = self.more_runners.pop().context("no code is left")?;
        Ok(baton_transport::link(&code.parse()?, "Another").await?)
    }

    /// SIGKILL.
    pub async fn kill_9(&mut self) {
        self.child.kill_9().await;
    }

    /// Starts it again where it was. Its tokens still hold.
    pub async fn start_again(&mut self) -> Result<()> {
        let port = self
            .address
            .authority
            .rsplit(':')
            .next()
            .unwrap_or_default()
            .parse()?;
        let (child, _) = spawn(&self.data, port).await?;
        self.child = child;
        Ok(())
    }

    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Its folder.
    pub fn data(&self) -> &Path {
        &self.data
    }
}

async fn spawn(data: &Path, port: u16) -> Result<(Child, Ready)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("hub").arg(data).arg(port.to_string());
    let child = Child::spawn(command);
    let ready = child
        .wait_for_line("its links", |line| serde_json::from_str(line).ok())
        .await;
    Ok((child, ready))
}

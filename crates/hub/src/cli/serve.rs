//! `baton-hub serve`.

use std::fs;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use baton_hub::{
    AdminSocket, DataDirClaim, Hub, HubConfig, HubOptions, LogBackend, RunningHub, SystemClock, Tls,
};
use serde::Serialize;

use super::arguments::Serve;

/// The line on standard output that says that the hub serves.
#[derive(Serialize)]
struct ReadyLine<'a> {
    listening: String,
    fingerprint: Option<&'a str>,
}

/// Runs the hub until a signal.
pub fn serve(arguments: Serve, backend: LogBackend) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    runtime.block_on(serve_until_signal(arguments, backend))
}

async fn serve_until_signal(arguments: Serve, backend: LogBackend) -> anyhow::Result<()> {
    let mut signals = Signals::listen().context("signals cannot be listened to")?;
    // Before the log is opened: two hubs must not even look at the same one.
    let claim = DataDirClaim::take(&arguments.data)?;
    claim.settle_log(|_| (backend.open)(claim.path())).await?;
    let data = arguments.data.clone();
    let log = tokio::task::spawn_blocking(move || (backend.open)(&data))
        .await
        .context("the start was interrupted")?
        .map_err(anyhow::Error::from_boxed)?;
    let (config, options) = settings(arguments);
    let hub = Hub::start_claimed(config, options, log, Arc::new(SystemClock), claim).await?;
    announce(&hub)?;
    let signal = signals.next().await;
    tracing::info!(signal, "the hub stops");
    hub.stop().await;
    tracing::info!("the hub has stopped");
    Ok(())
}

fn settings(arguments: Serve) -> (HubConfig, HubOptions) {
    let tls = match (arguments.tls_cert, arguments.tls_key) {
        (Some(certificate), Some(key)) => Tls::Files { certificate, key },
        _ => Tls::OwnCertificate,
    };
    let name = arguments.name.unwrap_or_else(computer_name);
    let config = HubConfig {
        name,
        data_dir: arguments.data,
        listen: arguments.listen,
        tls,
    };
    let usual = HubOptions::default();
    let options = HubOptions {
        lease: arguments
            .lease_ms
            .map_or(usual.lease, Duration::from_millis),
        public_name: arguments.public_name,
        public_url: arguments.public_url,
        trusted_proxies: arguments.trusted_proxy,
        allowed_hosts: arguments.allow_host,
        allowed_origins: arguments.allow_origin,
        admin_socket: if cfg!(unix) {
            AdminSocket::Open
        } else {
            AdminSocket::None
        },
        ..usual
    };
    (config, options)
}

fn computer_name() -> String {
    let named = fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok());
    let named = named
        .or_else(|| std::env::var("COMPUTERNAME").ok())
        .unwrap_or_default();
    let name = named.trim();
    if name.is_empty() {
        "hub".to_owned()
    } else {
        name.to_owned()
    }
}

fn announce(hub: &RunningHub) -> anyhow::Result<()> {
    let line = ReadyLine {
        listening: hub.local_addr().to_string(),
        fingerprint: hub.fingerprint(),
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(&line)?)
        .and_then(|()| out.flush())
        .context("standard output is closed")?;
    tracing::info!(tls = hub.fingerprint().is_some(), "the hub serves");
    Ok(())
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "terminate",
            _ = self.interrupt.recv() => "interrupt",
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> &'static str {
        match tokio::signal::ctrl_c().await {
            Ok(()) => "interrupt",
            Err(_) => std::future::pending().await,
        }
    }
}

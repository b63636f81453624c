//! The peers: each a real program of its own, started fresh on loopback with fresh data.

pub mod durable_streams;
pub mod nats;
pub mod node;
pub mod redis;
pub mod resp;
pub mod sqlite;

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use baton_testkit::Child;
use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take to answer for the first time.
const READY_LIMIT: Duration = Duration::from_secs(20);

/// How often it is asked.
const READY_PAUSE: Duration = Duration::from_millis(5);

/// Whether a server's calls to the disk are counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Watch {
    /// By `strace`, which slows it: never while something is timed.
    Syncs,
    No,
}

/// A running server. Dropped, it is killed.
pub struct Server {
    child: Child,
    pub port: u16,
    syncs: Option<PathBuf>,
}

impl Server {
    /// Starts a program. `data` is where the counts of a watched one are written.
    pub fn start(
        program: &Path,
        arguments: &[String],
        port: u16,
        data: &Path,
        watch: Watch,
    ) -> Result<Self> {
        if !program.is_file() {
            bail!("`{}` is not installed", program.display());
        }
        let syncs = data.join("syncs.txt");
        let mut command = match watch {
            Watch::No => Command::new(program),
            Watch::Syncs => {
                let mut strace = Command::new("strace");
                strace.args(["-f", "-c", "-e", "trace=fsync,fdatasync", "-o"]);
                strace.arg(&syncs).arg(program);
                strace
            }
        };
        command.args(arguments);
        Ok(Self {
            child: Child::spawn(command),
            port,
            syncs: (watch == Watch::Syncs).then_some(syncs),
        })
    }

    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// SIGKILL, as a power cut for the process.
    pub async fn kill_9(mut self) {
        self.child.kill_9().await;
    }

    /// Ends a watched server and gives how often it synced.
    pub async fn count_syncs(mut self) -> Result<u64> {
        let file = self.syncs.take().context("the server is not watched")?;
        // strace would leave its program running: the program is ended, and strace with it.
        let children = format!("/proc/{0}/task/{0}/children", self.child.pid());
        for pid in std::fs::read_to_string(children)?.split_whitespace() {
            if let Some(pid) = Pid::from_raw(pid.parse()?) {
                kill_process(pid, Signal::TERM)?;
            }
        }
        self.child.wait_exit().await;
        parse_syncs(&std::fs::read_to_string(file)?)
    }

    /// The same for a program that ends by itself.
    pub async fn syncs_at_its_end(mut self) -> Result<u64> {
        let file = self.syncs.take().context("the program is not watched")?;
        let status = self.child.wait_exit().await;
        if !status.success() {
            bail!("it failed: {}", self.child);
        }
        parse_syncs(&std::fs::read_to_string(file)?)
    }
}

/// The calls in the table that `strace -c` writes.
fn parse_syncs(table: &str) -> Result<u64> {
    let mut calls = 0;
    for line in table.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let (Some(&("fsync" | "fdatasync")), Some(count)) = (words.last(), words.get(3)) {
            calls += count.parse::<u64>()?;
        }
    }
    Ok(calls)
}

/// A port that was free a moment ago.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Loopback.
pub fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Tries until it succeeds or the limit passes.
pub async fn ready<T, F>(what: &str, mut attempt: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let began = Instant::now();
    loop {
        match attempt().await {
            Ok(ready) => return Ok(ready),
            Err(error) if began.elapsed() > READY_LIMIT => {
                return Err(error).with_context(|| format!("{what} does not answer"));
            }
            Err(_) => tokio::time::sleep(READY_PAUSE).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse_syncs;

    #[test]
    fn both_calls_count() {
        let table = "% time     seconds  usecs/call     calls    errors syscall\n\
                     ------ ----------- ----------- --------- --------- ----------------\n \
                     60.00    0.000010          1       100           fdatasync\n \
                     40.00    0.000010          1         7           fsync\n\
                     ------ ----------- ----------- --------- --------- ----------------\n\
                     100.00    0.000020          1       107           total\n";
        assert_eq!(parse_syncs(table).unwrap(), 107);
        assert_eq!(parse_syncs("").unwrap(), 0);
    }
}

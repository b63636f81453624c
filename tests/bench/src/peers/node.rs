//! Peers that are Node programs: the scripts of `tests/bench/peers`, beside their packages in the installed folder.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{Server, Watch};
use crate::bench::Bench;

/// Starts a script and waits for the line of JSON that says that it is ready.
pub async fn start(
    bench: &Bench,
    script: &str,
    arguments: &[&str],
    data: &Path,
    watch: Watch,
) -> Result<(Server, Value)> {
    let mut words = vec![
        bench
            .installed(format!("peers/{script}"))
            .display()
            .to_string(),
    ];
    anyhow::ensure!(
        Path::new(&words[0]).is_file(),
        "`{}` is not installed",
        words[0]
    );
    words.extend(arguments.iter().map(|&word| word.to_owned()));
    let mut server = Server::start(&program()?, &words, 0, data, watch)?;
    let said = server
        .child
        .wait_for_line("its address", |line| {
            serde_json::from_str::<Value>(line).ok()
        })
        .await;
    server.port = said["port"]
        .as_u64()
        .and_then(|port| port.try_into().ok())
        .unwrap_or_default();
    Ok((server, said))
}

/// Runs a script to its end and gives the last line of JSON that it printed.
pub async fn run(bench: &Bench, script: &str, arguments: &[&str]) -> Result<Value> {
    let file = bench.installed(format!("peers/{script}"));
    let output = tokio::process::Command::new(program()?)
        .arg(file)
        .args(arguments)
        .output()
        .await?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().last().with_context(|| {
        format!(
            "`{script}` said nothing: {}",
            String::from_utf8_lossy(&output.stderr)
        )
    })?;
    serde_json::from_str(line).with_context(|| format!("`{script}` said `{line}`"))
}

fn program() -> Result<std::path::PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders)
        .map(|folder| folder.join("node"))
        .find(|path| path.is_file())
        .context("node is not installed")
}

//! Link codes for what `run` starts, and the devices that use them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::console::say;
use crate::{paths, process, setup};

/// Who was linked to the hub in an earlier run, remembered as an empty file for each.
pub struct Links {
    pub folder: PathBuf,
    pub hub_data: PathBuf,
}

impl Links {
    /// A fresh link for one that was not linked before.
    pub fn first(&self, name: &str, role: &str) -> Result<Option<String>> {
        if self.folder.join(name).is_file() {
            return Ok(None);
        }
        self.fresh(role).map(Some)
    }

    /// A link that works once, within minutes.
    pub fn fresh(&self, role: &str) -> Result<String> {
        let mut link = process::command(paths::program("baton-hub"));
        link.arg("link")
            .arg("--data")
            .arg(&self.hub_data)
            .args(["--role", role]);
        let text = process::output(&mut link)?;
        let found = find_link(&text)
            .with_context(|| format!("`baton-hub link` gave no link but: {text}"))?;
        Ok(found.to_owned())
    }

    /// The link was handed over.
    pub fn used(&self, name: &str) -> Result<()> {
        fs::create_dir_all(&self.folder)?;
        setup::stamp(&self.folder.join(name), "")
    }
}

fn find_link(text: &str) -> Option<&str> {
    text.split_whitespace()
        .find(|word| word.starts_with("baton://link?"))
}

/// The desktop as a device of this name.
pub fn desktop(name: &str, insecure_token_file: bool) -> Result<Command> {
    let mut command = process::command(paths::program("baton"));
    command
        .args(["--profile", name, "--data-root"])
        .arg(paths::local("run/desktop")?);
    if insecure_token_file {
        command.arg("--insecure-token-file");
    }
    Ok(command)
}

/// A command as a person types it in the repository's root.
pub fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| paths::shown(Path::new(word)))
        .collect::<Vec<_>>()
        .join(" ")
}

const TERMINAL: &str = "terminal";

/// Links `batonctl` as a device and says how to chat with it.
pub fn introduce_terminal(links: &Links) -> Result<()> {
    let program = paths::program("batonctl");
    let data = paths::local("run/terminal")?;
    if let Some(link) = links.first(TERMINAL, "device")? {
        let mut command = process::command(&program);
        command
            .arg("--data")
            .arg(&data)
            .args(["link", &link, "--name", TERMINAL]);
        process::output(&mut command)?;
        links.used(TERMINAL)?;
    }
    let mut chat = process::command(&program);
    chat.arg("--data").arg(&data);
    say("No window opens (no DISPLAY and no WAYLAND_DISPLAY, or --headless).");
    say("Chat from another terminal, in this folder:");
    println!(
        "\n   {} new --wait \"Why is there high tide twice a day?\"\n",
        line(&chat)
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_found_among_words_for_people() {
        assert_eq!(
            find_link("Within 5 minutes:\n  baton://link?v=1&h=x\n"),
            Some("baton://link?v=1&h=x")
        );
        assert_eq!(find_link("no"), None);
    }
}

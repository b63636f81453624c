//! `docs/RELIABILITY.md`: a row for each invariant, and every test that it names is there.

use std::collections::HashSet;
use std::fs;

use anyhow::{Context as _, Result};

use super::Finding;
use super::source::SourceFile;
use crate::paths;

const PAGE: &str = "docs/RELIABILITY.md";
/// How many invariants there are; the page's own numbers.
const INVARIANTS: usize = 25;
/// What a row says that has no test yet.
const NOT_YET: &str = "not yet";
/// Stands between a mutation and the tests that caught it.
const CAUGHT_BY: char = '→';

/// Reads the page and compares it with the sources.
pub fn check_page(files: &[SourceFile]) -> Result<Vec<Finding>> {
    let page = fs::read_to_string(paths::root().join(PAGE))
        .with_context(|| format!("cannot read `{PAGE}`"))?;
    let tests = files.iter().flat_map(test_names).collect();
    Ok(check(&page, &tests))
}

fn check(page: &str, tests: &HashSet<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut rows = [0; INVARIANTS + 1];
    for (index, line) in page.lines().enumerate() {
        let place = format!("{PAGE}:{}", index + 1);
        let Some((number, cells)) = row(line) else {
            continue;
        };
        let Some(count) = rows.get_mut(number).filter(|_| number > 0) else {
            findings.push(Finding::error(
                place,
                format!("there is no invariant {number}"),
            ));
            continue;
        };
        *count += 1;
        let [_, _, proofs, mutations] = cells[..] else {
            findings.push(Finding::error(place, "a row has four cells"));
            continue;
        };
        let proofs_named = quoted(proofs);
        if proofs_named.is_empty() && !proofs.contains(NOT_YET) {
            findings.push(Finding::error(
                &place,
                format!("names no test, nor says `{NOT_YET}`"),
            ));
        }
        let caught = mutations.split(CAUGHT_BY).skip(1);
        let caught = caught.flat_map(|rest| quoted(rest.split(';').next().unwrap_or_default()));
        for name in proofs_named
            .into_iter()
            .chain(caught)
            .filter(|name| !tests.contains(name))
        {
            findings.push(Finding::error(&place, format!("there is no test `{name}`")));
        }
    }
    let numbers = rows.iter().enumerate().skip(1);
    findings.extend(
        numbers
            .filter(|(_, count)| **count != 1)
            .map(|(number, count)| {
                Finding::error(PAGE, format!("invariant {number} has {count} rows"))
            }),
    );
    findings
}

/// A row of the table of invariants: its number and its cells.
fn row(line: &str) -> Option<(usize, Vec<&str>)> {
    let inside = line.strip_prefix('|')?.trim_end().strip_suffix('|')?;
    let cells: Vec<&str> = inside.split('|').map(str::trim).collect();
    Some((cells.first()?.parse().ok()?, cells))
}

fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The names of a file's tests: functions with an attribute that makes them one, and those that a macro makes tests of.
fn test_names(file: &SourceFile) -> Vec<&str> {
    if !file.is_rust() {
        return Vec::new();
    }
    let lines: Vec<&str> = file.text.lines().map(str::trim).collect();
    let mut names = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let above = lines[..index].iter().rev();
        let mut attributes =
            above.take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        let is_test = attributes.any(|line| {
            line.starts_with("#[")
                && line
                    .trim_start_matches("#[")
                    .split(['(', ']'])
                    .next()
                    .is_some_and(|path| path.ends_with("test"))
        });
        let is_on_each_log = line.contains("(world: World)");
        if is_test || is_on_each_log {
            names.extend(function_name(line));
        }
    }
    names.extend(conformance_names(&lines));
    names
}

fn function_name(line: &str) -> Option<&str> {
    let rest = line.split_once("fn ")?.1;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()
}

/// The list of the suite that every log passes.
fn conformance_names<'a>(lines: &[&'a str]) -> impl Iterator<Item = &'a str> {
    let from = lines
        .iter()
        .position(|line| line.starts_with("$crate::conformance!(@tests"));
    let listed = from.map_or(0, |from| from + 1);
    let end = if from.is_some() { lines.len() } else { 0 };
    let listed = lines.get(listed..end).unwrap_or_default().to_vec();
    listed
        .into_iter()
        .take_while(|line| !line.starts_with(')'))
        .filter_map(|line| line.strip_suffix(','))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rust(text: &str) -> SourceFile {
        SourceFile {
            path: "crates/x/tests/it/a.rs".into(),
            text: text.into(),
        }
    }

    #[test]
    fn tests_are_found_by_attribute_and_by_the_macros_that_make_them() {
        let cases = [
            ("#[test]\nfn plain() {}", vec!["plain"]),
            (
                "#[tokio::test(flavor = \"multi_thread\")]\nasync fn with_io() {}",
                vec!["with_io"],
            ),
            ("#[test]\n#[should_panic]\nfn stacked() {}", vec!["stacked"]),
            ("    async fn on_both(world: World) {", vec!["on_both"]),
            ("fn no_test() {}\n#[cfg(test)]\nfn nor_this() {}", vec![]),
            (
                "$crate::conformance!(@tests $f;\n one,\n two,\n);\n three,",
                vec!["one", "two"],
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(test_names(&rust(text)), expected, "{text}");
        }
    }

    #[test]
    fn a_name_without_a_test_and_a_row_too_few_or_too_many_are_errors() {
        let tests = HashSet::from(["there"]);
        let rest: String = (3..=INVARIANTS)
            .map(|n| format!("| {n} | x | not yet | |\n"))
            .collect();
        let good = format!(
            "| # | invariant | tests | mutation |\n| 1 | x | `there` | `a < b` made `a <= b` → `there` |\n| 2 | x | not yet | |\n{rest}"
        );
        assert_eq!(check(&good, &tests), []);
        let whats = |page: &str| {
            check(page, &tests)
                .into_iter()
                .map(|finding| finding.what)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            whats(&good.replace("| `there` |", "| `gone` |")),
            ["there is no test `gone`"]
        );
        assert_eq!(
            whats(&good.replace("→ `there`", "→ `there`, `gone`; and more")),
            ["there is no test `gone`"]
        );
        assert_eq!(
            whats(&good.replace("| `there` |", "| |")),
            ["names no test, nor says `not yet`"]
        );
        assert_eq!(
            whats(&good.replace("| 2 | x", "| 99 | x")),
            ["there is no invariant 99", "invariant 2 has 0 rows"]
        );
        assert_eq!(
            whats(&good.replace("| 2 | x", "| 1 | x")),
            ["invariant 1 has 2 rows", "invariant 2 has 0 rows"]
        );
    }
}

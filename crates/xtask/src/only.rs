//! One step by its name, and one scenario of the windows by its own.

use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::paths;
use crate::steps::{STEPS, Step};

/// Where the windows' scenarios are.
const SCENARIOS: &str = "tests/e2e/scenarios";

/// What is to be run.
pub struct Only {
    /// What the step uses, then the step.
    pub steps: Vec<&'static Step>,
    /// The scenario's whole name.
    pub scenario: Option<String>,
}

impl Only {
    /// # Errors
    /// Where there is no such step or scenario; the message lists those that there are.
    pub fn find(step: &str, scenario: Option<&str>) -> Result<Self> {
        let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        if !names.contains(&step) {
            bail!("there is no step `{step}`; there are: {}", names.join(", "));
        }
        let scenario = match (step, scenario) {
            (_, None) => None,
            ("windows", Some(name)) => Some(find_scenario(name, &scenarios()?)?),
            (_, Some(name)) => bail!("only `windows` has scenarios: `{name}` is none of `{step}`"),
        };
        let is_wanted = |name: &str| name == step || used_by(step).contains(&name);
        let steps = STEPS.iter().filter(|step| is_wanted(step.name)).collect();
        Ok(Self { steps, scenario })
    }
}

/// The steps whose work a step uses.
fn used_by(step: &str) -> &'static [&'static str] {
    match step {
        "windows" => &["ui build", "programs", "model server"],
        "rust tests" => &["programs"],
        _ => &[],
    }
}

fn find_scenario(name: &str, known: &[String]) -> Result<String> {
    let short = |whole: &str| whole.rsplit("::").next().unwrap_or(whole).to_owned();
    let found = known
        .iter()
        .find(|whole| *whole == name || short(whole) == name);
    found.cloned().with_context(|| {
        let names: Vec<String> = known.iter().map(|whole| short(whole)).collect();
        format!(
            "there is no scenario `{name}`; there are: {}",
            names.join(", ")
        )
    })
}

/// The whole names of all scenarios, as the test program has them.
fn scenarios() -> Result<Vec<String>> {
    let folder = paths::root().join(SCENARIOS);
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read `{SCENARIOS}`"))? {
        let path = entry?.path();
        let Some(module) = path.file_stem().and_then(|stem| stem.to_str()) else {
            continue;
        };
        let source = fs::read_to_string(&path)
            .with_context(|| format!("cannot read `{}`", paths::shown(&path)))?;
        let tests = tests_of(&source);
        names.extend(tests.map(|test| format!("scenarios::{module}::{test}")));
    }
    names.sort();
    Ok(names)
}

/// The functions right below a `#[tokio::test…]`.
fn tests_of(source: &str) -> impl Iterator<Item = &str> {
    let pairs = source.lines().zip(source.lines().skip(1));
    pairs.filter_map(|(attribute, function)| {
        attribute
            .trim_start()
            .starts_with("#[tokio::test")
            .then_some(())?;
        let name = function.trim_start().strip_prefix("async fn ")?;
        name.split('(').next()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(only: &Only) -> Vec<&str> {
        only.steps.iter().map(|step| step.name).collect()
    }

    #[test]
    fn a_step_comes_behind_what_it_uses() {
        let clippy = Only::find("clippy", None).expect("a step");
        assert_eq!(names(&clippy), ["clippy"]);
        let windows = Only::find("windows", Some("pick_up")).expect("a scenario");
        let expected = ["ui build", "programs", "model server", "windows"];
        assert_eq!(names(&windows), expected);
        let whole = "scenarios::handover::pick_up";
        assert_eq!(windows.scenario.as_deref(), Some(whole));
        assert!(Only::find("windows", Some(whole)).is_ok());
    }

    #[test]
    fn what_is_not_known_is_refused_with_what_is() {
        let refusal = |step, scenario| match Only::find(step, scenario) {
            Ok(_) => panic!("it was found"),
            Err(error) => format!("{error:#}"),
        };
        let step = refusal("cliPy", None);
        assert!(step.contains("`cliPy`") && step.contains("rust tests, "));
        let scenario = refusal("windows", Some("pick"));
        assert!(scenario.contains("`pick`") && scenario.contains("pick_up, "));
        assert!(refusal("clippy", Some("pick_up")).contains("only `windows`"));
    }

    #[test]
    fn every_step_that_is_used_is_one() {
        let known: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        for step in &known {
            assert!(used_by(step).iter().all(|used| known.contains(used)));
        }
    }
}

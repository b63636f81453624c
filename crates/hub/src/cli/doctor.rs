//! `baton-hub doctor`.

use std::process::ExitCode;

use baton_hub::doctor::{Diagnosis, Level, diagnose};
use baton_hub::{Clock as _, LogBackend, SystemClock};

use super::arguments::Doctor;
use super::block_on;

/// Something should be looked at.
const EXIT_WARNING: u8 = 10;

/// Something is wrong.
const EXIT_PROBLEM: u8 = 20;

/// Prints what was seen; the exit code is the verdict.
pub fn doctor(arguments: &Doctor, backend: LogBackend) -> anyhow::Result<ExitCode> {
    let diagnosis = block_on(diagnose(
        &arguments.data,
        arguments.scratch.as_deref(),
        SystemClock.now(),
        backend,
    ))?;
    if arguments.json {
        println!("{}", serde_json::to_string(&diagnosis)?);
    } else {
        print(&diagnosis);
    }
    Ok(match diagnosis.verdict {
        Level::Good => ExitCode::SUCCESS,
        Level::Warning => ExitCode::from(EXIT_WARNING),
        Level::Problem => ExitCode::from(EXIT_PROBLEM),
    })
}

fn print(diagnosis: &Diagnosis) {
    for finding in &diagnosis.findings {
        let level = match finding.level {
            Level::Good => "good",
            Level::Warning => "warning",
            Level::Problem => "problem",
        };
        println!("{level:<8} {:<12} {}", finding.check, finding.what);
        if let Some(advice) = &finding.advice {
            println!("{:21} {advice}", "");
        }
    }
}

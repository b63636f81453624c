//! Looks at a hub's data directory and says what is wrong and what to do about it. Changes nothing in it.
//!
//! Rights and space are looked at in place. The logs and the credentials are opened in a copy, because opening them writes: a running
//! hub makes the copy itself, from one moment; where none runs the files are copied while the directory is held.

mod files;
mod storage;

use std::path::{Path, PathBuf};

use baton_protocol::TimestampMs;
use serde::Serialize;

use crate::admin::{AdminRequest, AskHubError, ask};
use crate::backend::LogBackend;

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Level {
    /// As it should be.
    Good,
    /// It works; somebody should look at it.
    Warning,
    /// Something does not work, is lost, or is open to others.
    Problem,
}

/// One thing that was looked at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What was looked at: `hub`, `rights`, `space`, `certificate`, `storage`, `logs`. Scripts may rely on these.
    pub check: &'static str,
    /// How it is.
    pub level: Level,
    /// What was seen.
    pub what: String,
    /// What to do; none where nothing is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Finding {
    fn good(check: &'static str, what: impl Into<String>) -> Self {
        Self {
            check,
            level: Level::Good,
            what: what.into(),
            advice: None,
        }
    }

    fn bad(
        check: &'static str,
        level: Level,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            check,
            level,
            what: what.into(),
            advice: Some(advice.into()),
        }
    }
}

/// Everything that was seen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// Of which directory.
    pub data_dir: PathBuf,
    /// The worst of the findings.
    pub verdict: Level,
    /// In the order in which things were looked at.
    pub findings: Vec<Finding>,
}

/// Whether a hub works on the directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum HubNow {
    Runs,
    Rests,
}

/// Looks at a directory. The copy is made in `scratch` and removed again; where none is given, beside the directory, or where the system
/// keeps what is temporary. Blocks.
pub async fn diagnose(
    data_dir: &Path,
    scratch: Option<&Path>,
    now: TimestampMs,
    backend: LogBackend,
) -> Diagnosis {
    let mut findings = Vec::new();
    if files::is_hubs(data_dir) {
        let hub = look_for_hub(data_dir, &mut findings);
        findings.extend(files::rights(data_dir));
        findings.extend(files::space(data_dir));
        findings.push(storage::certificate(data_dir));
        findings.extend(storage::logs(data_dir, hub, scratch, now, backend).await);
    } else {
        findings.push(Finding::bad(
            "hub",
            Level::Problem,
            "there is no hub's data in this directory",
            "give the directory that `baton-hub serve --data` uses, or restore a backup into it",
        ));
    }
    let verdict = findings.iter().map(|finding| finding.level).max();
    Diagnosis {
        data_dir: data_dir.to_owned(),
        verdict: verdict.unwrap_or(Level::Good),
        findings,
    }
}

fn look_for_hub(data_dir: &Path, findings: &mut Vec<Finding>) -> HubNow {
    let (hub, finding) = match ask(data_dir, &AdminRequest::Devices) {
        Ok(_) => (HubNow::Runs, Finding::good("hub", "it runs and answers")),
        Err(AskHubError::NotRunning) => (
            HubNow::Rests,
            Finding::good("hub", "none runs on this directory now"),
        ),
        Err(error) => (
            HubNow::Runs,
            Finding::bad(
                "hub",
                Level::Problem,
                format!(
                    "it does not answer: {}",
                    crate::examine::with_causes(&error)
                ),
                "look at the hub's log; start it again where it hangs",
            ),
        ),
    };
    findings.push(finding);
    hub
}

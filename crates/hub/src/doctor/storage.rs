//! What is in the files: certificate, credentials, logs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use baton_protocol::TimestampMs;

use super::{Finding, HubNow, Level};
use crate::admin::{AdminRequest, AdminResponse, ask};
use crate::backend::LogBackend;
use crate::backup::{RehearseError, Workplace, rehearse};
use crate::credentials::CREDENTIALS_FILE_NAME;
use crate::data_dir::{ClaimDataDirError, DataDirClaim};
use crate::examine::with_causes;
use crate::log_directory::{LOG_DIRECTORY_NAME, find_log};
use crate::tls;

const RESTORE_ADVICE: &str = "stop the hub, keep this directory as it is, and restore the last backup into another one with \
     `baton-hub restore`; without a backup, what is whole can still be read by a hub that runs on it";

/// The hub's own certificate.
pub fn certificate(data_dir: &Path) -> Finding {
    match tls::own_if_there(data_dir) {
        Ok(Some(fingerprint)) => Finding::good(
            "certificate",
            format!("certificate and key fit; devices know the hub by {fingerprint}"),
        ),
        Ok(None) => Finding::good(
            "certificate",
            "the hub has none of its own; it needs none on loopback or with --tls-cert",
        ),
        Err(error) => Finding::bad(
            "certificate",
            Level::Problem,
            with_causes(&error),
            "put tls-cert.pem and tls-key.pem back from a backup; without one, remove both: the hub makes new ones, and every device \
             and runner must be linked again",
        ),
    }
}

/// The logs and the credentials, opened in a copy.
pub async fn logs(
    data_dir: &Path,
    hub: HubNow,
    scratch: Option<&Path>,
    now: TimestampMs,
    backend: LogBackend,
) -> Vec<Finding> {
    let work = match workplace(data_dir, scratch) {
        Ok(work) => work,
        Err(error) => return vec![no_copy(error.to_string())],
    };
    let copy = work.path().join("data");
    let mut findings = Vec::new();
    let copied = match hub {
        HubNow::Runs => copy_from_hub(data_dir, &copy, &mut findings),
        // No other hub can start while the directory is held.
        HubNow::Rests => match DataDirClaim::take(data_dir) {
            Ok(_claim) => copy_files(data_dir, &copy).map_err(|error| error.to_string()),
            Err(ClaimDataDirError::InUse(_)) => {
                findings.push(unasked());
                return findings;
            }
            Err(error) => Err(with_causes(&error)),
        },
    };
    match copied {
        Ok(()) => findings.extend(look_at_copy(&copy, now, backend).await),
        Err(what) => findings.push(no_copy(what)),
    }
    findings
}

/// Where the copy goes: into the directory that was named, else beside the hub's, which has the room; else where the system keeps what is
/// temporary. The copy's name cannot be guessed, and nothing else in that directory is touched.
fn workplace(data_dir: &Path, scratch: Option<&Path>) -> io::Result<Workplace> {
    const PREFIX: &str = "baton-doctor-";
    if let Some(scratch) = scratch {
        return Workplace::within(scratch, PREFIX);
    }
    let whole = std::path::absolute(data_dir)?;
    let beside = whole.parent().unwrap_or(&whole);
    Workplace::within(beside, PREFIX).or_else(|_| Workplace::within(&std::env::temp_dir(), PREFIX))
}

/// The hub inside the desktop app, or one on a system without Unix sockets.
fn unasked() -> Finding {
    Finding::bad(
        "storage",
        Level::Warning,
        "a hub that cannot be asked works on this directory: its logs were not looked at",
        "stop it and look again",
    )
}

fn no_copy(what: String) -> Finding {
    Finding::bad(
        "storage",
        Level::Problem,
        format!("the logs could not be copied to look at them: {what}"),
        "look at the hub's log and its disk; a hub whose log has stopped must be started again; `--scratch` names a directory with \
         more room",
    )
}

fn copy_from_hub(data_dir: &Path, copy: &Path, findings: &mut Vec<Finding>) -> Result<(), String> {
    // A copy is written anew, so damage of the original may not be in it.
    match ask(data_dir, &AdminRequest::Examine).map_err(|error| with_causes(&error))? {
        AdminResponse::Examined { findings: found } => {
            findings.extend(found.into_iter().map(damage));
        }
        AdminResponse::Refused { message } => return Err(message),
        _ => return Err("the hub answered something else".to_owned()),
    }
    let into = std::path::absolute(copy).map_err(|error| error.to_string())?;
    match ask(data_dir, &AdminRequest::Copy { into }).map_err(|error| with_causes(&error))? {
        AdminResponse::Copied => Ok(()),
        AdminResponse::Refused { message } => Err(message),
        _ => Err("the hub answered something else".to_owned()),
    }
}

fn damage(what: String) -> Finding {
    Finding::bad("logs", Level::Problem, what, RESTORE_ADVICE)
}

/// Databases with their WAL; not the shared memory, which SQLite makes anew.
fn copy_files(data_dir: &Path, copy: &Path) -> io::Result<()> {
    let log = copy.join(LOG_DIRECTORY_NAME);
    baton_private_files::make_dir(&log)?;
    let mut files: Vec<(PathBuf, PathBuf)> = Vec::new();
    match fs::read_dir(find_log(data_dir).map_err(io::Error::other)?) {
        Ok(entries) => {
            for entry in entries {
                let entry = entry?;
                files.push((entry.path(), log.join(entry.file_name())));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    for suffix in ["", "-wal"] {
        let name = format!("{CREDENTIALS_FILE_NAME}{suffix}");
        files.push((data_dir.join(&name), copy.join(&name)));
    }
    for (from, to) in files {
        let is_memory = from.to_string_lossy().ends_with("-shm");
        if from.is_file() && !is_memory {
            fs::copy(from, to)?;
        }
    }
    Ok(())
}

async fn look_at_copy(copy: &Path, now: TimestampMs, backend: LogBackend) -> Vec<Finding> {
    match rehearse(copy, now, backend).await {
        Ok(seen) => vec![Finding::good(
            "logs",
            format!(
                "{} sessions, {} events, {} linked: every log folds, digests and receipts agree",
                seen.sessions, seen.events, seen.linked
            ),
        )],
        Err(RehearseError::Findings(found)) => found.into_iter().map(damage).collect(),
        Err(error) => vec![damage(with_causes(&error))],
    }
}

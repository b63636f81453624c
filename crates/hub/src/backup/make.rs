//! From a copy of a hub's data to a backup that was rehearsed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use baton_log::ReadError;
use baton_protocol::TimestampMs;
use serde::Serialize;

use super::container::{self, PackError, UnpackError};
use super::contents::files_in;
use super::workplace::{Workplace, parent_of};
use crate::backend::{BackendFault, LogBackend};
use crate::credentials::{CredentialStore, CredentialsError, OpenCredentialsError};
use crate::examine::examine_logs;
use crate::tls::{self, TlsSetupError};

/// No backup was made; there is no file of its name.
#[derive(Debug, thiserror::Error)]
pub enum BackUpError {
    /// Something has the name already.
    #[error("`{}` is there already", .0.display())]
    Exists(PathBuf),
    /// The file system says no.
    #[error("`{}` cannot be used", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The copy could not be packed.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// What was packed could not be unpacked.
    #[error("the backup was written and cannot be read back")]
    Unpack(#[from] UnpackError),
    /// What was unpacked is not whole.
    #[error("the backup was written and is not whole")]
    Rehearse(#[from] RehearseError),
}

/// A data directory is not that of a whole hub.
#[derive(Debug, thiserror::Error)]
pub enum RehearseError {
    /// The log does not open.
    #[error("the log does not open")]
    Open(#[source] BackendFault),
    /// The logs cannot be listed.
    #[error("the logs cannot be read")]
    Read(#[from] ReadError),
    /// The credentials do not open.
    #[error("the credentials do not open")]
    OpenCredentials(#[from] OpenCredentialsError),
    /// The credentials cannot be read.
    #[error("the credentials cannot be read")]
    Credentials(#[from] CredentialsError),
    /// The hub's own certificate is of no use.
    #[error("the certificate cannot be used")]
    Tls(#[from] TlsSetupError),
    /// The logs are there and not whole.
    #[error("{}", .0.join("; "))]
    Findings(Vec<String>),
}

/// What a rehearsal saw.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rehearsal {
    /// Logs of sessions; each folds, and the digests of its ended runs agree.
    pub sessions: usize,
    /// Events of all logs.
    pub events: u64,
    /// Devices and runners that were ever linked.
    pub linked: usize,
}

/// A backup.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupReport {
    /// Where it is.
    pub file: PathBuf,
    /// How long it is.
    pub bytes: u64,
    /// When it was made.
    pub made_at: TimestampMs,
    /// What is in it.
    #[serde(flatten)]
    pub rehearsal: Rehearsal,
}

/// Packs a copied data directory, rehearses a restore of it, and only then gives the file its name. The copy is used up.
///
/// # Errors
/// Where any of it fails; no file has the name then.
pub async fn finish_backup(
    copied: &Path,
    work: &Workplace,
    file: &Path,
    made_at: TimestampMs,
    backend: LogBackend,
) -> Result<BackupReport, BackUpError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| BackUpError::File { path, source }
    };
    if file.try_exists().map_err(failed(file))? {
        return Err(BackUpError::Exists(file.to_owned()));
    }
    let packed = work.path().join("packed");
    let files = files_in(copied).map_err(failed(copied))?;
    container::pack(&files, made_at, &packed)?;
    // Its room is needed for the rehearsal.
    fs::remove_dir_all(copied).map_err(failed(copied))?;
    let stage = work.path().join("rehearsal");
    container::unpack(&packed, &stage)?;
    let rehearsal = rehearse(&stage, made_at, backend).await?;
    let bytes = fs::metadata(&packed).map_err(failed(&packed))?.len();
    fs::rename(&packed, file).map_err(failed(file))?;
    let directory = parent_of(file);
    baton_private_files::sync_dir(directory).map_err(failed(directory))?;
    Ok(BackupReport {
        file: file.to_owned(),
        bytes,
        made_at,
        rehearsal,
    })
}

/// Opens a data directory that no hub uses, as a hub would, and looks at all of it.
///
/// # Errors
/// Where it is not whole.
pub async fn rehearse(
    data_dir: &Path,
    now: TimestampMs,
    backend: LogBackend,
) -> Result<Rehearsal, RehearseError> {
    let log = (backend.open)(data_dir).map_err(RehearseError::Open)?;
    let mut examined = examine_logs(&*log).await?;
    drop(log);
    let credentials = CredentialStore::open(data_dir, now)?;
    for account in credentials.accounts()? {
        if !examined.accounts.contains(&account.id) {
            let what = format!("account {} has no log", account.id);
            examined.findings.push(what);
        }
    }
    examined.findings.extend(credentials.integrity()?);
    tls::own_if_there(data_dir)?;
    if !examined.findings.is_empty() {
        return Err(RehearseError::Findings(examined.findings));
    }
    Ok(Rehearsal {
        sessions: examined.sessions,
        events: examined.events,
        linked: credentials.principals()?.len(),
    })
}

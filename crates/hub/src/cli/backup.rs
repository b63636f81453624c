//! `baton-hub backup`: through the running hub where one runs, else on the stored data.

use std::path::Path;

use anyhow::{Context as _, bail};
use baton_hub::admin::{AdminRequest, AdminResponse, AskHubError, ask};
use baton_hub::backup::{BackUpError, BackupReport, Workplace, copy_data, finish_backup};
use baton_hub::credentials::{CredentialStore, Credentials};
use baton_hub::{Clock as _, DataDirClaim, LogBackend, SystemClock};

use super::arguments::Backup;
use super::block_on;

/// Writes a backup and says what is in it.
pub fn back_up(arguments: &Backup, backend: LogBackend) -> anyhow::Result<()> {
    let file = std::path::absolute(&arguments.to)?;
    if file.try_exists()? {
        return Err(BackUpError::Exists(file).into());
    }
    let work = Workplace::beside(&file, "partial")
        .with_context(|| format!("nothing can be written beside `{}`", file.display()))?;
    let copy = work.path().join("data");
    copy_hub(&arguments.data, &copy, backend)?;
    let now = SystemClock.now();
    let report = block_on(finish_backup(&copy, &work, &file, now, backend))??;
    print(&report, arguments.json)
}

fn copy_hub(data_dir: &Path, into: &Path, backend: LogBackend) -> anyhow::Result<()> {
    let request = AdminRequest::Copy {
        into: into.to_owned(),
    };
    match ask(data_dir, &request) {
        Ok(AdminResponse::Copied) => Ok(()),
        Ok(AdminResponse::Refused { message }) => bail!(message),
        Ok(_) => bail!("the hub answered something else"),
        Err(AskHubError::NotRunning) => copy_at_rest(data_dir, into, backend),
        Err(error) => Err(error.into()),
    }
}

/// No hub runs; the directory is held so that none starts meanwhile.
fn copy_at_rest(data_dir: &Path, into: &Path, backend: LogBackend) -> anyhow::Result<()> {
    if !data_dir.join("credentials.db").try_exists()? {
        bail!("there is no hub in `{}`", data_dir.display());
    }
    let claim = DataDirClaim::take(data_dir)
        .context("the hub runs but its admin socket does not answer")?;
    block_on(claim.settle_log(|_| (backend.open)(data_dir)))??;
    let log = (backend.open)(data_dir).map_err(anyhow::Error::from_boxed)?;
    let credentials = Credentials::new(CredentialStore::open(data_dir, SystemClock.now())?);
    let copy_credentials = |path| async move { credentials.copy_to(path).await };
    block_on(copy_data(&*log, copy_credentials, data_dir, into))??;
    Ok(())
}

fn print(report: &BackupReport, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string(report)?);
        return Ok(());
    }
    println!(
        "{}: {} bytes, {} sessions, {} events, {} linked; a restore of it was rehearsed",
        report.file.display(),
        report.bytes,
        report.rehearsal.sessions,
        report.rehearsal.events,
        report.rehearsal.linked
    );
    Ok(())
}

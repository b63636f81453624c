//! What belongs to a backup.
//!
//! Lock files, sockets and half-made files stay behind. The log comes first and the credentials after it: somebody who is linked in
//! between is in the credentials and not in the account's log, which the next start of a hub records; the other way round nobody would.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use baton_log::{CopyError, EventLog};

use crate::credentials::{CREDENTIALS_FILE_NAME, CopyCredentialsError};
use crate::log_directory::LOG_DIRECTORY_NAME;
use crate::tls::{CERTIFICATE_FILE_NAME, KEY_FILE_NAME};

/// The hub's data was not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyDataError {
    /// The log.
    #[error("the log could not be copied")]
    Log(#[from] CopyError),
    /// The credentials.
    #[error("the credentials could not be copied")]
    Credentials(#[from] CopyCredentialsError),
    /// A plain file.
    #[error("`{}` could not be copied", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Copies a hub's data into an empty directory, while the hub works. `copy_credentials` is asked to write the file that it is given.
///
/// # Errors
/// Where something cannot be read or written; the directory is then of no use.
pub async fn copy_data<Copied>(
    log: &dyn EventLog,
    copy_credentials: impl FnOnce(PathBuf) -> Copied,
    data_dir: &Path,
    into: &Path,
) -> Result<(), CopyDataError>
where
    Copied: Future<Output = Result<(), CopyCredentialsError>>,
{
    baton_private_files::make_dir(into).map_err(|source| CopyDataError::File {
        path: into.to_owned(),
        source,
    })?;
    log.copy_to(&into.join(LOG_DIRECTORY_NAME)).await?;
    copy_credentials(into.join(CREDENTIALS_FILE_NAME)).await?;
    for name in [KEY_FILE_NAME, CERTIFICATE_FILE_NAME] {
        let (from, to) = (data_dir.join(name), into.join(name));
        copy_file(&from, &to).map_err(|source| CopyDataError::File { path: from, source })?;
    }
    Ok(())
}

/// A private copy; nothing where there is nothing.
fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = match fs::File::open(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let mut target = baton_private_files::open_or_make(to)?;
    io::copy(&mut source, &mut target)?;
    target.sync_all()
}

/// The files of a copied directory, by their names in a backup, in the order in which they are packed.
pub fn files_in(copied: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(copied.join(LOG_DIRECTORY_NAME))? {
        let entry = entry?;
        let name = entry.file_name().into_string();
        let name = name.map_err(|_| io::Error::other("a file of the log has an odd name"))?;
        if entry.file_type()?.is_file() {
            files.push((format!("{LOG_DIRECTORY_NAME}/{name}"), entry.path()));
        }
    }
    files.sort();
    for name in [CREDENTIALS_FILE_NAME, KEY_FILE_NAME, CERTIFICATE_FILE_NAME] {
        let path = copied.join(name);
        if path.try_exists()? {
            files.push((name.to_owned(), path));
        }
    }
    Ok(files)
}

//! Where a hub's log is: one name for `baton-hub`, for its backups and for a hub inside an application.
//!
//! The application called the directory `log.db` once. [`DataDirClaim::settle_log`] renames it in one step, so a crash leaves the old
//! name or the new one. It removes nothing.
//!
//! **Invariant:** a hub never begins an empty log beside one that holds conversations.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use baton_log::{EventLog, ReadError};
use baton_protocol::LogId;

use crate::backend::BackendFault;
use crate::data_dir::DataDirClaim;

/// The log's own directory in a hub's data directory.
pub const LOG_DIRECTORY_NAME: &str = "log";

/// What the application called it before 0.3.
const NAME_BEFORE: &str = "log.db";

/// The log's directory cannot be settled.
#[derive(Debug, thiserror::Error)]
pub enum SettleLogError {
    /// Both names hold conversations.
    #[error(
        "`{}` and `{}` both hold conversations: move the one away that you do not need",
        newer.display(),
        before.display()
    )]
    TwoLogs {
        /// The log under the present name.
        newer: PathBuf,
        /// Under the name that the application used before.
        before: PathBuf,
    },
    /// The file system says no.
    #[error("`{}` cannot be used", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What the system or the log said.
        source: io::Error,
    },
    /// One of two logs cannot be opened to see what it holds.
    #[error("`{}` cannot be opened", path.display())]
    Open {
        /// The file or directory.
        path: PathBuf,
        /// What the system or the log said.
        source: BackendFault,
    },
    /// One of two logs cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// What the system or the log said.
        source: ReadError,
    },
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> SettleLogError {
    let path = path.to_owned();
    move |source| SettleLogError::File { path, source }
}

/// Whether something has the name. An error is not an absence.
fn is_there(path: &Path) -> Result<bool, SettleLogError> {
    path.try_exists().map_err(file_error(path))
}

/// Finds the log of a data directory without changing anything. Returns today's name if there is no log, or if there are two.
pub fn find_log(data_dir: &Path) -> Result<PathBuf, SettleLogError> {
    let (newer, before) = names_in(data_dir);
    if !is_there(&newer)? && is_there(&before)? {
        return Ok(before);
    }
    Ok(newer)
}

fn names_in(data_dir: &Path) -> (PathBuf, PathBuf) {
    (
        data_dir.join(LOG_DIRECTORY_NAME),
        data_dir.join(NAME_BEFORE),
    )
}

impl DataDirClaim {
    /// Gives the log of the claimed directory its name, and says where it is. `open` opens the log in the directory that it is given;
    /// it is asked only where there are two. One without any session is put aside then, under a name of its own.
    ///
    /// # Errors
    /// Where both hold sessions, or the file system says no. Nothing was changed then, or only the name of the one without sessions.
    pub async fn settle_log(
        &self,
        open: impl FnOnce(&Path) -> Result<Arc<dyn EventLog>, BackendFault>,
    ) -> Result<PathBuf, SettleLogError> {
        let (newer, before) = names_in(self.path());
        if !is_there(&before)? {
            return Ok(newer);
        }
        if is_there(&newer)? {
            if holds_sessions(&newer, open).await? {
                return Err(SettleLogError::TwoLogs { newer, before });
            }
            put_aside(&newer)?;
        }
        rename(&before, &newer)?;
        tracing::info!("the log's directory has its name of today");
        Ok(newer)
    }
}

async fn holds_sessions(
    path: &Path,
    open: impl FnOnce(&Path) -> Result<Arc<dyn EventLog>, BackendFault>,
) -> Result<bool, SettleLogError> {
    let is_bare = fs::read_dir(path)
        .map_err(file_error(path))?
        .next()
        .is_none();
    if is_bare {
        return Ok(false);
    }
    let path = path.to_owned();
    let log = open(&path).map_err(|source| SettleLogError::Open {
        path: path.clone(),
        source,
    })?;
    let logs = log.logs().await;
    let logs = logs.map_err(|source| SettleLogError::Read { path, source })?;
    Ok(logs.iter().any(|log| matches!(log, LogId::Session(_))))
}

fn put_aside(path: &Path) -> Result<(), SettleLogError> {
    for number in 1_u32.. {
        let aside = path.with_extension(format!("without-sessions-{number}"));
        if !is_there(&aside)? {
            tracing::warn!(path = %aside.display(), "a log without sessions was put aside");
            return rename(path, &aside);
        }
    }
    Ok(())
}

/// Durable when it returns.
fn rename(from: &Path, to: &Path) -> Result<(), SettleLogError> {
    fs::rename(from, to).map_err(file_error(from))?;
    let parent = to.parent().unwrap_or(to);
    baton_private_files::sync_dir(parent).map_err(file_error(parent))
}

#[cfg(test)]
mod tests {
    use baton_log::MemoryEventLog;

    use super::*;

    fn claim(files: &[&str]) -> (tempfile::TempDir, DataDirClaim) {
        let dir = tempfile::tempdir().unwrap();
        let claim = DataDirClaim::take(dir.path()).unwrap();
        for file in files {
            let file = dir.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "kept").unwrap();
        }
        (dir, claim)
    }

    fn never(_: &Path) -> Result<Arc<dyn EventLog>, BackendFault> {
        panic!("there is one log")
    }

    #[tokio::test]
    async fn a_log_under_the_old_name_is_found_and_renamed_once() {
        let (dir, claim) = claim(&["log.db/log.sqlite"]);
        assert_eq!(find_log(dir.path()).unwrap(), dir.path().join("log.db"));
        for _ in 0..2 {
            let settled = claim.settle_log(never).await.unwrap();
            assert_eq!(fs::read(settled.join("log.sqlite")).unwrap(), b"kept");
        }
        assert_eq!(find_log(dir.path()).unwrap(), dir.path().join("log"));
    }

    #[tokio::test]
    async fn an_empty_log_that_a_tool_left_beside_it_is_put_aside() {
        let (dir, claim) = claim(&["log.db/conversations", "log/empty"]);
        let open = |path: &Path| {
            assert!(path.join("empty").exists());
            let opened: Arc<dyn EventLog> = Arc::new(MemoryEventLog::new());
            Ok(opened)
        };
        let settled = claim.settle_log(open).await.unwrap();
        assert!(settled.join("conversations").exists());
        let aside = dir.path().join("log.without-sessions-1");
        assert!(aside.join("empty").exists());
    }

    #[tokio::test]
    async fn of_two_logs_none_is_chosen_where_one_cannot_be_read() {
        let (dir, claim) = claim(&["log.db/log.sqlite", "log/log.sqlite"]);
        let open = |_: &Path| Err::<Arc<dyn EventLog>, _>(BackendFault::from("damaged"));
        let refused = claim.settle_log(open).await;
        assert!(matches!(refused, Err(SettleLogError::Open { .. })));
        assert!(dir.path().join("log.db").is_dir() && dir.path().join("log").is_dir());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_name_that_cannot_be_looked_at_is_not_taken_for_absent() {
        let (dir, claim) = claim(&[]);
        let name = dir.path().join("log.db");
        std::os::unix::fs::symlink(&name, &name).unwrap();
        let refused = claim.settle_log(never).await;
        assert!(matches!(refused, Err(SettleLogError::File { .. })));
    }
}

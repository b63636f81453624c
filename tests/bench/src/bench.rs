//! What every benchmark gets: the peers' folder, a place for fresh data, how many rounds.

use std::future::Future;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::figures::Series;
use crate::machine::Machine;

/// A run of the program.
pub struct Bench {
    /// `.local/bench` of the repository: installed peers, data. On the repository's disk, for a file system in memory syncs nothing.
    pub folder: PathBuf,
    /// A/B rounds.
    pub rounds: usize,
    /// Divides how long each measurement lasts; 1 unless somebody only wants to see it run.
    pub hurry: u32,
    pub machine: Machine,
}

impl Bench {
    /// A new, empty folder on the disk that is measured.
    pub fn fresh(&self, what: &str) -> Result<TempDir> {
        let parent = self.folder.join("data");
        std::fs::create_dir_all(&parent)?;
        tempfile::Builder::new()
            .prefix(&format!("{what}-"))
            .tempdir_in(&parent)
            .with_context(|| format!("cannot make a folder in `{}`", parent.display()))
    }

    /// Where a peer is installed.
    pub fn installed(&self, path: impl AsRef<Path>) -> PathBuf {
        self.folder.join(path)
    }

    /// A number of things to do, or seconds to spend, cut down where somebody is in a hurry.
    pub fn shortened(&self, count: usize) -> usize {
        (count / self.hurry as usize).max(1)
    }
}

/// Takes one measurement of a round into a series. A contestant that failed once is absent from there on, with the reason.
pub async fn take(series: &mut Series, measure: impl Future<Output = Result<f64>>) {
    if series.absent.is_some() {
        return;
    }
    match measure.await {
        Ok(value) => series.values.push(value),
        Err(error) => {
            eprintln!("{}: {error:#}", series.name);
            series.values.clear();
            series.absent = Some(format!("{error:#}"));
        }
    }
}

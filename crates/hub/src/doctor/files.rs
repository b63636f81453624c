//! Files in place: are they private, and is there room?

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Finding, Level};
use crate::credentials::CREDENTIALS_FILE_NAME;
use crate::log_directory::find_log;

/// Below this the hub is about to stand still.
#[cfg(unix)]
const FREE_BYTES_MIN: u64 = 64 * 1024 * 1024;

/// Below this somebody should look.
#[cfg(unix)]
const FREE_BYTES_COMFORT: u64 = 1024 * 1024 * 1024;

/// Whether a hub has ever worked here. What cannot be looked at may be a hub's.
pub fn is_hubs(data_dir: &Path) -> bool {
    let is_absent = |path: &Path| matches!(path.try_exists(), Ok(false));
    let log = find_log(data_dir);
    !is_absent(&data_dir.join(CREDENTIALS_FILE_NAME)) || !log.is_ok_and(|log| is_absent(&log))
}

/// The directory and everything in it, as far as it is the hub's.
fn all_paths(data_dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = vec![data_dir.to_owned()];
    let log = find_log(data_dir).map_err(io::Error::other)?;
    for directory in [data_dir.to_owned(), log] {
        for entry in fs::read_dir(&directory)? {
            paths.push(entry?.path());
        }
    }
    paths.sort();
    paths.dedup();
    Ok(paths)
}

/// Whether others can read or enter anything.
#[cfg(unix)]
pub fn rights(data_dir: &Path) -> Vec<Finding> {
    use std::os::unix::fs::PermissionsExt as _;
    let paths = match all_paths(data_dir) {
        Ok(paths) => paths,
        Err(error) => return vec![unreadable(data_dir, &error)],
    };
    let advice = format!("chmod -R go-rwx {}", data_dir.display());
    let mut findings = Vec::new();
    for path in paths {
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
                let mode = metadata.permissions().mode() & 0o777;
                let what = format!("`{}` is open to others (mode {mode:o})", path.display());
                findings.push(Finding::bad("rights", Level::Problem, what, &advice));
            }
            Ok(_) => {}
            // A hub that runs makes and removes files of its own.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => findings.push(unreadable(&path, &error)),
        }
    }
    if findings.is_empty() {
        findings.push(Finding::good("rights", "only the owner can read it"));
    }
    findings
}

/// This system has no such rights.
#[cfg(not(unix))]
pub fn rights(data_dir: &Path) -> Vec<Finding> {
    match all_paths(data_dir) {
        Ok(_) => Vec::new(),
        Err(error) => vec![unreadable(data_dir, &error)],
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Finding {
    Finding::bad(
        "rights",
        Level::Problem,
        format!("`{}` cannot be looked at: {error}", path.display()),
        "run this as the user that runs the hub",
    )
}

/// Whether the disk has room for the hub, and for a copy of what it holds.
#[cfg(unix)]
pub fn space(data_dir: &Path) -> Vec<Finding> {
    let free = match rustix::fs::statvfs(data_dir) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => {
            let what = format!("the disk cannot be asked for its room: {error}");
            let advice = "look at the disk by other means";
            return vec![Finding::bad("space", Level::Warning, what, advice)];
        }
    };
    let held = bytes_held(data_dir);
    let what = format!("{} MiB free, {} MiB held", free >> 20, held >> 20);
    let advice = "make room, or move the directory to a larger disk while the hub is stopped";
    vec![if free < FREE_BYTES_MIN {
        Finding::bad("space", Level::Problem, what, advice)
    } else if free < FREE_BYTES_COMFORT.max(held) {
        Finding::bad("space", Level::Warning, what, advice)
    } else {
        Finding::good("space", what)
    }]
}

/// This system is not asked.
#[cfg(not(unix))]
pub fn space(_: &Path) -> Vec<Finding> {
    Vec::new()
}

#[cfg(unix)]
fn bytes_held(data_dir: &Path) -> u64 {
    let paths = all_paths(data_dir).unwrap_or_default();
    let sizes = paths
        .iter()
        .filter_map(|path| fs::symlink_metadata(path).ok())
        .filter(fs::Metadata::is_file)
        .map(|metadata| metadata.len());
    sizes.sum()
}

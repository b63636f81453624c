//! Which disk a path belongs to.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::disk::Platter;

static WATCHED: Mutex<Vec<(PathBuf, Arc<Platter>)>> = Mutex::new(Vec::new());

/// From now on the files below a directory belong to this disk.
pub fn watch(directory: PathBuf, platter: Arc<Platter>) {
    let mut watched = WATCHED.lock().unwrap_or_else(PoisonError::into_inner);
    watched.push((directory, platter));
}

/// The disk is gone; files that are open stay its own.
pub fn forget(platter: &Arc<Platter>) {
    let mut watched = WATCHED.lock().unwrap_or_else(PoisonError::into_inner);
    watched.retain(|(_, other)| !Arc::ptr_eq(other, platter));
}

/// Whose file this is, where anybody watches it.
pub fn find(path: &Path) -> Option<Arc<Platter>> {
    let watched = WATCHED.lock().unwrap_or_else(PoisonError::into_inner);
    let found = watched
        .iter()
        .find(|(directory, _)| path.starts_with(directory));
    found.map(|(_, platter)| Arc::clone(platter))
}

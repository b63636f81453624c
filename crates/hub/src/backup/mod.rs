//! Backup and restore of a hub's data directory.
//!
//! A backup is one file: the log as of one moment, the credentials and the hub's own certificate with its key. It is as secret as the
//! directory itself: conversations are in it, and the key that devices know the hub by. Tokens and link codes are in it as they are in
//! the directory, hashed.
//!
//! **Invariant:** a file has the name of a backup only when a restore of it was rehearsed: it was unpacked and every log in it folded.
//! **Invariant:** a directory has the name of a restored hub only when all of it is there, with a new identity for every log.
//!
//! | module | owns |
//! |---|---|
//! | `contents` | which files of a data directory belong to a backup, and copying them beside a running hub |
//! | `container` | the file's format |
//! | `make` | from a copy to a file that was rehearsed |
//! | `restore` | from a file to a directory |
//! | `workplace` | a directory for what is not finished |

mod container;
mod contents;
mod make;
mod restore;
mod workplace;

pub use container::{Manifest, PackError, UnpackError};
pub use contents::{CopyDataError, copy_data};
pub use make::{BackUpError, BackupReport, Rehearsal, RehearseError, finish_backup, rehearse};
pub use restore::{RestoreError, restore};
pub use workplace::Workplace;

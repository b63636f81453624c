//! A disk for SQLite whose power can be cut: what crates do to their databases is watched, and at a chosen moment everything that was
//! not flushed is dropped, torn or put in another order, by a seed.
//!
//! It stands below SQLite, as the default file system of the process, and watches the databases in the directories that a test names
//! ([`Disk::over`]); every other file passes through. So the crates under test need no seam and are tested as they are.
//!
//! | module | owns |
//! |---|---|
//! | `image` | one file: what the platter has, what only the cache has, and what a power cut leaves of both |
//! | `disk` | [`Disk`]: the files of one directory, when the power goes, which faults are injected |
//! | `registry` | which disk a path belongs to |
//! | `vfs` | SQLite's C interface; the only module with `unsafe` |
//! | `random` | a seeded source |
//!
//! **The model.** Bytes are durable when a flush of their file returned. After a cut each 512-byte sector that was written since then
//! has any of the contents that it had since then, independently of every other one; the file's size is any of those that it had, and a
//! file is cut short whole or not at all (its file system keeps its own records in order); a sector that is new may hold noise. A file
//! that was never flushed may be gone, and one that was deleted without a flush of the directory may be back. Bytes of a sector outside
//! of what was written never change (what SQLite calls power-safe overwrite, and takes for granted unless told otherwise). A flush that
//! failed has thrown away what it should have written, as Linux does, until those sectors are written again.

mod disk;
mod image;
mod random;
mod registry;
mod vfs;

pub use disk::{Disk, Fault};
pub use random::Random;

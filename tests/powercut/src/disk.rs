//! The disk below one directory: its files, its power and its faults.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::image::FileImage;
use crate::random::Random;
use crate::{registry, vfs};

/// How long a connection may take to close after the power is gone.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(20);

/// What is wrong with a disk until it is mended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Nothing.
    None,
    /// `ENOSPC`: half of what is written fits.
    Full,
    /// `EIO` on a write, in the middle of it.
    WriteFails,
    /// `EIO` on a flush, which throws away what it should have written.
    FlushFails,
    /// A flush says that it is done and does nothing: a disk that no software can make safe.
    FlushLies,
    /// `EIO` on a read.
    ReadFails,
    /// A read gives half of what was asked for, and zeros.
    ShortReads,
    /// Flushes do not return until the disk is mended.
    StandsStill,
}

/// How an operation ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// There is no power.
    NoPower,
    /// As injected.
    Injected(Fault),
}

/// A watched directory. Databases below it live on this disk until it is dropped.
pub struct Disk {
    platter: Arc<Platter>,
    directory: PathBuf,
}

impl Disk {
    /// Puts a disk below a directory that is there. Databases that are in it already count as flushed.
    ///
    /// # Errors
    /// Where the directory cannot be found.
    pub fn over(directory: &Path) -> io::Result<Self> {
        vfs::install();
        let directory = directory.canonicalize()?;
        let platter = Arc::new(Platter::default());
        registry::watch(directory.clone(), Arc::clone(&platter));
        Ok(Self { platter, directory })
    }

    /// Writes, truncations, deletions and flushes so far.
    pub fn operations(&self) -> u64 {
        self.platter.lock().operations
    }

    /// Flushes so far, failed ones included.
    pub fn flushes(&self) -> u64 {
        self.platter.lock().flushes
    }

    /// The power goes during the n-th operation from now (from 1); whatever comes after it fails.
    pub fn cut_at(&self, operation: u64) {
        let mut state = self.platter.lock();
        state.cut_at = Some(state.operations + operation);
    }

    /// The power goes now.
    pub fn cut(&self) {
        self.platter.lock().is_off = true;
        self.platter.mended.notify_all();
    }

    /// Whether the power is gone.
    pub fn is_off(&self) -> bool {
        self.platter.lock().is_off
    }

    /// Injects a fault, or mends it with [`Fault::None`].
    pub fn set_fault(&self, fault: Fault) {
        self.platter.lock().fault = fault;
        self.platter.mended.notify_all();
    }

    /// Returns when a flush waits on a disk that [stands still](Fault::StandsStill).
    pub fn wait_for_stuck_flush(&self) {
        let mut state = self.platter.lock();
        while state.stuck == 0 || state.fault != Fault::StandsStill {
            state = self
                .platter
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Power again: the directory holds what the cut left, chosen by the seed. Waits until every connection is closed: of a machine that
    /// had no power nothing is left that could go on writing.
    ///
    /// # Errors
    /// Where a connection stays open, or the files cannot be written.
    pub fn power_on(&self, seed: u64) -> io::Result<()> {
        let mut random = Random::new(seed);
        let mut state = self.closed()?;
        let files = std::mem::take(&mut state.files);
        for (path, image) in files {
            match image.survive(&mut random) {
                Some(content) => fs::write(&path, content)?,
                None => remove(&path)?,
            }
            // Memory, whatever its name says.
            remove(&with_suffix(&path, "-shm"))?;
        }
        state.is_off = false;
        state.cut_at = None;
        state.fault = Fault::None;
        Ok(())
    }

    /// The process died and the machine went on: what was written is there, flushed or not. Waits as [`Disk::power_on`] does.
    ///
    /// # Errors
    /// Where a connection stays open.
    pub fn process_died(&self) -> io::Result<()> {
        let mut state = self.closed()?;
        state.is_off = false;
        state.cut_at = None;
        state.fault = Fault::None;
        Ok(())
    }

    /// Waits until every connection is closed.
    fn closed(&self) -> io::Result<MutexGuard<'_, State>> {
        let (state, waited) = self
            .platter
            .changed
            .wait_timeout_while(self.platter.lock(), CLOSE_TIMEOUT, |state| state.open > 0)
            .unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Err(io::Error::other("a connection was not closed"));
        }
        Ok(state)
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        registry::forget(&self.platter);
        // A connection that is still open must not wait for ever.
        self.set_fault(Fault::None);
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// What the file system works on.
#[derive(Default)]
pub struct Platter {
    state: Mutex<State>,
    mended: Condvar,
    changed: Condvar,
}

struct State {
    files: BTreeMap<PathBuf, FileImage>,
    operations: u64,
    flushes: u64,
    cut_at: Option<u64>,
    is_off: bool,
    fault: Fault,
    stuck: usize,
    /// Open files.
    open: usize,
}

impl Default for State {
    fn default() -> Self {
        Self {
            files: BTreeMap::new(),
            operations: 0,
            flushes: 0,
            cut_at: None,
            is_off: false,
            fault: Fault::None,
            stuck: 0,
            open: 0,
        }
    }
}

impl State {
    /// Counts an operation. True where the power goes with it.
    fn count(&mut self, what: &str, path: &Path, place: (usize, usize)) -> Result<bool, Refusal> {
        if self.is_off {
            return Err(Refusal::NoPower);
        }
        self.operations += 1;
        if is_traced() {
            let name = path.file_name().unwrap_or_default().display();
            eprintln!("{} {what} {name} {place:?}", self.operations);
        }
        if self.cut_at == Some(self.operations) {
            self.is_off = true;
        }
        Ok(self.is_off)
    }

    fn file(&mut self, path: &Path) -> &mut FileImage {
        // Opened before it is used; what is not known was there all along.
        self.files
            .entry(path.to_owned())
            .or_insert_with(|| FileImage::found(Vec::new()))
    }

    fn done_or_cut(is_cut: bool) -> Result<(), Refusal> {
        if is_cut {
            Err(Refusal::NoPower)
        } else {
            Ok(())
        }
    }
}

/// Whether each operation is printed, to understand a failing seed.
fn is_traced() -> bool {
    static TRACED: OnceLock<bool> = OnceLock::new();
    *TRACED.get_or_init(|| std::env::var_os("BATON_POWERCUT_TRACE").is_some())
}

impl Platter {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file is opened; `found` is its content where it was there.
    pub fn open(&self, path: &Path, found: Option<Vec<u8>>) -> Result<(), Refusal> {
        let mut state = self.lock();
        if state.is_off {
            return Err(Refusal::NoPower);
        }
        let known = state.files.remove(path);
        let image = match (known, found) {
            (Some(known), _) if !known.is_deleted() => known,
            (before, None) => FileImage::made(before),
            (_, Some(content)) => FileImage::found(content),
        };
        state.files.insert(path.to_owned(), image);
        state.open += 1;
        Ok(())
    }

    /// A file is closed, or could not be opened after all.
    pub fn close(&self) {
        self.lock().open -= 1;
        self.changed.notify_all();
    }

    /// How many of the bytes may be written. The rest fails with the refusal.
    pub fn write(&self, path: &Path, offset: usize, bytes: &[u8]) -> (usize, Result<(), Refusal>) {
        let mut state = self.lock();
        let is_cut = match state.count("write", path, (offset, bytes.len())) {
            Ok(is_cut) => is_cut,
            Err(refusal) => return (0, Err(refusal)),
        };
        let fault = state.fault;
        let fits = match fault {
            Fault::Full | Fault::WriteFails => bytes.len() / 2,
            _ => bytes.len(),
        };
        state.file(path).write(offset, &bytes[..fits]);
        let done = match fault {
            Fault::Full | Fault::WriteFails => Err(Refusal::Injected(fault)),
            _ => State::done_or_cut(is_cut),
        };
        (fits, done)
    }

    /// A file gets another length.
    pub fn truncate(&self, path: &Path, size: usize) -> Result<(), Refusal> {
        let mut state = self.lock();
        let is_cut = state.count("truncate", path, (size, 0))?;
        state.file(path).truncate(size);
        State::done_or_cut(is_cut)
    }

    /// A name goes.
    pub fn delete(&self, path: &Path, is_flushed: bool) -> Result<(), Refusal> {
        let mut state = self.lock();
        let is_cut = state.count("delete", path, (0, 0))?;
        if state.files.contains_key(path) {
            state.file(path).delete(is_flushed && !is_cut);
        }
        State::done_or_cut(is_cut)
    }

    /// A flush.
    pub fn sync(&self, path: &Path) -> Result<(), Refusal> {
        let mut state = self.wait_while_it_stands_still(self.lock());
        state.flushes += 1;
        if state.count("flush", path, (0, 0))? {
            return Err(Refusal::NoPower);
        }
        match state.fault {
            Fault::FlushFails => {
                state.file(path).fail_sync();
                Err(Refusal::Injected(Fault::FlushFails))
            }
            Fault::FlushLies => Ok(()),
            _ => {
                state.file(path).sync();
                Ok(())
            }
        }
    }

    fn wait_while_it_stands_still<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
    ) -> MutexGuard<'a, State> {
        state.stuck += 1;
        while state.fault == Fault::StandsStill && !state.is_off {
            self.changed.notify_all();
            state = self
                .mended
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.stuck -= 1;
        state
    }

    /// How many of the bytes that were asked for may be read.
    pub fn read(&self, bytes: usize) -> Result<usize, Refusal> {
        let state = self.lock();
        match state.fault {
            _ if state.is_off => Err(Refusal::NoPower),
            Fault::ReadFails => Err(Refusal::Injected(Fault::ReadFails)),
            Fault::ShortReads => Ok(bytes / 2),
            _ => Ok(bytes),
        }
    }
}

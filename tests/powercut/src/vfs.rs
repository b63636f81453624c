//! SQLite's file system interface: the one that was the default, with an ear at every write, flush, deletion and read.
//!
//! Locks, shared memory, names and clocks are the real file system's business. The bytes go into the real file as well, which plays the
//! part of the page cache: what a process sees is there, what a power cut leaves is the disk's to say.

#![allow(
    unsafe_code,
    reason = "SQLite calls a file system through C function pointers"
)]

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::{Arc, OnceLock};

use rusqlite::ffi;

use crate::disk::{Fault, Platter, Refusal};
use crate::registry;

/// The files that a power cut is about. Temporary ones are gone after it anyway.
const WATCHED_KINDS: c_int = ffi::SQLITE_OPEN_MAIN_DB
    | ffi::SQLITE_OPEN_MAIN_JOURNAL
    | ffi::SQLITE_OPEN_SUPER_JOURNAL
    | ffi::SQLITE_OPEN_WAL;

/// An open file as SQLite allocates it; the real file system's own structure follows it in the same allocation.
#[repr(C)]
struct TappedFile {
    methods: *const ffi::sqlite3_io_methods,
    /// Null where nobody watches.
    tap: *mut Tap,
}

struct Tap {
    platter: Arc<Platter>,
    path: PathBuf,
}

/// The file system that was the default before.
struct Real(*mut ffi::sqlite3_vfs);

// SAFETY: SQLite's own file systems live as long as the process and may be called from any thread.
unsafe impl Send for Real {}
// SAFETY: as above.
unsafe impl Sync for Real {}

static REAL: OnceLock<Real> = OnceLock::new();

fn real_vfs() -> *mut ffi::sqlite3_vfs {
    REAL.get()
        .expect("set before the file system is registered")
        .0
}

/// Makes the watched file system the default of this process, once.
pub fn install() {
    REAL.get_or_init(|| {
        // SAFETY: finds the default file system; SQLite initialises itself for it.
        let real = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
        assert!(!real.is_null(), "SQLite has a file system");
        Real(real)
    });
    static REGISTERED: OnceLock<()> = OnceLock::new();
    REGISTERED.get_or_init(|| {
        let real = real_vfs();
        // SAFETY: `real` was found above and lives for ever.
        let base = unsafe { *real };
        let own = size_of::<TappedFile>();
        let tapped = Box::new(ffi::sqlite3_vfs {
            iVersion: 2,
            szOsFile: base.szOsFile + c_int::try_from(own).expect("a small structure"),
            mxPathname: base.mxPathname,
            pNext: ptr::null_mut(),
            zName: c"powercut".as_ptr(),
            pAppData: ptr::null_mut(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_pathname),
            xDlOpen: None,
            xDlError: None,
            xDlSym: None,
            xDlClose: None,
            xRandomness: Some(randomness),
            xSleep: Some(sleep),
            xCurrentTime: Some(current_time),
            xGetLastError: Some(last_error),
            xCurrentTimeInt64: Some(current_time_int64),
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
        });
        // SAFETY: the structure is leaked, so it outlives every connection.
        let done = unsafe { ffi::sqlite3_vfs_register(Box::leak(tapped), 1) };
        assert_eq!(done, ffi::SQLITE_OK, "the file system is registered");
    });
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    // Without memory-mapped reads: the disk must see them.
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Calls a method of the real file behind a tapped one.
macro_rules! real {
    ($file:expr, $method:ident $(, $argument:expr)*) => {{
        let real = real_file($file);
        // SAFETY: the file is open, so its real part is too and has this method; the arguments are SQLite's own.
        unsafe { ((*(*real).pMethods).$method.expect("a complete file system"))(real $(, $argument)*) }
    }};
}

/// Calls a method of the real file system.
macro_rules! real_system {
    ($method:ident $(, $argument:expr)*) => {{
        let real = real_vfs();
        // SAFETY: the default file system is complete and lives for ever; the arguments are SQLite's own.
        unsafe { ((*real).$method.expect("a complete file system"))(real $(, $argument)*) }
    }};
}

fn real_file(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: `szOsFile` makes SQLite allocate both structures in one piece, ours first; its size keeps the alignment.
    unsafe { file.cast::<TappedFile>().add(1).cast() }
}

/// The tap of an open file.
fn tap<'a>(file: *mut ffi::sqlite3_file) -> Option<&'a Tap> {
    // SAFETY: the file is one that `open` filled in, and its tap lives until `close`.
    unsafe { (*file.cast::<TappedFile>()).tap.as_ref() }
}

fn path_of<'a>(name: *const c_char) -> Option<&'a Path> {
    if name.is_null() {
        return None;
    }
    // SAFETY: SQLite gives a string with an end.
    let name = unsafe { CStr::from_ptr(name) };
    Some(Path::new(OsStr::from_bytes(name.to_bytes())))
}

fn offset_of(offset: ffi::sqlite3_int64) -> usize {
    usize::try_from(offset).expect("SQLite counts from the beginning of a file")
}

fn length_of(amount: c_int) -> usize {
    usize::try_from(amount).expect("SQLite asks for no negative amounts")
}

/// How SQLite hears of a refusal; `otherwise` is the code where there is no power.
fn code(refusal: Refusal, otherwise: c_int) -> c_int {
    match refusal {
        Refusal::NoPower => otherwise,
        Refusal::Injected(Fault::Full) => ffi::SQLITE_FULL,
        Refusal::Injected(Fault::WriteFails) => ffi::SQLITE_IOERR_WRITE,
        Refusal::Injected(Fault::FlushFails) => ffi::SQLITE_IOERR_FSYNC,
        Refusal::Injected(Fault::ReadFails) => ffi::SQLITE_IOERR_READ,
        Refusal::Injected(_) => otherwise,
    }
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let tapped = file.cast::<TappedFile>();
    // SAFETY: SQLite gives room for `szOsFile` bytes; a file without methods is not closed where this fails.
    unsafe {
        (*tapped).methods = ptr::null();
        (*tapped).tap = ptr::null_mut();
    }
    let path = path_of(name).filter(|_| flags & WATCHED_KINDS != 0);
    let watched = path.and_then(|path| Some((path, registry::find(path)?)));
    if let Some((path, platter)) = &watched
        && platter.open(path, std::fs::read(path).ok()).is_err()
    {
        return ffi::SQLITE_CANTOPEN;
    }
    let done = real_system!(xOpen, name, real_file(file), flags, out_flags);
    if done != ffi::SQLITE_OK {
        if let Some((_, platter)) = &watched {
            platter.close();
        }
        return done;
    }
    let tap = watched.map(|(path, platter)| {
        Box::new(Tap {
            platter,
            path: path.to_owned(),
        })
    });
    // SAFETY: as above; the tap is given back by `close`.
    unsafe {
        (*tapped).tap = tap.map_or(ptr::null_mut(), Box::into_raw);
        (*tapped).methods = &METHODS;
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    sync_directory: c_int,
) -> c_int {
    if let Some(path) = path_of(name)
        && let Some(platter) = registry::find(path)
        && path.exists()
        && let Err(refusal) = platter.delete(path, sync_directory != 0)
    {
        return code(refusal, ffi::SQLITE_IOERR_DELETE);
    }
    // The directory's flush is the disk's business.
    real_system!(xDelete, name, 0)
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let done = real!(file, xClose);
    let tapped = file.cast::<TappedFile>();
    // SAFETY: the tap came from a box in `open`, and SQLite closes a file once.
    unsafe {
        if !(*tapped).tap.is_null() {
            Box::from_raw((*tapped).tap).platter.close();
        }
        (*tapped).tap = ptr::null_mut();
    }
    done
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    buffer: *mut c_void,
    amount: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    let asked = length_of(amount);
    let given = match tap(file).map(|tap| tap.platter.read(asked)) {
        None => asked,
        Some(Ok(given)) => given,
        Some(Err(refusal)) => return code(refusal, ffi::SQLITE_IOERR_READ),
    };
    let done = real!(file, xRead, buffer, amount, offset);
    if given < asked && done == ffi::SQLITE_OK {
        // SAFETY: the buffer has `asked` bytes, of which these are the last.
        unsafe { ptr::write_bytes(buffer.cast::<u8>().add(given), 0, asked - given) };
        return ffi::SQLITE_IOERR_SHORT_READ;
    }
    done
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    buffer: *const c_void,
    amount: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    let Some(tap) = tap(file) else {
        return real!(file, xWrite, buffer, amount, offset);
    };
    // SAFETY: SQLite gives a buffer of that many bytes.
    let bytes = unsafe { std::slice::from_raw_parts(buffer.cast::<u8>(), length_of(amount)) };
    let (fits, done) = tap.platter.write(&tap.path, offset_of(offset), bytes);
    if fits > 0 {
        let fits = c_int::try_from(fits).expect("no more than was asked for");
        let written = real!(file, xWrite, buffer, fits, offset);
        if written != ffi::SQLITE_OK {
            return written;
        }
    }
    match done {
        Ok(()) => ffi::SQLITE_OK,
        Err(refusal) => code(refusal, ffi::SQLITE_IOERR_WRITE),
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    if let Some(tap) = tap(file)
        && let Err(refusal) = tap.platter.truncate(&tap.path, offset_of(size))
    {
        return code(refusal, ffi::SQLITE_IOERR_TRUNCATE);
    }
    real!(file, xTruncate, size)
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    match tap(file).map(|tap| tap.platter.sync(&tap.path)) {
        None => real!(file, xSync, flags),
        // What is durable is the disk's to say: the real file need not be flushed.
        Some(Ok(())) => ffi::SQLITE_OK,
        Some(Err(refusal)) => code(refusal, ffi::SQLITE_IOERR_FSYNC),
    }
}

unsafe extern "C" fn file_size(
    file: *mut ffi::sqlite3_file,
    size: *mut ffi::sqlite3_int64,
) -> c_int {
    real!(file, xFileSize, size)
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    real!(file, xLock, level)
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    real!(file, xUnlock, level)
}

unsafe extern "C" fn check_reserved_lock(
    file: *mut ffi::sqlite3_file,
    is_reserved: *mut c_int,
) -> c_int {
    real!(file, xCheckReservedLock, is_reserved)
}

unsafe extern "C" fn file_control(
    file: *mut ffi::sqlite3_file,
    operation: c_int,
    argument: *mut c_void,
) -> c_int {
    real!(file, xFileControl, operation, argument)
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    real!(file, xSectorSize)
}

unsafe extern "C" fn device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    real!(file, xDeviceCharacteristics)
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    page: c_int,
    page_bytes: c_int,
    is_extended: c_int,
    mapped: *mut *mut c_void,
) -> c_int {
    real!(file, xShmMap, page, page_bytes, is_extended, mapped)
}

unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    offset: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    real!(file, xShmLock, offset, count, flags)
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    real!(file, xShmBarrier);
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, is_deleted: c_int) -> c_int {
    real!(file, xShmUnmap, is_deleted)
}

unsafe extern "C" fn access(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    answer: *mut c_int,
) -> c_int {
    real_system!(xAccess, name, flags, answer)
}

unsafe extern "C" fn full_pathname(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    real_system!(xFullPathname, name, room, out)
}

unsafe extern "C" fn randomness(_: *mut ffi::sqlite3_vfs, count: c_int, out: *mut c_char) -> c_int {
    real_system!(xRandomness, count, out)
}

unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    real_system!(xSleep, microseconds)
}

unsafe extern "C" fn current_time(_: *mut ffi::sqlite3_vfs, now: *mut f64) -> c_int {
    real_system!(xCurrentTime, now)
}

unsafe extern "C" fn current_time_int64(
    _: *mut ffi::sqlite3_vfs,
    now: *mut ffi::sqlite3_int64,
) -> c_int {
    real_system!(xCurrentTimeInt64, now)
}

unsafe extern "C" fn last_error(_: *mut ffi::sqlite3_vfs, count: c_int, out: *mut c_char) -> c_int {
    real_system!(xGetLastError, count, out)
}

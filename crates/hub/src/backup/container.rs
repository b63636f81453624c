//! The format of a backup's file: a line that names it, a line with the SHA-256 of the next one, a line of JSON (the manifest) that says
//! what follows, and the files' bytes one after another.
//!
//! Everything that is read back is checked against the SHA-256 that stands before it, and nothing is written outside of the
//! directory that is asked for, whatever the file says.

use std::fs;
use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::path::{Component, Path, PathBuf};

use baton_protocol::TimestampMs;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The first line. The number is the format's.
const FIRST_LINE: &str = "baton backup 1\n";

/// The manifest's line: a few files.
const MANIFEST_BYTES_MAX: u64 = 1024 * 1024;

const COPY_BYTES: usize = 256 * 1024;

/// What a backup says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// When it was made, by the clock of the computer that made it.
    pub made_at: TimestampMs,
    /// The version of the program that made it.
    pub made_by: String,
    /// In the order of their bytes.
    pub files: Vec<PackedFile>,
}

/// One file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PackedFile {
    /// Relative, with `/`.
    pub name: String,
    /// How long it is.
    pub bytes: u64,
    /// SHA-256 of it, hex.
    pub sha256: String,
}

/// A backup could not be written.
#[derive(Debug, thiserror::Error)]
#[error("`{}` could not be packed", path.display())]
pub struct PackError {
    /// Which file.
    path: PathBuf,
    source: io::Error,
}

/// A backup could not be read.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// A file cannot be read or written.
    #[error("`{}` cannot be read or written", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is something else, or was made by a newer version.
    #[error("`{}` is no backup that this version knows", .0.display())]
    NoBackup(PathBuf),
    /// The manifest is damaged.
    #[error("the backup's list of files is damaged: {0}")]
    Manifest(String),
    /// The bytes are not those that were packed.
    #[error("`{0}` in the backup is damaged")]
    Damaged(String),
}

/// Packs files, by their names, into one; private and flushed.
pub fn pack(
    files: &[(String, PathBuf)],
    made_at: TimestampMs,
    target: &Path,
) -> Result<Manifest, PackError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| PackError { path, source }
    };
    let mut manifest = Manifest {
        made_at,
        made_by: env!("CARGO_PKG_VERSION").to_owned(),
        files: Vec::new(),
    };
    for (name, path) in files {
        let (bytes, sha256) = pour(path, &mut io::sink()).map_err(failed(path))?;
        let name = name.clone();
        manifest.files.push(PackedFile {
            name,
            bytes,
            sha256,
        });
    }
    let mut options = fs::OpenOptions::new();
    let file = baton_private_files::open(target, options.create_new(true).write(true));
    let mut out = BufWriter::new(file.map_err(failed(target))?);
    let line = serde_json::to_string(&manifest).map_err(io::Error::from);
    let line = line.map_err(failed(target))?;
    let digest = hex::encode(Sha256::digest(&line));
    out.write_all(FIRST_LINE.as_bytes())
        .and_then(|()| writeln!(out, "{digest}\n{line}"))
        .map_err(failed(target))?;
    for (_, path) in files {
        pour(path, &mut out).map_err(failed(path))?;
    }
    let file = out.into_inner().map_err(io::IntoInnerError::into_error);
    file.and_then(|file| file.sync_all())
        .map_err(failed(target))?;
    Ok(manifest)
}

/// Writes a file's bytes somewhere; gives their number and digest.
fn pour(from: &Path, out: &mut impl io::Write) -> io::Result<(u64, String)> {
    let mut source = fs::File::open(from)?;
    let mut digest = Sha256::new();
    let mut bytes = 0;
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        let count = source.read(&mut buffer)?;
        if count == 0 {
            return Ok((bytes, hex::encode(digest.finalize())));
        }
        digest.update(&buffer[..count]);
        out.write_all(&buffer[..count])?;
        bytes += count as u64;
    }
}

/// Unpacks a backup into an empty directory: private files, flushed, each as it was packed.
pub fn unpack(backup: &Path, into: &Path) -> Result<Manifest, UnpackError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| UnpackError::File { path, source }
    };
    let mut source = BufReader::new(fs::File::open(backup).map_err(failed(backup))?);
    let manifest = read_manifest(&mut source, backup)?;
    for file in &manifest.files {
        let path = place_of(&file.name, into)?;
        let directory = path.parent().unwrap_or(into);
        baton_private_files::make_dir(directory).map_err(failed(directory))?;
        let target = baton_private_files::open_or_make(&path);
        let mut target = Digesting {
            file: target.map_err(failed(&path))?,
            digest: Sha256::new(),
        };
        let count = io::copy(&mut source.by_ref().take(file.bytes), &mut target);
        let count = count.map_err(failed(&path))?;
        target.file.sync_all().map_err(failed(&path))?;
        if count != file.bytes || hex::encode(target.digest.finalize()) != file.sha256 {
            return Err(UnpackError::Damaged(file.name.clone()));
        }
        baton_private_files::sync_dir(directory).map_err(failed(directory))?;
    }
    let rest = source.fill_buf().map_err(failed(backup))?;
    if !rest.is_empty() {
        return Err(UnpackError::Manifest("more follows than it lists".into()));
    }
    baton_private_files::sync_dir(into).map_err(failed(into))?;
    Ok(manifest)
}

fn read_manifest(source: &mut BufReader<fs::File>, backup: &Path) -> Result<Manifest, UnpackError> {
    let mut first = vec![0; FIRST_LINE.len()];
    match source.read_exact(&mut first) {
        Ok(()) if first == FIRST_LINE.as_bytes() => {}
        Ok(()) => return Err(UnpackError::NoBackup(backup.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Err(UnpackError::NoBackup(backup.to_owned()));
        }
        Err(source) => {
            return Err(UnpackError::File {
                path: backup.to_owned(),
                source,
            });
        }
    }
    let mut lines = [String::new(), String::new()];
    for line in &mut lines {
        let mut bounded = source.by_ref().take(MANIFEST_BYTES_MAX);
        bounded
            .read_line(line)
            .map_err(|error| UnpackError::Manifest(error.to_string()))?;
    }
    let [digest, line] = lines.map(|line| line.trim_end_matches('\n').to_owned());
    if hex::encode(Sha256::digest(&line)) != digest {
        return Err(UnpackError::Manifest("it was changed".into()));
    }
    serde_json::from_str(&line).map_err(|error| UnpackError::Manifest(error.to_string()))
}

/// Where a file goes; never anywhere but below the directory.
fn place_of(name: &str, into: &Path) -> Result<PathBuf, UnpackError> {
    let relative = Path::new(name);
    let is_plain = relative
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if name.is_empty() || !is_plain {
        let message = format!("`{name}` is no name for a file in it");
        return Err(UnpackError::Manifest(message));
    }
    Ok(into.join(relative))
}

struct Digesting {
    file: fs::File,
    digest: Sha256,
}

impl io::Write for Digesting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.digest.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(dir: &Path) -> PathBuf {
        fs::write(dir.join("one"), b"first").unwrap();
        fs::write(dir.join("two"), vec![7; 3 * COPY_BYTES + 1]).unwrap();
        let files = [
            ("log/one".to_owned(), dir.join("one")),
            ("two".to_owned(), dir.join("two")),
        ];
        let target = dir.join("backup");
        pack(&files, TimestampMs(5), &target).unwrap();
        target
    }

    #[test]
    fn what_was_packed_comes_out_again_and_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let target = packed(dir.path());
        let out = dir.path().join("out");
        let manifest = unpack(&target, &out).unwrap();
        assert_eq!(
            (manifest.made_at, manifest.files.len()),
            (TimestampMs(5), 2)
        );
        assert_eq!(fs::read(out.join("log/one")).unwrap(), b"first");
        assert_eq!(fs::read(out.join("two")).unwrap().len(), 3 * COPY_BYTES + 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&target), mode(&out.join("two"))), (0o600, 0o600));
            assert_eq!((mode(&out), mode(&out.join("log"))), (0o700, 0o700));
        }
    }

    #[test]
    fn a_byte_that_changed_anywhere_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let target = packed(dir.path());
        let whole = fs::read(&target).unwrap();
        for at in (0..600).chain([whole.len() - 1]) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x01;
            fs::write(&target, &damaged).unwrap();
            let out = tempfile::tempdir().unwrap();
            let unpacked = unpack(&target, &out.path().join("out"));
            assert!(unpacked.is_err(), "byte {at}");
        }
        fs::write(&target, &whole[..whole.len() - 1]).unwrap();
        let short = unpack(&target, &dir.path().join("short"));
        assert!(matches!(short, Err(UnpackError::Damaged(name)) if name == "two"));
        fs::write(&target, [&whole[..], b"x"].concat()).unwrap();
        assert!(matches!(
            unpack(&target, &dir.path().join("long")),
            Err(UnpackError::Manifest(_))
        ));
    }

    #[test]
    fn no_name_leads_out_of_the_directory() {
        for name in ["../x", "/etc/x", "log/../../x", "", "."] {
            assert!(place_of(name, Path::new("/data")).is_err(), "{name}");
        }
        assert!(place_of("log/x", Path::new("/data")).is_ok());
    }
}

//! Secrets in plain files, at the person's own wish.

use std::io;
use std::path::PathBuf;

use super::SecretName;
use crate::private_files;
use crate::profile::Profile;

const WARNING: &str = "# Whoever can read this line is this device. It stands here because you chose not to use the system keyring.\n";

fn path(profile: &Profile, name: SecretName) -> PathBuf {
    profile.folder().join("secrets").join(name.as_str())
}

pub(super) fn get(profile: &Profile, name: SecretName) -> io::Result<Option<String>> {
    let text = private_files::read(&path(profile, name))?;
    Ok(text.and_then(|text| {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.next().map(str::to_owned)
    }))
}

pub(super) fn set(profile: &Profile, name: SecretName, secret: &str) -> io::Result<()> {
    private_files::create_folder(&profile.folder().join("secrets"))?;
    private_files::replace(
        &path(profile, name),
        format!("{WARNING}{secret}\n").as_bytes(),
    )
}

pub(super) fn remove(profile: &Profile, name: SecretName) -> io::Result<()> {
    match std::fs::remove_file(path(profile, name)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

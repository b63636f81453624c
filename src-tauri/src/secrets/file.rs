//! Secrets in plain files, at the person's own choice.

use std::io;
use std::path::PathBuf;

use super::SecretSlot;
use crate::private_files;
use crate::profile::Profile;

const WARNING: &str = "# Anyone who can read the next line can act as this device. You chose to keep it in a file instead of the system keyring.\n";

fn path(profile: &Profile, slot: &SecretSlot) -> PathBuf {
    profile.folder().join("secrets").join(slot.as_str())
}

pub(super) fn get(profile: &Profile, slot: &SecretSlot) -> io::Result<Option<String>> {
    let text = private_files::read(&path(profile, slot))?;
    Ok(text.and_then(|text| {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.next().map(str::to_owned)
    }))
}

pub(super) fn set(profile: &Profile, slot: &SecretSlot, secret: &str) -> io::Result<()> {
    private_files::create_folder(&profile.folder().join("secrets"))?;
    let content = format!("{WARNING}{secret}\n");
    let path = path(profile, slot);
    profile.disk().replace(&path, content.as_bytes())
}

pub(super) fn remove(profile: &Profile, slot: &SecretSlot) -> io::Result<()> {
    profile.disk().remove(&path(profile, slot))
}

/// Checks whether a secret could be kept now.
pub(super) fn probe(profile: &Profile) -> io::Result<()> {
    private_files::create_folder(&profile.folder().join("secrets"))?;
    let path = profile.folder().join("secrets").join("probe");
    profile.disk().replace(&path, b"probe\n")?;
    profile.disk().remove(&path)
}

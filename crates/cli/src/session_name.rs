//! Resolves a session's name on the command line.

use baton_client::Device;
use baton_protocol::SessionId;

use crate::failure::Failure;

/// Resolves an id, the unique beginning of one, or `last`.
pub fn resolve(device: &Device, name: &str) -> Result<SessionId, Failure> {
    if let Ok(session) = name.parse() {
        return Ok(session);
    }
    let rows = device.sessions();
    if name == "last" {
        let last = rows.iter().max_by_key(|row| row.updated_at);
        let none = || Failure::Usage("there is no session yet: begin one with `new`".to_owned());
        return last.map(|row| row.session).ok_or_else(none);
    }
    let prefix = name.to_ascii_lowercase();
    let matching: Vec<SessionId> = rows
        .iter()
        .map(|row| row.session)
        .filter(|session| session.to_string().starts_with(&prefix))
        .collect();
    match matching.as_slice() {
        [session] => Ok(*session),
        [] => Err(Failure::Usage(format!(
            "no session begins with `{name}`: see `list`"
        ))),
        several => Err(Failure::Usage(format!(
            "{} sessions begin with `{name}`: write more of the id",
            several.len()
        ))),
    }
}

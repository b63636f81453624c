//! Whose access is to be taken away, and how that can end.

use super::principals::PrincipalRecord;
use super::store::CredentialsError;

/// A revoke did not reach its end. Each case says whether access was taken away.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// No principal has this id or name.
    #[error("no device or runner `{0}` is linked")]
    Unknown(String),
    /// Several have this name.
    #[error("{count} devices are called `{name}`, give the id instead")]
    Ambiguous {
        /// The name that several principals have.
        name: String,
        /// How many principals have it.
        count: usize,
    },
    /// The credentials could not be read or written.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The access is taken away and nothing more is delivered, but connections have not ended in time.
    #[error(
        "access is taken away, but {0} of its connections are still open: restart the hub to end them"
    )]
    StillOpen(usize),
    /// The hub cannot say how far it came.
    #[error("the revoke was interrupted: revoke the id again")]
    Interrupted,
    /// The access is taken away, but the account's log could not record it; the next start of the hub will.
    #[error("access is taken away, but the account's log could not record it: {0}")]
    NotRecorded(String),
}

/// By id, or by a name that is not ambiguous among those who still have access.
pub fn pick<'a>(
    records: &'a [PrincipalRecord],
    who: &str,
) -> Result<&'a PrincipalRecord, RevokeError> {
    if let Some(found) = records.iter().find(|record| record.id() == who) {
        return Ok(found);
    }
    let named: Vec<&PrincipalRecord> = records
        .iter()
        .filter(|record| record.name == who && record.revoked_at.is_none())
        .collect();
    match named.as_slice() {
        [] => Err(RevokeError::Unknown(who.to_owned())),
        [one] => Ok(one),
        several => Err(RevokeError::Ambiguous {
            name: who.to_owned(),
            count: several.len(),
        }),
    }
}

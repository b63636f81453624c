//! Linking this device: exchanges a one-time code for a token and keeps it.
//!
//! The order of the steps keeps a profile whole. Everything that may fail is tried before the code is spent. The new token goes into a slot
//! of its own, so that the old link works until the record changes. One rename of the record switches the link; a kill at any point leaves
//! the old link or the new one, whole. The record lists slots that nothing uses, and [`sweep`] empties them.

use baton_client::{ConnectError, LinkError, LinkedHub};
use baton_protocol::{LinkCode, LinkResponse, Principal, Role, limits};

use crate::private_files;
use crate::profile::Profile;
use crate::record::{Link, ProfileRecord, RecordError};
use crate::secrets::{SecretError, SecretSlot, Secrets};
use crate::shell_types::Refusal;

/// A link that the record does not use yet.
pub struct NewLink {
    /// The hub, and the slot for its token.
    pub link: Link,
    token: String,
}

/// Parses a link as a person pastes it.
pub fn parse(link: &str) -> Result<LinkCode, Refusal> {
    link.parse()
        .map_err(|error: baton_protocol::ParseLinkCodeError| {
            Refusal::new(
                format!("This is not a usable link: {error}."),
                "Copy the whole line that begins with baton://link?",
            )
        })
}

/// Trims a device's name and checks its length.
pub fn checked_name(name: &str) -> Result<&str, Refusal> {
    let name = name.trim();
    let length = name.chars().count();
    if (1..=limits::DEVICE_NAME_CHARS_MAX).contains(&length) {
        return Ok(name);
    }
    let max = limits::DEVICE_NAME_CHARS_MAX;
    Err(Refusal::new(
        format!("A device's name has 1 to {max} characters."),
        "",
    ))
}

/// Tries everything that could fail after the code is spent: the keyring, the record and the accounts' folder.
pub async fn prepare(
    profile: &Profile,
    record: &ProfileRecord,
    secrets: &Secrets,
) -> Result<(), Refusal> {
    record
        .replace_damaged()
        .map_err(|error| unrecorded(&error))?;
    secrets.probe().await.map_err(|error| refused(&error))?;
    record.change(|_| {}).map_err(|error| unrecorded(&error))?;
    private_files::create_folder(&profile.accounts_folder()).map_err(|error| unwritable(&error))
}

/// Exchanges the code, which works once, for a token.
pub async fn exchange(code: &LinkCode, name: &str, role: Role) -> Result<NewLink, Refusal> {
    let answer = baton_client::link(code, name)
        .await
        .map_err(|error| explain(&error))?;
    check_role(&answer, role)?;
    let token = SecretSlot::token_of(&answer.principal);
    let hub = LinkedHub {
        hub: code.hub.clone(),
        account: answer.account,
        principal: answer.principal,
        hub_name: answer.hub_name,
    };
    let link = Link { hub, token };
    Ok(NewLink {
        link,
        token: answer.token,
    })
}

/// Stores the tokens of new links. Their slots are retired first, so that a crash before the record uses them leaves no secret behind.
pub async fn keep_tokens(
    record: &ProfileRecord,
    secrets: &Secrets,
    new: &[&NewLink],
) -> Result<(), Refusal> {
    let slots: Vec<SecretSlot> = new.iter().map(|new| new.link.token.clone()).collect();
    record.retire(&slots).map_err(|error| unrecorded(&error))?;
    for new in new {
        let kept = secrets.set(&new.link.token, &new.token).await;
        kept.map_err(|error| spent(&refused(&error)))?;
    }
    Ok(())
}

/// Empties the retired slots that nothing uses. A slot that cannot be emptied now is tried again at the next start.
pub async fn sweep(record: &ProfileRecord, secrets: &Secrets) {
    let Ok(settings) = record.settings() else {
        return;
    };
    let in_use = settings.slots_in_use();
    let mut emptied = Vec::new();
    for slot in settings.retired {
        if !in_use.contains(&slot) && secrets.remove(&slot).await.is_ok() {
            emptied.push(slot);
        }
    }
    if emptied.is_empty() {
        return;
    }
    let noted = record.change(|settings| settings.retired.retain(|slot| !emptied.contains(slot)));
    if let Err(error) = noted {
        tracing::warn!(%error, "emptied slots are tried again at the next start");
    }
}

fn check_role(answer: &LinkResponse, role: Role) -> Result<(), Refusal> {
    let fits = match role {
        Role::Device => matches!(answer.principal, Principal::Device { .. }),
        Role::Runner => matches!(answer.principal, Principal::Runner { .. }),
    };
    if fits {
        return Ok(());
    }
    Err(Refusal::new(
        "This link is for a runner, not for a device.",
        "Make a link for a device at the hub: baton-hub link.",
    ))
}

/// Extends a refusal for the case that the code is spent and this device has no token from it.
fn spent(refusal: &Refusal) -> Refusal {
    let hint = format!(
        "{} Then make a new link: this one is used up.",
        refusal.hint
    );
    Refusal::new(refusal.message.clone(), hint)
}

/// Explains to a person why a secret cannot be kept.
pub fn refused(error: &SecretError) -> Refusal {
    Refusal::new(format!("{}.", sentence(&error.to_string())), error.hint())
}

/// Explains to a person why the record cannot be read or written.
pub fn unrecorded(error: &RecordError) -> Refusal {
    match error {
        RecordError::Damaged(_) => Refusal::new(
            format!("The profile's record is damaged: {error}."),
            "Link again, or start on this computer again. Your conversations are kept.",
        ),
        RecordError::Io { .. } => unwritable(error),
    }
}

/// Explains to a person why a folder or a file of the profile cannot be used.
pub fn unwritable(error: &dyn std::error::Error) -> Refusal {
    Refusal::new(
        format!("The profile's folder cannot be used: {error}."),
        "Check its permissions and the space on the disk.",
    )
}

fn explain(error: &LinkError) -> Refusal {
    match error {
        LinkError::Connect(ConnectError::Refused(body)) => Refusal::new(
            format!("{}.", sentence(&body.message)),
            format!("{}.", sentence(&body.hint)),
        ),
        other => Refusal::new(format!("{}.", sentence(&other.to_string())), ""),
    }
}

/// Capitalizes the text and strips trailing full stops.
pub fn sentence(text: &str) -> String {
    let text = text.trim_end_matches('.');
    let mut rest = text.chars();
    rest.next()
        .map(|first| first.to_uppercase().chain(rest).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_link_may_have_blanks_around_it_and_nothing_else_is_one() {
        let link = format!(
            "  baton://link?hub=127.0.0.1:7420&code={}\n",
            "a".repeat(32)
        );
        assert_eq!(parse(&link).unwrap().hub.authority, "127.0.0.1:7420");
        assert!(parse("https://example.com").is_err());
    }

    #[test]
    fn words_for_people_are_sentences() {
        assert_eq!(sentence("the hub is away."), "The hub is away");
        assert_eq!(sentence(""), "");
    }
}

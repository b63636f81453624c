//! Exchanging a one-time link for a token that is kept.

use baton_client::{ConnectError, LinkError, LinkedHub};
use baton_protocol::{LinkCode, LinkResponse, Principal, Role, limits};

use crate::secrets::{SecretError, SecretName, Secrets};
use crate::shell_types::Refusal;

/// Reads a link as a person pastes it.
pub fn parse(link: &str) -> Result<LinkCode, Refusal> {
    link.parse()
        .map_err(|error: baton_protocol::ParseLinkCodeError| {
            Refusal::new(
                format!("This is not a usable link: {error}."),
                "Copy the whole line that begins with baton://link?",
            )
        })
}

/// Uses the link up, and keeps the token. A keyring that cannot keep it is noticed before.
pub async fn exchange(
    code: &LinkCode,
    name: &str,
    role: Role,
    secrets: &Secrets,
) -> Result<LinkedHub, Refusal> {
    let name = name.trim();
    let length = name.chars().count();
    if length == 0 || length > limits::DEVICE_NAME_CHARS_MAX {
        let message = format!(
            "A device's name has 1 to {} characters.",
            limits::DEVICE_NAME_CHARS_MAX
        );
        return Err(Refusal::new(message, ""));
    }
    secrets.probe().await.map_err(|error| refused(&error))?;
    let answer = baton_client::link(code, name)
        .await
        .map_err(|error| explain(&error))?;
    check_role(&answer, role)?;
    let place = match role {
        Role::Device => SecretName::DeviceToken,
        Role::Runner => SecretName::RunnerToken,
    };
    let kept = secrets.set(place, &answer.token).await;
    kept.map_err(|error| refused(&error))?;
    Ok(LinkedHub {
        hub: code.hub.clone(),
        account: answer.account,
        principal: answer.principal,
        hub_name: answer.hub_name,
    })
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
        "Make one for a device at the hub: baton-hub link.",
    ))
}

/// A secret that cannot be kept, in words for a person.
pub fn refused(error: &SecretError) -> Refusal {
    Refusal::new(format!("{}.", sentence(&error.to_string())), error.hint())
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

/// With a capital letter, and without a full stop of its own.
fn sentence(text: &str) -> String {
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

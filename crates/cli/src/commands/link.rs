//! `link`.

use std::io::IsTerminal as _;
use std::path::Path;

use baton_client::{
    FROM_STDIN, LinkedHub, LinkedHubError, ON_COMMAND_LINE, TokenFile, is_on_command_line,
    secret_argument,
};
use baton_protocol::{LinkCode, limits};
use serde_json::json;

use crate::failure::Failure;
use crate::output::Output;

/// Links the data directory to the hub of the link.
pub async fn link(
    output: &Output,
    data_dir: &Path,
    link: &str,
    name: Option<&str>,
) -> Result<(), Failure> {
    if is_on_command_line(std::env::args(), &["link"]) {
        output.note(ON_COMMAND_LINE);
    }
    if link == FROM_STDIN && std::io::stdin().is_terminal() {
        output.note("Paste the link and press Enter:");
    }
    let link = secret_argument(link)
        .map_err(|error| Failure::Usage(format!("there is no link: {error}")))?;
    let code: LinkCode = link
        .parse()
        .map_err(|error: baton_protocol::ParseLinkCodeError| Failure::Usage(error.to_string()))?;
    let name = name.unwrap_or("batonctl");
    if name.trim().is_empty() || name.chars().count() > limits::DEVICE_NAME_CHARS_MAX {
        return Err(Failure::Usage(format!(
            "--name wants 1 to {} characters",
            limits::DEVICE_NAME_CHARS_MAX
        )));
    }
    match LinkedHub::load(data_dir) {
        Ok(None) => {}
        Ok(Some(old)) => {
            return Err(Failure::Usage(format!(
                "this data directory is linked to `{}` already: give another one with --data",
                old.hub.authority
            )));
        }
        Err(LinkedHubError::Damaged(_)) => output.note("The damaged link is replaced."),
        Err(error) => return Err(error.into()),
    }
    LinkedHub::prepare(data_dir)?;
    let linked = baton_client::link(&code, name).await?;
    let token = TokenFile::in_dir(data_dir);
    token
        .write(&linked.token)
        .map_err(|error| Failure::Other(error.into()))?;
    let hub = LinkedHub {
        hub: code.hub,
        account: linked.account,
        principal: linked.principal,
        hub_name: linked.hub_name,
    };
    hub.save(data_dir)?;
    output.json(&json!({ "type": "linked", "hub": hub }));
    output.line(&format!(
        "linked to {} at {} as \"{name}\"",
        hub.hub_name, hub.hub.authority
    ));
    output.note(&format!(
        "The token is in the file {}, readable for its owner alone.",
        token.path().display()
    ));
    Ok(())
}

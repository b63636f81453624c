//! `link`.

use std::path::Path;

use baton_client::{LinkedHub, TokenFile};
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
    if let Some(old) = LinkedHub::load(data_dir)? {
        return Err(Failure::Usage(format!(
            "this data directory is linked to `{}` already: give another one with --data",
            old.hub.authority
        )));
    }
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

//! `baton-hub link`, `devices` and `revoke`: through the running hub where one runs, else on the stored credentials.

use std::path::Path;

use anyhow::{Context as _, bail};
use baton_hub::admin::{AdminRequest, AdminResponse, AskHubError, DeviceLine, ask};
use baton_hub::credentials::CredentialStore;
use baton_hub::{Clock as _, DataDirClaim, SystemClock};
use baton_protocol::Role;

use super::arguments::{Devices, Link, Revoke};

/// Prints a link code.
pub fn link(arguments: &Link) -> anyhow::Result<()> {
    let answer = match ask(
        &arguments.data,
        &AdminRequest::Link {
            role: arguments.role.into(),
        },
    ) {
        Err(AskHubError::NotRunning) => {
            bail!(
                "no hub runs on `{}`: start it with `baton-hub serve`, a link code is for a hub that runs",
                arguments.data.display()
            )
        }
        answer => answer?,
    };
    let AdminResponse::Link { link } = expected(answer)? else {
        bail!("the hub answered something else")
    };
    if arguments.json {
        println!("{}", serde_json::json!({ "link": link }));
    } else {
        println!("{link}");
    }
    Ok(())
}

/// Prints everybody who was ever linked.
pub fn list(arguments: &Devices) -> anyhow::Result<()> {
    let devices = match ask(&arguments.data, &AdminRequest::Devices) {
        Err(AskHubError::NotRunning) => {
            let (_claim, store) = stored(&arguments.data)?;
            store
                .principals()?
                .iter()
                .map(|record| DeviceLine::of(record, false))
                .collect()
        }
        answer => match expected(answer?)? {
            AdminResponse::Devices { devices } => devices,
            _ => bail!("the hub answered something else"),
        },
    };
    for device in &devices {
        print_device(device, arguments.json)?;
    }
    Ok(())
}

/// Takes access away.
pub fn revoke(arguments: &Revoke) -> anyhow::Result<()> {
    let device = match ask(
        &arguments.data,
        &AdminRequest::Revoke {
            who: arguments.who.clone(),
        },
    ) {
        Err(AskHubError::NotRunning) => {
            // The next start of the hub records it in the account's log.
            let (_claim, mut store) = stored(&arguments.data)?;
            DeviceLine::of(&store.revoke(&arguments.who, SystemClock.now())?, false)
        }
        answer => match expected(answer?)? {
            AdminResponse::Revoked { device } => device,
            _ => bail!("the hub answered something else"),
        },
    };
    print_device(&device, arguments.json)
}

/// The credentials of a hub that does not run, held so that none starts meanwhile.
fn stored(data_dir: &Path) -> anyhow::Result<(DataDirClaim, CredentialStore)> {
    if !data_dir.join("credentials.db").try_exists()? {
        bail!("there is no hub in `{}`", data_dir.display());
    }
    let claim = DataDirClaim::take(data_dir)
        .context("the hub runs but its admin socket does not answer")?;
    let store = CredentialStore::open(data_dir, SystemClock.now())?;
    Ok((claim, store))
}

fn expected(answer: AdminResponse) -> anyhow::Result<AdminResponse> {
    match answer {
        AdminResponse::Refused { message } => bail!(message),
        answer => Ok(answer),
    }
}

fn print_device(device: &DeviceLine, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string(device)?);
        return Ok(());
    }
    let role = match device.role {
        Role::Device => "device",
        Role::Runner => "runner",
    };
    let state = match (device.revoked_at, device.connected) {
        (Some(_), _) => "revoked",
        (None, true) => "connected",
        (None, false) => "not connected",
    };
    println!("{}  {role:<6}  {state:<13}  {}", device.id, device.name);
    Ok(())
}

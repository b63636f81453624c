//! Opens addresses in the system's browser and files in the system's programs.

use std::path::PathBuf;

use tauri::Url;

use crate::shell_types::Refusal;

/// Opens an https address. The screen has shown it in full and the person has confirmed; the scheme is checked again here.
pub async fn open(url: &str) -> Result<(), Refusal> {
    let url = checked(url)?;
    let opened = tokio::task::spawn_blocking(move || open::that_detached(url.as_str())).await;
    match opened {
        Ok(Ok(())) => Ok(()),
        _ => Err(Refusal::new(
            "No browser could be opened.",
            "Copy the address into a browser instead.",
        )),
    }
}

/// Opens a file of the profile with the system's default program.
pub async fn open_file(path: PathBuf) -> Result<(), Refusal> {
    let shown = path.display().to_string();
    let opened = tokio::task::spawn_blocking(move || open::that_detached(path)).await;
    match opened {
        Ok(Ok(())) => Ok(()),
        _ => Err(Refusal::new(
            "The log could not be opened.",
            format!("It is at {shown}."),
        )),
    }
}

fn checked(url: &str) -> Result<Url, Refusal> {
    let refuse = || {
        Refusal::new(
            "Only https addresses are opened.",
            "Copy the address if you trust it.",
        )
    };
    let url = Url::parse(url).map_err(|_| refuse())?;
    // `https://bank.example@evil.example` looks like the bank's address.
    let names_someone = !url.username().is_empty() || url.password().is_some();
    let opens = url.scheme() == "https" && url.host().is_some() && !names_someone;
    if opens { Ok(url) } else { Err(refuse()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The screen checks addresses too (`links.logic.ts`). Both checks are tested against one table.
    const ADDRESSES: &str = include_str!("../../ui/test/addresses.json");

    #[derive(serde::Deserialize)]
    struct Case {
        address: String,
        opens: bool,
    }

    #[test]
    fn the_same_addresses_are_opened_as_on_the_screen() {
        let cases: Vec<Case> =
            serde_json::from_str(ADDRESSES).expect("the table is a list of cases");
        for Case { address, opens } in cases {
            assert_eq!(checked(&address).is_ok(), opens, "{address}");
        }
    }
}

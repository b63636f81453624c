//! Addresses that open in the system's browser.

use std::path::PathBuf;

use tauri::Url;

use crate::shell_types::Refusal;

/// Opens an https address. The screen has shown it in full and the person has said yes; the scheme is looked at again here.
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

/// Opens a file of the profile with the system's own program for it.
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
    let is_plain = url.scheme() == "https" && url.host().is_some() && url.username().is_empty();
    if is_plain { Ok(url) } else { Err(refuse()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_https_is_opened() {
        for url in [
            "http://example.com",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "https://user@example.com",
            "data:text/html,x",
            "-flag",
            "",
        ] {
            assert!(checked(url).is_err(), "{url}");
        }
        assert!(checked("https://example.com/a?b#c").is_ok());
    }
}

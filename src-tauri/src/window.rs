//! The window: it shows only our own page, and keeps the webview's data in the profile's folder.

use tauri::webview::NewWindowResponse;
use tauri::{AppHandle, Manager, Url, WebviewWindow, WebviewWindowBuilder};

use crate::profile::Profile;

/// The window's label in `tauri.conf.json` and in the capability.
const LABEL: &str = "main";

/// Opens the profile's window.
pub fn open(app: &AppHandle, profile: &Profile) -> tauri::Result<WebviewWindow> {
    let config = app
        .config()
        .app
        .windows
        .iter()
        .find(|window| window.label == LABEL)
        .expect("tauri.conf.json has the window `main`")
        .clone();
    let home = app.config().build.dev_url.clone();
    WebviewWindowBuilder::from_config(app, &config)?
        .title(profile.window_title())
        .data_directory(profile.webview_folder())
        .on_navigation(move |url| is_own_page(url, home.as_ref()))
        .on_new_window(|_url, _features| NewWindowResponse::Deny)
        .build()
}

/// Whether the URL is our own page: Tauri's protocol, `about:blank`, or the development server in a development build.
fn is_own_page(url: &Url, development: Option<&Url>) -> bool {
    let is_tauri = url.scheme() == "tauri"
        || (matches!(url.scheme(), "http" | "https") && url.host_str() == Some("tauri.localhost"));
    let is_development = tauri::is_dev()
        && development.is_some_and(|development| development.origin() == url.origin());
    is_tauri || is_development || url.as_str() == "about:blank"
}

/// Whether a window exists, visible or hidden.
pub fn is_open(app: &AppHandle) -> bool {
    app.get_webview_window(LABEL).is_some()
}

/// Brings the window to the front; opens it again if it was closed while the application went on running.
pub fn show(app: &AppHandle, profile: &Profile) {
    let shown = match app.get_webview_window(LABEL) {
        None => open(app, profile).map(|_| ()),
        Some(window) => window
            .show()
            .and_then(|()| window.unminimize())
            .and_then(|()| window.set_focus()),
    };
    if let Err(error) = shown {
        tracing::warn!(%error, "the window cannot be shown");
    }
}

/// Hides the window if it is in front; otherwise brings it to the front.
pub fn toggle(app: &AppHandle, profile: &Profile) {
    let in_front = app.get_webview_window(LABEL).filter(|window| {
        window.is_focused().unwrap_or(false) && window.is_visible().unwrap_or(false)
    });
    match in_front.map(|window| window.hide()) {
        None => show(app, profile),
        Some(Ok(())) => {}
        Some(Err(error)) => tracing::warn!(%error, "the window cannot be hidden"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_goes_nowhere_else() {
        let allowed = |url: &str| is_own_page(&Url::parse(url).unwrap(), None);
        assert!(allowed("tauri://localhost/index.html"));
        for url in [
            "https://example.com/",
            "http://127.0.0.1:7420/",
            "http://localhost:5173/",
            "file:///etc/passwd",
            "data:text/html,x",
        ] {
            assert!(!allowed(url), "{url}");
        }
    }
}

//! Embeds the interface and the window's capabilities.

use std::error::Error;
use std::fs;
use std::path::Path;

const CAPABILITIES: &str = "src-tauri/capabilities";
const PAGE: &str = "ui/dist/index.html";
const PLACEHOLDER: &str = "<!doctype html><meta charset=\"utf-8\"><title>Baton</title>\
    <p>The interface was not built. Run <code>npm ci</code> and <code>npm run build</code>, then build the application again.</p>\n";

fn main() -> Result<(), Box<dyn Error>> {
    // tauri-build does not watch this folder.
    println!("cargo:rerun-if-changed={CAPABILITIES}");
    println!("cargo:rerun-if-changed=ui/dist");
    ensure_page()?;
    let attributes =
        tauri_build::Attributes::new().capabilities_path_pattern("./src-tauri/capabilities/**/*");
    tauri_build::try_build(attributes).map_err(Into::into)
}

/// Creates a placeholder page in a clean clone, where the interface is not built yet and `generate_context!` would fail.
fn ensure_page() -> std::io::Result<()> {
    let page = Path::new(PAGE);
    if page.exists() {
        return Ok(());
    }
    if let Some(folder) = page.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(page, PLACEHOLDER)
}

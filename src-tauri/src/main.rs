//! The desktop application.

#![forbid(unsafe_code)]
#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    baton::choose_webview_renderer();
    baton::run(baton::Options::parse())
}

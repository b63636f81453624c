//! The desktop shell: a window, a profile's folder, the keyring, and commands that delegate to the device in `baton-client`.
//!
//! It composes the device with a hub and a runner inside the application if the person chose "on this computer". It holds no conversation
//! state: the page asks the device for views through `commands` and receives patches through one channel.
//!
//! **Invariant:** one process holds a profile at a time.
//! **Invariant:** the page reaches no network, no disk and no other page; everything goes through the commands.

#![forbid(unsafe_code)]

mod app;
mod commands;
mod diagnostics;
mod external;
mod inside;
mod linking;
mod model_choice;
mod model_servers;
mod network;
mod options;
mod private_files;
mod profile;
mod record;
mod screen_pump;
mod secrets;
mod shell;
mod shell_types;
mod status;
mod tasks;
mod tokens;
mod webview_renderer;
mod window;

pub use app::run;
pub use options::{Options, ProfileName};
pub use webview_renderer::choose as choose_webview_renderer;

//! The product as people use it: real windows, a real hub, a real runner, a real model.
//!
//! `cargo xtask test` runs everything here, and `cargo xtask test --only windows NAME` one scenario. To run it by hand, start
//! `cargo xtask model-server` in another terminal and build the programs (`cargo build -p baton-hub -p baton-runner -p baton-cli`):
//!
//! ```sh
//! export BATON_TEST_MODEL_URL=http://127.0.0.1:7430/v1 BATON_TEST_MODEL_NAME=smollm2-135m
//! xvfb-run -a -s "-screen 0 1280x900x24 -nolisten tcp" dbus-run-session -- sh -c \
//!   'printf pw | gnome-keyring-daemon --unlock --components=secrets; cargo test -p baton --test e2e -- --test-threads=1'
//! ```
//!
//! The tests run one after the other: there is one screen and one small model. "In the middle of an answer" is a state here: the proxy in
//! front of the model holds the answer after a number of pieces until the test releases it, and ends it after a larger number. A wait fails
//! once nothing has moved for a while, however slow the machine is.

mod desktop;
mod driver;
mod history;
mod scenarios;
mod screen;
mod stage;
mod title_bar;

/// Programs, and devices in the terminal, shared with the tests without windows.
#[allow(dead_code)]
#[path = "../system/tests/it/stage.rs"]
mod programs;

/// Machines with addresses of their own.
#[allow(dead_code)]
#[path = "../system/tests/it/network.rs"]
mod network;

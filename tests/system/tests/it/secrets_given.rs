//! How programs are given links: never on a command line, which every user of the computer can read.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use baton_testkit::bin;
use tempfile::TempDir;

use crate::stage::Hub;

async fn batonctl_link(arguments: &[&str], stdin: &str) -> Output {
    let folder = TempDir::new().expect("a temporary folder");
    let mut command = Command::new(bin("batonctl"));
    command.arg("--data").arg(folder.path()).arg("link");
    command.args(arguments).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let line = format!("{stdin}\n");
    let run = move || {
        let mut child = command.spawn().expect("batonctl starts");
        let mut input = child.stdin.take().expect("its input is a pipe");
        // A program that does not read its input may have ended by now.
        let _ = input.write_all(line.as_bytes());
        drop(input);
        let output = child.wait_with_output().expect("it ends");
        drop(folder);
        output
    };
    tokio::task::spawn_blocking(run).await.expect("it ran")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_comes_from_standard_input_and_on_a_command_line_it_is_warned_of() {
    let hub = Hub::start().await;
    for arguments in [&[][..], &["-"], &["--name", "Script"]] {
        let output = batonctl_link(arguments, &hub.link("device").await).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        assert!(!said.contains("command line"), "{arguments:?}: {said}");
    }
    let link = hub.link("device").await;
    let output = batonctl_link(&[&link], "").await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("command line"), "{said}");
    let nothing = batonctl_link(&["-"], "").await;
    assert_eq!(nothing.status.code(), Some(2));
}

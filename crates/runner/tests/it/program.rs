//! The program `baton-runner`, run as a service would run it.

use std::path::Path;
use std::process::Command;

use baton_protocol::HubAddress;
use baton_runner::Identity;
use baton_testkit::{Child, FakeModel, Reply};

use crate::fake_hub::{FakeHub, RUNNER};
use crate::scene::KEY;

fn program(data: &Path, model: &FakeModel) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_baton-runner"));
    command
        .arg("--data")
        .arg(data)
        .env("OPENAI_BASE_URL", model.base_url())
        .env("BATON_MODEL", model.model());
    command.env("OPENAI_API_KEY", KEY).env_remove("RUST_LOG");
    command
}

pub fn link(data: &Path, hub: &FakeHub) {
    let hub = HubAddress {
        authority: hub.addr.to_string(),
        fingerprint: None,
        public_path: None,
    };
    Identity {
        hub,
        runner: RUNNER,
        token: "baton_test".to_owned(),
    }
    .save(data)
    .expect("saved");
}

#[tokio::test]
async fn it_says_that_it_is_connected_works_and_ends_at_once_when_asked() {
    let (hub, model, data) = (
        FakeHub::start().await,
        FakeModel::start().await,
        tempfile::tempdir().expect("a directory"),
    );
    link(data.path(), &hub);
    model.reply(Reply::text("one two three").hold_after(2));
    let mut child = Child::spawn(program(data.path(), &model));
    let line = child
        .wait_for_line("the first line", |line| Some(line.to_owned()))
        .await;
    let said: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(
        said,
        serde_json::json!({ "connected": true, "runner": RUNNER })
    );
    hub.send("count", baton_protocol::Delivery::Queue);
    model.wait_sent(0, 2).await;
    child.sigterm();
    assert_eq!(child.wait_exit().await.code(), Some(0));
    model.wait_closed(0).await;
    let logged = child.stderr_lines().join("\n");
    assert!(
        !logged.contains(KEY) && !logged.contains("baton_test") && !logged.contains("one two"),
        "{logged}"
    );
}

#[tokio::test]
async fn without_a_link_it_says_how_to_get_one() {
    let (model, data) = (
        FakeModel::start().await,
        tempfile::tempdir().expect("a directory"),
    );
    let mut child = Child::spawn(program(data.path(), &model));
    let says = |line: &str| line.contains("make a link at the hub").then_some(());
    child.wait_for_stderr_line("the hint", says).await;
    assert_eq!(child.wait_exit().await.code(), Some(1));
}

#[tokio::test]
async fn a_hub_that_refuses_it_ends_it_with_a_code_of_its_own() {
    let (hub, model, data) = (
        FakeHub::start().await,
        FakeModel::start().await,
        tempfile::tempdir().expect("a directory"),
    );
    link(data.path(), &hub);
    let mut child = Child::spawn(program(data.path(), &model));
    child
        .wait_for_line("the first line", |line| Some(line.to_owned()))
        .await;
    hub.close(4403, "revoked: this runner was revoked");
    let says = |line: &str| line.contains("this runner was revoked").then_some(());
    child.wait_for_stderr_line("the reason", says).await;
    assert_eq!(child.wait_exit().await.code(), Some(3));
}

#[cfg(unix)]
#[test]
fn the_token_is_readable_by_its_user_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let data = tempfile::tempdir().expect("a directory");
    let hub = HubAddress {
        authority: "localhost:1".to_owned(),
        fingerprint: None,
        public_path: None,
    };
    let identity = Identity {
        hub,
        runner: RUNNER,
        token: "baton_test".to_owned(),
    };
    let inner = data.path().join("new");
    assert_eq!(Identity::load(&inner).expect("nothing"), None);
    identity.save(&inner).expect("saved");
    assert_eq!(Identity::load(&inner).expect("kept"), Some(identity));
    let mode = std::fs::metadata(inner.join("runner.json"))
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

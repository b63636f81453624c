use std::process::Command;
use std::time::Duration;

use baton_testkit::{Child, bin, eventually};

fn shell(script: &str) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    Child::spawn(command)
}

/// Returns the process state as Linux abbreviates it; `None` once the process is gone or only waits to be reaped.
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let state = stat.rsplit_once(") ")?.1.chars().next()?;
    (state != 'Z').then_some(state)
}

async fn wait_state(pid: u32, what: &str, is_right: impl Fn(Option<char>) -> bool) {
    eventually(Duration::from_secs(10), what, async || {
        is_right(state(pid)).then_some(())
    })
    .await;
}

fn parse_pid(line: &str) -> Option<u32> {
    line.strip_prefix("pid ")?.parse().ok()
}

#[tokio::test]
async fn lines_are_waited_for_and_found_again() {
    let child = shell("echo one; echo error >&2; echo two; sleep 600");
    let two = child
        .wait_for_line("a line `two`", |line| {
            (line == "two").then(|| line.to_owned())
        })
        .await;
    assert_eq!(two, "two");
    child
        .wait_for_line("a line `one`", |line| (line == "one").then_some(()))
        .await;
    child
        .wait_for_stderr_line("a line `error`", |line| (line == "error").then_some(()))
        .await;
    assert_eq!(child.stdout_lines(), ["one", "two"]);
}

#[tokio::test]
#[should_panic(expected = "stderr: the reason")]
async fn a_program_that_ends_without_the_line_shows_what_it_printed() {
    let child = shell("echo the reason >&2");
    child.wait_for_line("a line", |_| Some(())).await;
}

#[tokio::test]
async fn sigterm_lets_it_say_goodbye_and_kill_9_does_not() {
    let script = "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.01; done";
    let ready = |line: &str| (line == "ready").then_some(());
    let mut child = shell(script);
    child.wait_for_line("ready", ready).await;
    child.sigterm();
    assert_eq!(child.wait_exit().await.code(), Some(7));
    child
        .wait_for_line("bye", |line| (line == "bye").then_some(()))
        .await;
    let mut child = shell(script);
    child.wait_for_line("ready", ready).await;
    assert!(child.is_running());
    child.kill_9().await;
    assert!(!child.is_running());
    assert_eq!(child.stdout_lines(), ["ready"]);
}

#[tokio::test]
async fn a_stopped_program_exists_and_goes_on_later() {
    // One process only: a shell that is still starting another process has a state of its own while it waits.
    let child = shell("echo ready; exec sleep 600");
    child
        .wait_for_line("ready", |line| (line == "ready").then_some(()))
        .await;
    child.sigstop();
    wait_state(child.pid(), "stopped", |state| state == Some('T')).await;
    child.sigcont();
    wait_state(child.pid(), "going on", |state| {
        matches!(state, Some('R' | 'S'))
    })
    .await;
}

#[tokio::test]
async fn dropping_it_ends_its_children_too() {
    let child = shell("sleep 600 & echo pid $!; wait");
    let grandchild = child.wait_for_line("its child's id", parse_pid).await;
    assert!(state(grandchild).is_some());
    drop(child);
    wait_state(grandchild, "gone", |state| state.is_none()).await;
}

#[tokio::test]
async fn environment_and_folder_reach_the_program() {
    let mut command = Command::new("sh");
    command
        .args(["-c", "echo $GREETING $(pwd)"])
        .env("GREETING", "hello")
        .current_dir("/");
    let child = Child::spawn(command);
    assert_eq!(
        child
            .wait_for_line("a line", |line| Some(line.to_owned()))
            .await,
        "hello /"
    );
}

#[test]
#[should_panic(expected = "run `cargo build -p no-such-program` first")]
fn a_program_that_was_not_built_says_how_to_build_it() {
    bin("no-such-program");
}

#[tokio::test]
async fn a_program_that_listens_hears_what_is_said() {
    let mut command = Command::new("sh");
    command.args(["-c", "while read line; do echo \"heard $line\"; done"]);
    let mut child = Child::spawn_listening(command);
    for word in ["one", "two"] {
        child.say(word).await;
        let heard = format!("heard {word}");
        child
            .wait_for_line(&heard, |line| (line == heard).then_some(()))
            .await;
    }
}

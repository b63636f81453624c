//! `baton-hub` as a program.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use baton_protocol::LinkCode;
use rustix::process::{Pid, Signal, kill_process};

const PROGRAM: &str = env!("CARGO_BIN_EXE_baton-hub");

struct Serving {
    child: Child,
    ready: serde_json::Value,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serving {
    fn start(data: &Path, arguments: &[&str]) -> Self {
        Self::start_by(Command::new(PROGRAM), data, arguments)
    }

    /// With a soft and a hard limit of descriptors.
    fn start_within(data: &Path, soft: u32, hard: u32) -> Self {
        let mut shell = Command::new("sh");
        let script = format!("ulimit -S -n {soft} && ulimit -H -n {hard} && exec \"$0\" \"$@\"");
        shell.arg("-c").arg(script).arg(PROGRAM);
        Self::start_by(shell, data, &LOOPBACK)
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.ready["listening"].as_str().unwrap()).unwrap()
    }

    fn start_by(mut command: Command, data: &Path, arguments: &[&str]) -> Self {
        command.arg("serve").arg("--data").arg(data).args(arguments);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            ready: serde_json::from_str(&line).unwrap(),
            child,
        }
    }

    fn signal(mut self, signal: Signal) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        self.child.wait().unwrap().code()
    }
}

fn hub(data: &Path, verb: &str, arguments: &[&str]) -> Output {
    Command::new(PROGRAM)
        .arg(verb)
        .arg("--data")
        .arg(data)
        .args(arguments)
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn error(output: &Output) -> String {
    assert!(!output.status.success() && output.stdout.is_empty());
    String::from_utf8(output.stderr.clone()).unwrap()
}

const LOOPBACK: [&str; 2] = ["--listen", "127.0.0.1:0"];

#[test]
fn it_serves_links_and_stops_cleanly_on_a_signal() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("hub");
    assert!(error(&hub(&data, "link", &[])).contains("start it with `baton-hub serve`"));
    for signal in [Signal::TERM, Signal::INT] {
        let serving = Serving::start(&data, &LOOPBACK);
        let code: LinkCode = out(&hub(&data, "link", &[])).parse().unwrap();
        assert_eq!(
            serving.ready["fingerprint"].as_str(),
            code.hub.fingerprint.as_deref(),
            "a device on the same computer pins the key too"
        );
        assert!(code.hub.fingerprint.is_some());
        assert_eq!(serving.ready["listening"], code.hub.authority.as_str());
        let json: serde_json::Value =
            serde_json::from_str(&out(&hub(&data, "link", &["--role", "runner", "--json"])))
                .unwrap();
        json["link"].as_str().unwrap().parse::<LinkCode>().unwrap();
        assert!(error(&hub(&data, "serve", &LOOPBACK)).contains("another hub runs"));
        assert!(error(&hub(&data, "revoke", &["Nobody"])).contains("no device or runner `Nobody`"));
        assert_eq!(serving.signal(signal), Some(0));
        assert!(!data.join("admin.sock").exists());
    }
}

#[test]
fn it_starts_again_after_it_was_killed() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(
        Serving::start(dir.path(), &LOOPBACK).signal(Signal::KILL),
        None
    );
    assert!(dir.path().join("admin.sock").exists());
    assert!(error(&hub(dir.path(), "link", &[])).contains("no hub runs"));
    assert!(hub(dir.path(), "devices", &[]).status.success());
    let _serving = Serving::start(dir.path(), &LOOPBACK);
    assert!(hub(dir.path(), "link", &[]).status.success());
}

#[test]
fn beyond_loopback_it_makes_a_certificate_and_the_code_has_the_public_name_and_the_key() {
    let dir = tempfile::tempdir().unwrap();
    let serving = Serving::start(
        dir.path(),
        &["--listen", "0.0.0.0:0", "--public-name", "hub.example"],
    );
    let code: LinkCode = out(&hub(dir.path(), "link", &[])).parse().unwrap();
    assert!(
        code.hub.authority.starts_with("hub.example:"),
        "{}",
        code.hub.authority
    );
    assert_eq!(
        serving.ready["fingerprint"].as_str(),
        code.hub.fingerprint.as_deref()
    );
    assert!(code.hub.fingerprint.is_some());
}

const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn answer(mut stream: TcpStream) -> String {
    stream.write_all(HEALTH).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn it_raises_its_limit_of_descriptors() {
    let dir = tempfile::tempdir().unwrap();
    let serving = Serving::start_within(dir.path(), 64, 1_024);
    // Under a limit of 64 an address may hold two, under 1,024 it may hold 48.
    let mut crowd: Vec<_> = (0..45).map(|_| serving.connect()).collect();
    assert!(answer(crowd.remove(0)).starts_with("HTTP/1.1 200"));
}

#[test]
fn with_few_descriptors_a_crowd_takes_neither_the_door_nor_the_storage() {
    let dir = tempfile::tempdir().unwrap();
    let serving = Serving::start_within(dir.path(), 96, 96);
    let crowd: Vec<_> = (0..300)
        .map(|_| {
            let mut stream = serving.connect();
            // The hub may have closed it for a later one.
            let _ = stream.write_all(
                b"POST /v1/link HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n",
            );
            stream
        })
        .collect();
    assert!(answer(serving.connect()).starts_with("HTTP/1.1 200"));
    assert!(hub(dir.path(), "link", &[]).status.success());
    drop(crowd);
    assert_eq!(serving.signal(Signal::TERM), Some(0));
}

#[test]
fn a_hub_whose_log_is_gone_does_not_begin_an_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("hub");
    let serving = Serving::start(&data, &LOOPBACK);
    let code: LinkCode = out(&hub(&data, "link", &[])).parse().unwrap();
    let body = format!(r#"{{"code":"{}","name":"Laptop"}}"#, code.secret);
    let mut peer = serving.connect();
    let head = "POST /v1/link HTTP/1.1\r\nHost: localhost\r\nContent-Length";
    write!(peer, "{head}: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    peer.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(serving.signal(Signal::TERM), Some(0));

    let aside = dir.path().join("log-elsewhere");
    std::fs::rename(data.join("log"), &aside).unwrap();
    let refused = error(&hub(&data, "serve", &LOOPBACK));
    assert!(
        refused.contains("1 devices and runners are linked"),
        "{refused}"
    );
    std::fs::remove_dir_all(data.join("log")).unwrap();
    // The name that the application used is as good.
    std::fs::rename(&aside, data.join("log.db")).unwrap();
    let serving = Serving::start(&data, &LOOPBACK);
    assert!(out(&hub(&data, "devices", &[])).contains("Laptop"));
    assert_eq!(serving.signal(Signal::TERM), Some(0));
}

//! Programs under test, each in a process group of its own.

use std::fmt;
use std::path::PathBuf;
use std::process::{Command as StdCommand, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{self as os, Pid, Signal};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWriteExt as _, BufReader};
use tokio::process::{Child as TokioChild, Command};
use tokio::sync::watch;

use crate::eventually::within;

/// Returns the path of a program of this workspace, in the folder that this test was built in.
///
/// # Panics
/// If the program was not built: a test build builds only the programs of its own package.
pub fn bin(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    let folder = test
        .ancestors()
        .nth(2)
        .expect("tests are built to target/<profile>/deps");
    let path = folder.join(name);
    let package = if name == "batonctl" {
        "baton-cli"
    } else {
        name
    };
    assert!(
        path.is_file(),
        "`{}` is not there: run `cargo build -p {package}` first",
        path.display()
    );
    path
}

/// A running program. Dropping it kills the program and everything it started.
pub struct Child {
    name: String,
    process: TokioChild,
    pid: Pid,
    output: Arc<Output>,
}

struct Output {
    stdout: Mutex<Vec<String>>,
    stderr: Mutex<Vec<String>>,
    /// Counts changes, including closed streams.
    changed: watch::Sender<u64>,
    open_streams: Mutex<usize>,
}

impl Child {
    /// Starts a program. Its standard input is empty; its output is kept.
    pub fn spawn(command: StdCommand) -> Self {
        Self::start(command, Stdio::null())
    }

    /// Starts a program that reads lines from [`say`](Self::say).
    pub fn spawn_listening(command: StdCommand) -> Self {
        Self::start(command, Stdio::piped())
    }

    fn start(command: StdCommand, stdin: Stdio) -> Self {
        let name = command
            .get_program()
            .to_string_lossy()
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned();
        let mut command = Command::from(ending_with_us(command));
        command
            .process_group(0)
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start `{name}`: {error}"));
        let id = process.id().expect("it was not waited for yet");
        let pid = i32::try_from(id)
            .ok()
            .and_then(Pid::from_raw)
            .expect("process ids are positive");
        let output = Arc::new(Output {
            stdout: Mutex::default(),
            stderr: Mutex::default(),
            changed: watch::Sender::new(0),
            open_streams: Mutex::new(2),
        });
        let stdout = process.stdout.take().expect("it was asked for");
        let stderr = process.stderr.take().expect("it was asked for");
        tokio::spawn(read_lines(stdout, Arc::clone(&output), |output| {
            &output.stdout
        }));
        tokio::spawn(read_lines(stderr, Arc::clone(&output), |output| {
            &output.stderr
        }));
        Self {
            name,
            process,
            pid,
            output,
        }
    }

    /// Returns the process id.
    pub fn pid(&self) -> u32 {
        u32::try_from(self.pid.as_raw_nonzero().get()).expect("process ids are positive")
    }

    /// Returns the lines of standard output so far.
    pub fn stdout_lines(&self) -> Vec<String> {
        lock(&self.output.stdout).clone()
    }

    /// Returns the lines of standard error so far.
    pub fn stderr_lines(&self) -> Vec<String> {
        lock(&self.output.stderr).clone()
    }

    /// Writes a line to the program's standard input.
    ///
    /// # Panics
    /// If the program was not started with [`spawn_listening`](Self::spawn_listening), or no longer reads.
    pub async fn say(&mut self, line: &str) {
        let shown = self.to_string();
        let stdin = self.process.stdin.as_mut().expect("it listens");
        if let Err(error) = stdin.write_all(format!("{line}\n").as_bytes()).await {
            panic!("cannot say `{line}` to {shown}: {error}");
        }
    }

    /// Waits for a line of standard output that `pick` accepts. Lines that were already printed count.
    ///
    /// # Panics
    /// If the output ends or the limit passes without such a line; the message has everything that the program printed.
    pub async fn wait_for_line<T>(&self, what: &str, pick: impl Fn(&str) -> Option<T>) -> T {
        self.wait(what, |output| {
            lock(&output.stdout).iter().find_map(|line| pick(line))
        })
        .await
    }

    /// Like [`wait_for_line`](Self::wait_for_line), for standard error.
    pub async fn wait_for_stderr_line<T>(&self, what: &str, pick: impl Fn(&str) -> Option<T>) -> T {
        self.wait(what, |output| {
            lock(&output.stderr).iter().find_map(|line| pick(line))
        })
        .await
    }

    async fn wait<T>(&self, what: &str, find: impl Fn(&Output) -> Option<T>) -> T {
        let mut changes = self.output.changed.subscribe();
        let waiting = async {
            loop {
                changes.borrow_and_update();
                let is_over = *lock(&self.output.open_streams) == 0;
                if let Some(found) = find(&self.output) {
                    return found;
                }
                assert!(!is_over, "{self} ended without {what}");
                changes
                    .changed()
                    .await
                    .expect("the output holds the sender");
            }
        };
        match tokio::time::timeout(crate::WAIT_LIMIT, waiting).await {
            Ok(found) => found,
            Err(_) => panic!("{self} gave no {what} within {:?}", crate::WAIT_LIMIT),
        }
    }

    /// Waits until the program ends on its own.
    pub async fn wait_exit(&mut self) -> ExitStatus {
        let name = self.name.clone();
        within(&format!("the end of {name}"), self.process.wait())
            .await
            .expect("it is our child")
    }

    /// Whether the program still runs.
    pub fn is_running(&mut self) -> bool {
        self.process.try_wait().expect("it is our child").is_none()
    }

    /// Sends SIGKILL to the program and everything it started. They have ended when this returns.
    pub async fn kill_9(&mut self) {
        self.signal_group(Signal::KILL);
        self.wait_exit().await;
    }

    /// Sends SIGTERM, which asks the program to end.
    pub fn sigterm(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends SIGINT, as Ctrl-C does.
    pub fn sigint(&self) {
        self.signal(Signal::INT);
    }

    /// Sends SIGSTOP to the program and everything it started: they stay, do nothing and keep their sockets open.
    pub fn sigstop(&self) {
        self.signal_group(Signal::STOP);
    }

    /// Sends SIGCONT after [`sigstop`](Self::sigstop).
    pub fn sigcont(&self) {
        self.signal_group(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        // After the child is reaped, its process id may belong to another process.
        if self.process.id().is_some() {
            os::kill_process(self.pid, signal)
                .unwrap_or_else(|error| panic!("cannot signal {self}: {error}"));
        }
    }

    fn signal_group(&self, signal: Signal) {
        if self.process.id().is_some() {
            os::kill_process_group(self.pid, signal)
                .unwrap_or_else(|error| panic!("cannot signal {self}: {error}"));
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // The group may outlive the child, and keeps its id meanwhile.
        let _ = os::kill_process_group(self.pid, Signal::KILL);
        let _ = self.process.start_kill();
    }
}

impl fmt::Display for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "`{}` (process {})", self.name, self.pid.as_raw_nonzero())?;
        for (stream, lines) in [
            ("stdout", self.stdout_lines()),
            ("stderr", self.stderr_lines()),
        ] {
            for line in &lines[lines.len().saturating_sub(40)..] {
                writeln!(f, "  {stream}: {line}")?;
            }
        }
        Ok(())
    }
}

/// Makes the program end with this test: its own process group would survive a killed test process, but Linux can kill it when the
/// thread that started it ends.
fn ending_with_us(command: StdCommand) -> StdCommand {
    const SETPRIV: &str = "/usr/bin/setpriv";
    if !std::path::Path::new(SETPRIV).is_file() {
        return command;
    }
    let mut wrapped = StdCommand::new(SETPRIV);
    wrapped
        .args(["--pdeathsig", "KILL", "--"])
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        wrapped.current_dir(folder);
    }
    wrapped
}

async fn read_lines(
    stream: impl AsyncRead + Unpin,
    output: Arc<Output>,
    lines: fn(&Output) -> &Mutex<Vec<String>>,
) {
    let mut reader = BufReader::new(stream);
    let mut bytes = Vec::new();
    while reader
        .read_until(b'\n', &mut bytes)
        .await
        .is_ok_and(|count| count > 0)
    {
        let line = String::from_utf8_lossy(&bytes)
            .trim_end_matches(['\r', '\n'])
            .to_owned();
        lock(lines(&output)).push(line);
        bytes.clear();
        output.changed.send_modify(|version| *version += 1);
    }
    *lock(&output.open_streams) -= 1;
    output.changed.send_modify(|version| *version += 1);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

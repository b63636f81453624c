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

/// A program of this workspace, from the folder in which this test was built.
///
/// # Panics
/// When it was not built: a test build makes the programs of its own package only.
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

/// A running program. Dropped, it is killed with everything it started.
pub struct Child {
    name: String,
    process: TokioChild,
    pid: Pid,
    output: Arc<Output>,
}

struct Output {
    stdout: Mutex<Vec<String>>,
    stderr: Mutex<Vec<String>>,
    /// Counts changes; closed streams count too.
    changed: watch::Sender<u64>,
    open_streams: Mutex<usize>,
}

impl Child {
    /// Starts a program. Its standard input is empty; what it prints is kept.
    pub fn spawn(command: StdCommand) -> Self {
        Self::start(command, Stdio::null())
    }

    /// Starts a program that is spoken to with [`say`](Self::say).
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

    /// Its process id.
    pub fn pid(&self) -> u32 {
        u32::try_from(self.pid.as_raw_nonzero().get()).expect("process ids are positive")
    }

    /// The lines of standard output so far.
    pub fn stdout_lines(&self) -> Vec<String> {
        lock(&self.output.stdout).clone()
    }

    /// The lines of standard error so far.
    pub fn stderr_lines(&self) -> Vec<String> {
        lock(&self.output.stderr).clone()
    }

    /// Writes a line to its standard input.
    ///
    /// # Panics
    /// When it was not started with [`spawn_listening`](Self::spawn_listening), or does not read any more.
    pub async fn say(&mut self, line: &str) {
        let shown = self.to_string();
        let stdin = self.process.stdin.as_mut().expect("it listens");
        if let Err(error) = stdin.write_all(format!("{line}\n").as_bytes()).await {
            panic!("cannot say `{line}` to {shown}: {error}");
        }
    }

    /// Waits for a line of standard output that `pick` takes, the ones already there included.
    ///
    /// # Panics
    /// When it closes its output or the limit passes without one, with everything it printed.
    pub async fn wait_for_line<T>(&self, what: &str, pick: impl Fn(&str) -> Option<T>) -> T {
        self.wait(what, |output| {
            lock(&output.stdout).iter().find_map(|line| pick(line))
        })
        .await
    }

    /// The same for standard error.
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

    /// Waits until it ends by itself.
    pub async fn wait_exit(&mut self) -> ExitStatus {
        let name = self.name.clone();
        within(&format!("the end of {name}"), self.process.wait())
            .await
            .expect("it is our child")
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.process.try_wait().expect("it is our child").is_none()
    }

    /// SIGKILL to it and everything it started, as a power cut would; gone on return.
    pub async fn kill_9(&mut self) {
        self.signal_group(Signal::KILL);
        self.wait_exit().await;
    }

    /// SIGTERM: asks it to end.
    pub fn sigterm(&self) {
        self.signal(Signal::TERM);
    }

    /// SIGINT: what Ctrl-C sends.
    pub fn sigint(&self) {
        self.signal(Signal::INT);
    }

    /// SIGSTOP to it and everything it started: it exists and does nothing, its sockets open.
    pub fn sigstop(&self) {
        self.signal_group(Signal::STOP);
    }

    /// SIGCONT after [`sigstop`](Self::sigstop).
    pub fn sigcont(&self) {
        self.signal_group(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        // Only an unreaped child's number is certain to be its own.
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
        // Its group may outlive it, and keeps its number while it does.
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

/// A group of its own would survive a test process that is killed; Linux can end it with the thread that started it.
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

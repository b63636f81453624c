//! Background programs: each in a process group of its own, ended by its id with everything it started, on drop and on
//! Ctrl-C. Nothing is ever ended by name.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{self as os, Pid, Signal, WaitOptions};

use crate::process::line;

/// How long a group may take to end by itself after SIGTERM.
const GRACE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, PartialEq)]
enum Target {
    Group(Pid),
    Child(Pid),
}

static TARGETS: Mutex<Vec<Target>> = Mutex::new(Vec::new());

/// A signal came, and everything is being ended. Set by the signal's handler itself: a child in our own group gets the signal too, and
/// whoever waits for that child must not find this still unset.
static ENDING: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Takes its process off the list of what a signal ends.
pub struct Registered(Target);

impl Drop for Registered {
    fn drop(&mut self) {
        targets().retain(|target| *target != self.0);
    }
}

/// From now on SIGINT, SIGTERM and SIGHUP end everything that was started here, the newest first, then this process.
pub fn end_all_on_signal() -> Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&ENDING))
            .context("cannot listen for signals")?;
    }
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])
        .context("cannot listen for signals")?;
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            eprintln!("\nending what was started …");
            let targets: Vec<Target> = targets().iter().rev().copied().collect();
            for target in targets {
                match target {
                    Target::Group(group) => end_group(group),
                    Target::Child(child) => drop(os::kill_process(child, Signal::TERM)),
                }
            }
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}

/// Where a signal ends everything, it ends this process too: whoever watched a program that is ended so has nothing to report.
pub fn leave_the_end_to_a_signal() {
    while ENDING.load(Ordering::SeqCst) {
        thread::park();
    }
}

/// A child that shares our process group.
pub fn register_child(child: &Child) -> Registered {
    register(Target::Child(Pid::from_child(child)))
}

/// A program in the background.
pub struct Service {
    name: String,
    child: Child,
    group: Pid,
    log: PathBuf,
    lines: Receiver<String>,
    _stdin: Option<ChildStdin>,
    _registered: Registered,
}

impl Service {
    /// Starts it. Standard output and error go to the log file; lines of standard output can be waited for.
    /// Its standard input stays open for as long as this value lives.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        if let Some(parent) = log.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut file =
            File::create(log).with_context(|| format!("cannot write `{}`", log.display()))?;
        let mut child = command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file.try_clone()?)
            .spawn()
            .with_context(|| format!("cannot start `{}`", line(command)))?;
        let group = Pid::from_child(&child);
        let registered = register(Target::Group(group));
        let stdout = child.stdout.take().context("no standard output")?;
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for text in BufReader::new(stdout).lines().map_while(Result::ok) {
                // A full disk must not stop the program by a pipe that nobody reads.
                let _ = writeln!(file, "{text}");
                let _ = sender.send(text);
            }
        });
        let stdin = child.stdin.take();
        let (name, log) = (name.to_owned(), log.to_path_buf());
        Ok(Self {
            name,
            child,
            group,
            log,
            lines,
            _stdin: stdin,
            _registered: registered,
        })
    }

    /// The first line of standard output that `pick` takes.
    pub fn wait_for<T>(
        &mut self,
        limit: Duration,
        mut pick: impl FnMut(&str) -> Option<T>,
    ) -> Result<T> {
        let deadline = Instant::now() + limit;
        loop {
            match self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(text) => {
                    if let Some(found) = pick(&text) {
                        return Ok(found);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    bail!(
                        "{} was not ready within {} s\n{}",
                        self.name,
                        limit.as_secs(),
                        self.log_tail()
                    )
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait()?;
                    bail!("{} ended ({status})\n{}", self.name, self.log_tail())
                }
            }
        }
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Result<Option<String>> {
        Ok(self.child.try_wait()?.map(|status| status.to_string()))
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The end of its log, for an error.
    pub fn log_tail(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(20)..].join("\n");
        format!("the end of `{}`:\n{tail}", crate::paths::shown(&self.log))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        end_group(self.group);
        let _ = self.child.wait();
    }
}

/// A command in a process group of its own with our terminal's output, waited for; what it leaves behind is ended.
pub fn run_in_group(command: &mut Command) -> Result<()> {
    let shown = line(command);
    let mut child = command
        .process_group(0)
        .stdin(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start `{shown}`"))?;
    let group = Pid::from_child(&child);
    let registered = register(Target::Group(group));
    let status = child.wait();
    end_group(group);
    drop(registered);
    let status = status.with_context(|| format!("lost `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

fn end_group(group: Pid) {
    let _ = os::kill_process_group(group, Signal::TERM);
    let deadline = Instant::now() + GRACE;
    while Instant::now() < deadline {
        // Our own child stays in its group as a zombie until it is waited for.
        let _ = os::waitpgid(group, WaitOptions::NOHANG);
        if os::test_kill_process_group(group).is_err() {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    let _ = os::kill_process_group(group, Signal::KILL);
}

fn register(target: Target) -> Registered {
    targets().push(target);
    Registered(target)
}

fn targets() -> std::sync::MutexGuard<'static, Vec<Target>> {
    TARGETS
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_service_takes_its_children_along() {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 600 & echo child $!; wait"]);
        let mut service = Service::start("shell", &mut shell, &folder.path().join("log")).unwrap();
        let pid = service
            .wait_for(Duration::from_secs(10), |text| {
                text.strip_prefix("child ").map(str::to_owned)
            })
            .unwrap();
        let grandchild = Pid::from_raw(pid.parse().unwrap()).unwrap();
        assert!(os::test_kill_process(grandchild).is_ok());
        drop(service);
        // It has lost its parent: whoever inherits it reaps it a moment later, and until then it is a zombie.
        let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(
            state.is_empty() || state.contains(") Z "),
            "still runs: {state}"
        );
    }

    #[test]
    fn a_service_that_ends_early_shows_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo the reason >&2; exit 4"]);
        let mut service = Service::start("shell", &mut shell, &folder.path().join("log")).unwrap();
        let error = service
            .wait_for(Duration::from_secs(10), |_| Some(()))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("exit status: 4") && error.contains("the reason"),
            "{error}"
        );
    }
}

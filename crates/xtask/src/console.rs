//! What a person sees while a task works: headings, and a line for anything that takes longer than a second.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

/// A heading over what follows.
pub fn heading(text: &str) {
    println!("\n== {text}");
}

/// One line.
pub fn say(text: &str) {
    println!("   {text}");
}

/// Runs something that prints nothing by itself, and says so after a second, then every ten.
pub fn waiting<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let started = Instant::now();
    let (done, ticks) = mpsc::channel::<()>();
    let label = what.to_owned();
    let ticker = thread::spawn(move || {
        let mut shown = false;
        let mut pause = Duration::from_secs(1);
        while let Err(RecvTimeoutError::Timeout) = ticks.recv_timeout(pause) {
            say(&format!("{label} … {} s", started.elapsed().as_secs()));
            shown = true;
            pause = Duration::from_secs(10);
        }
        shown
    });
    let outcome = work();
    drop(done);
    if ticker.join().unwrap_or(false) && outcome.is_ok() {
        say(&format!("{what}: done in {}", seconds(started.elapsed())));
    }
    outcome
}

/// A duration as people read it.
pub fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    if whole >= 60 {
        format!("{} min {:02} s", whole / 60, whole % 60)
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(seconds(Duration::from_millis(1_240)), "1.2 s");
        assert_eq!(seconds(Duration::from_secs(59)), "59.0 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 05 s");
    }
}

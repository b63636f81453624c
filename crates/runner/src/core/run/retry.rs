//! Retries of a model call that gave nothing: how many, after which pause, and what the log says about them.
//!
//! Invariant: a call is followed by at most [`MODEL_RETRIES_MAX`] retries, and only while none of them has given anything.

use std::time::{Duration, Instant};

use baton_protocol::{RetryReason, RunWrite, limits};

use super::{HeldRun, Phase};
use crate::limits::MODEL_RETRIES_MAX;
use crate::provider::{self, RetryAdvice};

/// Counts of retries.
#[derive(Default)]
pub(super) struct Tries {
    /// Since the model last gave something or the context last changed.
    of_call: u32,
    /// In the whole run, as the log counts.
    of_run: u32,
}

/// What a retry depends on besides the run.
#[derive(Clone, Copy)]
pub(in crate::core) struct RetryTerms {
    /// Whether the hub records retries.
    pub are_recorded: bool,
    /// The first pause, in milliseconds.
    pub ms_min: u64,
    /// Any number. It spreads the retries, so that runners that were refused together do not come back together.
    pub chance: u64,
}

impl Tries {
    /// Begins another call, with another context.
    pub fn begin_call(&mut self) {
        self.of_call = 0;
    }

    /// Takes over the log's count of this run's retries.
    pub fn follow(&mut self, recorded: u32) {
        self.of_run = self.of_run.max(recorded);
    }
}

impl HeldRun {
    /// The call gave nothing. If a retry may help, records it and waits before the next call; otherwise ends the run.
    pub(super) fn gave_nothing(
        &mut self,
        message: String,
        advice: Option<RetryAdvice>,
        terms: RetryTerms,
        now: Instant,
    ) {
        self.usage.gave_nothing();
        let Some(advice) = advice else {
            return self.end(Err(message), now);
        };
        let tries = &mut self.tries;
        if tries.of_call >= MODEL_RETRIES_MAX || tries.of_run >= limits::MODEL_RETRIES_PER_RUN_MAX {
            let asked = self.usage.calls;
            return self.end(Err(format!("{message} (asked {asked} times)")), now);
        }
        let Some(delay) = delay(&advice, tries.of_call, terms) else {
            let wait = in_words(advice.after.unwrap_or_default());
            let message = format!("{message} (the server asks to wait {wait}: try again then)");
            return self.end(Err(message), now);
        };
        tries.of_call += 1;
        tries.of_run += 1;
        if terms.are_recorded {
            self.writes.push(RunWrite::ReportRetry {
                attempt: tries.of_run,
                delay_ms: u32::try_from(delay.as_millis()).unwrap_or(u32::MAX),
                reason: reason(advice.why),
                message: beginning(message, limits::RETRY_MESSAGE_BYTES_MAX),
            });
            self.flush_at = Some(now);
        }
        self.phase = Phase::Between { steer: None };
        self.ask_at = Some(now + delay);
    }

    /// When the pause before the next call ends; `None` outside a pause.
    pub fn asks_at(&self) -> Option<Instant> {
        self.ask_at
            .filter(|_| matches!(self.phase, Phase::Between { .. }))
    }

    /// Ends the pause if its time has passed.
    pub fn tick(&mut self, now: Instant) {
        self.ask_at = self.ask_at.filter(|at| *at > now);
    }
}

/// How long to wait before the call after `tries` retries; `None` if the server asks for a longer pause than a run waits.
fn delay(advice: &RetryAdvice, tries: u32, terms: RetryTerms) -> Option<Duration> {
    let longest = Duration::from_millis(limits::MODEL_RETRY_DELAY_MS_MAX.into());
    let share = |of: Duration| of.mul_f64((terms.chance % 1_000) as f64 / 1_000.0);
    match (advice.after, advice.why) {
        (Some(after), _) if after > longest => None,
        (Some(after), _) => Some((after + share(after / 8)).min(longest)),
        (None, provider::RetryReason::OptionRefused) => Some(Duration::ZERO),
        (None, _) => {
            let full = Duration::from_millis(terms.ms_min << tries);
            Some((full / 2 + share(full / 2)).min(longest))
        }
    }
}

fn reason(why: provider::RetryReason) -> RetryReason {
    match why {
        provider::RetryReason::Busy => RetryReason::Busy,
        provider::RetryReason::Unreachable => RetryReason::Unreachable,
        provider::RetryReason::OptionRefused => RetryReason::OptionRefused,
    }
}

fn beginning(mut text: String, bytes_max: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes_max));
    text
}

fn in_words(wait: Duration) -> String {
    match wait.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{} h", seconds.div_ceil(3_600)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(chance: u64) -> RetryTerms {
        RetryTerms {
            are_recorded: true,
            ms_min: 1_000,
            chance,
        }
    }

    fn advice(after_ms: Option<u64>, why: provider::RetryReason) -> RetryAdvice {
        RetryAdvice {
            after: after_ms.map(Duration::from_millis),
            why,
        }
    }

    #[test]
    fn pauses_double_somewhere_in_their_upper_half() {
        let busy = advice(None, provider::RetryReason::Busy);
        for (tries, full) in [(0, 1_000), (1, 2_000), (2, 4_000), (3, 8_000)] {
            let ms = |chance| {
                delay(&busy, tries, terms(chance))
                    .expect("short")
                    .as_millis()
            };
            assert_eq!(ms(0), full / 2);
            assert!(ms(999) > full * 9 / 10 && ms(999) <= full);
        }
    }

    #[test]
    fn no_pause_is_longer_than_the_protocol_allows() {
        let terms = RetryTerms {
            ms_min: 3_600_000,
            ..terms(999)
        };
        let wait = delay(&advice(None, provider::RetryReason::Busy), 3, terms);
        let longest = Duration::from_millis(limits::MODEL_RETRY_DELAY_MS_MAX.into());
        assert_eq!(wait, Some(longest));
    }

    #[test]
    fn a_server_that_names_a_time_is_not_asked_before_it() {
        let wait = |ms| {
            delay(
                &advice(Some(ms), provider::RetryReason::Busy),
                3,
                terms(999),
            )
        };
        assert_eq!(wait(0), Some(Duration::ZERO));
        let three = wait(3_000).expect("short");
        assert!(three >= Duration::from_secs(3) && three < Duration::from_millis(3_400));
        assert_eq!(wait(60_000), Some(Duration::from_secs(60)));
        assert_eq!(wait(60_001), None);
    }

    #[test]
    fn waiting_times_read_well() {
        for (seconds, words) in [
            (61, "61 s"),
            (120, "2 min"),
            (7_199, "120 min"),
            (7_201, "3 h"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }
}

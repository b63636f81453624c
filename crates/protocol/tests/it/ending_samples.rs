//! Samples of how an answer ends, and of a model that is asked again.

use baton_protocol::*;

use crate::samples::run;

fn retry() -> (u32, u32, RetryReason, String) {
    let message = "503: the model is loading".to_owned();
    (1, 3_000, RetryReason::Busy, message)
}

/// Event kinds that came with this set.
pub fn bodies() -> Vec<EventBody> {
    let (attempt, delay_ms, reason, message) = retry();
    vec![EventBody::ModelRetry(ModelRetryEvent {
        run: run(),
        attempt,
        delay_ms,
        reason,
        message,
    })]
}

/// `runEnded`, an older kind, with the field that came with this set.
pub fn ended() -> Vec<EventBody> {
    let ended = |reason| {
        EventBody::RunEnded(RunEndedEvent {
            run: run(),
            outcome: RunOutcome::Completed,
            digest: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".into(),
            usage: None,
            finish_reason: Some(reason),
        })
    };
    vec![
        ended(FinishReason::LengthLimit),
        ended(FinishReason::ContentFilter),
        ended(FinishReason::Refusal),
        ended(FinishReason::Unknown("boredom".into())),
    ]
}

pub fn writes() -> Vec<RunWrite> {
    let (attempt, delay_ms, reason, message) = retry();
    vec![
        RunWrite::ReportRetry {
            attempt,
            delay_ms,
            reason,
            message,
        },
        RunWrite::EndRun {
            failure: None,
            usage: None,
            finish_reason: Some(FinishReason::LengthLimit),
        },
    ]
}

//! Judges a runner's report that it calls the model again: the event for the log, or why the report does not fit the run.

use baton_protocol::{EventBody, FinishReason, ModelRetryEvent, limits};

use crate::state::ActiveRun;

/// Accepts a retry that continues the run's count while no part is open.
pub(super) fn model_retry(
    active: &ActiveRun,
    retry: ModelRetryEvent,
) -> Result<EventBody, &'static str> {
    if active.open_parts().next().is_some() {
        return Err("a model is asked again while a part is open");
    }
    if retry.attempt != active.retries.saturating_add(1)
        || retry.attempt > limits::MODEL_RETRIES_PER_RUN_MAX
    {
        return Err("a retry does not follow the one before, or is one too many");
    }
    if retry.delay_ms > limits::MODEL_RETRY_DELAY_MS_MAX {
        return Err("a retry waits longer than its limit: end the run");
    }
    if retry.message.len() > limits::RETRY_MESSAGE_BYTES_MAX {
        return Err("a retry's message is longer than its limit");
    }
    check_name(retry.reason.as_str())?;
    Ok(EventBody::ModelRetry(retry))
}

/// Checks the finish reason of an ending run. Only a run that did not fail may have one.
pub(super) fn check_finish(
    failure: Option<&str>,
    finish_reason: Option<&FinishReason>,
) -> Result<(), &'static str> {
    match finish_reason {
        Some(_) if failure.is_some() => Err("a failed run has no finish reason"),
        Some(reason) => check_name(reason.as_str()),
        None => Ok(()),
    }
}

fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.len() > limits::REASON_NAME_BYTES_MAX {
        return Err("a reason's name is empty or longer than its limit");
    }
    Ok(())
}

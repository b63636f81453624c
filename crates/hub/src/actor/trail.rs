//! The lines by which one prompt is followed through the hub: each names the command that it came in with, and never what it says.
//! `docs/OPERATIONS.md` has all the steps of all programs.

use std::time::Duration;

use baton_log::Appended;
use baton_protocol::{EventBody, ReceiptOutcome, RunOutcome, SessionId};
use baton_session::SessionState;

/// The disk has it, after so long.
pub fn recorded(session: SessionId, appended: &Appended, took: Duration) {
    let Some(receipt) = &appended.receipt else {
        return;
    };
    let refused = match &receipt.outcome {
        ReceiptOutcome::Accepted { .. } => None,
        ReceiptOutcome::Refused { error } => Some(error.code.as_str()),
    };
    tracing::info!(
        command.id = %receipt.command,
        session.id = %session,
        seq = receipt.seq.0,
        refused,
        duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "a command is recorded"
    );
}

/// Everybody who follows the session gets it. Of what a runner writes only the run's beginning and its end are told.
pub fn shown(session: SessionId, appended: &Appended, state: &SessionState) {
    if let Some(receipt) = &appended.receipt {
        let seq = receipt.seq.0;
        tracing::info!(command.id = %receipt.command, session.id = %session, seq, "a command is shown");
    }
    for event in &appended.events {
        let seq = event.seq.0;
        match &event.body {
            EventBody::RunStarted(body) => tracing::info!(
                command.id = %body.prompt.0,
                session.id = %session,
                run.id = %body.run,
                seq,
                "a run begins"
            ),
            EventBody::RunEnded(body) => {
                let record = state.run_record(body.run);
                let command = record.map(|record| record.prompt.0);
                tracing::info!(
                    command.id = command.map(tracing::field::display),
                    session.id = %session,
                    run.id = %body.run,
                    seq,
                    outcome = word(&body.outcome),
                    "a run has ended"
                );
            }
            _ => {}
        }
    }
}

fn word(outcome: &RunOutcome) -> &'static str {
    match outcome {
        RunOutcome::Completed => "completed",
        RunOutcome::Failed { .. } => "failed",
        RunOutcome::Stopped { .. } => "stopped",
        RunOutcome::Lost => "lost",
    }
}

//! Waits for a connection and for receipts, within the given time.

use std::time::Duration;

use baton_client::{CancelError, Device, Intent, IntentOutcome};
use baton_protocol::view::ConnectionPhase;
use baton_protocol::{LogId, Receipt, ReceiptOutcome};

use crate::failure::Failure;

/// How long to wait before a command fails.
#[derive(Clone, Copy, Debug)]
pub struct Patience(pub Duration);

impl Patience {
    pub fn of_seconds(seconds: f64) -> Result<Self, Failure> {
        let wait = Duration::try_from_secs_f64(seconds);
        let wrong = |_| Failure::Usage("--timeout wants a number of seconds".to_owned());
        wait.map(Self).map_err(wrong)
    }
}

/// Waits until the mirror has all of a log.
pub async fn caught_up(device: &Device, log: LogId, patience: Patience) -> Result<(), Failure> {
    let mut changes = device.changes();
    let wait = async {
        loop {
            changes.mark_unchanged();
            let connection = device.connection();
            if let (ConnectionPhase::Refused, Some(problem)) =
                (connection.phase, connection.problem)
            {
                return Err(Failure::Refused(problem));
            }
            if device.is_caught_up(log) {
                return Ok(());
            }
            if changes.changed().await.is_err() {
                return Err(Failure::Other(anyhow::anyhow!("the device has stopped")));
            }
        }
    };
    match tokio::time::timeout(patience.0, wait).await {
        Ok(result) => result,
        Err(_) => Err(no_connection(device)),
    }
}

/// Waits until the hub refuses this device, and returns the reason.
pub async fn refusal(device: &Device) -> Failure {
    let mut changes = device.changes();
    loop {
        changes.mark_unchanged();
        let connection = device.connection();
        if let (ConnectionPhase::Refused, Some(problem)) = (connection.phase, connection.problem) {
            return Failure::Refused(problem);
        }
        if changes.changed().await.is_err() {
            return Failure::Other(anyhow::anyhow!("the device has stopped"));
        }
    }
}

/// Waits until the mirror has all of the account's log: only then can sessions be resolved.
pub async fn account_caught_up(device: &Device, patience: Patience) -> Result<(), Failure> {
    caught_up(device, LogId::Account(device.linked().account), patience).await
}

fn no_connection(device: &Device) -> Failure {
    let connection = device.connection();
    let why = connection
        .problem
        .map(|problem| format!(": {}", problem.message));
    Failure::NoConnection(format!(
        "no connection to the hub at `{}` in time{}",
        device.linked().hub.authority,
        why.unwrap_or_default()
    ))
}

/// Waits for an intent's receipt. After the time is up, cancels the intent if it was certainly never sent.
pub async fn receipt(
    device: &Device,
    intent: Intent,
    patience: Patience,
) -> Result<Receipt, Failure> {
    let command = intent.command;
    let answer = async {
        tokio::select! {
            outcome = intent.outcome() => Ok(outcome),
            refused = refusal(device) => Err(refused),
        }
    };
    let outcome = match tokio::time::timeout(patience.0, answer).await {
        Ok(Ok(outcome)) => Ok(outcome),
        Ok(Err(refused)) => {
            dismiss(device, command).await;
            return Err(refused);
        }
        Err(late) => Err(late),
    };
    match outcome {
        Ok(IntentOutcome::Answered(receipt)) => Ok(receipt),
        Ok(IntentOutcome::Refused(error)) => {
            dismiss(device, command).await;
            Err(Failure::Refused(error))
        }
        Ok(IntentOutcome::Cancelled | IntentOutcome::Closed) => Err(Failure::Other(
            anyhow::anyhow!("the command was taken back"),
        )),
        Err(_) => Err(match device.cancel(command).await {
            Ok(()) => Failure::NoConnection(
                "no connection to the hub in time: nothing was sent, and nothing will be"
                    .to_owned(),
            ),
            Err(CancelError::MaybeSent) => Failure::NoConnection(format!(
                "the hub did not answer in time: the command may have been done. The next batonctl asks again by itself under the same id, {command}"
            )),
            Err(error) => Failure::Other(error.into()),
        }),
    }
}

/// Turns a refused receipt into a failure. Dismisses it from the outbox, because the failure shows it.
pub async fn accepted(device: &Device, receipt: &Receipt) -> Result<(), Failure> {
    match &receipt.outcome {
        ReceiptOutcome::Accepted { .. } => Ok(()),
        ReceiptOutcome::Refused { error } => {
            dismiss(device, receipt.command).await;
            Err(Failure::Refused(error.clone()))
        }
    }
}

async fn dismiss(device: &Device, command: baton_protocol::CommandId) {
    if let Err(error) = device.cancel(command).await {
        tracing::debug!(error = %error, "nothing to dismiss");
    }
}

//! Answers to requests, and what commands on any log have in common: a receipt for ever.

use baton_log::{NewReceipt, StoredReceipt};
use baton_protocol::{
    Command, CommandId, ErrorBody, ErrorCode, HubFrame, LogId, Receipt, ReceiptOutcome,
};
use sha2::{Digest as _, Sha256};

/// Frames for the connection that asked, in order.
pub type Answer = Vec<HubFrame>;

/// Nothing was recorded, and the connection goes on.
pub fn refusal(log: LogId, command: Option<CommandId>, error: ErrorBody) -> Answer {
    vec![HubFrame::Refused {
        command,
        log: Some(log),
        error,
    }]
}

/// The answer that stands in the log.
pub fn receipt_answer(receipt: Receipt) -> Answer {
    vec![HubFrame::Receipt { receipt }]
}

/// SHA-256 of the command's canonical JSON: its fields in the protocol's order, whatever the device sent around them.
pub fn digest(command: &Command) -> [u8; 32] {
    let canonical =
        serde_json::to_vec(command).expect("a command has only text keys and finite numbers");
    Sha256::digest(&canonical).into()
}

/// The answer to a command whose id was answered before: the same receipt for the same command, a conflict for another one.
pub fn known_answer(command: &Command, digest: [u8; 32], stored: StoredReceipt) -> Answer {
    if stored.digest == digest {
        return receipt_answer(stored.receipt);
    }
    let error = ErrorCode::CommandConflict.with(
        "this command id was used for another command",
        "send it again under a new id",
    );
    refusal(command.log, Some(command.id), error)
}

/// The receipt to record.
pub fn new_receipt(command: &Command, digest: [u8; 32], outcome: ReceiptOutcome) -> NewReceipt {
    NewReceipt {
        command: command.id,
        digest,
        outcome,
    }
}

/// The answer where an actor went away in the middle of its work.
pub fn interrupted() -> ErrorBody {
    ErrorCode::Internal.with("the hub lost this request", "send it again")
}

/// The answer while the hub stops.
pub fn stopping() -> ErrorBody {
    ErrorCode::HubStopping.with("the hub is stopping", "come back in a moment")
}

//! This device's intents and the callers that wait for their answers.

use std::collections::HashMap;
use std::sync::Mutex;

use baton_protocol::{
    Command, CommandBody, CommandId, ErrorBody, ErrorCode, LogId, Receipt, limits,
};
use tokio::sync::oneshot;

use crate::mirror::StoreError;

/// An intent that is in the outbox.
#[derive(Debug)]
pub struct Intent {
    pub command: CommandId,
    outcome: oneshot::Receiver<IntentOutcome>,
}

/// How an intent ended for its caller.
#[derive(Clone, PartialEq, Debug)]
pub enum IntentOutcome {
    /// The hub answered.
    Answered(Receipt),
    /// It will never happen, and there is no receipt.
    Refused(ErrorBody),
    /// A person took it back before it was sent, or a newer intent replaced it or made it unnecessary.
    Cancelled,
    /// The device was closed; the intent stays in the outbox.
    Closed,
}

impl Intent {
    pub(super) fn new(command: CommandId, waiters: &Waiters) -> Self {
        Self {
            command,
            outcome: waiters.wait(command),
        }
    }

    /// Waits for the end, however long it takes.
    pub async fn outcome(self) -> IntentOutcome {
        self.outcome.await.unwrap_or(IntentOutcome::Closed)
    }
}

/// The intents that begin a session.
#[derive(Debug)]
pub struct StartedSession {
    pub create: Intent,
    pub prompt: Option<Intent>,
}

/// Why an intent was not queued.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// The hub could never accept it.
    #[error("{}", .0.message)]
    Invalid(ErrorBody),
    /// It cannot be made durable.
    #[error("the outbox cannot be written")]
    Store(#[from] StoreError),
    #[error("the device is closed")]
    Closed,
}

/// Why an intent was not taken back, retried or discarded.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    /// The hub may have it.
    #[error("the hub may have it already")]
    MaybeSent,
    #[error("it is not in the outbox")]
    NotWaiting,
    #[error("the outbox cannot be written")]
    Store(#[from] StoreError),
    #[error("the device is closed")]
    Closed,
}

/// The callers that wait for each intent.
#[derive(Default)]
pub(super) struct Waiters {
    waiting: Mutex<HashMap<CommandId, Vec<oneshot::Sender<IntentOutcome>>>>,
}

impl Waiters {
    fn wait(&self, command: CommandId) -> oneshot::Receiver<IntentOutcome> {
        let (tell, outcome) = oneshot::channel();
        if let Ok(mut waiting) = self.waiting.lock() {
            waiting.entry(command).or_default().push(tell);
        }
        outcome
    }

    pub(super) fn tell(&self, command: CommandId, outcome: &IntentOutcome) {
        let waiting = match self.waiting.lock() {
            Ok(mut waiting) => waiting.remove(&command),
            Err(_) => None,
        };
        for waiter in waiting.unwrap_or_default() {
            let _ = waiter.send(outcome.clone());
        }
    }
}

/// Refuses at once what the hub would refuse, so that no caller waits for a connection to learn it.
pub(super) fn check(command: &Command) -> Result<(), ErrorBody> {
    if command.body.is_for_account() != matches!(command.log, LogId::Account(_)) {
        return Err(ErrorCode::WrongLog.with(
            "this command is not for this kind of log",
            "send what is about lists, read marks and drafts to the account's log, everything else to a session's",
        ));
    }
    match &command.body {
        CommandBody::SendPrompt(prompt) => check_text(&prompt.text),
        CommandBody::EditPrompt(edit) => check_text(&edit.text),
        CommandBody::SaveDraft(draft) => check_length("draft", &draft.text),
        CommandBody::RenameSession(rename) => check_title(&rename.title),
        CommandBody::CreateSession(create) => create.title.as_deref().map_or(Ok(()), check_title),
        _ => Ok(()),
    }
}

fn check_text(text: &str) -> Result<(), ErrorBody> {
    if text.trim().is_empty() {
        return Err(ErrorCode::TextEmpty.with("the prompt is empty", "write something"));
    }
    check_length("prompt", text)
}

fn check_length(what: &str, text: &str) -> Result<(), ErrorBody> {
    if text.len() > limits::PROMPT_BYTES_MAX {
        let message = format!(
            "the {what} has {} bytes, {} are allowed",
            text.len(),
            limits::PROMPT_BYTES_MAX
        );
        return Err(ErrorCode::TextTooLong.with(message, "shorten it"));
    }
    Ok(())
}

fn check_title(title: &str) -> Result<(), ErrorBody> {
    let characters = title.chars().count();
    match characters {
        0 => Err(ErrorCode::TextEmpty.with("the title is empty", "write something")),
        _ if characters > limits::TITLE_CHARS_MAX => {
            Err(ErrorCode::TextTooLong.with("the title is too long", "shorten it"))
        }
        _ => Ok(()),
    }
}

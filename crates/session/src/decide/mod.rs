//! `decide`: applies a command to a state and returns events with an effect, or a refusal.
//!
//! The same state and the same command always give the same decision. [`DecideFacts`] carries what the state cannot know.

mod approval;
mod branch;
mod child;
mod end_run;
mod fork;
mod import;
mod model_retry;
mod prompt;
mod queue;
mod run;
mod stop;
mod unseal;

use baton_protocol::{
    Command, CommandBody, CommandCondition, CommandEffect, CommandId, ErrorBody, ErrorCode,
    EventBody, LogId, Principal, SessionCreatedEvent, SessionRenamedEvent, TitleSource, limits,
};

use crate::new_event::{Decision, NewEvent};
use crate::state::SessionState;

pub use approval::revoke_answers_of;
pub use fork::{ForkCopy, ForkSource, fork};
pub use queue::expire_edit;
pub use run::{decide_run_write, lose_run, report_teardown, start_run};
pub use stop::stop_all;

/// What a decision needs beyond the session's own log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DecideFacts {
    /// Whether the agent of the run that a steer would go to accepts steers: see [`SessionState::steered_run`].
    pub can_steer: bool,
}

/// Who sent the command, and its id.
struct Intent<'a> {
    by: &'a Principal,
    command: CommandId,
}

impl Intent<'_> {
    fn event(&self, body: EventBody) -> NewEvent {
        NewEvent {
            by: self.by.clone(),
            command: Some(self.command),
            producer: None,
            recorded_at: None,
            body,
        }
    }
}

/// Decides a device's command on a session.
pub fn decide(
    state: &SessionState,
    command: &Command,
    by: &Principal,
    facts: &DecideFacts,
) -> Decision {
    let intent = Intent {
        by,
        command: command.id,
    };
    let decided = match &command.body {
        CommandBody::CreateSession(body) => {
            return create(state, command, &intent, body).unwrap_or_else(Decision::refuse);
        }
        CommandBody::ForkSession(_) => Err(ErrorCode::SessionExists.with(
            "a session with this id is there already",
            "make a new id for a fork",
        )),
        CommandBody::ImportBatch(body) => import::import(state, command, body, by),
        _ if state.created.is_none() => Err(ErrorCode::SessionNotFound.with(
            "there is no such session",
            "create it first, or look whether it was deleted",
        )),
        _ if state.is_importing() => Err(ErrorCode::SessionBusy.with(
            "this session is being moved here from another hub",
            "wait until the move is complete",
        )),
        _ if command.only_if == Some(CommandCondition::Idle) && !state.is_idle() => Err(busy()),
        CommandBody::RenameSession(body) => rename(state, &intent, &body.title),
        CommandBody::SendPrompt(body) => prompt::send(state, &intent, body, facts),
        CommandBody::EditPrompt(body) => prompt::edit(state, &intent, body),
        CommandBody::WithdrawPrompt(body) => prompt::withdraw(state, &intent, body.prompt),
        CommandBody::SendPromptNow(body) => prompt::send_now(state, &intent, body.prompt),
        CommandBody::MovePrompt(body) => queue::move_prompt(state, &intent, body),
        CommandBody::PauseQueue(_) => Ok(queue::pause(state, &intent)),
        CommandBody::ResumeQueue(_) => Ok(queue::resume(state, &intent)),
        CommandBody::StopRun(body) => stop::stop(state, &intent, body),
        CommandBody::RetryRun(body) => run::retry(state, &intent, body.run),
        CommandBody::AnswerApproval(body) => approval::answer(state, &intent, body),
        CommandBody::RevokeApproval(body) => approval::revoke(state, &intent, body.approval),
        CommandBody::BeginPromptEdit(body) => queue::begin_edit(state, &intent, body.prompt),
        CommandBody::EndPromptEdit(body) => queue::end_edit(state, &intent, body.prompt),
        CommandBody::ResendPrompt(body) => branch::resend(state, &intent, body),
        CommandBody::ChooseBranch(body) => branch::choose(state, &intent, body.prompt),
        CommandBody::MarkRead(_)
        | CommandBody::PinSession(_)
        | CommandBody::ArchiveSession(_)
        | CommandBody::FileSession(_)
        | CommandBody::DeleteSession(_)
        | CommandBody::NameFolder(_)
        | CommandBody::RemoveFolder(_)
        | CommandBody::SaveDraft(_)
        | CommandBody::RevokeApprovalGrant(_) => Err(ErrorCode::WrongLog.with(
            "this command is not for a session's log",
            "send it to the account's log",
        )),
    };
    decided.unwrap_or_else(Decision::refuse)
}

/// The session must be idle for this command, and is not.
fn busy() -> ErrorBody {
    ErrorCode::SessionBusy.with(
        "something runs or waits in this session",
        "wait until it is done, or stop it first",
    )
}

fn create(
    state: &SessionState,
    command: &Command,
    intent: &Intent<'_>,
    body: &baton_protocol::CreateSessionCommand,
) -> Result<Decision, ErrorBody> {
    if state.created.is_some() {
        return Err(ErrorCode::SessionExists.with(
            "a session with this id is there already",
            "make a new id for a new session",
        ));
    }
    let LogId::Session(session) = command.log else {
        return Err(wrong_log("createSession", "the new session's log"));
    };
    let Principal::Device { account, .. } = intent.by else {
        return Err(ErrorCode::Forbidden.with(
            "only a device creates a session",
            "send it from a linked device",
        ));
    };
    let agent_fits = !body.agent.0.is_empty() && body.agent.0.len() <= limits::AGENT_ID_BYTES_MAX;
    if !agent_fits {
        return Err(ErrorCode::TextTooLong.with(
            "the agent's id is empty or too long",
            "name an agent that the account offers",
        ));
    }
    if let Some(title) = &body.title {
        check_title(title)?;
    }
    let created = SessionCreatedEvent {
        session,
        account: *account,
        agent: body.agent.clone(),
        runner: body.runner,
        title: body.title.clone(),
    };
    Ok(Decision::accept(
        CommandEffect::Applied,
        vec![intent.event(EventBody::SessionCreated(created))],
    ))
}

fn rename(state: &SessionState, intent: &Intent<'_>, title: &str) -> Result<Decision, ErrorBody> {
    check_title(title)?;
    let is_so = state
        .title
        .as_ref()
        .is_some_and(|now| now.text == title && now.source == TitleSource::Person);
    if is_so {
        return Ok(Decision::accept(CommandEffect::Unchanged, Vec::new()));
    }
    let renamed = SessionRenamedEvent {
        title: title.to_owned(),
        source: TitleSource::Person,
    };
    Ok(Decision::accept(
        CommandEffect::Applied,
        vec![intent.event(EventBody::SessionRenamed(renamed))],
    ))
}

fn check_title(title: &str) -> Result<(), ErrorBody> {
    if title.trim().is_empty() {
        return Err(ErrorCode::TextEmpty.with("the title is empty", "write at least one letter"));
    }
    let length = title.chars().count();
    if length > limits::TITLE_CHARS_MAX {
        let message = format!(
            "the title has {length} characters, at most {} fit",
            limits::TITLE_CHARS_MAX
        );
        return Err(ErrorCode::TextTooLong.with(message, "shorten it"));
    }
    Ok(())
}

fn wrong_log(command: &str, right: &str) -> ErrorBody {
    ErrorCode::WrongLog.with(
        format!("`{command}` was sent to the wrong log"),
        format!("send it to {right}"),
    )
}

/// An event that the hub itself causes.
fn by_hub(body: EventBody) -> NewEvent {
    NewEvent {
        by: Principal::Hub,
        command: None,
        producer: None,
        recorded_at: None,
        body,
    }
}

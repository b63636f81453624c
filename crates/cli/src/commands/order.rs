//! Commands that organise sessions: `fork`, `pin`, `archive`, `delete`.

use baton_protocol::{
    ArchiveSessionCommand, CommandBody, DeleteSessionCommand, ErrorCode, ForkPoint,
    ForkSessionCommand, PinSessionCommand, SessionId,
};

use super::Context;
use super::control::look;
use crate::failure::Failure;

pub async fn fork(
    context: &Context<'_>,
    session: &str,
    title: Option<String>,
) -> Result<(), Failure> {
    let (from, overview) = look(context, session).await?;
    let nothing = || {
        let message = "nothing was answered in this session";
        Failure::Refused(ErrorCode::RunNotFound.with(message, "send a prompt first"))
    };
    let run = overview.last_run.ok_or_else(nothing)?;
    let copy = SessionId::mint();
    let at = ForkPoint::After { run };
    let fork = ForkSessionCommand { from, at, title };
    context.act(copy, CommandBody::ForkSession(fork)).await?;
    if context.output.is_json() {
        context
            .output
            .json(&serde_json::json!({"session": copy.to_string()}));
    } else {
        context.output.line(&copy.to_string());
    }
    Ok(())
}

pub async fn pin(context: &Context<'_>, session: &str, pinned: bool) -> Result<(), Failure> {
    let session = context.session(session).await?;
    let pin = PinSessionCommand { session, pinned };
    context.act_on_lists(CommandBody::PinSession(pin)).await
}

pub async fn archive(context: &Context<'_>, session: &str, archived: bool) -> Result<(), Failure> {
    let session = context.session(session).await?;
    let archive = ArchiveSessionCommand { session, archived };
    context
        .act_on_lists(CommandBody::ArchiveSession(archive))
        .await
}

pub async fn delete(context: &Context<'_>, session: &str) -> Result<(), Failure> {
    let session = context.session(session).await?;
    let delete = DeleteSessionCommand { session };
    context
        .act_on_lists(CommandBody::DeleteSession(delete))
        .await
}

//! What is decided where a connection enters the hub: which commands may go to which actor, and what a runner's arrival sets off.

use std::sync::Arc;

use baton_protocol::{
    ClientFrame, Command, ErrorBody, ErrorCode, LogId, Principal, RunnerHello, SessionId, limits,
};

use crate::actor::{AccountFact, SessionActors, SessionRequest};
use crate::authorize::{Action, Caller, authorize, deleted};
use crate::connection_handle::ConnectionHandle;
use crate::core::HubCore;
use crate::leases::LastHeard;
use crate::refusals::RefusedId;
use crate::tasks::TaskGroup;

/// Judged here where the hub knows the session, and again by the actor. A session that is not there can only be created.
pub fn may_send(core: &HubCore, caller: &Caller, command: &Command) -> Result<(), ErrorBody> {
    let owner = match command.log {
        LogId::Session(session) if core.owners.of(session).is_none() => {
            if core.owners.is_deleted(session) {
                return Err(deleted());
            }
            if !command.body.begins_session() && !core.sessions.is_live(session) {
                let error = session_not_found();
                let id = RefusedId::new(&caller.principal, command.log, command.id);
                core.refusals.note(id, &error);
                return Err(error);
            }
            // The actor will know.
            Some(caller.account)
        }
        log => core.owner(log),
    };
    let others = || {
        if command.body.begins_session() {
            ErrorCode::SessionExists.with("this id is taken", "make a new id for a new session")
        } else {
            session_not_found()
        }
    };
    authorize(caller, Action::Command, command.log, owner).map_err(|error| {
        if error.code == ErrorCode::LogNotFound {
            others()
        } else {
            error
        }
    })
}

fn session_not_found() -> ErrorBody {
    ErrorCode::SessionNotFound.with(
        "there is no such session",
        "create it first, or look at the sessions list again",
    )
}

/// What a runner's frame asks of a session; nothing for other frames.
pub fn run_request(frame: ClientFrame) -> Result<Option<(SessionId, SessionRequest)>, ErrorBody> {
    Ok(match frame {
        ClientFrame::ResumeRun {
            session,
            run,
            epoch,
        } => Some((session, SessionRequest::Resume { run, epoch })),
        ClientFrame::WriteRun {
            session,
            run,
            epoch,
            entries,
        } => {
            if entries.len() > limits::RUN_WRITES_PER_FRAME_MAX {
                let message = format!(
                    "a frame has more than {} writes",
                    limits::RUN_WRITES_PER_FRAME_MAX
                );
                return Err(ErrorCode::TooLarge.with(message, "split it"));
            }
            Some((
                session,
                SessionRequest::Write {
                    run,
                    epoch,
                    entries,
                },
            ))
        }
        ClientFrame::ReportTeardown {
            session,
            run,
            tools_cancelled,
            still_running,
        } => Some((
            session,
            SessionRequest::Teardown {
                run,
                tools_cancelled,
                still_running,
            },
        )),
        _ => None,
    })
}

/// Makes a runner known, and tells everybody whom it concerns without keeping the connection waiting.
pub fn runner_arrives(
    core: &Arc<HubCore>,
    caller: &Caller,
    hello: RunnerHello,
    connection: ConnectionHandle,
) -> Arc<LastHeard> {
    let Principal::Runner { runner, .. } = caller.principal else {
        return Arc::new(LastHeard::now());
    };
    let account = caller.account;
    let agents = hello.agents.clone();
    let Some(lease) = core.runners.arrive(account, runner, hello, connection) else {
        // It is being ended.
        return Arc::new(LastHeard::now());
    };
    let told = Arc::clone(core);
    core.tasks.spawn(TaskGroup::Edge, "runner arrival", async move {
        SessionActors::runner_changed(&told, account, runner).await;
        if let Err(error) = told.accounts.record(account, AccountFact::Offered { runner, agents }).await {
            tracing::warn!(runner.id = %runner, %error, "what a runner offers could not be recorded");
        }
    });
    lease
}

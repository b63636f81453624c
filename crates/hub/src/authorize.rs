//! The one place that says who may do what.
//!
//! It judges by the hub's own records: the account and the role of the caller's token, and the account that owns the log. What the
//! client says of itself counts for nothing. It is asked for each subscription and each request; deliveries ask the grant's
//! generation (`crate::grants`).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use baton_protocol::{
    AccountId, ErrorBody, ErrorCode, LogId, Principal, Role, RunnerInstanceId, SessionId, limits,
};

use crate::grants::{GrantRef, HeldGrant};
use crate::presence::ConnectionId;

/// Who asks: one connection, as the hub knows it.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Whose connection.
    pub account: AccountId,
    /// Who.
    pub principal: Principal,
    /// What the token may be used as.
    pub role: Role,
    /// Runners: which start of the process. From the runner itself; it only ever narrows.
    pub instance: Option<RunnerInstanceId>,
    /// Which connection.
    pub connection: ConnectionId,
    /// The right that the connection had. Whoever records something for the caller holds it meanwhile.
    pub grant: GrantRef,
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Follow the log.
    Read,
    /// Send a command.
    Command,
    /// Write for a run.
    WriteRun,
}

/// Whether the caller may do this. The owner is the account that the log belongs to; none where there is no such log.
pub fn authorize(
    caller: &Caller,
    action: Action,
    log: LogId,
    owner: Option<AccountId>,
) -> Result<(), ErrorBody> {
    if owner != Some(caller.account) {
        return Err(log_not_found());
    }
    let allowed = match (caller.role, action, log) {
        (Role::Device, Action::Read | Action::Command, _) => true,
        (Role::Runner, Action::Read | Action::WriteRun, LogId::Session(_)) => true,
        (Role::Device, Action::WriteRun, _) | (Role::Runner, ..) => false,
    };
    if allowed {
        Ok(())
    } else {
        Err(not_for_role(caller.role, action))
    }
}

/// The caller's right, held until what is recorded for it is recorded. Refused where it was taken away.
pub fn hold_right(caller: &Caller) -> Result<HeldGrant, ErrorBody> {
    caller.grant.hold().ok_or_else(revoked)
}

/// The answer to whoever had access.
pub fn revoked() -> ErrorBody {
    ErrorCode::Revoked.with("this device's access was taken away", "link it again")
}

/// The answer about a session that was deleted.
pub fn deleted() -> ErrorBody {
    ErrorCode::SessionNotFound.with(
        "this session was deleted",
        "begin another one; nothing brings it back",
    )
}

/// The same words for a log that is not there and for one of another account.
pub fn log_not_found() -> ErrorBody {
    ErrorCode::LogNotFound.with("there is no such log", "look at the sessions list again")
}

/// The role does not carry this action.
pub fn not_for_role(role: Role, action: Action) -> ErrorBody {
    let (message, hint) = match (role, action) {
        (Role::Runner, Action::Command) => {
            ("a runner sends no commands", "send it from a linked device")
        }
        (Role::Runner, _) => (
            "a runner reads session logs only",
            "subscribe to the session's log",
        ),
        (Role::Device, _) => ("a device writes for no run", "link it as a runner"),
    };
    ErrorCode::Forbidden.with(message, hint)
}

/// Which account owns which session: an index over the logs, filled at start and by the session's actor.
pub struct SessionOwners {
    owners: RwLock<Owners>,
    sessions_max: usize,
}

#[derive(Default)]
struct Owners {
    /// None: the session was deleted, and its id is never used again.
    accounts: HashMap<SessionId, Option<AccountId>>,
    /// How many each account has.
    counts: HashMap<AccountId, usize>,
}

impl SessionOwners {
    /// Starts empty. An account may own up to `sessions_max` sessions.
    pub fn new(sessions_max: usize) -> Self {
        Self {
            owners: RwLock::default(),
            sessions_max,
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Owners> {
        self.owners.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Owners> {
        self.owners.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes an owner.
    pub fn note(&self, session: SessionId, account: AccountId) {
        let mut owners = self.write();
        let Owners { accounts, counts } = &mut *owners;
        if let Entry::Vacant(place) = accounts.entry(session) {
            place.insert(Some(account));
            *counts.entry(account).or_default() += 1;
        }
    }

    /// Nobody owns the session from now on.
    pub fn delete(&self, session: SessionId) {
        let mut owners = self.write();
        if let Some(Some(account)) = owners.accounts.insert(session, None)
            && let Some(count) = owners.counts.get_mut(&account)
        {
            *count -= 1;
        }
    }

    /// Whether an account may begin one more session.
    ///
    /// # Errors
    /// `too_many`, with what to do.
    pub fn room(&self, account: AccountId) -> Result<(), ErrorBody> {
        let owners = self.read();
        let count = owners.counts.get(&account).copied().unwrap_or_default();
        if count >= self.sessions_max {
            let message = format!("the account has {count} sessions, as many as it may");
            return Err(ErrorCode::TooMany.with(message, "delete some that are not needed"));
        }
        if owners.accounts.len() >= limits::SESSIONS_SEEN_MAX {
            let message = "this hub has seen as many sessions as it may";
            let hint = "move to a fresh hub: a deleted session's id is kept for ever";
            return Err(ErrorCode::TooMany.with(message, hint));
        }
        Ok(())
    }

    /// Whether the session was deleted.
    pub fn is_deleted(&self, session: SessionId) -> bool {
        self.read().accounts.get(&session) == Some(&None)
    }

    /// Whose session it is.
    pub fn of(&self, session: SessionId) -> Option<AccountId> {
        self.read().accounts.get(&session).copied().flatten()
    }

    /// Whose log it is.
    pub fn of_log(&self, log: LogId) -> Option<AccountId> {
        match log {
            LogId::Session(session) => self.of(session),
            LogId::Account(account) => Some(account),
        }
    }
}

#[cfg(test)]
mod tests {
    use baton_protocol::{DeviceId, ErrorCode, RunnerId};

    use super::*;

    #[test]
    fn roles_and_owners_decide_and_others_sessions_look_absent() {
        let (mine, other) = (AccountId::mint(), AccountId::mint());
        let caller = |role, principal| Caller {
            account: mine,
            principal,
            role,
            instance: None,
            connection: ConnectionId(1),
            grant: crate::grants::tests::any(),
        };
        let device = caller(
            Role::Device,
            Principal::Device {
                account: mine,
                device: DeviceId::mint(),
            },
        );
        let runner = caller(
            Role::Runner,
            Principal::Runner {
                runner: RunnerId::mint(),
                agent: None,
            },
        );
        let session = LogId::Session(SessionId::mint());
        let account = LogId::Account(mine);
        let code = |caller: &Caller, action, log, owner| {
            authorize(caller, action, log, owner).map_err(|error| error.code)
        };

        assert_eq!(code(&device, Action::Read, session, Some(mine)), Ok(()));
        assert_eq!(code(&device, Action::Command, account, Some(mine)), Ok(()));
        assert_eq!(
            code(&device, Action::WriteRun, session, Some(mine)),
            Err(ErrorCode::Forbidden)
        );
        assert_eq!(code(&runner, Action::Read, session, Some(mine)), Ok(()));
        assert_eq!(code(&runner, Action::WriteRun, session, Some(mine)), Ok(()));
        assert_eq!(
            code(&runner, Action::Read, account, Some(mine)),
            Err(ErrorCode::Forbidden)
        );
        assert_eq!(
            code(&runner, Action::Command, session, Some(mine)),
            Err(ErrorCode::Forbidden)
        );
        assert_eq!(
            authorize(&device, Action::Read, session, Some(other)),
            authorize(&device, Action::Read, session, None)
        );
    }
}

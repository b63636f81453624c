//! Commands that were refused for good and have no receipt, because there is no log that could keep one.
//!
//! In memory only: a copy of a command that was refused may still be on its way on an older connection, which ends with this process
//! at the latest. A copy that comes later finds its refusal here, although the session may be there by now.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use baton_protocol::{CommandId, ErrorBody, ErrorCode, LogId, Principal};

/// Refusals that are remembered: at the rate at which a device may send, many times more than come while a copy is on its way.
const REFUSALS_MAX: usize = 8_192;

/// Which command was refused: a device chooses the id, so that alone says nothing about a command of another one, or for another log.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RefusedId {
    principal: Principal,
    log: LogId,
    command: CommandId,
}

impl RefusedId {
    /// A principal's command for a log.
    pub fn new(principal: &Principal, log: LogId, command: CommandId) -> Self {
        Self {
            principal: principal.clone(),
            log,
            command,
        }
    }
}

/// The newest refusals.
#[derive(Default)]
pub struct Refusals {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    errors: HashMap<RefusedId, ErrorBody>,
    oldest_first: VecDeque<RefusedId>,
}

impl Refusals {
    /// Remembers a refusal where it is for good. A conflict is none: the id has its receipt.
    pub fn note(&self, command: RefusedId, error: &ErrorBody) {
        if error.code.is_retryable() || error.code == ErrorCode::CommandConflict {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.errors.insert(command.clone(), error.clone()).is_some() {
            return;
        }
        kept.oldest_first.push_back(command);
        if kept.oldest_first.len() > REFUSALS_MAX
            && let Some(oldest) = kept.oldest_first.pop_front()
        {
            kept.errors.remove(&oldest);
        }
    }

    /// Why a command was refused before, where it was.
    pub fn of(&self, command: &RefusedId) -> Option<ErrorBody> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.errors.get(command).cloned()
    }
}

#[cfg(test)]
mod tests {
    use baton_protocol::{AccountId, DeviceId, SessionId};

    use super::*;

    fn refused(command: CommandId) -> RefusedId {
        let principal = Principal::Device {
            account: AccountId::from_uuid(uuid::Uuid::from_u128(1)),
            device: DeviceId::from_uuid(uuid::Uuid::from_u128(2)),
        };
        let log = LogId::Session(SessionId::from_uuid(uuid::Uuid::from_u128(3)));
        RefusedId::new(&principal, log, command)
    }

    #[test]
    fn the_newest_refusals_are_remembered_and_only_those_that_are_for_good() {
        let refusals = Refusals::default();
        let [passing, oldest, newest] = [(); 3].map(|()| refused(CommandId::mint()));
        refusals.note(
            passing.clone(),
            &ErrorCode::StorageUnavailable.with("later", ""),
        );
        assert_eq!(refusals.of(&passing), None);
        let error = ErrorCode::SessionNotFound.with("there is none", "");
        refusals.note(oldest.clone(), &error);
        refusals.note(oldest.clone(), &error);
        assert_eq!(refusals.of(&oldest), Some(error.clone()));
        for _ in 1..REFUSALS_MAX {
            refusals.note(refused(CommandId::mint()), &error);
        }
        assert_eq!(refusals.of(&oldest), Some(error.clone()));
        refusals.note(newest.clone(), &error);
        assert_eq!(refusals.of(&oldest), None);
        assert_eq!(refusals.of(&newest), Some(error));
    }

    #[test]
    fn one_principals_refusal_says_nothing_about_anothers_command_or_one_for_another_log() {
        let refusals = Refusals::default();
        let error = ErrorCode::SessionNotFound.with("there is none", "");
        let id = refused(CommandId::mint());
        refusals.note(id.clone(), &error);
        let other_principal = RefusedId {
            principal: Principal::Hub,
            ..id.clone()
        };
        let other_log = RefusedId {
            log: LogId::Session(SessionId::mint()),
            ..id.clone()
        };
        assert_eq!(refusals.of(&other_principal), None);
        assert_eq!(refusals.of(&other_log), None);
        assert_eq!(refusals.of(&id), Some(error));
    }
}

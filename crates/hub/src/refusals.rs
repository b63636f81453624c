//! Commands that were refused for good and have no receipt, because there is no log that could keep one.
//!
//! In memory only: a copy of a command that was refused may still be on its way on an older connection, which ends with this process
//! at the latest. A copy that comes later finds its refusal here, although the session may be there by now.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use baton_protocol::{CommandId, ErrorBody, ErrorCode};

/// Refusals that are remembered: at the rate at which a device may send, many times more than come while a copy is on its way.
const REFUSALS_MAX: usize = 8_192;

/// The newest refusals.
#[derive(Default)]
pub struct Refusals {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    errors: HashMap<CommandId, ErrorBody>,
    oldest_first: VecDeque<CommandId>,
}

impl Refusals {
    /// Remembers a refusal where it is for good. A conflict is none: the id has its receipt.
    pub fn note(&self, command: CommandId, error: &ErrorBody) {
        if error.code.is_retryable() || error.code == ErrorCode::CommandConflict {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.errors.insert(command, error.clone()).is_some() {
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
    pub fn of(&self, command: CommandId) -> Option<ErrorBody> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.errors.get(&command).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_refusals_are_remembered_and_only_those_that_are_for_good() {
        let refusals = Refusals::default();
        let [passing, oldest, newest] = [(); 3].map(|()| CommandId::mint());
        refusals.note(passing, &ErrorCode::StorageUnavailable.with("later", ""));
        assert_eq!(refusals.of(passing), None);
        let error = ErrorCode::SessionNotFound.with("there is none", "");
        refusals.note(oldest, &error);
        refusals.note(oldest, &error);
        assert_eq!(refusals.of(oldest), Some(error.clone()));
        for _ in 1..REFUSALS_MAX {
            refusals.note(CommandId::mint(), &error);
        }
        assert_eq!(refusals.of(oldest), Some(error.clone()));
        refusals.note(newest, &error);
        assert_eq!(refusals.of(oldest), None);
        assert_eq!(refusals.of(newest), Some(error));
    }
}

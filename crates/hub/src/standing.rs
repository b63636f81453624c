//! The standing approvals of all accounts, as their logs have them: kept by the accounts' actors, asked by the sessions'.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use baton_protocol::AccountId;
use baton_session::{AccountState, StandingApproval};

/// Shared by the actors.
#[derive(Default)]
pub struct StandingApprovals {
    accounts: RwLock<HashMap<AccountId, Arc<[StandingApproval]>>>,
}

impl StandingApprovals {
    /// What an account's log says now.
    pub fn keep(&self, account: AccountId, state: &AccountState) {
        let grants: Arc<[StandingApproval]> = state.grants().values().cloned().collect();
        self.accounts
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(account, grants);
    }

    /// What holds for an account's sessions.
    pub fn of(&self, account: AccountId) -> Arc<[StandingApproval]> {
        let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner);
        accounts.get(&account).cloned().unwrap_or_default()
    }
}

//! The standing approvals of all accounts, as their logs have them: kept by the accounts' actors, asked by the sessions' at each request.
//!
//! A grant is reserved before its answer is recorded, and holds from that record on; the account's log has it a moment later. So an
//! answer for always that is accepted has a place among the account's grants, and the call right behind it is covered.
//!
//! **Invariant:** an account has at most [`limits::APPROVAL_GRANTS_MAX`] grants, reserved ones included, and none of a principal whose
//! access was taken away.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use baton_protocol::{
    AccountId, ApprovalAnswer, ApprovalId, ApprovalPattern, ApprovalScope, ErrorBody, ErrorCode,
    Principal, limits,
};
use baton_session::{AccountState, StandingApproval};

use crate::actor::{AccountFact, record_later};
use crate::core::HubCore;

/// What holds in the sessions of one account.
#[derive(Default)]
pub struct AccountApprovals {
    /// The grants, in no order that means anything.
    pub grants: Vec<StandingApproval>,
    /// Principals whose access was taken away: what they allowed holds no more.
    revoked: Vec<Principal>,
}

impl AccountApprovals {
    /// Whether a principal's access was taken away.
    pub fn has_no_access(&self, principal: &Principal) -> bool {
        self.revoked.contains(principal)
    }
}

/// Shared by the actors.
#[derive(Default)]
pub struct StandingApprovals {
    accounts: RwLock<HashMap<AccountId, Entry>>,
}

#[derive(Default)]
struct Entry {
    holds: Arc<AccountApprovals>,
    /// As the account's log has them.
    recorded: BTreeMap<ApprovalId, StandingApproval>,
    revoked: Vec<Principal>,
    /// On their way into the account's log.
    pending: BTreeMap<ApprovalId, Pending>,
}

enum Pending {
    /// The answer is being recorded.
    Reserved,
    /// The answer is durable.
    Given(StandingApproval),
}

impl Entry {
    fn renew(&mut self) {
        let pending = self.pending.values().filter_map(|pending| match pending {
            Pending::Reserved => None,
            Pending::Given(grant) => Some(grant),
        });
        let all = self.recorded.values().chain(pending);
        let revoked = &self.revoked;
        let grants = all.filter(|grant| !revoked.contains(&grant.by)).cloned();
        self.holds = Arc::new(AccountApprovals {
            grants: grants.collect(),
            revoked: revoked.clone(),
        });
    }
}

impl StandingApprovals {
    fn with<T>(&self, account: AccountId, work: impl FnOnce(&mut Entry) -> T) -> T {
        let mut accounts = self
            .accounts
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        work(accounts.entry(account).or_default())
    }

    /// What an account's log says now.
    pub fn keep(&self, account: AccountId, state: &AccountState) {
        let devices = state.devices().values();
        let revoked = devices.filter(|linked| linked.revoked);
        let revoked = revoked.map(|linked| linked.principal.clone()).collect();
        self.with(account, |entry| {
            entry.recorded.clone_from(state.grants());
            entry.revoked = revoked;
            let recorded = &entry.recorded;
            entry
                .pending
                .retain(|grant, _| !recorded.contains_key(grant));
            entry.renew();
        });
    }

    /// Keeps a place for a grant whose answer is about to be recorded. [`Self::give`] or [`Self::unreserve`] follows.
    ///
    /// # Errors
    /// `too_many` where the account has as many grants as it may.
    fn reserve(&self, account: AccountId, grant: ApprovalId) -> Result<(), ErrorBody> {
        self.with(account, |entry| {
            if entry.recorded.len() + entry.pending.len() >= limits::APPROVAL_GRANTS_MAX {
                let message = format!(
                    "{} kinds of calls are allowed for always already",
                    limits::APPROVAL_GRANTS_MAX
                );
                let hint = "take one back first, or answer for this call or this session";
                return Err(ErrorCode::TooMany.with(message, hint));
            }
            entry.pending.insert(grant, Pending::Reserved);
            Ok(())
        })
    }

    /// The answer is durable: the grant holds.
    fn give(&self, account: AccountId, grant: ApprovalId, approval: StandingApproval) {
        self.with(account, |entry| {
            entry.pending.insert(grant, Pending::Given(approval));
            entry.renew();
        });
    }

    /// The answer was not recorded after all.
    fn unreserve(&self, account: AccountId, grant: ApprovalId) {
        self.with(account, |entry| {
            if let Some(Pending::Reserved) = entry.pending.get(&grant) {
                entry.pending.remove(&grant);
            }
        });
    }

    /// The account's log does not take the grant.
    pub fn release(&self, account: AccountId, grant: ApprovalId) {
        self.with(account, |entry| {
            entry.pending.remove(&grant);
            entry.renew();
        });
    }

    /// What holds for an account's sessions.
    pub fn of(&self, account: AccountId) -> Arc<AccountApprovals> {
        let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner);
        accounts
            .get(&account)
            .map(|entry| Arc::clone(&entry.holds))
            .unwrap_or_default()
    }
}

/// The place of a grant while its answer is recorded; given back where it is not.
pub struct ReservedGrant {
    core: Arc<HubCore>,
    account: AccountId,
    grant: ApprovalId,
    covers: ApprovalPattern,
}

impl ReservedGrant {
    /// Keeps a place.
    ///
    /// # Errors
    /// `too_many` where the account has as many grants as it may.
    pub fn reserve(
        core: &Arc<HubCore>,
        account: AccountId,
        grant: ApprovalId,
        covers: ApprovalPattern,
    ) -> Result<Self, ErrorBody> {
        core.standing.reserve(account, grant)?;
        Ok(Self {
            core: Arc::clone(core),
            account,
            grant,
            covers,
        })
    }

    /// The answer of `by` is durable: the grant holds, and the account's log gets it.
    pub fn give(self, by: Principal) {
        let approval = StandingApproval {
            covers: self.covers.clone(),
            answer: ApprovalAnswer::Allow,
            scope: ApprovalScope::Always,
            by: by.clone(),
        };
        self.core.standing.give(self.account, self.grant, approval);
        let fact = AccountFact::ApprovalGranted {
            grant: self.grant,
            by,
            covers: self.covers.clone(),
        };
        record_later(&self.core, self.account, fact);
    }
}

impl Drop for ReservedGrant {
    fn drop(&mut self) {
        self.core.standing.unreserve(self.account, self.grant);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(by: Principal) -> StandingApproval {
        StandingApproval {
            covers: ApprovalPattern {
                tool: "shell".to_owned(),
                tool_digest: "d1".to_owned(),
                pattern: "make".to_owned(),
            },
            answer: ApprovalAnswer::Allow,
            scope: ApprovalScope::Always,
            by,
        }
    }

    #[test]
    fn a_grant_has_a_place_or_is_refused_and_holds_from_its_answer_on() {
        let standing = StandingApprovals::default();
        let account = AccountId::mint();
        let ids: Vec<ApprovalId> = (0..limits::APPROVAL_GRANTS_MAX)
            .map(|_| ApprovalId::mint())
            .collect();
        for id in &ids {
            standing.reserve(account, *id).expect("there is room");
        }
        assert!(
            standing.of(account).grants.is_empty(),
            "nothing is said yet"
        );
        let refused = standing.reserve(account, ApprovalId::mint());
        assert_eq!(refused.map_err(|error| error.code), Err(ErrorCode::TooMany));
        standing.give(account, ids[0], grant(Principal::Hub));
        assert_eq!(standing.of(account).grants.len(), 1);
        standing.unreserve(account, ids[1]);
        // What was given stays until the account's log has it, or refuses it.
        standing.unreserve(account, ids[0]);
        assert_eq!(standing.of(account).grants.len(), 1);
        standing
            .reserve(account, ApprovalId::mint())
            .expect("there is room again");
    }
}

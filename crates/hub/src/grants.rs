//! What each connection's right to be here rests on: the generation of its principal's grant.
//!
//! Invariant: once [`Grants::given_up`] has returned 0, no connection of that principal delivers anything any more, and no actor records
//! anything for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::credentials::PrincipalRecord;
use crate::presence::ConnectionId;

/// The newest generation of every principal that has or had a connection, or was revoked while the hub runs.
#[derive(Default)]
pub struct Grants {
    known: Mutex<HashMap<String, Arc<Grant>>>,
    connections: AtomicU64,
}

#[derive(Debug)]
struct Grant {
    generation: AtomicU64,
    /// The generation may be another one now. Ten thousand connections wait for it: it takes less of each than a `watch`.
    revoked: Notify,
    holders: watch::Sender<usize>,
}

impl Grants {
    fn grant(&self, record: &PrincipalRecord) -> Arc<Grant> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let grant = known.entry(record.id()).or_insert_with(|| {
            Arc::new(Grant {
                generation: AtomicU64::new(record.generation),
                revoked: Notify::new(),
                holders: watch::Sender::new(0),
            })
        });
        Arc::clone(grant)
    }

    /// Holds a grant for one connection, and names that connection. None where it became stale between the look-up of the token and
    /// now.
    ///
    /// Called before the upgrade is answered. A client speaks only after that answer, so of two processes that followed each other the
    /// later one has the greater name, whenever their words arrive.
    pub fn hold(&self, record: &PrincipalRecord) -> Option<HeldGrant> {
        let right = GrantRef {
            grant: self.grant(record),
            generation: record.generation,
            connection: ConnectionId(self.connections.fetch_add(1, Ordering::Relaxed)),
        };
        right.hold()
    }

    /// Makes every older grant stale. Never waits: it belongs right behind the commit that took the access away.
    pub fn make_stale(&self, record: &PrincipalRecord) {
        let grant = self.grant(record);
        grant
            .generation
            .fetch_max(record.generation, Ordering::SeqCst);
        grant.revoked.notify_waiters();
    }

    /// Waits until no connection delivers under a stale grant, for so long at most. Gives how many are still open then.
    pub async fn given_up(&self, record: &PrincipalRecord, limit: Duration) -> usize {
        let mut holders = self.grant(record).holders.subscribe();
        let ended = holders.wait_for(|holders| *holders == 0);
        let in_time = tokio::time::timeout(limit, ended).await.is_ok();
        if in_time { 0 } else { *holders.borrow() }
    }
}

/// Names the grant under which a request came, without holding it.
#[derive(Clone, Debug)]
pub struct GrantRef {
    grant: Arc<Grant>,
    generation: u64,
    connection: ConnectionId,
}

impl GrantRef {
    /// The connection for which the grant was held first.
    pub fn connection(&self) -> ConnectionId {
        self.connection
    }

    /// Holds the grant: a revoke waits until it is given up. None where it is stale.
    pub fn hold(&self) -> Option<HeldGrant> {
        // Held first, looked at after: a revoke that is not seen here sees this holder.
        self.grant.holders.send_modify(|holders| *holders += 1);
        let held = HeldGrant {
            generation: self.generation,
            connection: self.connection,
            grant: Arc::clone(&self.grant),
        };
        held.is_current().then_some(held)
    }
}

/// The right to deliver on a connection, or to record for it; given up when dropped.
pub struct HeldGrant {
    grant: Arc<Grant>,
    generation: u64,
    connection: ConnectionId,
}

impl HeldGrant {
    /// The grant's name, for requests.
    pub fn reference(&self) -> GrantRef {
        GrantRef {
            grant: Arc::clone(&self.grant),
            generation: self.generation,
            connection: self.connection,
        }
    }

    /// Whether the grant is still the newest one. Asked before each delivery.
    pub fn is_current(&self) -> bool {
        self.grant.generation.load(Ordering::SeqCst) == self.generation
    }

    /// Returns when the grant is stale.
    pub async fn revoked(&self) {
        loop {
            // Before the look: a revoke that comes after it is heard.
            let revoked = self.grant.revoked.notified();
            if !self.is_current() {
                return;
            }
            revoked.await;
        }
    }
}

impl Drop for HeldGrant {
    fn drop(&mut self) {
        self.grant.holders.send_modify(|holders| *holders -= 1);
    }
}

#[cfg(test)]
pub mod tests {
    use baton_protocol::{AccountId, Principal, Role, RunnerId, TimestampMs};

    use super::*;

    /// Longer than anything takes that works.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn record(generation: u64) -> PrincipalRecord {
        PrincipalRecord {
            principal: Principal::Runner {
                runner: RunnerId::mint(),
                agent: None,
            },
            account: AccountId::mint(),
            role: Role::Runner,
            name: "r".into(),
            linked_at: TimestampMs(0),
            revoked_at: None,
            generation,
        }
    }

    /// A right that stands.
    pub fn any() -> GrantRef {
        let held = Grants::default().hold(&record(1)).unwrap();
        held.reference()
    }

    #[tokio::test]
    async fn a_revoke_waits_for_holders_and_refuses_late_ones() {
        let grants = Arc::new(Grants::default());
        let before = record(1);
        let after = PrincipalRecord {
            generation: 2,
            ..before.clone()
        };
        let held = grants.hold(&before).unwrap();
        let reference = held.reference();
        let revoke = tokio::spawn({
            let (grants, after) = (Arc::clone(&grants), after.clone());
            async move {
                grants.make_stale(&after);
                grants.given_up(&after, PATIENCE).await
            }
        });
        held.revoked().await;
        assert!(!held.is_current());
        assert!(!revoke.is_finished());
        drop(held);
        assert_eq!(revoke.await.unwrap(), 0);
        assert!(grants.hold(&before).is_none());
        assert!(reference.hold().is_none());
    }

    #[tokio::test]
    async fn a_connection_that_does_not_end_is_counted_and_delivers_nothing() {
        let grants = Grants::default();
        let before = record(1);
        let after = PrincipalRecord {
            generation: 2,
            ..before.clone()
        };
        let held = grants.hold(&before).unwrap();
        grants.make_stale(&after);
        assert_eq!(grants.given_up(&after, Duration::ZERO).await, 1);
        assert!(!held.is_current());
    }
}

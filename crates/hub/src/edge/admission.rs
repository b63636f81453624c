//! Who may hold a connection: a budget, in which peers without a token never take the room of those with one.
//!
//! A connection begins unauthenticated. A quarter of all connections may be so, and of those an address may have a quarter. Past
//! either number the newcomer takes the place of the oldest connection, so that a peer which opens connections and leaves them
//! pushes out its own, and a client that speaks at once gets through from the same address. A token that the hub knows moves the
//! connection to the authenticated ones, which are never pushed out.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::address_block::AddressBlock;

/// Unauthenticated connections of one address, however many the hub has room for: a household behind one address that comes back
/// at once has fewer, and is through within a second.
const PER_ADDRESS_MAX: usize = 1_024;

/// How many connections there may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AdmissionLimits {
    /// Connections with and without a token together.
    connections: usize,
    /// Those that have shown no token.
    unauthenticated: usize,
    /// Of those, from one address block.
    per_address: usize,
}

impl AdmissionLimits {
    /// Shares out so many connections.
    pub fn of(connections: usize) -> Self {
        let unauthenticated = (connections / 4).max(1);
        Self {
            connections: connections.max(1),
            unauthenticated,
            per_address: (unauthenticated / 4).clamp(1, PER_ADDRESS_MAX),
        }
    }
}

/// How many of the unauthenticated connections a peer may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quota {
    /// An address's part of them.
    OfAddress,
    /// All of them: a trusted proxy, through which everybody comes.
    OfAll,
}

/// The budget of one hub.
#[derive(Debug)]
pub struct Admission {
    limits: AdmissionLimits,
    held: Mutex<Held>,
}

/// The connections that are open.
#[derive(Default, Debug)]
struct Held {
    authenticated: usize,
    unauthenticated: usize,
    /// The unauthenticated ones by address block and, within it, in the order of their arrival.
    by_block: HashMap<AddressBlock, BTreeMap<u64, CancellationToken>>,
    arrivals: u64,
}

impl Admission {
    /// Without a connection yet.
    pub fn new(limits: AdmissionLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            held: Mutex::default(),
        })
    }

    /// Admits a connection from an address. `None` where authenticated connections fill the hub.
    pub fn admit(self: &Arc<Self>, address: IpAddr, quota: Quota) -> Option<ConnectionPermit> {
        let block = AddressBlock::of(address);
        let mut held = self.lock();
        if quota == Quota::OfAddress && held.of_block(block) >= self.limits.per_address {
            held.expel_oldest_of(block);
        }
        let is_full = held.unauthenticated >= self.limits.unauthenticated
            || held.unauthenticated + held.authenticated >= self.limits.connections;
        if is_full && !held.expel_from_fullest_block() {
            return None;
        }
        let (arrival, expelled) = (held.arrivals, CancellationToken::new());
        held.arrivals += 1;
        held.unauthenticated += 1;
        held.by_block
            .entry(block)
            .or_default()
            .insert(arrival, expelled.clone());
        Some(ConnectionPermit {
            admission: Arc::clone(self),
            block,
            arrival,
            expelled,
        })
    }

    /// Ends one unauthenticated connection, for the system has no room for another one.
    pub fn expel_one(&self) {
        self.lock().expel_from_fullest_block();
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn of_block(&self, block: AddressBlock) -> usize {
        self.by_block.get(&block).map_or(0, BTreeMap::len)
    }

    /// Takes a connection off the unauthenticated ones. `None` where it is not among them any more.
    fn remove(&mut self, block: AddressBlock, arrival: u64) -> Option<CancellationToken> {
        let connections = self.by_block.get_mut(&block)?;
        let removed = connections.remove(&arrival)?;
        if connections.is_empty() {
            self.by_block.remove(&block);
        }
        self.unauthenticated -= 1;
        Some(removed)
    }

    fn expel_oldest_of(&mut self, block: AddressBlock) -> bool {
        let connections = self.by_block.get(&block);
        let oldest = connections.and_then(|connections| connections.keys().next().copied());
        let expelled = oldest.and_then(|arrival| self.remove(block, arrival));
        expelled.inspect(CancellationToken::cancel).is_some()
    }

    /// The oldest one of the block that holds most; among equals the one that has held longest.
    fn expel_from_fullest_block(&mut self) -> bool {
        let size_and_age = |connections: &BTreeMap<u64, CancellationToken>| {
            (
                connections.len(),
                Reverse(connections.keys().next().copied()),
            )
        };
        let fullest = self
            .by_block
            .iter()
            .max_by_key(|(_, connections)| size_and_age(connections))
            .map(|(block, _)| *block);
        fullest.is_some_and(|block| self.expel_oldest_of(block))
    }
}

/// The right to hold a connection before a token was shown; given back when dropped.
#[derive(Debug)]
pub struct ConnectionPermit {
    admission: Arc<Admission>,
    block: AddressBlock,
    arrival: u64,
    expelled: CancellationToken,
}

impl ConnectionPermit {
    /// Returns when the connection must make room for another one.
    pub async fn expelled(&self) {
        self.expelled.cancelled().await;
    }

    /// Counts the connection among the authenticated ones from now on. `None` where it was expelled, or was counted so before.
    pub fn authenticate(&self) -> Option<AuthenticatedPermit> {
        let mut held = self.admission.lock();
        held.remove(self.block, self.arrival)?;
        held.authenticated += 1;
        Some(AuthenticatedPermit(Arc::clone(&self.admission)))
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.admission.lock().remove(self.block, self.arrival);
    }
}

/// The right to hold a connection for as long as its token stands; given back when dropped.
#[derive(Debug)]
pub struct AuthenticatedPermit(Arc<Admission>);

impl Drop for AuthenticatedPermit {
    fn drop(&mut self) {
        self.0.lock().authenticated -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    /// 64 connections: 16 unauthenticated ones, 4 of an address.
    fn small() -> Arc<Admission> {
        Admission::new(AdmissionLimits::of(64))
    }

    fn is_expelled(permit: &ConnectionPermit) -> bool {
        permit.expelled.is_cancelled()
    }

    #[test]
    fn a_newcomer_pushes_out_the_oldest_connection_of_its_own_address() {
        let admission = small();
        let other = admission.admit(address(2), Quota::OfAddress).unwrap();
        let held: Vec<_> = (0..5)
            .map(|_| admission.admit(address(1), Quota::OfAddress).unwrap())
            .collect();
        let expelled: Vec<_> = held.iter().map(is_expelled).collect();
        assert_eq!(expelled, [true, false, false, false, false]);
        assert!(!is_expelled(&other));
        assert!(held[0].authenticate().is_none());
    }

    #[test]
    fn everybody_behind_a_trusted_proxy_has_room() {
        let admission = small();
        let held: Vec<_> = (0..16)
            .map(|_| admission.admit(address(1), Quota::OfAll).unwrap())
            .collect();
        assert!(!held.iter().any(is_expelled));
        let _more = admission.admit(address(1), Quota::OfAll).unwrap();
        assert!(is_expelled(&held[0]) && !is_expelled(&held[1]));
    }

    #[test]
    fn many_addresses_push_out_the_one_that_holds_most() {
        let admission = small();
        let greedy: Vec<_> = (0..4)
            .map(|_| admission.admit(address(1), Quota::OfAddress).unwrap())
            .collect();
        let others: Vec<_> = (2..15)
            .map(|last| admission.admit(address(last), Quota::OfAddress).unwrap())
            .collect();
        let expelled: Vec<_> = greedy.iter().map(is_expelled).collect();
        assert_eq!(expelled, [true, false, false, false]);
        assert!(!others.iter().any(is_expelled));
    }

    #[test]
    fn authenticated_connections_are_never_pushed_out_and_are_given_back() {
        let admission = small();
        let all: Vec<_> = (0..64)
            .map(|n| {
                let permit = admission.admit(address(n), Quota::OfAddress).unwrap();
                permit.authenticate().unwrap()
            })
            .collect();
        assert!(admission.admit(address(1), Quota::OfAddress).is_none());
        drop(all);
        let permit = admission.admit(address(1), Quota::OfAddress).unwrap();
        let authenticated = permit.authenticate().unwrap();
        assert!(permit.authenticate().is_none());
        drop(permit);
        assert_eq!(admission.lock().authenticated, 1);
        drop(authenticated);
        let held = admission.lock();
        assert_eq!((held.authenticated, held.unauthenticated), (0, 0));
        assert!(held.by_block.is_empty());
    }
}

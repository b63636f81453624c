//! Who of an account is connected now. In memory only, never in a log.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use baton_protocol::{AccountId, HubFrame, Principal};
use tokio::sync::watch;

use crate::frame_text::EncodedFrame;

/// Names one connection within this process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectionId(pub u64);

/// Every account's connected principals.
#[derive(Clone, Default)]
pub struct Presence {
    rooms: Arc<Mutex<HashMap<AccountId, Room>>>,
}

struct Room {
    connected: BTreeMap<ConnectionId, Principal>,
    frame: watch::Sender<EncodedFrame>,
}

impl Room {
    fn announce(&self) {
        self.frame.send_replace(frame(self.connected.values()));
    }
}

fn frame<'a>(connected: impl Iterator<Item = &'a Principal>) -> EncodedFrame {
    let mut distinct: Vec<Principal> = Vec::new();
    for principal in connected {
        if !distinct.contains(principal) {
            distinct.push(principal.clone());
        }
    }
    EncodedFrame::of(&HubFrame::Presence {
        connected: distinct,
    })
}

impl Presence {
    /// Announces a connection until the seat is dropped.
    pub fn join(
        &self,
        account: AccountId,
        connection: ConnectionId,
        principal: Principal,
    ) -> PresenceSeat {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let room = rooms.entry(account).or_insert_with(|| Room {
            connected: BTreeMap::new(),
            frame: watch::Sender::new(frame(std::iter::empty())),
        });
        room.connected.insert(connection, principal);
        room.announce();
        let mut changes = room.frame.subscribe();
        changes.mark_changed();
        PresenceSeat {
            presence: self.clone(),
            account,
            connection,
            changes,
        }
    }

    /// Whether a principal of the account has an open connection.
    pub fn is_connected(&self, account: AccountId, principal: &Principal) -> bool {
        let rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.get(&account).is_some_and(|room| {
            room.connected
                .values()
                .any(|connected| connected == principal)
        })
    }

    fn leave(&self, account: AccountId, connection: ConnectionId) {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(room) = rooms.get_mut(&account) else {
            return;
        };
        room.connected.remove(&connection);
        if room.connected.is_empty() {
            rooms.remove(&account);
        } else {
            room.announce();
        }
    }
}

/// A connection's place; given up when dropped.
pub struct PresenceSeat {
    presence: Presence,
    account: AccountId,
    connection: ConnectionId,
    changes: watch::Receiver<EncodedFrame>,
}

impl PresenceSeat {
    /// The newest frame, once there is one that this connection has not had. Several changes at once give one frame.
    pub async fn changed(&mut self) -> EncodedFrame {
        if self.changes.changed().await.is_err() {
            // The room lives as long as this seat.
            std::future::pending::<()>().await;
        }
        self.changes.borrow_and_update().clone()
    }
}

impl Drop for PresenceSeat {
    fn drop(&mut self) {
        self.presence.leave(self.account, self.connection);
    }
}

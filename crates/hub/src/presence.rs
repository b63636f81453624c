//! Who of an account is connected now. In memory only, never in a log.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use baton_protocol::{AccountId, HubFrame, Principal, TimestampMs};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::frame_text::EncodedFrame;
use crate::network::LastSeen;

/// Names one connection within this process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectionId(pub u64);

/// A principal of an account, by its id.
type Seated = (AccountId, Arc<str>);

/// Every account's connected principals.
#[derive(Clone, Default)]
pub struct Presence {
    rooms: Arc<Mutex<HashMap<AccountId, Room>>>,
    /// When a principal's last connection ended. As many as were ever linked, at most.
    left: Arc<Mutex<HashMap<Seated, Instant>>>,
}

struct Room {
    /// By id, with the number of open connections of each.
    connected: BTreeMap<Arc<str>, (Principal, usize)>,
    board: Arc<Board>,
}

/// Where a room's seats read who is there. Ten thousand of them wait for news: it takes less of each than a `watch`.
struct Board {
    newest: Mutex<Notice>,
    news: Notify,
}

struct Notice {
    /// From 1.
    number: u64,
    frame: EncodedFrame,
}

impl Board {
    fn newest(&self) -> MutexGuard<'_, Notice> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    fn announce(&self) {
        let connected = self.connected.values().map(|(principal, _)| principal);
        let frame = frame(connected);
        {
            let mut newest = self.board.newest();
            newest.number += 1;
            newest.frame = frame;
        }
        self.board.news.notify_waiters();
    }
}

fn frame<'a>(connected: impl Iterator<Item = &'a Principal>) -> EncodedFrame {
    let connected = connected.cloned().collect();
    EncodedFrame::of(&HubFrame::Presence { connected })
}

fn key(principal: &Principal) -> String {
    principal.id().unwrap_or_default()
}

impl Presence {
    /// Announces a connection until the seat is dropped. A second one of the same device is no news.
    pub fn join(&self, account: AccountId, principal: Principal) -> PresenceSeat {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let room = rooms.entry(account).or_insert_with(|| Room {
            connected: BTreeMap::new(),
            board: Arc::new(Board {
                newest: Mutex::new(Notice {
                    number: 1,
                    frame: frame(std::iter::empty()),
                }),
                news: Notify::new(),
            }),
        });
        let name = key(&principal);
        let key = match room.connected.get_key_value(name.as_str()) {
            Some((known, _)) => Arc::clone(known),
            None => name.into(),
        };
        let (_, connections) = room
            .connected
            .entry(Arc::clone(&key))
            .or_insert((principal, 0));
        *connections += 1;
        if *connections == 1 {
            room.announce();
        }
        PresenceSeat {
            presence: self.clone(),
            account,
            key,
            board: Arc::clone(&room.board),
            read: 0,
        }
    }

    /// Whether a principal of the account has an open connection.
    pub fn is_connected(&self, account: AccountId, principal: &Principal) -> bool {
        let rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        rooms
            .get(&account)
            .is_some_and(|room| room.connected.contains_key(key(principal).as_str()))
    }

    /// When each principal of an account was connected last, by id.
    pub fn last_seen(&self, account: AccountId, now: TimestampMs) -> HashMap<String, LastSeen> {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = left.iter().filter(|((owner, _), _)| *owner == account);
        let mut seen: HashMap<String, LastSeen> = gone
            .map(|((_, key), at)| {
                let ago = i64::try_from(at.elapsed().as_millis()).unwrap_or(i64::MAX);
                let at = TimestampMs(now.0.saturating_sub(ago));
                (key.to_string(), LastSeen::Left(at))
            })
            .collect();
        drop(left);
        let rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let connected = rooms
            .get(&account)
            .into_iter()
            .flat_map(|room| room.connected.keys());
        seen.extend(connected.map(|key| (key.to_string(), LastSeen::Connected)));
        seen
    }

    fn leave(&self, account: AccountId, key: &str) {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(room) = rooms.get_mut(&account) else {
            return;
        };
        let Some((_, connections)) = room.connected.get_mut(key) else {
            return;
        };
        *connections -= 1;
        if *connections > 0 {
            return;
        }
        if let Some((key, _)) = room.connected.remove_entry(key) {
            let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
            left.insert((account, key), Instant::now());
        }
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
    key: Arc<str>,
    board: Arc<Board>,
    /// The number of the notice that was read last.
    read: u64,
}

impl PresenceSeat {
    /// The newest frame, once there is one that this connection has not had. Several changes at once give one frame.
    pub async fn changed(&mut self) -> EncodedFrame {
        loop {
            // Before the look: what is announced after it is heard.
            let news = self.board.news.notified();
            if let Some(frame) = newer(&self.board, &mut self.read) {
                return frame;
            }
            news.await;
        }
    }
}

/// The newest notice, where it is not the one that was read last. It is the one now.
fn newer(board: &Board, read: &mut u64) -> Option<EncodedFrame> {
    let newest = board.newest();
    let is_news = std::mem::replace(read, newest.number) != newest.number;
    is_news.then(|| newest.frame.clone())
}

impl Drop for PresenceSeat {
    fn drop(&mut self) {
        self.presence.leave(self.account, &self.key);
    }
}

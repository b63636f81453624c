//! What people do at their devices: which session is in view, who writes, which device is in use. In memory only, never in a log.
//!
//! A device's word is forgotten after a while unless it says it again, so a device that went away quietly is not said to look on.
//! Nothing is announced that has not changed.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use baton_protocol::{AccountId, DeviceAttention, DeviceId, HubFrame, SessionId, limits};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::frame_text::EncodedFrame;
use crate::presence::ConnectionId;

const LOOKING: Duration = Duration::from_millis(limits::LOOKING_MS);
const TYPING: Duration = Duration::from_millis(limits::TYPING_MS);

/// Every account's devices that said something.
#[derive(Clone, Default)]
pub struct Looking {
    rooms: Arc<Mutex<HashMap<AccountId, Room>>>,
}

struct Room {
    /// The newest word of each device, and the connection that it came by.
    said: BTreeMap<DeviceId, (ConnectionId, DeviceAttention)>,
    seats: usize,
    frame: watch::Sender<EncodedFrame>,
    shown: Vec<DeviceAttention>,
}

impl Room {
    fn announce(&mut self) {
        let devices: Vec<DeviceAttention> =
            self.said.values().map(|(_, said)| said.clone()).collect();
        if devices != self.shown {
            self.shown.clone_from(&devices);
            self.frame
                .send_replace(EncodedFrame::of(&HubFrame::Attention { devices }));
        }
    }
}

/// What a device says of its person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attends {
    /// The session in view.
    pub session: Option<SessionId>,
    /// Whether somebody writes in it.
    pub typing: bool,
    /// Whether the device is in use.
    pub in_use: bool,
}

impl Looking {
    /// A connection that hears what others do. What was said before comes at once, where there is something.
    pub fn join(&self, account: AccountId, connection: ConnectionId) -> LookingSeat {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let room = rooms.entry(account).or_insert_with(|| Room {
            said: BTreeMap::new(),
            seats: 0,
            frame: watch::Sender::new(EncodedFrame::of(&HubFrame::Attention {
                devices: Vec::new(),
            })),
            shown: Vec::new(),
        });
        room.seats += 1;
        let mut changes = room.frame.subscribe();
        if !room.shown.is_empty() {
            changes.mark_changed();
        }
        LookingSeat {
            looking: self.clone(),
            account,
            connection,
            device: None,
            typing_until: None,
            looking_until: None,
            changes,
        }
    }

    fn change(&self, account: AccountId, change: impl FnOnce(&mut Room)) {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(room) = rooms.get_mut(&account) {
            change(room);
            room.announce();
            if room.seats == 0 {
                rooms.remove(&account);
            }
        }
    }
}

/// A connection's place; what its device said is forgotten when it is dropped.
pub struct LookingSeat {
    looking: Looking,
    account: AccountId,
    connection: ConnectionId,
    device: Option<DeviceId>,
    typing_until: Option<Instant>,
    looking_until: Option<Instant>,
    changes: watch::Receiver<EncodedFrame>,
}

impl LookingSeat {
    /// The device says what its person does.
    pub fn say(&mut self, device: DeviceId, attends: Attends, now: Instant) {
        let says_something = attends.session.is_some() || attends.in_use;
        self.device = Some(device);
        self.typing_until = attends.typing.then_some(now + TYPING);
        self.looking_until = says_something.then_some(now + LOOKING);
        let connection = self.connection;
        self.looking.change(self.account, |room| {
            if says_something {
                let said = DeviceAttention {
                    device,
                    session: attends.session,
                    typing: attends.typing && attends.session.is_some(),
                    in_use: attends.in_use,
                };
                room.said.insert(device, (connection, said));
            } else {
                forget(room, device, connection);
            }
        });
    }

    /// Forgets what was not said again by now.
    fn expire(&mut self, now: Instant) {
        let connection = self.connection;
        let Some(device) = self.device else {
            return;
        };
        let is_over = |until: &mut Instant| *until <= now;
        let typing_is_over = self.typing_until.take_if(is_over).is_some();
        let looking_is_over = self.looking_until.take_if(is_over).is_some();
        self.looking.change(self.account, |room| {
            if looking_is_over {
                forget(room, device, connection);
            } else if typing_is_over && let Some((_, said)) = room.said.get_mut(&device) {
                said.typing = false;
            }
        });
    }

    /// The newest frame, once there is one that this connection has not had. Meanwhile its own word is forgotten when it is due. Safe
    /// to drop and to call again.
    pub async fn next(&mut self) -> EncodedFrame {
        loop {
            let due = self.due();
            tokio::select! {
                changed = self.changes.changed() => {
                    if changed.is_ok() {
                        return self.changes.borrow_and_update().clone();
                    }
                    // The room lives as long as this seat.
                    std::future::pending::<()>().await;
                }
                () = sleep_until(due) => self.expire(Instant::now()),
            }
        }
    }

    fn due(&self) -> Option<Instant> {
        let deadlines = [self.typing_until, self.looking_until];
        deadlines.into_iter().flatten().min()
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// What a newer connection of the device said stands.
fn forget(room: &mut Room, device: DeviceId, connection: ConnectionId) {
    if room
        .said
        .get(&device)
        .is_some_and(|(by, _)| *by == connection)
    {
        room.said.remove(&device);
    }
}

impl Drop for LookingSeat {
    fn drop(&mut self) {
        let (device, connection) = (self.device, self.connection);
        self.looking.change(self.account, |room| {
            room.seats -= 1;
            if let Some(device) = device {
                forget(room, device, connection);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn heard(seat: &mut LookingSeat) -> Option<String> {
        let frame = seat.next().now_or_never()?;
        Some(frame.text().to_owned())
    }

    #[test]
    fn others_hear_what_is_said_and_when_it_is_over() {
        let looking = Looking::default();
        let account = AccountId::mint();
        let (mut a, mut b) = (
            looking.join(account, ConnectionId(1)),
            looking.join(account, ConnectionId(2)),
        );
        assert_eq!(heard(&mut b), None, "nothing to say");
        let (device, session) = (DeviceId::mint(), SessionId::mint());
        let attends = Attends {
            session: Some(session),
            typing: true,
            in_use: true,
        };
        a.say(device, attends, Instant::now());
        let said = heard(&mut b).expect("it is announced");
        assert!(said.contains(&session.to_string()) && said.contains("\"typing\":true"));
        a.say(device, attends, Instant::now());
        assert_eq!(heard(&mut b), None, "the same again is no news");

        let now = Instant::now();
        a.expire(now);
        assert_eq!(heard(&mut b), None, "it holds for a while");
        a.expire(now + TYPING);
        let said = heard(&mut b).expect("typing is over");
        assert!(said.contains("\"typing\":false"), "{said}");
        a.expire(now + LOOKING);
        let said = heard(&mut b).expect("looking is over");
        assert!(said.contains("\"devices\":[]"), "{said}");

        a.say(device, attends, Instant::now());
        let mut late = looking.join(account, ConnectionId(3));
        assert!(
            heard(&mut late)
                .expect("what holds comes at once")
                .contains(&device.to_string())
        );
        drop(a);
        assert!(
            heard(&mut late)
                .expect("gone with its connection")
                .contains("\"devices\":[]")
        );
    }

    #[test]
    fn an_older_connection_of_a_device_takes_nothing_with_it() {
        let looking = Looking::default();
        let account = AccountId::mint();
        let mut listener = looking.join(account, ConnectionId(9));
        let device = DeviceId::mint();
        let attends = Attends {
            session: None,
            typing: false,
            in_use: true,
        };
        let mut older = looking.join(account, ConnectionId(1));
        older.say(device, attends, Instant::now());
        let mut newer = looking.join(account, ConnectionId(2));
        newer.say(device, attends, Instant::now());
        heard(&mut listener).expect("it is announced");
        drop(older);
        assert_eq!(heard(&mut listener), None);
    }
}

//! Waking from a saved state, and giving it to a reader that is far behind.

use std::sync::Arc;

use baton_hub::{Hub, SystemClock};
use baton_log::{AppendRequest, EventLog, ExpectedHead};
use baton_protocol::*;
use baton_session::{NewEvent, NoTranscript, SessionState};

use crate::client::Client;
use crate::world::{Backend, World, new_session, on_each_log};

/// Events that are certainly worth a saved state.
const MANY: u64 = 400;

/// Puts events into a log behind the hub's back.
async fn grow(log: &dyn EventLog, id: LogId) -> Seq {
    let head = log.head(id).await.unwrap().unwrap().seq;
    let rename = |n| NewEvent {
        by: Principal::Hub,
        command: None,
        producer: None,
        recorded_at: None,
        body: EventBody::SessionRenamed(SessionRenamedEvent {
            title: format!("title {n}"),
            source: TitleSource::Person,
        }),
    };
    let request = AppendRequest {
        log: id,
        expected: ExpectedHead::At(head),
        recorded_at: TimestampMs(1),
        events: (0..MANY).map(|n| rename(head.0 + n)).collect(),
        receipt: None,
        state: None,
    };
    log.append(request).await.unwrap().head()
}

impl World {
    /// Stops the hub, lets something happen in a log, and starts another one.
    async fn restart_after_growth(&mut self, id: LogId) -> Seq {
        self.hub.take().unwrap().stop().await;
        let log = self.open_log();
        let head = grow(&*log, id).await;
        let (config, options) = (self.config(), self.options.clone());
        let hub = Hub::start_with(config, options, log, Arc::new(SystemClock)).await;
        self.hub = Some(hub.unwrap());
        head
    }
}

fn rename(title: &str) -> CommandBody {
    CommandBody::RenameSession(RenameSessionCommand {
        title: title.to_owned(),
    })
}

/// A session with two saved states, and the seqs at which they are.
async fn long_session(world: &mut World, session: LogId) -> [Seq; 2] {
    let mut device = world.device("Laptop").await;
    device.create(session).await;
    drop(device);
    let mut saved = Vec::new();
    for title in ["one", "two"] {
        saved.push(world.restart_after_growth(session).await);
        let mut device = world.device("Laptop").await;
        device.command(session, rename(title)).await;
    }
    [saved[0], saved[1]]
}

/// The state that came in pieces, with the stretch that it stands for.
async fn snapshot(client: &mut Client) -> (Seq, Seq, SessionState) {
    let mut text = String::new();
    loop {
        let piece = client
            .take(|frame| match frame {
                HubFrame::Snapshot(piece) => Some(piece.clone()),
                _ => None,
            })
            .await;
        text.push_str(&piece.text);
        if piece.piece + 1 == piece.pieces {
            return (piece.after, piece.seq, serde_json::from_str(&text).unwrap());
        }
    }
}

async fn subscribe(client: &mut Client, log: LogId, format: u32) {
    client
        .send(&ClientFrame::Subscribe {
            log,
            cursor: None,
            state_format: Some(format),
            newest_chars: None,
        })
        .await;
}

async fn history(
    client: &mut Client,
    wanted: (LogId, Incarnation),
    after: Seq,
    upto: Seq,
) -> Batch {
    let (log, incarnation) = wanted;
    let ask = ClientFrame::ReadHistory {
        log,
        incarnation,
        after,
        upto,
    };
    client.send(&ask).await;
    client
        .take(|frame| match frame {
            HubFrame::History(batch) if batch.after == after => Some(batch.clone()),
            _ => None,
        })
        .await
}

on_each_log! {
    async fn a_reader_that_is_far_behind_gets_a_saved_state_and_history_when_it_asks(world: World) {
        let session = new_session();
        let [first, second] = long_session(&mut world, session).await;
        let mut desk = world.device("Desk").await;
        subscribe(&mut desk, session, SessionState::FORMAT).await;
        let (after, seq, state) = snapshot(&mut desk).await;
        assert_eq!((after, seq), (Seq::ZERO, first), "not the newest: what follows is history to show");
        assert_eq!(state.head(), first);

        // What follows continues it.
        let followed = desk.logs.entry(session).or_default();
        followed.state = state.clone();
        let mut reached = first;
        let incarnation = loop {
            let read = desk.socket_batch(session).await;
            assert_eq!(read.after, reached);
            reached = read.upto;
            if read.upto == read.head {
                break read.incarnation;
            }
        };
        assert!(reached > second);

        // What it stood for leads to it.
        let mut folded = SessionState::default();
        while folded.head() < first {
            let batch = history(&mut desk, (session, incarnation), folded.head(), first).await;
            assert!(batch.upto > batch.after && batch.upto <= first);
            for event in &batch.events {
                folded.apply(event, &mut NoTranscript).unwrap();
            }
            folded.set_head(batch.upto);
        }
        assert_eq!(folded, state);
    }
}

on_each_log! {
    async fn a_reader_that_knows_another_format_or_none_gets_everything(world: World) {
        let session = new_session();
        long_session(&mut world, session).await;
        let mut desk = world.device("Desk").await;
        subscribe(&mut desk, session, SessionState::FORMAT + 1).await;
        let followed = desk.until(session, |followed| followed.level).await;
        assert_eq!(followed.state.title(), Some("two"));
        assert!(followed.events.len() > 2 * MANY as usize);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_of_another_log_or_of_nobodys_is_missing() {
    let mut world = World::start(Backend::Memory).await;
    let session = new_session();
    let [first, _] = long_session(&mut world, session).await;
    let mut desk = world.device("Desk").await;
    for log in [session, new_session()] {
        let ask = ClientFrame::ReadHistory {
            log,
            incarnation: Incarnation::mint(),
            after: Seq::ZERO,
            upto: first,
        };
        desk.send(&ask).await;
        let incarnation = desk
            .take(|frame| match frame {
                HubFrame::Missing {
                    log: of,
                    incarnation,
                } if *of == log => Some(*incarnation),
                _ => None,
            })
            .await;
        assert_eq!(incarnation.is_some(), log == session);
    }
}

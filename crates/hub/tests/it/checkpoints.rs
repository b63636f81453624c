//! A reader that needs the end of a session alone: it begins at a checkpoint, and gets as much as it needs.

use baton_protocol::*;
use baton_session::{NoTranscript, SessionState};

use crate::client::{Client, Script};
use crate::world::{new_session, on_each_log};

/// Turns that are worth several checkpoints, and what each answer says.
const TURNS: usize = 100;
const ANSWER_CHARS: usize = 1_200;

async fn talk(device: &mut Client, runner: &mut Client, session: LogId) {
    for n in 0..TURNS {
        device
            .prompt(session, &format!("question {n}"), Delivery::Queue)
            .await;
        let held = runner.assigned().await;
        let mut script = Script::new();
        let answer = format!("{n:ANSWER_CHARS$}");
        let writes = vec![
            script.open(),
            script.text(&answer),
            script.close(PartEnd::Complete),
            script.end(),
        ];
        runner.write_acked(held, writes).await;
    }
}

/// Where the hub lets a reader begin, and the answers that it shows behind that.
struct Read {
    state: SessionState,
    answers: usize,
}

async fn read_newest(client: &mut Client, log: LogId, chars: u64) -> Option<Read> {
    let subscribe = ClientFrame::Subscribe {
        log,
        cursor: None,
        state_format: Some(SessionState::FORMAT),
        newest_chars: Some(chars),
    };
    client.send(&subscribe).await;
    let frame = client
        .take(|frame| match frame {
            HubFrame::Snapshot(piece) if piece.log == log => Some(piece.clone()),
            _ => None,
        })
        .await;
    let mut state: SessionState = serde_json::from_str(&frame.text).ok()?;
    let (horizon, mut answers) = (state.horizon(), 0);
    assert_eq!(horizon, Some(frame.seq));
    loop {
        let batch = client.socket_batch(log).await;
        assert_eq!(batch.after, state.head(), "nothing is missing behind it");
        for event in &batch.events {
            state.apply(event, &mut NoTranscript).expect("folds");
            answers += usize::from(matches!(event.body, EventBody::RunEnded(_)));
        }
        state.set_head(batch.upto);
        if batch.upto == batch.head {
            return Some(Read { state, answers });
        }
    }
}

on_each_log! {
    async fn a_reader_of_the_newest_begins_at_a_checkpoint_with_enough_behind_it(world: World) {
        let session = new_session();
        let (mut runner, _) = world.runner().await;
        let mut laptop = world.device("Laptop").await;
        laptop.create(session).await;
        talk(&mut laptop, &mut runner, session).await;
        drop((laptop, runner));
        for restarted in [false, true] {
            if restarted {
                world.restart().await;
            }
            let mut desk = world.device("Desk").await;
            let wanted = 20_000;
            let read = read_newest(&mut desk, session, wanted).await.expect("a state");
            let got = read.answers * ANSWER_CHARS;
            assert!(got as u64 >= wanted, "{got} characters");
            assert!(read.answers < TURNS * 4 / 5, "{} answers", read.answers);
            assert!(read.state.records() < 2 * TURNS);
            assert!(read.state.is_idle());
        }
    }
}

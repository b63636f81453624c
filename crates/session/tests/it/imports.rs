//! A session that moves to another hub says the same there.

use baton_protocol::view::RowBody;
use baton_protocol::*;
use baton_session::*;
use proptest::prelude::*;

use crate::interleavings::{Seen, step, take};
use crate::rig::*;
use crate::sealing::batch_end;

const INCARNATION: Incarnation = Incarnation::from_uuid(uuid::Uuid::from_u128(0x1c));

/// The log as a hub stores it, with those parts sealed for which `chosen` returns true.
fn stored(log: &[Event], mut chosen: impl FnMut() -> bool) -> Vec<Event> {
    let mut stored: Vec<Event> = Vec::new();
    for event in log {
        let EventBody::PartClosed(closed) = &event.body else {
            stored.push(event.clone());
            continue;
        };
        let is_of_part = |other: &Event| matches!(&other.body, EventBody::PartAppended(body) if (body.run, body.part) == (closed.run, closed.part));
        let appends: Vec<Event> = stored.iter().filter(|e| is_of_part(e)).cloned().collect();
        match sealing::seal_part(&appends, event).filter(|_| chosen()) {
            Some(sealed) => {
                stored.retain(|event| !is_of_part(event));
                stored.push(sealed);
            }
            None => stored.push(event.clone()),
        }
    }
    stored
}

/// The batches that a reader gets. `cuts` determine the number of seqs in each.
fn batches(log: &[Event], stored: &[Event], cuts: &[u8]) -> Vec<Batch> {
    let head = log.last().expect("a log has an event").seq;
    let mut cuts = cuts.iter().cycle();
    let mut batches = Vec::new();
    let mut after = Seq::ZERO;
    while after < head {
        let step = u64::from(*cuts.next().expect("there is a cut")) % 12 + 1;
        let upto = batch_end(stored, Seq((after.0 + step).min(head.0)));
        let events = stored.iter().filter(|e| after < e.seq && e.seq <= upto);
        batches.push(Batch {
            log: LogId::Session(SESSION),
            incarnation: INCARNATION,
            after,
            upto,
            head,
            events: events.cloned().collect(),
        });
        after = upto;
    }
    batches
}

fn import(batch: &Batch) -> CommandBody {
    CommandBody::ImportBatch(ImportBatchCommand {
        from: "this computer".into(),
        batch: batch.clone(),
    })
}

/// What a screen and the hub know of a session, without the seqs, which differ between hubs.
fn said(rig: &Rig) -> (Vec<RowBody>, Vec<PromptId>, Vec<String>, Option<QueuePause>) {
    let rows = rig.transcript.shown().map(|row| {
        let mut body = row.body.clone();
        // The duration of a run that the move ends depends on how long the move took.
        if let RowBody::RunEnd {
            outcome: RunOutcome::Lost,
            duration_ms,
            ..
        } = &mut body
        {
            *duration_ms = 0;
        }
        body
    });
    let waiting = rig.state.steers().iter().chain(rig.state.queue());
    (
        rows.collect(),
        rig.state.turns().shown(),
        waiting
            .map(|w| format!("{} {}", w.prompt, w.text))
            .collect(),
        rig.state.pause().cloned(),
    )
}

/// Brings the source to a state that can move: no run is active, and no device edits a prompt.
fn at_rest(rig: &mut Rig) {
    let on: Vec<RunId> = rig.state.active_runs().map(|run| run.run).collect();
    for run in on {
        let lost = lose_run(&rig.state, run);
        rig.record(lost);
    }
    let edited: Vec<PromptId> = rig.state.edits().map(|(prompt, _)| prompt).collect();
    for prompt in edited {
        let expired = expire_edit(&rig.state, prompt);
        rig.record(expired);
    }
}

fn conversation() -> Rig {
    let mut rig = Rig::new();
    rig.send(laptop(), "why", Delivery::Queue);
    let run = rig.start().expect("starts");
    rig.say(run, "because");
    rig.complete(run);
    rig.send(desk(), "and then", Delivery::Queue);
    let run = rig.start().expect("starts");
    rig.say(run, "half an answ");
    rig
}

#[test]
fn it_keeps_authors_and_times_and_belongs_to_the_importing_account() {
    const OTHER: AccountId = AccountId::from_uuid(uuid::Uuid::from_u128(0xbcc));
    let source = conversation();
    let by = Principal::Device {
        account: OTHER,
        device: DESK,
    };
    let mut moved = Rig::empty();
    let log = batches(&source.log, &source.log, &[255]);
    for batch in &log {
        moved.accept(by.clone(), import(batch));
    }
    let created = moved.state.created().expect("created");
    assert_eq!((created.account, created.runner), (OTHER, None));
    let prompt = |rig: &Rig| {
        rig.log
            .iter()
            .find(|event| matches!(event.body, EventBody::PromptSent(_)))
            .cloned()
            .expect("a prompt was sent")
    };
    let (theirs, ours) = (prompt(&source), prompt(&moved));
    assert_eq!(ours.recorded_at, theirs.recorded_at);
    assert_eq!(ours.command, theirs.command);
    assert_eq!(
        ours.by,
        Principal::Device {
            account: OTHER,
            device: LAPTOP
        }
    );
}

#[test]
fn until_it_is_complete_it_takes_nothing_else_and_is_in_no_list() {
    let source = conversation();
    let log = batches(&source.log, &source.log, &[3]);
    let (last, before) = log.split_last().expect("several batches");
    let mut moved = Rig::empty();
    for batch in before {
        moved.accept(laptop(), import(batch));
        assert_eq!(moved.state.summary(), None);
        assert_eq!(moved.start(), None);
        let prompt = CommandBody::SendPrompt(SendPromptCommand {
            text: "too early".into(),
            delivery: Delivery::Queue,
            run: None,
        });
        assert_eq!(moved.refused(laptop(), prompt), ErrorCode::SessionBusy);
    }
    moved.accept(laptop(), import(last));
    assert!(moved.state.summary().is_some());
    assert_eq!(moved.state.active_runs().count(), 0);
    moved.send(laptop(), "go on", Delivery::Interrupt);
    assert!(moved.start().is_some());
}

#[test]
fn a_batch_that_does_not_continue_the_session_changes_nothing() {
    let source = conversation();
    let log = batches(&source.log, &source.log, &[3]);
    let mut moved = Rig::empty();
    assert_eq!(
        moved.refused(laptop(), import(&log[1])),
        ErrorCode::ImportMismatch
    );
    moved.accept(laptop(), import(&log[0]));
    let (upto, before) = (log[0].upto, moved.log.len());
    let again = moved.accept(laptop(), import(&log[0])).1;
    assert_eq!(
        again,
        CommandEffect::Imported {
            upto,
            complete: false
        }
    );
    assert_eq!(
        moved.refused(laptop(), import(&log[2])),
        ErrorCode::ImportMismatch
    );
    let mut changed = log[1].clone();
    for event in &mut changed.events {
        if let EventBody::PartAppended(body) = &mut event.body {
            body.text.push('!');
        }
    }
    assert_eq!(
        moved.refused(laptop(), import(&changed)),
        ErrorCode::ImportMismatch,
        "the digest of the run that ends in it"
    );
    let foreign = Batch {
        incarnation: Incarnation::from_uuid(uuid::Uuid::from_u128(0x2c)),
        ..log[1].clone()
    };
    assert_eq!(
        moved.refused(laptop(), import(&foreign)),
        ErrorCode::SessionExists
    );
    assert_eq!(moved.log.len(), before);
}

#[test]
fn an_empty_batch_at_the_end_completes_it() {
    let source = conversation();
    let mut moved = Rig::empty();
    let mut log = batches(&source.log, &source.log, &[255]);
    let head = log[0].head;
    // Make the source log look longer than the batches that have come.
    for batch in &mut log {
        batch.head = Seq(head.0 + 1);
        moved.accept(laptop(), import(batch));
    }
    assert!(moved.state.is_importing());
    let last = log.remove(log.len() - 1);
    let end = Batch {
        after: head,
        upto: head,
        head,
        events: Vec::new(),
        ..last
    };
    moved.accept(laptop(), import(&end));
    assert!(!moved.state.is_importing());
}

#[test]
fn a_session_that_began_here_is_never_imported_over() {
    let source = conversation();
    let mut here = Rig::new();
    let log = batches(&source.log, &source.log, &[255]);
    assert_eq!(
        here.refused(laptop(), import(&log[0])),
        ErrorCode::SessionExists
    );
}

#[test]
fn a_part_that_was_sealed_between_two_batches_is_whole() {
    let mut source = conversation();
    let run = source.state.root_run().expect("on").run;
    let part = PartIndex(1);
    source.write(run, vec![open(part), append(part, 0, "one ")]);
    let head = source.state.head();
    let stretch = |log: &[Event], after: Seq, upto: Seq, head: Seq| Batch {
        log: LogId::Session(SESSION),
        incarnation: INCARNATION,
        after,
        upto,
        head,
        events: log
            .iter()
            .filter(|e| after < e.seq && e.seq <= upto)
            .cloned()
            .collect(),
    };
    let first = stretch(&source.log, Seq::ZERO, head, Seq(head.0 + 1));
    source.write(run, vec![append(part, 4, "two"), close(part)]);
    source.complete(run);
    let sealed = stored(&source.log, || true);
    let second = stretch(&sealed, head, source.state.head(), source.state.head());
    let mut moved = Rig::empty();
    moved.accept(laptop(), import(&first));
    moved.accept(laptop(), import(&second));
    assert_eq!(said(&moved), said(&source));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_history_in_any_batches_says_the_same_at_the_other_hub(
        steps in prop::collection::vec(step(), 1..60),
        cuts in prop::collection::vec(any::<u8>(), 1..8),
        seals in prop::collection::vec(any::<bool>(), 1..8),
        twice in prop::collection::vec(any::<bool>(), 1..8),
    ) {
        let mut source = Rig::new();
        let mut seen = Seen::default();
        for step in &steps {
            take(&mut source, &mut seen, step);
        }
        let mut seals = seals.iter().cycle();
        let kept = stored(&source.log, || *seals.next().expect("it cycles"));
        let mut moved = Rig::empty();
        for (batch, twice) in batches(&source.log, &kept, &cuts).iter().zip(twice.iter().cycle()) {
            moved.accept(laptop(), import(batch));
            if *twice {
                let length = moved.log.len();
                moved.accept(laptop(), import(batch));
                prop_assert_eq!(moved.log.len(), length);
            }
        }
        at_rest(&mut source);
        prop_assert_eq!(said(&moved), said(&source));
    }
}

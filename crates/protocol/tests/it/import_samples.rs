//! Samples of moving a session to another hub.

use baton_protocol::*;

use crate::samples::{account, events, incarnation, session};

pub fn bodies() -> Vec<EventBody> {
    vec![EventBody::BatchImported(BatchImportedEvent {
        from: "this computer".into(),
        account: account(),
        incarnation: incarnation(),
        upto: Seq(9),
        complete: true,
    })]
}

pub fn commands() -> Vec<CommandBody> {
    let events = events();
    let first = events.first().expect("there are samples").clone();
    vec![CommandBody::ImportBatch(ImportBatchCommand {
        from: "this computer".into(),
        batch: Batch {
            log: LogId::Session(session()),
            incarnation: incarnation(),
            after: Seq::ZERO,
            upto: first.seq,
            head: Seq(9),
            events: vec![first],
        },
    })]
}

pub fn effects() -> Vec<CommandEffect> {
    vec![CommandEffect::Imported {
        upto: Seq(9),
        complete: false,
    }]
}

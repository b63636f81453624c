//! Reasons why a connection ends, in words for people.

use baton_protocol::ErrorCode;

use super::Problem;

pub(super) fn no_answer() -> Problem {
    Problem::passing(ErrorCode::HeartbeatMissed.with(
        "the hub does not answer",
        "it is tried again; check that the hub runs and that this device can reach it",
    ))
}

pub(super) fn silent() -> Problem {
    Problem::passing(ErrorCode::HeartbeatMissed.with(
        "nothing was heard from the hub for a while",
        "a new connection is being made",
    ))
}

pub(super) fn unreadable() -> Problem {
    Problem::passing(ErrorCode::MalformedFrame.with(
        "the hub sent something that this version cannot read",
        "a new connection is being made; update Baton if it happens again",
    ))
}

pub(super) fn other_account() -> Problem {
    Problem::lasting(ErrorCode::Forbidden.with(
        "the hub says that this device belongs to another account",
        "link this device again",
    ))
}

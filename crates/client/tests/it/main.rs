//! A whole device against a hub that follows the test's instructions.

#![allow(
    clippy::unwrap_used,
    reason = "a stage that cannot be set fails its test"
)]

mod damage;
mod drafts;
mod fake_hub;
mod fake_world;
mod outbox;
mod screen;
mod script;
mod stage;
mod trouble;
mod views;

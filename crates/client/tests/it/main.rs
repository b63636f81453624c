//! A whole device against a hub that does what the test says.

mod fake_hub;
mod outbox;
mod screen;
mod script;
mod stage;
mod trouble;
mod views;

//! Tests of the tools that other tests rely on.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod child;
mod cutter;
mod eventually;
mod fake_model;
mod proxy;
mod stream;

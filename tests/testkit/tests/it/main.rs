//! The tools that other tests trust.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod child;
mod cutter;
mod eventually;
mod fake_model;
mod proxy;
mod stream;

//! The line to the hub: frames in order, and why it ends. How the hub is reached is `baton-transport`'s.
//!
//! It moves frames and decides nothing.

mod socket;

pub(crate) use socket::{Line, LineEvent};

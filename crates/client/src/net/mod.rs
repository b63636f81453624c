//! The connection to the hub: frames in order, and the reason when it ends. `baton-transport` does the connecting.
//!
//! It moves frames and decides nothing.

mod socket;

pub(crate) use socket::{Line, LineEvent};

//! What tests share: programs ([`Child`], [`bin`]) and the network between them ([`FakeModel`], [`RawModel`], [`RecordingProxy`],
//! [`TcpCutter`]).
//!
//! Nothing here sleeps and hopes: a test can await everything that it has to wait for, and every wait that fails panics with what did not
//! come. This crate depends on no crate of Baton, so that every crate's tests can use it.

#![forbid(unsafe_code)]

mod child;
mod cutter;
mod eventually;
mod exchange;
mod fake_model;
mod proxy;
mod raw_model;
mod sse;

pub use child::{Child, bin};
pub use cutter::{Direction, TcpCutter};
pub use eventually::{WAIT_LIMIT, eventually, while_it_moves};
pub use exchange::{Ending, Exchange};
pub use fake_model::{FakeModel, Reply};
pub use proxy::RecordingProxy;
pub use raw_model::{RawAnswer, RawModel, RawRequest};

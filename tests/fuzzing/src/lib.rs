//! What bytes from outside must not do, one target a module. `fuzz/` runs them under libFuzzer; the tests here run each over its seeds
//! and over small changes of them, the same ones every time.
//!
//! A target panics where something is wrong, and takes any bytes. What is text is taken line by line, so that the golden files of the
//! protocol are seeds as they are.

mod client_frame;
mod event_fold;
mod link_code;
mod model_stream;
mod sync_engine;

pub use client_frame::client_frame;
pub use event_fold::event_fold;
pub use link_code::link_code;
pub use model_stream::model_stream;
pub use sync_engine::sync_engine;

/// The lines that are text.
fn lines(data: &[u8]) -> impl Iterator<Item = &str> {
    data.split(|byte| *byte == b'\n')
        .filter_map(|line| std::str::from_utf8(line).ok())
}

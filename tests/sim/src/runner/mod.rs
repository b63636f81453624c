//! A runner: the product's own core, in the hands of a line and of calls to models that do what the runner's driver does.

mod calls;
mod host;

pub use host::Runner;

//! The hub: a model of `crates/hub` that keeps its order of steps, over the real log, the real session machine and the real leases.
//!
//! What the product does in tasks is done here in turn. An actor takes a request, looks for a receipt, authorizes, decides, appends,
//! applies, publishes, answers and then settles (loses, starts and assigns runs, tells the account). Where the product waits for the
//! disk, the process may die here, before the commit or after it.

mod account;
mod actor;
mod commit;
mod connection;
mod deletion;
mod directory;
mod process;
mod runs;
mod subscription;

pub use process::Process;

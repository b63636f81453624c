//! Tests that cross crates, with the real programs and without windows: hub, runner and `batonctl` as processes.

mod crashes;
mod handover;
mod impostor;
mod lists;
mod many_sessions;
mod model_streams;
mod moving;
mod network;
mod python_client;
mod refusals;
mod restored;
mod reverse_proxy;
mod rounds;
mod secrets_given;
mod stage;
mod traces;
mod two_machines;
mod zombies;

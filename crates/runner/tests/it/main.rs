//! The runner against a hub and models of these tests' own.

mod answers;
mod assignments;
mod connection;
mod control;
mod core;
mod endpoint;
mod fake_hub;
mod kept_sessions;
mod models;
mod pressure;
mod program;
mod provider;
mod proxies;
mod retries;
mod scene;

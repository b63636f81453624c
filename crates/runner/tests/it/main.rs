//! Tests the runner against a fake hub and fake models.

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

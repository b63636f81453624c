//! The hub over real sockets, on the log in memory and on SQLite.

mod client;
mod commands;
mod edge;
mod flow;
mod http;
mod leases;
mod restart;
mod revoke;
mod slow_reader;
mod tls;
mod world;

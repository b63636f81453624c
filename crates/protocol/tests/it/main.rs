//! The format: golden files for every kind, round trips, and what an older client does with newer things.

mod approval_samples;
mod compatibility;
mod ending_samples;
mod golden;
mod import_samples;
mod link_codes;
mod order_samples;
mod samples;

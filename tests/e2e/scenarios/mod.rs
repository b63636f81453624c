//! Scenarios of a person with two machines.

mod crashes;
mod deliveries;
mod drafts;
mod first_start;
mod handover;
mod offline;
mod other_devices;
mod two_machines;

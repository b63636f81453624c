//! The simulation as a test: a fixed number of seeds, the seeds that once found something, and whether it can find anything at all.

mod kept;
mod planted;
mod seeds;

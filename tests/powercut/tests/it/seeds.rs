//! Which seeds a sweep runs.

use std::ops::Range;

/// As many as the sweep usually has, or as the environment says.
pub fn seeds(usual: u64) -> Range<u64> {
    if let Some(one) = number("BATON_POWERCUT_SEED") {
        return one..one + 1;
    }
    0..number("BATON_POWERCUT_SEEDS").unwrap_or(usual)
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("`{name}` is a number, not `{text}`")),
    )
}

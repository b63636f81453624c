//! How often an address may fail to link.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use baton_protocol::ErrorCode;
use tokio::time::Instant;

use super::address_block::AddressBlock;
use super::refusal::Refusal;
use crate::bucket::TokenBucket;
use crate::config::{LINK_ATTEMPTS_BURST, LINK_ATTEMPTS_PER_SECOND};

/// Address blocks whose failures are remembered. Past it the one that tried least recently is forgotten: a code has 128 bits, so a
/// peer with so many addresses gains nothing, and a newcomer is never refused for want of room.
const BLOCKS_MAX: usize = 4_096;

type Bucket = TokenBucket<LINK_ATTEMPTS_BURST, LINK_ATTEMPTS_PER_SECOND>;

/// Failed attempts by address block.
#[derive(Default)]
pub struct LinkAttempts {
    blocks: Mutex<HashMap<AddressBlock, Attempts>>,
}

struct Attempts {
    bucket: Bucket,
    last: Instant,
}

impl LinkAttempts {
    /// Counts an attempt, which is a failed one until it is given back.
    pub fn take(&self, block: AddressBlock) -> Result<(), Refusal> {
        let now = Instant::now();
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        if blocks.len() >= BLOCKS_MAX && !blocks.contains_key(&block) {
            make_room(&mut blocks, now);
        }
        let attempts = blocks.entry(block).or_insert_with(|| Attempts {
            bucket: Bucket::new(now),
            last: now,
        });
        attempts.last = now;
        if attempts.bucket.take(now) {
            return Ok(());
        }
        Err(Refusal(ErrorCode::RateLimited.with(
            "too many link attempts failed",
            "wait a few seconds, then try again",
        )))
    }

    /// The attempt was a good one: it does not count.
    pub fn give_back(&self, block: AddressBlock) {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(attempts) = blocks.get_mut(&block) {
            attempts.bucket.give_back();
        }
    }
}

fn make_room(blocks: &mut HashMap<AddressBlock, Attempts>, now: Instant) {
    blocks.retain(|_, attempts| !attempts.bucket.is_full(now));
    if blocks.len() < BLOCKS_MAX {
        return;
    }
    let oldest = blocks
        .iter()
        .min_by_key(|(_, attempts)| attempts.last)
        .map(|(block, _)| *block);
    if let Some(oldest) = oldest {
        blocks.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv6Addr};

    use super::*;

    fn block(network: u64, host: u64) -> AddressBlock {
        let bits = (u128::from(network) << 64) | u128::from(host);
        AddressBlock::of(IpAddr::V6(Ipv6Addr::from_bits(bits)))
    }

    #[test]
    fn a_network_has_one_rate_whichever_of_its_addresses_it_uses() {
        let attempts = LinkAttempts::default();
        let passed = (0..100).filter(|&host| attempts.take(block(1, host)).is_ok());
        assert_eq!(passed.count(), LINK_ATTEMPTS_BURST as usize);
        assert!(attempts.take(block(2, 1)).is_ok());
    }

    #[test]
    fn a_newcomer_is_let_in_however_many_failed_before() {
        let attempts = LinkAttempts::default();
        for network in 0..2 * BLOCKS_MAX as u64 {
            assert!(attempts.take(block(network, 1)).is_ok(), "{network}");
        }
        let blocks = attempts.blocks.lock().unwrap();
        assert!(blocks.len() <= BLOCKS_MAX);
    }
}

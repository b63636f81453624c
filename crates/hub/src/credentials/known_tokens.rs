//! Who came in lately, by the hash of the token: when everybody comes back at once, nobody waits for the database.
//!
//! What is remembered here is a record, not a right: that is the grant's, which a revoke makes stale whatever stands here.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::PrincipalRecord;
use super::token::SecretHash;

/// Records that are remembered. Past it all are forgotten and looked up again.
const KNOWN_MAX: usize = 16_384;

/// Records by the hash of their token. Changed under the store's lock alone.
#[derive(Default)]
pub struct KnownTokens {
    records: Mutex<HashMap<[u8; 32], PrincipalRecord>>,
}

impl KnownTokens {
    /// Whose token this is, if that was looked up since the last revoke.
    pub fn find(&self, hash: &SecretHash) -> Option<PrincipalRecord> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.get(&hash.0).cloned()
    }

    /// After a look-up.
    pub fn remember(&self, hash: SecretHash, record: &PrincipalRecord) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if records.len() >= KNOWN_MAX {
            records.clear();
        }
        records.insert(hash.0, record.clone());
    }

    /// After a revoke.
    pub fn forget_all(&self) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.clear();
    }
}

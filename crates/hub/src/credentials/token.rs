//! Secrets: how they look, how they are stored, how they are compared.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// What stands before a token's digits, so that scanners for leaked secrets can find it.
const TOKEN_PREFIX: &str = "baton_";

/// SHA-256 of a secret. A secret has 128 random bits or more, so a fast hash without salt is enough.
#[derive(Clone, Copy)]
pub struct SecretHash(pub [u8; 32]);

impl SecretHash {
    /// Of a token or of a link code's secret, as text.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// In constant time.
    pub fn matches(&self, stored: &[u8]) -> bool {
        self.0.ct_eq(stored).into()
    }
}

/// A new token: `baton_` and 64 hex digits, 256 random bits.
pub fn mint_token() -> Result<String, getrandom::Error> {
    Ok(format!("{TOKEN_PREFIX}{}", hex::encode(random::<32>()?)))
}

/// A new link code's secret: 32 hex digits, 128 random bits.
pub fn mint_link_secret() -> Result<String, getrandom::Error> {
    Ok(hex::encode(random::<16>()?))
}

/// Whether a text can be a token at all.
pub fn looks_like_token(text: &str) -> bool {
    text.strip_prefix(TOKEN_PREFIX)
        .is_some_and(|digits| digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_recognised_and_compared_by_hash() {
        let token = mint_token().unwrap();
        assert!(looks_like_token(&token));
        assert!(!looks_like_token("baton_12"));
        assert!(SecretHash::of(&token).matches(&SecretHash::of(&token).0));
        assert!(!SecretHash::of(&token).matches(&SecretHash::of("other").0));
        assert!(!SecretHash::of(&token).matches(&[]));
    }
}

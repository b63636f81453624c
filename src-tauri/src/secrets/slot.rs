//! The names of the secrets within a profile.

use std::fmt;

use baton_protocol::{CommandId, Principal};
use serde::{Deserialize, Serialize};

/// Where one secret is kept. Each secret gets a slot of its own: a new token never overwrites an older one, so the profile's record alone
/// decides which of them is in use.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretSlot(String);

/// Why a text is not a slot's name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret's name has lower-case letters, digits and `-` only")]
pub struct ParseSecretSlotError;

impl SecretSlot {
    /// Returns the slot for the token of a device or a runner, named after its id at its hub.
    pub fn token_of(principal: &Principal) -> Self {
        let role = match principal {
            Principal::Runner { .. } => "runner-token",
            _ => "device-token",
        };
        Self(format!("{role}-{}", principal.id().unwrap_or_default()))
    }

    /// Returns a new slot for a model server's key.
    pub fn new_model_key() -> Self {
        Self(format!("model-key-{}", CommandId::mint()))
    }

    /// Returns the slot of the device's token in profiles from before slots had names.
    pub fn legacy_device_token() -> Self {
        Self("device-token".to_owned())
    }

    /// Returns the slot of the inside runner's token in such profiles.
    pub fn legacy_runner_token() -> Self {
        Self("runner-token".to_owned())
    }

    /// Returns the slot of the model server's key in such profiles.
    pub fn legacy_model_key() -> Self {
        Self("model-key".to_owned())
    }

    /// Returns the name in the keyring, which is also the file's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for SecretSlot {
    type Error = ParseSecretSlotError;

    /// Parses a slot's name. It is also a file's name, so it must not lead out of its folder.
    fn try_from(text: String) -> Result<Self, ParseSecretSlotError> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !text.is_empty() && text.bytes().all(fits) {
            Ok(Self(text))
        } else {
            Err(ParseSecretSlotError)
        }
    }
}

impl From<SecretSlot> for String {
    fn from(slot: SecretSlot) -> Self {
        slot.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_cannot_leave_its_folder() {
        for name in ["", "..", "a/b", "a\\b", "A", "a b"] {
            assert_eq!(
                SecretSlot::try_from(name.to_owned()),
                Err(ParseSecretSlotError),
                "{name}"
            );
        }
        let slot = SecretSlot::new_model_key();
        assert_eq!(SecretSlot::try_from(slot.to_string()), Ok(slot));
    }
}

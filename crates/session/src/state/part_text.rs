//! The text of an open part.
//!
//! The hub judges each write of a run. Judging needs only the length and the digest, so both are kept next to the text, and the copy
//! used for judging drops the text: a write costs the same at the end of a long answer as at its beginning.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A text with its length and running digest.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct PartText {
    /// Absent in a copy used for judging.
    text: Option<String>,
    bytes: usize,
    digest: Sha256,
}

impl PartText {
    /// Length in bytes of UTF-8.
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Whether the part has no text yet.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Appends to the text.
    pub(crate) fn push_str(&mut self, text: &str) {
        if let Some(whole) = &mut self.text {
            whole.push_str(text);
        }
        self.bytes += text.len();
        self.digest.update(text);
    }

    /// SHA-256 of the text, hex.
    pub(crate) fn digest(&self) -> String {
        hex::encode(self.digest.clone().finalize())
    }

    /// A copy that can only judge what comes next.
    pub(crate) fn without_text(&self) -> Self {
        Self {
            text: None,
            bytes: self.bytes,
            digest: self.digest.clone(),
        }
    }
}

impl Default for PartText {
    fn default() -> Self {
        String::new().into()
    }
}

impl PartialEq for PartText {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes && self.text == other.text
    }
}

impl From<String> for PartText {
    fn from(text: String) -> Self {
        Self {
            bytes: text.len(),
            digest: Sha256::new_with_prefix(&text),
            text: Some(text),
        }
    }
}

impl From<PartText> for String {
    fn from(text: PartText) -> Self {
        text.text.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn in_whatever_pieces_it_comes_the_digest_is_the_whole_texts(
            pieces in proptest::collection::vec(".{0,90}", 0..12),
        ) {
            let whole = pieces.concat();
            let mut grown = PartText::default();
            for piece in &pieces {
                let mut judged = grown.without_text();
                judged.push_str(piece);
                grown.push_str(piece);
                prop_assert_eq!(judged.digest(), grown.digest());
                prop_assert_eq!(judged.len(), grown.len());
            }
            prop_assert_eq!(grown.digest(), hex::encode(Sha256::digest(&whole)));
            let saved = serde_json::to_string(&grown).unwrap();
            prop_assert_eq!(&saved, &serde_json::to_string(&whole).unwrap());
            let mut restored: PartText = serde_json::from_str(&saved).unwrap();
            prop_assert_eq!(&restored, &grown);
            restored.push_str("!");
            grown.push_str("!");
            prop_assert_eq!(restored.digest(), grown.digest());
        }
    }

    #[test]
    fn a_copy_that_only_judges_holds_no_text() {
        let long = PartText::from("x".repeat(10_000));
        let mut judged = long.without_text();
        judged.push_str("and more");
        assert_eq!(judged.text, None);
    }
}

//! The digest of a run's content: `docs/PROTOCOL.md`, "Digest".

use baton_protocol::{PartEnd, PartIndex, PartKind};
use sha2::{Digest, Sha256};

/// SHA-256 of a text, hex.
pub(crate) fn text_digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// One line for each part, in index order: `<index> <kind> <end> <sha256 of the text>\n`. The digest is the SHA-256 of the lines.
#[derive(Default)]
pub(crate) struct RunDigest(Sha256);

impl RunDigest {
    pub(crate) fn part(
        &mut self,
        index: PartIndex,
        kind: &PartKind,
        end: PartEnd,
        text_digest: &str,
    ) {
        let kind = match kind {
            PartKind::Text => "text",
            PartKind::Reasoning => "reasoning",
            PartKind::Unknown(raw) => raw
                .get("type")
                .and_then(|tag| tag.as_str())
                .unwrap_or("unknown"),
        };
        let end = match end {
            PartEnd::Complete => "complete",
            PartEnd::Interrupted => "interrupted",
        };
        self.0
            .update(format!("{index} {kind} {end} {text_digest}\n"));
    }

    pub(crate) fn finish(self) -> String {
        hex::encode(self.0.finalize())
    }
}

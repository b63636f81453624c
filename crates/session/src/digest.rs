//! The digest of a run's content: `docs/PROTOCOL.md`, "Digest".

use baton_protocol::{PartEnd, PartIndex, PartKind, ToolUse};
use sha2::{Digest, Sha256};

/// The digest that an approval binds to: SHA-256 over the tool, its digest and the raw arguments, each preceded by its length in bytes.
/// See `docs/PROTOCOL.md`, "Approvals".
pub fn approval_digest(wanted: &ToolUse) -> String {
    let mut digest = Sha256::new();
    for piece in [&wanted.tool, &wanted.tool_digest, &wanted.arguments] {
        digest.update(format!("{}\n{piece}\n", piece.len()));
    }
    hex::encode(digest.finalize())
}

/// Hashes one line for each part, in index order: `<index> <kind> <end> <sha256 of the text>\n`. The digest is the SHA-256 of the lines.
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
        let end = match end {
            PartEnd::Complete => "complete",
            PartEnd::Interrupted => "interrupted",
        };
        self.0
            .update(format!("{index} {} {end} {text_digest}\n", kind.tag()));
    }

    pub(crate) fn finish(self) -> String {
        hex::encode(self.0.finalize())
    }
}

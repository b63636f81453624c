//! The source files of the repository, and Rust source with everything blanked that is not code.

use std::fs;

use anyhow::{Context as _, Result};

use crate::{paths, process};

/// A source file as the rules see it.
pub struct SourceFile {
    /// From the repository's root, with slashes.
    pub path: String,
    pub text: String,
}

impl SourceFile {
    /// What follows the last dot.
    pub fn extension(&self) -> &str {
        self.path
            .rsplit_once('.')
            .map_or("", |(_, extension)| extension)
    }

    /// Whether it is Rust.
    pub fn is_rust(&self) -> bool {
        self.extension() == "rs"
    }

    /// Whether it is TypeScript or JavaScript.
    pub fn is_script(&self) -> bool {
        matches!(
            self.extension(),
            "ts" | "tsx" | "mts" | "js" | "jsx" | "mjs" | "cjs"
        )
    }

    /// Whether it only serves tests.
    pub fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        self.path
            .split('/')
            .any(|part| part == "tests" || part == "e2e")
            || name == "tests.rs"
            || name.contains(".test.")
            || name.contains(".spec.")
    }
}

const EXTENSIONS: [&str; 13] = [
    "rs", "ts", "tsx", "mts", "js", "jsx", "mjs", "cjs", "css", "py", "sh", "html", "yml",
];

/// Every source file that git tracks or would track, without what is generated.
pub fn all() -> Result<Vec<SourceFile>> {
    let mut list = process::command("git");
    let list =
        process::output(list.args(["ls-files", "--cached", "--others", "--exclude-standard"]))?;
    let mut files = Vec::new();
    for path in list.lines().filter(|path| is_looked_at(path)) {
        let full = paths::root().join(path);
        // Deleted in the work tree and not committed yet.
        if !full.is_file() {
            continue;
        }
        let text = fs::read_to_string(&full).with_context(|| format!("cannot read `{path}`"))?;
        files.push(SourceFile {
            path: path.to_owned(),
            text,
        });
    }
    Ok(files)
}

fn is_looked_at(path: &str) -> bool {
    let generated = path
        .split('/')
        .any(|part| part == "generated" || part == "snapshots");
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    !generated && EXTENSIONS.contains(&extension)
}

/// Rust source of the same length and lines in which comments and the insides of literals are blanks.
pub fn code_only(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = skipped_to(bytes, at);
        match end {
            Some(end) => {
                blank(&mut out[at..end]);
                at = end;
            }
            None => at += 1,
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn blank(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

/// The end of the comment or literal that starts here, if one does.
fn skipped_to(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = &bytes[at..];
    let find = |needle: &[u8], from: usize| {
        rest[from.min(rest.len())..]
            .windows(needle.len())
            .position(|window| window == needle)
            .map(|found| from + found)
    };
    let length = match rest {
        [b'/', b'/', ..] => find(b"\n", 0).unwrap_or(rest.len()),
        [b'/', b'*', ..] => block_comment_length(rest),
        [b'r', b'"' | b'#', ..] if !is_word(bytes, at) => {
            let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
            if rest.get(1 + hashes) != Some(&b'"') {
                return None;
            }
            let mut close = vec![b'"'];
            close.extend(std::iter::repeat_n(b'#', hashes));
            find(&close, 2 + hashes).map_or(rest.len(), |found| found + close.len())
        }
        [b'"', ..] => quoted_length(rest, b'"'),
        [b'\'', b'\\', ..] => quoted_length(rest, b'\''),
        // A character, and not a lifetime: the quote closes after one character of up to four bytes.
        [b'\'', first, ..] => {
            let width = match first {
                0..=0x7f => 1,
                0x80..=0xdf => 2,
                0xe0..=0xef => 3,
                _ => 4,
            };
            if rest.get(1 + width) != Some(&b'\'') {
                return None;
            }
            2 + width
        }
        _ => return None,
    };
    Some(at + length)
}

/// Whether the byte before is part of the same word, so that an `r` is no prefix of a literal. `br` is one.
fn is_word(bytes: &[u8], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).map(|index| bytes[index]);
    let word =
        |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match before(1) {
        Some(b'b' | b'c') => word(before(2)),
        byte => word(byte),
    }
}

fn quoted_length(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

fn block_comment_length(rest: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while at + 1 < rest.len() {
        match &rest[at..at + 2] {
            b"/*" => (at, depth) = (at + 2, depth + 1),
            b"*/" => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_code_is_not() {
        let cases = [
            ("a // { b\nc", "a c"),
            ("a /* { /* } */ { */ b", "a b"),
            ("f(\"{\\\"{\")", "f( )"),
            ("f(r#\"{\"{\"#)", "f( )"),
            ("f(br\"{\")", "f(b )"),
            ("x == '{' || y", "x == || y"),
            ("'\\'' {", "{"),
            ("fn f<'a>(x: &'a str) {", "fn f<'a>(x: &'a str) {"),
            ("for r in x {", "for r in x {"),
        ];
        for (text, expected) in cases {
            let code = code_only(text);
            assert_eq!(code.len(), text.len(), "{text}");
            assert_eq!(code.lines().count(), text.lines().count(), "{text}");
            assert_eq!(
                code.split_whitespace().collect::<Vec<_>>().join(" "),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn generated_and_lock_files_are_not_looked_at() {
        assert!(is_looked_at("crates/hub/src/lib.rs"));
        assert!(!is_looked_at("ui/src/generated/Event.ts"));
        assert!(!is_looked_at("package-lock.json"));
        assert!(!is_looked_at("Cargo.lock"));
    }
}

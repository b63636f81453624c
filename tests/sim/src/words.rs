//! What people write and what models say: text of every width.

use crate::rng::Rng;

/// One, two, three and four bytes in UTF-8, and what JSON escapes.
const ALPHABET: [&str; 16] = [
    "a",
    "word ",
    "ß",
    "é",
    "ü",
    "字",
    "€",
    "한",
    "😀",
    "𝕏",
    "\n",
    "\"",
    "\\",
    " ",
    "\t",
    "👩‍👩‍👧",
];

/// Text of about so many pieces.
pub fn text(rng: &mut Rng, pieces: u64) -> String {
    (0..pieces).map(|_| *rng.pick(&ALPHABET)).collect()
}

/// A prompt that can be told from others.
pub fn prompt(seed: u64, number: u64) -> String {
    let mut rng = Rng::named(seed, 50_000 + number);
    let pieces = rng.skewed(60);
    format!("ask {number} {}", text(&mut rng, pieces))
}

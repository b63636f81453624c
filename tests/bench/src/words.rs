//! Text for a million messages: words as often as words are, the same in each run.

/// A small generator of numbers; its seed makes the text.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number (splitmix64).
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below a bound.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.roll() % bound as u64) as usize
    }
}

/// Words, the frequent ones first.
pub struct Vocabulary(Vec<String>);

const SYLLABLES: [&str; 40] = [
    "ba", "con", "der", "el", "fi", "gra", "ho", "in", "jo", "ka", "lem", "mi", "nor", "o", "pre",
    "qui", "ra", "sta", "ti", "u", "ver", "wo", "xe", "ya", "zo", "tion", "ment", "ing", "ly",
    "ness", "able", "ar", "is", "un", "ma", "ser", "po", "lo", "che", "du",
];

impl Vocabulary {
    pub fn new(size: usize) -> Self {
        let mut dice = Dice::new(7);
        let word = |_| {
            let count = 2 + dice.below(3);
            (0..count)
                .map(|_| SYLLABLES[dice.below(SYLLABLES.len())])
                .collect()
        };
        Self((0..size).map(word).collect())
    }

    /// A word, the first ones far more often than the last ones: its place falls off as the square of a fair number.
    pub fn pick(&self, dice: &mut Dice) -> &str {
        let fair = (dice.roll() >> 11) as f64 / (1_u64 << 53) as f64;
        let place = (fair * fair * fair * self.0.len() as f64) as usize;
        &self.0[place.min(self.0.len() - 1)]
    }

    /// The word at a place.
    pub fn at(&self, place: usize) -> &str {
        &self.0[place % self.0.len()]
    }

    /// A sentence.
    pub fn sentence(&self, dice: &mut Dice, words: usize) -> String {
        let picked: Vec<&str> = (0..words).map(|_| self.pick(dice)).collect();
        picked.join(" ")
    }
}

//! One file between the cache and the platter.

use std::collections::{BTreeMap, BTreeSet};

use crate::random::Random;

/// What a disk writes whole or not at all.
pub const SECTOR_BYTES: usize = 512;

/// A change that no flush has covered.
#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Truncate { size: usize },
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => {
                let end = offset + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*offset..end].copy_from_slice(bytes);
            }
            Self::Truncate { size } => content.resize(*size, 0),
        }
    }

    /// The same, as far as it lies in one sector of a buffer that is long enough.
    fn apply_in(&self, sector: usize, content: &mut [u8]) {
        let (from, upto) = (sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES);
        let upto = upto.min(content.len());
        match self {
            Self::Write { offset, bytes } => {
                let start = from.max(*offset);
                let end = upto.min(offset + bytes.len());
                if start < end {
                    content[start..end].copy_from_slice(&bytes[start - offset..end - offset]);
                }
            }
            Self::Truncate { size } => {
                let start = from.max(*size).min(upto);
                content[start..upto].fill(0);
            }
        }
    }

    /// The sectors that it touches in a file that has `length` bytes before it.
    fn sectors(&self, length: usize) -> std::ops::Range<usize> {
        match self {
            Self::Write { offset, bytes } => {
                offset / SECTOR_BYTES..(offset + bytes.len()).div_ceil(SECTOR_BYTES)
            }
            Self::Truncate { size } => size / SECTOR_BYTES..length.div_ceil(SECTOR_BYTES),
        }
    }

    fn length_after(&self, length: usize) -> usize {
        match self {
            Self::Write { offset, bytes } => length.max(offset + bytes.len()),
            Self::Truncate { size } => *size,
        }
    }
}

/// Whether a file's name is in its directory for good.
#[derive(Clone, Debug)]
enum Name {
    Durable,
    /// Made or deleted since the last flush that covers it. What the name led to before, where it led anywhere.
    Fresh(Option<Vec<u8>>),
}

/// One file: what the platter has, and what came since.
#[derive(Clone, Debug)]
pub struct FileImage {
    durable: Vec<u8>,
    pending: Vec<Change>,
    /// Sectors that a failed flush should have written, and what they should hold: the cache takes them for written, so no later flush
    /// brings them, unless the sector is written again.
    lost: BTreeMap<usize, Vec<u8>>,
    name: Name,
    is_deleted: bool,
}

impl FileImage {
    /// A file that was there before anybody watched.
    pub fn found(content: Vec<u8>) -> Self {
        Self {
            durable: content,
            pending: Vec::new(),
            lost: BTreeMap::new(),
            name: Name::Durable,
            is_deleted: false,
        }
    }

    /// A file that is made now, perhaps under the name of one that was deleted.
    pub fn made(before: Option<Self>) -> Self {
        let old = before.and_then(|before| match before.name {
            Name::Durable => Some(before.durable),
            Name::Fresh(older) => older,
        });
        Self {
            durable: Vec::new(),
            pending: Vec::new(),
            lost: BTreeMap::new(),
            name: Name::Fresh(old),
            is_deleted: false,
        }
    }

    /// Whether it is deleted, durably or not.
    pub fn is_deleted(&self) -> bool {
        self.is_deleted
    }

    /// Bytes go into the cache.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) {
        self.pending.push(Change::Write {
            offset,
            bytes: bytes.to_vec(),
        });
    }

    /// The file gets another length.
    pub fn truncate(&mut self, size: usize) {
        self.pending.push(Change::Truncate { size });
    }

    /// A flush: what the cache has is on the platter, but for what an earlier flush failed to write and nobody wrote again.
    pub fn sync(&mut self) {
        for change in std::mem::take(&mut self.pending) {
            let sectors = change.sectors(self.durable.len());
            if let Change::Truncate { .. } = change {
                self.lost.retain(|sector, _| !sectors.contains(sector));
            } else {
                for sector in sectors {
                    // The cache writes the whole sector, with what it held all along.
                    if let Some(content) = self.lost.remove(&sector) {
                        lay(sector, &content, &mut self.durable);
                    }
                }
            }
            change.apply(&mut self.durable);
        }
        self.name = Name::Durable;
    }

    /// A flush that failed: the cache keeps showing the changes and believes them to be written.
    pub fn fail_sync(&mut self) {
        let mut shown = self.durable.clone();
        for (sector, content) in &self.lost {
            lay(*sector, content, &mut shown);
        }
        let mut touched = BTreeSet::new();
        for change in std::mem::take(&mut self.pending) {
            touched.extend(change.sectors(shown.len()));
            change.apply(&mut shown);
        }
        for sector in touched {
            let from = (sector * SECTOR_BYTES).min(shown.len());
            let upto = (from + SECTOR_BYTES).min(shown.len());
            self.lost.insert(sector, shown[from..upto].to_vec());
        }
    }

    /// The name goes; for good where the directory is flushed with it.
    pub fn delete(&mut self, is_flushed: bool) {
        self.is_deleted = true;
        if is_flushed {
            self.name = Name::Durable;
            self.durable.clear();
            self.pending.clear();
            self.lost.clear();
        }
    }

    /// What a power cut leaves under the name; `None`: nothing.
    pub fn survive(&self, random: &mut Random) -> Option<Vec<u8>> {
        let luck = match random.below(4) {
            0 => 0,
            1 => 100,
            _ => random.below(101),
        };
        match (&self.name, self.is_deleted) {
            // A deletion that was flushed left nothing to come back.
            (Name::Durable, true) if self.durable.is_empty() => None,
            (Name::Durable, true) if random.percent(50) => None,
            (Name::Durable, _) => Some(self.survive_content(luck, random)),
            (Name::Fresh(before), false) if random.percent(50) => before.clone(),
            (Name::Fresh(_), false) => Some(self.survive_content(luck, random)),
            (Name::Fresh(before), true) => before.clone().filter(|_| random.percent(50)),
        }
    }

    fn survive_content(&self, luck: u64, random: &mut Random) -> Vec<u8> {
        let mut touched: BTreeMap<usize, Vec<(usize, &Change)>> = BTreeMap::new();
        let mut sizes = vec![self.durable.len()];
        for (number, change) in self.pending.iter().enumerate() {
            let length = sizes[number];
            for sector in change.sectors(length) {
                touched.entry(sector).or_default().push((number, change));
            }
            sizes.push(change.length_after(length));
        }
        // A file system's own records are written in order and whole: lengths up to one change, and none after it.
        let lengths = match luck {
            0 => 0,
            100 => self.pending.len(),
            _ => random.below(sizes.len() as u64) as usize,
        };
        let size = sizes[lengths];
        let longest = sizes.iter().copied().max().unwrap_or_default();
        let mut content = self.durable.clone();
        content.resize(longest, 0);
        let mut size = size;
        for (sector, lost) in &self.lost {
            // Perhaps the disk had taken it before it failed.
            if random.percent(luck) {
                lay(*sector, lost, &mut content);
                size = size.max(sector * SECTOR_BYTES + lost.len());
            }
        }
        for (sector, changes) in touched {
            let kept = if random.percent(luck) {
                1 + random.below(changes.len() as u64) as usize
            } else {
                0
            };
            let kept = if luck == 100 { changes.len() } else { kept };
            for (place, (number, change)) in changes.iter().enumerate() {
                let stands = match change {
                    Change::Write { .. } => place < kept,
                    Change::Truncate { .. } => *number < lengths,
                };
                if stands {
                    change.apply_in(sector, &mut content);
                }
            }
            let is_new = sector * SECTOR_BYTES >= self.durable.len();
            if kept == 0 && is_new && random.percent(30) {
                fill_with_noise(sector, &mut content, random);
            }
        }
        content.resize(size, 0);
        content
    }
}

/// Puts a sector in its place.
fn lay(sector: usize, bytes: &[u8], content: &mut Vec<u8>) {
    let from = sector * SECTOR_BYTES;
    let upto = from + bytes.len();
    if content.len() < upto {
        content.resize(upto, 0);
    }
    content[from..upto].copy_from_slice(bytes);
}

fn fill_with_noise(sector: usize, content: &mut [u8], random: &mut Random) {
    let from = sector * SECTOR_BYTES;
    let upto = (from + SECTOR_BYTES).min(content.len());
    for byte in content.get_mut(from..upto).unwrap_or_default() {
        *byte = random.number() as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEDS: u64 = 300;

    fn sectors(letters: &[u8]) -> Vec<u8> {
        letters
            .iter()
            .flat_map(|letter| [*letter; SECTOR_BYTES])
            .collect()
    }

    fn outcomes(image: &FileImage) -> Vec<Option<Vec<u8>>> {
        (0..SEEDS)
            .map(|seed| image.survive(&mut Random::new(seed)))
            .collect()
    }

    #[test]
    fn what_was_flushed_survives_every_cut() {
        let mut image = FileImage::made(None);
        image.write(0, &sectors(b"ab"));
        image.sync();
        assert!(
            outcomes(&image)
                .iter()
                .all(|content| content.as_deref() == Some(&sectors(b"ab")[..]))
        );
    }

    #[test]
    fn what_was_not_flushed_is_dropped_torn_and_reordered_a_sector_at_a_time() {
        let mut image = FileImage::found(sectors(b"abc"));
        image.write(0, &sectors(b"xyz"));
        image.write(SECTOR_BYTES, &sectors(b"Y"));
        let outcomes = outcomes(&image);
        let seen = |letters: &[u8]| outcomes.contains(&Some(sectors(letters)));
        assert!(seen(b"abc") && seen(b"xYz"), "nothing, and everything");
        assert!(seen(b"xbc") && seen(b"abz"), "torn at either end");
        assert!(
            seen(b"aYc") && seen(b"xyc"),
            "the later write without the earlier one's rest"
        );
        for content in outcomes.iter().flatten() {
            for (sector, letters) in [b"ax".as_slice(), b"byY", b"cz"].into_iter().enumerate() {
                let bytes = &content[sector * SECTOR_BYTES..][..SECTOR_BYTES];
                assert!(bytes.iter().all(|byte| *byte == bytes[0]) && letters.contains(&bytes[0]));
            }
        }
    }

    #[test]
    fn bytes_beside_a_write_keep_what_they_had() {
        let mut image = FileImage::found(sectors(b"a"));
        image.write(100, b"new");
        for content in outcomes(&image).into_iter().flatten() {
            assert!(content[..100].iter().all(|byte| *byte == b'a'));
            assert!(content[103..].iter().all(|byte| *byte == b'a'));
            assert!([&b"new"[..], b"aaa"].contains(&&content[100..103]));
        }
    }

    #[test]
    fn a_file_is_cut_short_whole_or_not_at_all() {
        let mut image = FileImage::found(sectors(b"abc"));
        image.truncate(SECTOR_BYTES);
        let outcomes = outcomes(&image);
        let seen = |letters: &[u8]| outcomes.contains(&Some(sectors(letters)));
        assert!(seen(b"a") && seen(b"abc"));
        assert!(
            outcomes
                .iter()
                .flatten()
                .all(|content| *content == sectors(b"a") || *content == sectors(b"abc"))
        );
    }

    #[test]
    fn a_flush_that_failed_throws_away_what_no_later_flush_brings_back() {
        let mut image = FileImage::found(sectors(b"a"));
        image.write(0, &sectors(b"x"));
        image.fail_sync();
        image.sync();
        assert!(outcomes(&image).contains(&Some(sectors(b"a"))));
        image.write(0, &sectors(b"y"));
        image.sync();
        let after = outcomes(&image);
        let newest = Some(sectors(b"y"));
        assert!(after.iter().all(|content| *content == newest));
    }

    #[test]
    fn names_are_durable_with_the_first_flush_and_deletions_may_come_back() {
        let mut made = FileImage::made(None);
        made.write(0, &sectors(b"a"));
        assert!(outcomes(&made).contains(&None));
        let mut deleted = FileImage::found(sectors(b"a"));
        deleted.delete(false);
        let back = outcomes(&deleted);
        assert!(back.contains(&None) && back.contains(&Some(sectors(b"a"))));
        deleted.delete(true);
        assert!(outcomes(&deleted).iter().all(Option::is_none));
        let mut again = FileImage::made(Some(FileImage::found(sectors(b"o"))));
        again.write(0, &sectors(b"n"));
        let both = outcomes(&again);
        assert!(both.contains(&Some(sectors(b"o"))) && both.contains(&Some(sectors(b"n"))));
    }
}

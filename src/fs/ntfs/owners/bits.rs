//! A bit for each of very many things, set in runs.

use std::ops::Range;

/// Bits, all clear at first. Memory is touched only where bits are set: a large map of a small volume costs nothing.
pub(in crate::fs::ntfs) struct Bits {
    words: Vec<u64>,
    len: u64,
}

impl Bits {
    /// `len` bits; the caller has bounded it by what the medium can hold.
    pub(in crate::fs::ntfs) fn new(len: u64) -> Self {
        Self { words: vec![0; usize::try_from(len.div_ceil(64)).unwrap_or(0)], len }
    }

    /// Bits from bytes, the least significant first, as NTFS keeps them.
    pub(in crate::fs::ntfs) fn from_bytes(bytes: &[u8]) -> Self {
        let word = |chunk: &[u8]| {
            let mut whole = [0; 8];
            whole[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(whole)
        };
        Self { words: bytes.chunks(8).map(word).collect(), len: bytes.len() as u64 * 8 }
    }

    /// How many there are.
    pub(in crate::fs::ntfs) fn len(&self) -> u64 {
        self.len
    }

    /// True when the bit is set; bits past the end are clear.
    pub(in crate::fs::ntfs) fn contains(&self, at: u64) -> bool {
        let word = usize::try_from(at / 64).ok().and_then(|at| self.words.get(at));
        word.is_some_and(|word| word & (1 << (at % 64)) != 0)
    }

    /// Bits `64 * at` to `64 * at + 63`.
    pub(in crate::fs::ntfs) fn word(&self, at: u64) -> u64 {
        usize::try_from(at).ok().and_then(|at| self.words.get(at)).copied().unwrap_or(0)
    }

    /// Sets a run, and gives the first of its bits that was set before; what lies past the end is ignored.
    pub(in crate::fs::ntfs) fn set(&mut self, run: Range<u64>) -> Option<u64> {
        let end = run.end.min(self.len);
        let mut at = run.start;
        let mut first = None;
        while at < end {
            let count = (64 - at % 64).min(end - at);
            let mask = (u64::MAX >> (64 - count)) << (at % 64);
            if let Some(word) = self.words.get_mut((at / 64) as usize) {
                let both = *word & mask;
                if both != 0 && first.is_none() {
                    first = Some(at / 64 * 64 + u64::from(both.trailing_zeros()));
                }
                *word |= mask;
            }
            at += count;
        }
        first
    }

    /// The bits of a run that are set, as runs within it.
    pub(in crate::fs::ntfs) fn runs(&self, within: Range<u64>) -> Vec<Range<u64>> {
        let mut found = Vec::new();
        let mut at = within.start;
        while at < within.end {
            let from = at;
            while at < within.end && self.contains(at) {
                at += 1;
            }
            if at > from {
                found.push(from..at);
            }
            at += 1;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_set_and_tells_what_was_set_before() {
        let mut bits = Bits::new(200);
        assert_eq!(bits.set(60..130), None);
        assert_eq!(bits.set(0..60), None);
        assert_eq!(bits.set(129..500), Some(129));
        assert!(bits.contains(199) && !bits.contains(200));
        assert_eq!(bits.set(0..1), Some(0));
        let mut bits = Bits::new(300);
        bits.set(3..5);
        bits.set(64..66);
        assert_eq!(bits.runs(4..70), [4..5, 64..66]);
        assert_eq!(bits.word(1), 3);
    }
}

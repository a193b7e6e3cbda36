//! Which clusters of a volume are used: one bit per cluster, kept compact.
//!
//! The map is cut into windows of 2^18 clusters. A window that is all free or all used costs nothing;
//! the others are kept as zstd-compressed bits, and only the one being edited is unpacked. A 16 TiB
//! volume of 4 KiB clusters has 512 MiB of bits; in this form a real one takes a few MiB, because
//! allocators allocate in runs.

use std::ops::Range;

use super::Extent;
use crate::unit::Cluster;

/// Clusters in a window.
const WINDOW: u64 = 1 << 18;
/// 64-bit words in a window.
const WORDS: usize = (WINDOW / 64) as usize;
/// Level of the windows' compression: fast beats small, the bits are mostly runs.
const LEVEL: i32 = 1;

type Bits = [u64; WORDS];

#[derive(Clone)]
enum Window {
    Free,
    Used,
    Packed(Box<[u8]>),
}

/// One bit per cluster of a volume; a set bit is a used cluster.
#[derive(Clone)]
pub struct ClusterMap {
    clusters: u64,
    used: u64,
    windows: Vec<Window>,
    /// The window being edited, unpacked; it is newer than its entry in `windows`.
    open: Option<(usize, Box<Bits>)>,
}

impl std::fmt::Debug for ClusterMap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClusterMap({} of {} used)", self.used, self.clusters)
    }
}

impl ClusterMap {
    /// A map of `clusters` free clusters.
    #[must_use]
    pub fn new(clusters: u64) -> Self {
        let windows = usize::try_from(clusters.div_ceil(WINDOW)).unwrap_or(usize::MAX);
        Self { clusters, used: 0, windows: vec![Window::Free; windows], open: None }
    }

    /// How many clusters the map covers.
    #[must_use]
    pub fn clusters(&self) -> u64 {
        self.clusters
    }

    /// How many of them are used.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used
    }

    /// Bytes of memory the map takes now.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let packed = |window: &Window| if let Window::Packed(bytes) = window { bytes.len() } else { 0 };
        self.windows.len() * size_of::<Window>() + self.windows.iter().map(packed).sum::<usize>()
    }

    /// Marks a run used or free; what lies past the map's end is ignored.
    pub fn set(&mut self, run: Extent, used: bool) {
        let end = run.end().min(self.clusters);
        let mut at = run.start.0;
        while at < end {
            let index = at / WINDOW;
            let stop = end.min((index + 1) * WINDOW);
            if at.is_multiple_of(WINDOW) && (stop - at == WINDOW || stop == self.clusters) {
                self.fill_window(index as usize, used);
            } else {
                let bits = self.edit(index as usize);
                let changed = set_bits(bits, (at % WINDOW) as usize, (stop - at) as usize, used);
                self.count(changed, used);
            }
            at = stop;
        }
    }

    /// Takes over `count` bits, least significant first in each byte (as FAT, NTFS, ext and partclone
    /// bitmaps have them), as the state of the clusters from `first` on.
    pub fn set_bytes(&mut self, first: Cluster, bytes: &[u8], count: u64) {
        let count = count.min(bytes.len() as u64 * 8).min(self.clusters.saturating_sub(first.0));
        let bit = |at: u64| bytes[(at / 8) as usize] >> (at % 8) & 1 == 1;
        let mut at = 0;
        while at < count {
            let used = bit(at);
            let mut stop = at + 1;
            // Whole bytes of one colour are the common case; single bits are the rest.
            while stop < count {
                if stop.is_multiple_of(8)
                    && count - stop >= 8
                    && bytes[(stop / 8) as usize] == if used { 0xff } else { 0 }
                {
                    stop += 8;
                } else if bit(stop) == used {
                    stop += 1;
                } else {
                    break;
                }
            }
            self.set(Extent::new(first.0 + at, stop - at), used);
            at = stop;
        }
    }

    /// True when the cluster is used. For many clusters in order, walk [`runs`](Self::runs) instead.
    #[must_use]
    pub fn contains(&self, cluster: Cluster) -> bool {
        if cluster.0 >= self.clusters {
            return false;
        }
        let mut bits = Box::new([0; WORDS]);
        self.unpack((cluster.0 / WINDOW) as usize, &mut bits);
        let at = (cluster.0 % WINDOW) as usize;
        bits[at / 64] >> (at % 64) & 1 == 1
    }

    /// The runs of used clusters, in order.
    #[must_use]
    pub fn runs(&self) -> RunIter<'_> {
        self.runs_in(0..self.clusters)
    }

    /// The runs of used clusters within a range, in order, cut at its ends.
    #[must_use]
    pub fn runs_in(&self, range: Range<u64>) -> RunIter<'_> {
        RunIter {
            map: self,
            at: range.start,
            end: range.end.min(self.clusters),
            loaded: usize::MAX,
            bits: Box::new([0; WORDS]),
        }
    }

    /// Writes the bits of the clusters from `first` on into `bytes`, least significant first; `first`
    /// must be a multiple of 8. Bits past the map's end are 0.
    pub fn copy_bytes(&self, first: Cluster, bytes: &mut [u8]) {
        bytes.fill(0);
        let base = first.0;
        let end = base.saturating_add(bytes.len() as u64 * 8);
        for run in self.runs_in(base..end) {
            let (mut at, stop) = (run.start.0 - base, run.end() - base);
            while at < stop {
                if at.is_multiple_of(8) && stop - at >= 8 {
                    bytes[(at / 8) as usize] = 0xff;
                    at += 8;
                } else {
                    bytes[(at / 8) as usize] |= 1 << (at % 8);
                    at += 1;
                }
            }
        }
    }

    /// How many clusters are used between each edge and the next; `edges` rise. One pass over the bits, of which
    /// those of windows that are all free or all used are not looked at.
    #[must_use]
    pub fn count_between(&self, edges: &[u64]) -> Vec<u64> {
        let mut bits = Box::new([0; WORDS]);
        let mut loaded = usize::MAX;
        let mut count = |from: u64, to: u64| {
            let (mut at, end, mut used) = (from, to.min(self.clusters), 0);
            while at < end {
                let index = (at / WINDOW) as usize;
                let stop = end.min((index as u64 + 1) * WINDOW);
                let is_open = self.open.as_ref().is_some_and(|(open, _)| *open == index);
                used += match self.windows[index] {
                    Window::Free if !is_open => 0,
                    Window::Used if !is_open => stop - at,
                    _ => {
                        if loaded != index {
                            self.unpack(index, &mut bits);
                            loaded = index;
                        }
                        ones_between(&bits, (at % WINDOW) as usize, (stop - at) as usize)
                    }
                };
                at = stop;
            }
            used
        };
        edges.windows(2).map(|pair| count(pair[0], pair[1])).collect()
    }

    fn window_clusters(&self, index: usize) -> u64 {
        (self.clusters - index as u64 * WINDOW).min(WINDOW)
    }

    fn count(&mut self, changed: u64, used: bool) {
        if used {
            self.used += changed;
        } else {
            self.used -= changed;
        }
    }

    fn fill_window(&mut self, index: usize, used: bool) {
        let before = self.window_used(index);
        if self.open.as_ref().is_some_and(|(open, _)| *open == index) {
            self.open = None;
        }
        let after = if used { self.window_clusters(index) } else { 0 };
        self.windows[index] = if used { Window::Used } else { Window::Free };
        self.used = self.used - before + after;
    }

    fn window_used(&self, index: usize) -> u64 {
        match (&self.open, &self.windows[index]) {
            (Some((open, bits)), _) if *open == index => ones(bits),
            (_, Window::Free) => 0,
            (_, Window::Used) => self.window_clusters(index),
            (_, Window::Packed(_)) => {
                let mut bits = Box::new([0; WORDS]);
                self.unpack(index, &mut bits);
                ones(&bits)
            }
        }
    }

    fn unpack(&self, index: usize, bits: &mut Bits) {
        match (&self.open, &self.windows[index]) {
            (Some((open, now)), _) if *open == index => bits.copy_from_slice(now.as_slice()),
            (_, Window::Free) => bits.fill(0),
            (_, Window::Used) => {
                bits.fill(0);
                set_bits(bits, 0, self.window_clusters(index) as usize, true);
            }
            (_, Window::Packed(packed)) => {
                let mut bytes = [0; WORDS * 8];
                // What was packed by `pack` unpacks: memory does not rot unnoticed in one process.
                let _ = zstd::bulk::decompress_to_buffer(packed, &mut bytes[..]);
                for (word, raw) in bits.iter_mut().zip(bytes.as_chunks::<8>().0) {
                    *word = u64::from_le_bytes(*raw);
                }
            }
        }
    }

    /// The window's bits, unpacked for editing; the one that was open before is packed.
    fn edit(&mut self, index: usize) -> &mut Bits {
        let bits = match self.open.take() {
            Some((open, bits)) if open == index => bits,
            Some((open, mut bits)) => {
                self.windows[open] = pack(&bits, self.window_clusters(open));
                self.unpack(index, &mut bits);
                bits
            }
            None => {
                let mut bits = Box::new([0; WORDS]);
                self.unpack(index, &mut bits);
                bits
            }
        };
        &mut self.open.insert((index, bits)).1
    }
}

/// Set bits among `count` from `from` on.
fn ones_between(bits: &Bits, from: usize, count: usize) -> u64 {
    let (mut at, end, mut found) = (from, from + count, 0);
    while at < end {
        let stop = end.min((at / 64 + 1) * 64);
        let width = stop - at;
        let mask = if width == 64 { u64::MAX } else { ((1 << width) - 1) << (at % 64) };
        found += u64::from((bits[at / 64] & mask).count_ones());
        at = stop;
    }
    found
}

fn ones(bits: &Bits) -> u64 {
    bits.iter().map(|word| u64::from(word.count_ones())).sum()
}

fn pack(bits: &Bits, clusters: u64) -> Window {
    let used = ones(bits);
    if used == 0 {
        return Window::Free;
    }
    if used == clusters {
        return Window::Used;
    }
    let mut bytes = [0; WORDS * 8];
    for (raw, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(bits) {
        *raw = word.to_le_bytes();
    }
    match zstd::bulk::compress(&bytes, LEVEL) {
        Ok(packed) => Window::Packed(packed.into_boxed_slice()),
        // Only a failed allocation gets here, and an allocation that fails ends the process anyway.
        Err(_) => Window::Used,
    }
}

/// Sets or clears `count` bits from `from` on; returns how many changed.
fn set_bits(bits: &mut Bits, from: usize, count: usize, used: bool) -> u64 {
    let mut changed = 0;
    let (mut at, end) = (from, from + count);
    while at < end {
        let stop = end.min((at / 64 + 1) * 64);
        let width = stop - at;
        let mask = if width == 64 { u64::MAX } else { ((1 << width) - 1) << (at % 64) };
        let word = &mut bits[at / 64];
        let before = word.count_ones();
        *word = if used { *word | mask } else { *word & !mask };
        changed += u64::from(word.count_ones().abs_diff(before));
        at = stop;
    }
    changed
}

/// The runs of used clusters of a [`ClusterMap`], in order.
pub struct RunIter<'a> {
    map: &'a ClusterMap,
    at: u64,
    end: u64,
    loaded: usize,
    bits: Box<Bits>,
}

impl RunIter<'_> {
    /// The first cluster at or after `from` whose bit is `used`, or `end`.
    fn find(&mut self, from: u64, used: bool) -> u64 {
        let mut at = from;
        while at < self.end {
            let index = (at / WINDOW) as usize;
            let is_open = self.map.open.as_ref().is_some_and(|(open, _)| *open == index);
            match self.map.windows[index] {
                Window::Free if !is_open && used => at = (index as u64 + 1) * WINDOW,
                Window::Used if !is_open && !used => at = (index as u64 + 1) * WINDOW,
                Window::Free | Window::Used if !is_open => return at,
                _ => {
                    if self.loaded != index {
                        self.map.unpack(index, &mut self.bits);
                        self.loaded = index;
                    }
                    let bit = (at % WINDOW) as usize;
                    let word = if used { self.bits[bit / 64] } else { !self.bits[bit / 64] };
                    let rest = word >> (bit % 64);
                    if rest != 0 {
                        return (at + u64::from(rest.trailing_zeros())).min(self.end);
                    }
                    at += 64 - (bit % 64) as u64;
                }
            }
        }
        self.end
    }
}

impl Iterator for RunIter<'_> {
    type Item = Extent;

    fn next(&mut self) -> Option<Extent> {
        let start = self.find(self.at, true);
        if start >= self.end {
            self.at = self.end;
            return None;
        }
        self.at = self.find(start, false);
        Some(Extent::new(start, self.at - start))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_huge_map_stays_small() {
        let mut map = ClusterMap::new(1 << 32);
        for group in 0..(1u64 << 17) {
            map.set(Extent::new(group << 15, 600 + group % 31), true);
        }
        assert!(map.memory_bytes() < 24 << 20, "{} bytes", map.memory_bytes());
        assert_eq!(map.used(), map.runs().map(|run| run.clusters).sum::<u64>());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn the_map_behaves_like_bits(
            clusters in 1u64..700_000,
            edits in prop::collection::vec((0u64..700_000, 0u64..400_000, any::<bool>()), 0..10),
        ) {
            let mut map = ClusterMap::new(clusters);
            let mut model = vec![false; clusters as usize];
            for (start, count, used) in edits {
                map.set(Extent::new(start, count), used);
                let end = (start + count).min(clusters) as usize;
                model.get_mut(start as usize..end).into_iter().flatten().for_each(|bit| *bit = used);
            }
            prop_assert_eq!(map.used(), model.iter().filter(|bit| **bit).count() as u64);
            let mut seen = vec![false; clusters as usize];
            let mut last = None;
            for run in map.runs() {
                prop_assert!(run.clusters > 0 && last.is_none_or(|end| end < run.start.0));
                last = Some(run.end());
                seen[run.start.0 as usize..run.end() as usize].fill(true);
            }
            prop_assert!(seen == model);
            let mut bytes = vec![0; clusters.div_ceil(8) as usize];
            map.copy_bytes(Cluster(0), &mut bytes);
            let mut again = ClusterMap::new(clusters);
            again.set_bytes(Cluster(0), &bytes, clusters);
            prop_assert!(again.runs().eq(map.runs()));
            let edges = [0, clusters / 3, clusters / 2, clusters, clusters + 1];
            let between: Vec<u64> = edges
                .windows(2)
                .map(|pair| map.runs_in(pair[0]..pair[1]).map(|run| run.clusters).sum())
                .collect();
            prop_assert_eq!(map.count_between(&edges), between);
            prop_assert!(map.contains(Cluster(clusters / 2)) == model[clusters as usize / 2]);
        }
    }
}

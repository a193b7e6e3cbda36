//! Choosing where in a volume a journal goes: free clusters that no step uses, where it will be found again.

use std::ops::Range;

use super::find::QUICK;
use super::format::SECTOR;
use super::record::merged;
use crate::error::{Error, Result};
use crate::extent::ClusterMap;
use crate::fs::Change;
use crate::unit::{ByteLen, ByteOffset, Grid};

/// Where a journal begins, if there is room: larger sectors than 512 bytes are never shared with something else.
const ALIGNED: u64 = 4096;

/// A place for a journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Chosen {
    pub(crate) start: ByteOffset,
    /// A quick search finds it.
    pub(crate) quick: bool,
}

/// All that the steps read or write: sorted, disjoint.
fn touched(changes: &[Change]) -> Vec<Range<u64>> {
    let mut ranges = Vec::new();
    for change in changes {
        for copy in &change.copies {
            ranges.extend([copy.from.0, copy.to.0].map(|start| start..start.saturating_add(copy.len.0)));
        }
        ranges.extend(
            change.patches.iter().map(|patch| patch.offset.0..patch.offset.0.saturating_add(patch.new.len() as u64)),
        );
    }
    merged(ranges)
}

/// The free ranges, in order: neither used before, between or after the steps, nor touched by any of them.
fn free_ranges(used: &ClusterMap, grid: Grid, changes: &[Change], each: &mut dyn FnMut(Range<u64>)) {
    let touched = touched(changes);
    let mut split = |start: u64, end: u64| {
        let mut from = start;
        let first = touched.partition_point(|range| range.end <= start);
        for range in touched[first..].iter().take_while(|range| range.start < end) {
            if from < range.start {
                each(from..range.start);
            }
            from = range.end;
        }
        if from < end {
            each(from..end);
        }
    };
    let mut free_from = 0;
    for run in used.runs() {
        split(free_from, grid.offset_of(run.start).0);
        free_from = grid.bytes_of(run.end()).0;
    }
    split(free_from, grid.len().0);
}

/// Chooses a place of `len` bytes: near the volume's end, near its beginning, or anywhere.
///
/// # Errors
/// `Refused`, with the numbers, when no free piece is long enough.
pub(crate) fn choose(used: &ClusterMap, grid: Grid, changes: &[Change], volume: ByteLen, len: u64) -> Result<Chosen> {
    let tail = volume.0.saturating_sub(QUICK).next_multiple_of(SECTOR as u64);
    let (mut near_end, mut near_start, mut anywhere) = (None, None, None);
    let mut longest = 0;
    free_ranges(used, grid, changes, &mut |range| {
        longest = longest.max(range.end - range.start);
        // As late as possible, and as early as possible, on a whole 4 KiB if that fits.
        let late = |least: u64| {
            let at = range.end.checked_sub(len).filter(|at| *at >= least)?;
            let aligned = at / ALIGNED * ALIGNED;
            Some(if aligned >= least { aligned } else { at })
        };
        let aligned = range.start.next_multiple_of(ALIGNED);
        let early = if aligned + len <= range.end { aligned } else { range.start };
        near_end = late(range.start.max(tail)).or(near_end);
        anywhere = late(range.start).or(anywhere);
        if near_start.is_none() && early + len <= range.end && early + SECTOR as u64 <= QUICK {
            near_start = Some(early);
        }
    });
    let quick = near_end.or(near_start);
    match quick.or(anywhere) {
        Some(start) => Ok(Chosen { start: ByteOffset(start), quick: quick.is_some() }),
        None => Err(Error::refused(format!(
            "the journal needs {} ({len} bytes) in one free piece, and the longest free piece of the volume has {} ({longest} bytes)",
            ByteLen(len),
            ByteLen(longest)
        ))
        .advise("Free space on the volume, or put the journal elsewhere with --journal FILE")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extent::Extent;
    use crate::fs::Copy;

    const GRID: Grid = Grid { cluster_bytes: 4096, clusters: 1 << 18 };

    fn chosen(free: &[(u64, u64)], changes: &[Change], len: u64) -> Result<Chosen> {
        let mut used = ClusterMap::new(GRID.clusters);
        used.set(Extent::new(0, GRID.clusters), true);
        free.iter().for_each(|(start, clusters)| used.set(Extent::new(*start, *clusters), false));
        choose(&used, GRID, changes, GRID.len(), len)
    }

    #[test]
    fn the_end_is_preferred_then_the_beginning_then_anywhere() {
        let end = GRID.clusters - 10;
        let all = [(100, 20), (100_000, 20), (end, 5)];
        let place = |found: Chosen| (found.start.0, found.quick);
        assert_eq!(place(chosen(&all, &[], 5 * 4096).unwrap()), (end * 4096, true));
        assert_eq!(place(chosen(&all, &[], 6 * 4096).unwrap()), (100 * 4096, true));
        assert_eq!(place(chosen(&all[1..2], &[], 6 * 4096).unwrap()), (100_014 * 4096, false));
        let error = chosen(&all, &[], 21 * 4096).unwrap_err().to_string();
        assert!(error.contains("86016 bytes") && error.contains("81920 bytes"), "{error}");
    }

    #[test]
    fn what_a_step_reads_or_writes_is_left_alone() {
        let end = GRID.clusters - 10;
        let copy = Copy { from: ByteOffset(0), to: ByteOffset((end + 3) * 4096), len: ByteLen(4096) };
        let change = Change { copies: vec![copy], ..Change::default() };
        assert_eq!(chosen(&[(end, 8)], std::slice::from_ref(&change), 8192).unwrap().start.0, (end + 6) * 4096);
        assert_eq!(
            chosen(&[(end, 8)], std::slice::from_ref(&change), 3 * 4096 + 512).unwrap().start.0,
            (end + 4) * 4096
        );
        assert!(chosen(&[(end, 8)], &[change], 4 * 4096 + 512).is_err());
    }
}

//! The image's bytes with the changes that make the container's files files of the restored volume.

use super::super::seal::overlaps;
use crate::extent::Extent;
use crate::fs::{ByteRange, Patch};
use crate::unit::{ByteLen, Grid};

/// Sorted, disjoint changes of the image's bytes.
#[derive(Clone, Copy)]
pub(super) struct Patched<'a> {
    pub(super) patches: &'a [Patch],
    pub(super) grid: Grid,
}

impl<'a> Patched<'a> {
    /// Those that touch the stretch from the first of these runs to the last.
    fn near(self, runs: &[Extent]) -> &'a [Patch] {
        let (Some(first), Some(last)) = (runs.first(), runs.last()) else { return &[] };
        let start = self.grid.offset_of(first.start).0;
        let end = self.grid.bytes_of(last.end()).0;
        let from = self.patches.partition_point(|patch| patch.offset.0 + patch.new.len() as u64 <= start);
        let to = self.patches.partition_point(|patch| patch.offset.0 < end);
        &self.patches[from..to.max(from)]
    }

    /// True when nothing near these runs is changed.
    pub(super) fn is_clear_of(self, runs: &[Extent]) -> bool {
        self.near(runs).is_empty()
    }

    /// Calls `each` with the new bytes, the old ones, and those in `raw`, of every stretch that is changed.
    fn each(self, runs: &[Extent], raw: &mut [u8], mut each: impl FnMut(&[u8], &[u8], &mut [u8])) {
        for patch in self.near(runs) {
            let range = ByteRange { offset: patch.offset, len: ByteLen(patch.new.len() as u64) };
            overlaps(range, runs, self.grid, |at, in_raw, len| {
                each(&patch.new[at..at + len], &patch.old[at..at + len], &mut raw[in_raw..in_raw + len]);
            });
        }
    }

    /// Puts the changes over the image's bytes.
    pub(super) fn apply(self, runs: &[Extent], raw: &mut [u8]) {
        self.each(runs, raw, |new, _, raw| raw.copy_from_slice(new));
    }

    /// Takes the changes back out of bytes that have them, so that they match the image's digest; false when they do
    /// not have them all.
    pub(super) fn undo(self, runs: &[Extent], raw: &mut [u8]) -> bool {
        let mut all = true;
        self.each(runs, raw, |new, old, raw| {
            all &= raw == new;
            raw.copy_from_slice(old);
        });
        all
    }

    /// What stands in clusters that the image does not have: zeros, and the changes.
    pub(super) fn beside(self, run: Extent) -> Vec<u8> {
        let mut raw = vec![0; self.grid.bytes_of(run.clusters).0 as usize];
        self.apply(&[run], &mut raw);
        raw
    }
}

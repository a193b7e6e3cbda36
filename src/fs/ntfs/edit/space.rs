//! Which clusters are free, and who may have them.
//!
//! `$Bitmap` has a bit for each cluster, set while it is used; bits past the last cluster are set, too, and are never
//! touched here. Source: Linux-NTFS documentation, "$Bitmap".
//!
//! A cluster that this edit freed is not given out again: its old bytes are what undoing needs. So two maps are kept,
//! that of the volume as it was opened and that of now.

use super::Editor;
use crate::error::{Error, Result};
use crate::extent::{ClusterMap, Extent, ExtentSet};
use crate::fs::Tag;
use crate::unit::Cluster;

/// Bytes of `$Bitmap` that are changed at a time.
const PIECE_BYTES: u64 = 64 << 10;

/// The two maps.
pub(super) struct Space {
    /// What was used when the volume was opened.
    opened: ClusterMap,
    /// What is used now.
    now: ClusterMap,
    /// What the calls that are under way have changed of it, to be taken back when they fail.
    undo: Vec<(Extent, bool)>,
    /// What is being emptied by this edit: metadata that must grow does not go there.
    avoid: ExtentSet,
}

impl Space {
    /// Of a volume whose used clusters these are.
    pub(super) fn new(used: ClusterMap) -> Self {
        Self { opened: used.clone(), now: used, undo: Vec::new(), avoid: ExtentSet::new() }
    }

    /// What is used now.
    pub(super) fn now(&self) -> &ClusterMap {
        &self.now
    }

    /// Where its changes stand now.
    pub(super) fn mark_point(&self) -> usize {
        self.undo.len()
    }

    /// Takes back what has changed since then.
    pub(super) fn roll_back(&mut self, point: usize) {
        while self.undo.len() > point {
            if let Some((extent, used)) = self.undo.pop() {
                self.now.set(extent, used);
            }
        }
    }

    /// What has changed stays so.
    pub(super) fn commit(&mut self) {
        self.undo.clear();
    }

    /// Metadata that grows does not go there any more, as long as the edit lives.
    pub(super) fn avoid(&mut self, extent: Extent) {
        self.avoid.insert(extent);
    }

    /// What is to be avoided.
    pub(super) fn avoided(&self) -> &ExtentSet {
        &self.avoid
    }

    pub(super) fn set_avoided(&mut self, avoid: ExtentSet) {
        self.avoid = avoid;
    }

    /// The first run of used clusters in an extent.
    pub(super) fn used_in(&self, extent: Extent) -> Option<Extent> {
        self.now.runs_in(extent.start.0..extent.end()).next()
    }

    /// The same, of those that were used when the volume was opened.
    pub(super) fn was_used_in(&self, extent: Extent) -> Option<Extent> {
        self.opened.runs_in(extent.start.0..extent.end()).next()
    }

    fn mark(&mut self, extent: Extent, used: bool) {
        self.undo.push((extent, !used));
        self.now.set(extent, used);
    }

    /// The next run at or after `from` that is free, was free, and need not be avoided.
    fn next_free(&self, mut from: u64) -> Option<Extent> {
        let end = self.now.clusters();
        loop {
            if from >= end {
                return None;
            }
            let avoided = || {
                let runs = self.avoid.runs();
                runs.get(runs.partition_point(|run| run.end() <= from)).copied()
            };
            let blocks = [self.now.runs_in(from..end).next(), self.opened.runs_in(from..end).next(), avoided()];
            match blocks.iter().flatten().find(|run| run.start.0 <= from) {
                Some(run) => from = run.end(),
                None => {
                    let until = blocks.iter().flatten().map(|run| run.start.0).min().unwrap_or(end).min(end);
                    return Some(Extent::new(from, until - from));
                }
            }
        }
    }

    /// Finds free clusters for metadata, lowest first because containers lie at the volume's end; in one run if there
    /// is one, behind `near` if there is room. Runs have multiples of `multiple` clusters.
    fn find(&self, clusters: u64, near: Option<u64>, multiple: u64) -> Option<Vec<Extent>> {
        if let Some(near) = near
            && let Some(run) = self.next_free(near).filter(|run| run.start.0 == near && run.clusters >= clusters)
        {
            return Some(vec![Extent::new(run.start.0, clusters)]);
        }
        let mut pieces = Vec::new();
        let mut missing = clusters;
        let mut at = 0;
        while let Some(hole) = self.next_free(at) {
            at = hole.end();
            if hole.clusters >= clusters {
                return Some(vec![Extent::new(hole.start.0, clusters)]);
            }
            let taken = (hole.clusters / multiple * multiple).min(missing);
            if taken > 0 {
                pieces.push(Extent::new(hole.start.0, taken));
                missing -= taken;
            }
        }
        (missing == 0).then_some(pieces)
    }
}

impl Editor {
    /// Takes free clusters for metadata that grows, and marks them used.
    ///
    /// # Errors
    /// `Refused` when there are not enough.
    pub(super) fn allocate(&mut self, clusters: u64, near: Option<u64>, multiple: u64) -> Result<Vec<Extent>> {
        let found = self.space.find(clusters, near, multiple).ok_or_else(|| {
            Error::refused(format!("there are no {clusters} free clusters for what describes the files"))
                .advise("Delete something on the volume first")
        })?;
        for extent in &found {
            self.set_used(*extent, true)?;
        }
        Ok(found)
    }

    /// Marks clusters used or free, in `$Bitmap` and in memory.
    ///
    /// # Errors
    /// When one of them is marked so already: the volume contradicts itself, or the caller did.
    pub(super) fn set_used(&mut self, extent: Extent, used: bool) -> Result<()> {
        if extent.end() > self.boot.clusters {
            return Err(Error::damaged(format!("cluster {} lies behind the volume's last", extent.end())));
        }
        let mut at = extent.start.0;
        while at < extent.end() {
            let last = extent.end().min((at / 8 + PIECE_BYTES) * 8) - 1;
            let mut bytes = vec![0; (last / 8 - at / 8 + 1) as usize];
            let bitmap = self.bitmap.clone();
            bitmap.read(&self.overlay, &self.boot, at / 8, &mut bytes)?;
            set_bits(&mut bytes, at % 8, last - at + 1, used).map_err(|bit| {
                let word = if used { "used" } else { "free" };
                Error::damaged(format!("cluster {} is marked {word} already", at / 8 * 8 + bit))
            })?;
            bitmap.write(&self.overlay, &self.boot, at / 8, &bytes, &Tag::new("$Bitmap").span("clusters", at, last))?;
            at = last + 1;
        }
        self.space.mark(extent, used);
        Ok(())
    }

    /// What is used now, on the volume's grid.
    pub(super) fn used_on_grid(&self) -> ClusterMap {
        let factor = self.grid_factor();
        let mut map = ClusterMap::new(self.grid.clusters);
        for run in self.space.now().runs() {
            map.set(Extent::new(run.start.0 * factor, run.clusters * factor), true);
        }
        map.set(Extent::new(0, factor.min(self.grid.clusters)), true);
        let counted = self.boot.clusters * factor;
        // Behind the last whole cluster lie the rest of the volume and its backup boot sector.
        map.set(Extent { start: Cluster(counted), clusters: self.grid.clusters.saturating_sub(counted) }, true);
        map
    }
}

/// Sets or clears `count` bits from `first` on; the position of a bit that was so already.
fn set_bits(bytes: &mut [u8], first: u64, count: u64, used: bool) -> std::result::Result<(), u64> {
    let mut at = first;
    while at < first + count {
        let byte = &mut bytes[(at / 8) as usize];
        let bits = (first + count - at).min(8 - at % 8);
        let mask = (((1u16 << bits) - 1) << (at % 8)) as u8;
        let already = if used { *byte & mask } else { !*byte & mask };
        if already != 0 {
            return Err(at / 8 * 8 + u64::from(already.trailing_zeros()));
        }
        *byte ^= mask;
        at += bits;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_set_once_and_cleared_once() {
        let mut bytes = [0u8; 3];
        set_bits(&mut bytes, 5, 12, true).unwrap();
        assert_eq!(bytes, [0xE0, 0xFF, 0x01]);
        assert_eq!(set_bits(&mut bytes, 16, 2, true), Err(16));
        assert_eq!(set_bits(&mut bytes, 4, 1, false), Err(4));
        set_bits(&mut bytes, 5, 12, false).unwrap();
        assert_eq!(bytes, [0; 3]);
    }

    #[test]
    fn room_is_looked_for_around_what_is_used_was_used_or_is_avoided() {
        let mut used = ClusterMap::new(100);
        used.set(Extent::new(0, 10), true);
        let mut space = Space::new(used);
        space.mark(Extent::new(5, 5), false);
        space.mark(Extent::new(12, 3), true);
        space.avoid(Extent::new(50, 50));
        assert_eq!(space.find(2, None, 1), Some(vec![Extent::new(10, 2)]));
        assert_eq!(space.find(20, Some(16), 1), Some(vec![Extent::new(16, 20)]));
        assert_eq!(space.find(37, None, 1), Some(vec![Extent::new(10, 2), Extent::new(15, 35)]));
        assert_eq!(space.find(38, None, 1), None);
        assert_eq!(space.find(4, None, 4), Some(vec![Extent::new(15, 4)]));
        space.roll_back(0);
        assert_eq!(space.find(40, None, 1), Some(vec![Extent::new(10, 40)]));
    }
}

//! Moving clusters, whoever holds them.
//!
//! A cluster is held by whatever leads to it: an entry of the FAT, a directory entry (a child's `..` and a directory's
//! own `.` included), and for FAT32's root directory the boot sector. So nobody is asked whose a cluster is: every
//! entry of the FAT is looked at once, then every directory entry once, and each that names a moved cluster names its
//! new place afterwards.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use super::Editor;
use super::folder::{Folder, below, first_cluster, set_first_cluster};
use crate::error::{Error, Result};
use crate::extent::{Extent, ExtentSet};
use crate::fs::Edit;
use crate::fs::fat::boot::Root;
use crate::fs::fat::directory::{ATTRIBUTES, DIRECTORY, LONG_NAME, RawEntry, VOLUME_LABEL, is_dots};
use crate::fs::fat::name::{LongName, short_name};
use crate::fs::fat::owners::{FIXED_BAD, fixed_reason};
use crate::unit::ByteLen;

/// Which cluster goes where.
struct Moves {
    /// Runs of old numbers, ascending, with the first new number of each.
    pieces: Vec<(Range<u32>, u32)>,
    /// Runs of new numbers, ascending.
    targets: Vec<Range<u32>>,
}

impl Moves {
    /// The clusters `moving`, one by one, to the clusters `targets`, one by one.
    fn new(moving: &[Range<u32>], targets: &[Range<u32>]) -> Result<Self> {
        let mut free = targets.iter().cloned();
        let mut target = 0..0;
        let mut pieces: Vec<(Range<u32>, u32)> = Vec::new();
        for run in moving {
            let mut at = run.start;
            while at < run.end {
                if target.is_empty() {
                    let wanted = count(moving);
                    target = free.next().ok_or_else(|| {
                        Error::refused(format!("{wanted} clusters have to move, and {} are given", count(targets)))
                            .advise("Make room on the volume first, or move less")
                    })?;
                }
                let step = (run.end - at).min(target.end - target.start);
                pieces.push((at..at + step, target.start));
                at += step;
                target.start += step;
            }
        }
        let mut targets: Vec<_> = pieces.iter().map(|(old, new)| *new..new + (old.end - old.start)).collect();
        targets.sort_unstable_by_key(|run| run.start);
        Ok(Self { pieces, targets })
    }

    /// Where a cluster goes, if it does.
    fn target_of(&self, number: u32) -> Option<u32> {
        let after = self.pieces.partition_point(|(old, _)| old.start <= number);
        let (old, new) = self.pieces.get(after.checked_sub(1)?)?;
        old.contains(&number).then(|| new + (number - old.start))
    }

    /// True for a cluster that something was moved to.
    fn is_target(&self, number: u64) -> bool {
        let after = self.targets.partition_point(|run| u64::from(run.start) <= number);
        after.checked_sub(1).is_some_and(|at| number < u64::from(self.targets[at].end))
    }
}

fn count(runs: &[Range<u32>]) -> u64 {
    runs.iter().map(|run| u64::from(run.end - run.start)).sum()
}

impl Editor {
    pub(super) fn move_clusters(&mut self, from: &ExtentSet, to: &[Extent]) -> Result<()> {
        let moving = self.moving(from)?;
        let mut targets = Vec::new();
        for extent in to.iter().filter(|extent| extent.clusters > 0) {
            let run = self.numbers(*extent)?;
            self.expect_free(&run)?;
            targets.push(run);
        }
        self.expect_apart(from, to)?;
        let moves = Moves::new(&moving, &targets)?;
        if moves.pieces.is_empty() {
            return Ok(());
        }
        self.copy_clusters(&moves)?;
        self.move_chains(&moves)?;
        // From here on all is read at its new place.
        self.flush()?;
        if let Root::Chain(cluster) = self.volume.boot.root
            && let Some(number) = moves.target_of(cluster)
        {
            self.write_root(number)?;
        }
        self.move_entries(&moves)
    }

    /// The used clusters of what is to be vacated, by their numbers.
    fn moving(&mut self, from: &ExtentSet) -> Result<Vec<Range<u32>>> {
        let units = self.units();
        let end = units.origin.0 + units.clusters * units.count;
        let mut moving: Vec<Range<u32>> = Vec::new();
        for run in from.runs() {
            if run.start < units.origin {
                return Err(Error::refused(format!("{} cannot be moved", self.name_of(*run)))
                    .advise("Nothing that lies before the first cluster of FAT's data region can"));
            }
            if run.end() > self.volume.grid.clusters {
                return Err(Error::refused(format!(
                    "clusters up to {} are to be vacated, and the volume has {}",
                    run.end(),
                    self.volume.grid.clusters
                )));
            }
            // Behind the last cluster a volume may have sectors that are nobody's.
            let Some(inside) = run.intersect(Extent::new(units.origin.0, end - units.origin.0)) else { continue };
            for number in self.numbers(inside)? {
                let entry = self.get(number)?;
                if entry == 0 {
                    continue;
                }
                if entry == self.bad_mark() {
                    return Err(Error::refused(format!(
                        "cluster {number} (counted from 2, as FAT does) cannot be moved: {FIXED_BAD}"
                    ))
                    .advise("Leave it where it is, and vacate what lies around it"));
                }
                match moving.last_mut() {
                    Some(last) if last.end == number => last.end += 1,
                    _ => moving.push(number..number + 1),
                }
            }
        }
        Ok(moving)
    }

    /// What lies before the data region.
    fn name_of(&self, run: Extent) -> String {
        let boot = &self.volume.boot;
        let start = self.volume.grid.offset_of(run.start).0;
        match start.checked_sub(boot.fat_offset.0).map(|into| into / boot.fat_bytes) {
            None => "the boot sector, or a reserved sector,".into(),
            Some(copy) if copy < u64::from(boot.fats) => format!("FAT {}", copy + 1),
            Some(_) => "the root directory of FAT12 and FAT16".into(),
        }
    }

    /// Targets are each given once, and none of them is to be vacated.
    fn expect_apart(&self, from: &ExtentSet, to: &[Extent]) -> Result<()> {
        let mut sorted: Vec<Extent> = to.iter().copied().filter(|extent| extent.clusters > 0).collect();
        sorted.sort_unstable_by_key(|extent| extent.start);
        let twice = sorted.iter().zip(sorted.iter().skip(1)).find(|(one, next)| one.end() > next.start.0);
        if let Some((_, next)) = twice {
            return Err(Error::refused(format!("cluster {} is given twice as a target", next.start)));
        }
        let mut at = 0;
        for target in sorted {
            while from.runs().get(at).is_some_and(|run| run.end() <= target.start.0) {
                at += 1;
            }
            if let Some(shared) = from.runs().get(at).and_then(|run| run.intersect(target)) {
                return Err(Error::refused(format!("cluster {} is both to be vacated and a target", shared.start)));
            }
        }
        Ok(())
    }

    fn copy_clusters(&self, moves: &Moves) -> Result<()> {
        let place = |number: u32| self.volume.boot.offset_of(number);
        for (old, new) in &moves.pieces {
            let len = u64::from(old.end - old.start) * self.cluster_bytes();
            self.overlay.copy(place(old.start), place(*new), ByteLen(len))?;
        }
        Ok(())
    }

    /// Rewrites every entry of the FAT that is of a moved cluster or leads to one.
    fn move_chains(&mut self, moves: &Moves) -> Result<()> {
        for (old, new) in &moves.pieces {
            for number in old.clone() {
                let next = self.get(number)?;
                self.set(new + (number - old.start), moves.target_of(next).unwrap_or(next))?;
            }
        }
        // What was just written leads to no moved cluster any more, so that it is passed over here.
        for number in 2..self.volume.boot.clusters + 2 {
            let next = self.get(number)?;
            if next == 0 {
                continue;
            }
            if moves.target_of(number).is_some() {
                self.set(number, 0)?;
            } else if let Some(target) = moves.target_of(next) {
                self.set(number, target)?;
            }
        }
        Ok(())
    }

    /// Rewrites every directory entry that leads to a moved cluster: each directory is read once.
    fn move_entries(&mut self, moves: &Moves) -> Result<()> {
        let mut seen = HashSet::new();
        let mut open: Vec<(u32, Arc<str>)> = Vec::new();
        let mut folder = self.root_folder()?;
        let mut is_root = true;
        loop {
            self.move_entries_of(&mut folder, is_root, moves, &mut open)?;
            folder = loop {
                match open.pop() {
                    // A directory that two entries lead to is read once, even when it lies in itself.
                    Some((cluster, path)) if seen.insert(cluster) => {
                        break self.subfolder(cluster, path.to_string())?;
                    }
                    Some(_) => {}
                    None => return Ok(()),
                }
            };
            is_root = false;
        }
    }

    fn move_entries_of(
        &self,
        folder: &mut Folder,
        is_root: bool,
        moves: &Moves,
        open: &mut Vec<(u32, Arc<str>)>,
    ) -> Result<()> {
        let wide = self.is_wide();
        let mut long = LongName::default();
        for slot in 0..folder.end() {
            let mut raw = folder.entry(slot);
            let kind = raw.attributes & ATTRIBUTES;
            if raw.name[0] == 0xE5 {
                continue;
            }
            if kind == LONG_NAME {
                let bytes: [u8; 32] = zerocopy::transmute!(raw);
                long.push(&bytes);
                continue;
            }
            let name = long.take(&raw.name);
            if kind & VOLUME_LABEL != 0 {
                continue;
            }
            let old = first_cluster(&raw, wide);
            let new = moves.target_of(old);
            self.expect_movable(&raw, folder, is_root, new.unwrap_or(old), moves)?;
            if let Some(new) = new {
                set_first_cluster(&mut raw, new, wide);
                self.write_entry(folder, slot, raw)?;
            }
            if kind & DIRECTORY != 0 && !is_dots(&raw.name) {
                let name = name.unwrap_or_else(|| short_name(&raw).into());
                open.push((new.unwrap_or(old), below(&folder.path, &name.to_string_lossy()).into()));
            }
        }
        Ok(())
    }

    /// Refuses when a file that is found by its place was moved, in whole or in part.
    fn expect_movable(
        &self,
        raw: &RawEntry,
        folder: &Folder,
        is_root: bool,
        cluster: u32,
        moves: &Moves,
    ) -> Result<()> {
        let Some(why) = fixed_reason(raw, is_root) else { return Ok(()) };
        if cluster == 0 {
            return Ok(());
        }
        let chain = self.volume.table.chain(cluster, super::MAX_FILE_BYTES.div_ceil(self.cluster_bytes()))?;
        if chain.iter().any(|run| (run.start.0..run.end()).any(|number| moves.is_target(number))) {
            return Err(Error::refused(format!("{} cannot be moved: {why}", below(&folder.path, &short_name(raw))))
                .advise("Leave it where it is, and vacate what lies around it"));
        }
        Ok(())
    }
}

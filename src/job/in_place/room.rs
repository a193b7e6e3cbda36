//! Where the container's files will lie in the restored volume: where they lie today, unless its clusters are there.
//!
//! Pure. A file that collides gets the highest free run that is long enough; where there is none, free pieces from
//! the top, for the whole file or, when even these are too few, for what collides alone. Free are clusters that
//! neither the restored volume uses nor the container occupies today; if possible such as are free today, too, so
//! that nothing of today's volume is lost before the restore begins.

use crate::error::{Error, Result};
use crate::extent::{ClusterMap, Extent};
use crate::fs::{ByteRange, Units};
use crate::image::container::{FileRecord, Toc};
use crate::plan::MovedPart;
use crate::unit::{ByteLen, ByteOffset, Grid};

/// What the places are chosen by.
pub(super) struct Room<'a> {
    /// How the restored volume is cut.
    pub(super) grid: Grid,
    /// How it hands out space.
    pub(super) units: Units,
    /// What it uses, without the container.
    pub(super) taken: &'a ClusterMap,
    /// What is used today, on the same grid; none when today's volume cannot be read.
    pub(super) today: Option<&'a ClusterMap>,
}

/// The files at their places.
#[derive(Debug)]
pub(super) struct Placed {
    /// All files that have places.
    pub(super) files: Vec<FileRecord>,
    /// What is copied for that.
    pub(super) moved: Vec<MovedPart>,
    /// The new places are free today.
    pub(super) to_free: bool,
    /// Files whose bytes lie in no clusters of their own.
    pub(super) without: Vec<String>,
}

/// A file, and what of it can stay.
struct Lying<'a> {
    file: &'a FileRecord,
    /// Its clusters; none when it does not lie in whole clusters of the restored volume.
    extents: Option<Vec<Extent>>,
    stays: bool,
}

impl Room<'_> {
    /// Finds places for a container's files.
    ///
    /// # Errors
    /// `Refused`, with the numbers, when there is no room.
    pub(super) fn place(&self, toc: &Toc) -> Result<Placed> {
        // A table of contents without a place is a new one: its bytes are written wherever it comes to lie.
        let without = |file: &&FileRecord| file.runs.is_empty() && file.bytes > 0 && !file.role.is_toc();
        let names = toc.files.iter().filter(without).map(|file| file.name.clone()).collect();
        let lying: Vec<Lying> = toc.files.iter().filter(|file| !without(file)).map(|file| self.lying(file)).collect();
        let mut blocked = self.taken.clone();
        for run in toc.runs() {
            blocked.set(outward(run, self.grid), true);
        }
        let mut tries = Vec::new();
        if let Some(today) = self.today {
            let mut both = blocked.clone();
            today.runs().for_each(|run| both.set(run, true));
            tries.extend([(self.free(&both), true, true), (self.free(&both), false, true)]);
        }
        tries.extend([(self.free(&blocked), true, false), (self.free(&blocked), false, false)]);
        for (free, whole, to_free) in tries {
            if let Some(places) = self.all(&lying, free, whole) {
                return Ok(placed(&lying, &places, self.grid, to_free, names));
            }
        }
        Err(self.no_room(&lying, &blocked))
    }

    fn lying<'a>(&self, file: &'a FileRecord) -> Lying<'a> {
        let extents = super::super::container::extents(file, self.grid).ok().filter(|extents| !extents.is_empty());
        let extents = extents.filter(|extents| extents.iter().all(|extent| self.units.holds(*extent)));
        let extents = extents.map(|extents| self.trimmed(&extents, file.bytes));
        let free = |extent: &Extent| self.taken.runs_in(extent.start.0..extent.end()).next().is_none();
        let stays = file.bytes == 0 || extents.as_ref().is_some_and(|extents| extents.iter().all(free));
        Lying { file, extents, stays }
    }

    /// A file's extents without the units behind its last byte: they would be no part of it.
    fn trimmed(&self, extents: &[Extent], bytes: u64) -> Vec<Extent> {
        let mut left = self.need(bytes);
        let mut kept = Vec::new();
        for extent in extents {
            let clusters = extent.clusters.min(left);
            if clusters > 0 {
                kept.push(Extent::new(extent.start.0, clusters));
            }
            left -= clusters;
        }
        kept
    }

    /// Clusters of whole units for so many bytes.
    fn need(&self, bytes: u64) -> u64 {
        let unit = self.grid.bytes_of(self.units.clusters).0.max(1);
        bytes.div_ceil(unit) * self.units.clusters
    }

    /// Free runs of whole units, in ascending order.
    fn free(&self, blocked: &ClusterMap) -> Vec<Extent> {
        let Units { origin, clusters, count } = self.units;
        let end = origin.0 + clusters.saturating_mul(count).min(self.grid.clusters.saturating_sub(origin.0));
        let mut free = Vec::new();
        let mut add = |from: u64, to: u64| {
            let from = origin.0 + from.max(origin.0).saturating_sub(origin.0).next_multiple_of(clusters);
            let to = to.min(end);
            let to = origin.0 + to.saturating_sub(origin.0) / clusters * clusters;
            if from < to {
                free.push(Extent::new(from, to - from));
            }
        };
        let mut at = 0;
        for run in blocked.runs() {
            add(at, run.start.0);
            at = run.end();
        }
        add(at, end);
        free
    }

    /// Places for all files that cannot stay; none when there is too little room.
    fn all(&self, lying: &[Lying], mut free: Vec<Extent>, whole: bool) -> Option<Vec<Vec<Extent>>> {
        let mut places: Vec<Vec<Extent>> = lying.iter().map(|one| one.extents.clone().unwrap_or_default()).collect();
        let mut order: Vec<usize> = (0..lying.len()).filter(|index| !lying[*index].stays).collect();
        order.sort_by_key(|index| std::cmp::Reverse(lying[*index].file.bytes));
        for index in order {
            places[index] = match &lying[index].extents {
                Some(extents) if !whole => self.mend(extents, &mut free)?,
                _ => take(&mut free, self.need(lying[index].file.bytes))?,
            };
        }
        Some(places)
    }

    /// A file's extents with other clusters for those that collide.
    fn mend(&self, extents: &[Extent], free: &mut Vec<Extent>) -> Option<Vec<Extent>> {
        let mut mended = Vec::new();
        for extent in extents {
            let mut at = extent.start.0;
            for run in self.taken.runs_in(extent.start.0..extent.end()) {
                let from = (at + (run.start.0.max(at) - at) / self.units.clusters * self.units.clusters).max(at);
                let to = (extent.start.0 + (run.end() - extent.start.0).next_multiple_of(self.units.clusters))
                    .min(extent.end());
                if from > at {
                    mended.push(Extent::new(at, from - at));
                }
                if to > from {
                    mended.extend(take(free, to - from)?);
                    at = to;
                }
            }
            if at < extent.end() {
                mended.push(Extent::new(at, extent.end() - at));
            }
        }
        Some(mended)
    }

    fn no_room(&self, lying: &[Lying], blocked: &ClusterMap) -> Error {
        let need: u64 = lying.iter().filter(|one| !one.stays).map(|one| self.need(one.file.bytes)).sum();
        let have: u64 = self.free(blocked).iter().map(|extent| extent.clusters).sum();
        let (need, have) = (self.grid.bytes_of(need), self.grid.bytes_of(have));
        Error::refused(format!(
            "the restored volume uses clusters in which images lie today; to move these, {} bytes ({need}) are needed, and {} bytes ({have}) are free",
            need.0, have.0
        ))
        .advise("Copy the image to another disk and restore it from there, or give --drop-images to lose the images")
    }
}

/// The highest run that is long enough, or pieces from the top.
fn take(free: &mut Vec<Extent>, clusters: u64) -> Option<Vec<Extent>> {
    if clusters == 0 {
        return Some(Vec::new());
    }
    if let Some(at) = free.iter().rposition(|extent| extent.clusters >= clusters) {
        let Extent { start, clusters: have } = free[at];
        free[at] = Extent::new(start.0, have - clusters);
        if have == clusters {
            free.remove(at);
        }
        return Some(vec![Extent::new(start.0 + have - clusters, clusters)]);
    }
    let mut left = clusters;
    let mut pieces = Vec::new();
    while left > 0 {
        let last = free.pop()?;
        let now = last.clusters.min(left);
        pieces.push(Extent::new(last.end() - now, now));
        if now < last.clusters {
            free.push(Extent::new(last.start.0, last.clusters - now));
        }
        left -= now;
    }
    pieces.reverse();
    Some(pieces)
}

/// The clusters that bytes lie in, wholly or in part.
pub(super) fn outward(range: ByteRange, grid: Grid) -> Extent {
    let clusters = grid.clusters_of(range.offset, range.len);
    Extent::new(clusters.start, clusters.end - clusters.start)
}

fn placed(lying: &[Lying], places: &[Vec<Extent>], grid: Grid, to_free: bool, without: Vec<String>) -> Placed {
    let mut moved = Vec::new();
    let files = lying.iter().zip(places).map(|(one, extents)| {
        let runs = ranges(extents, grid);
        moved.extend(pairs(&one.file.runs, &runs));
        FileRecord { runs, ..one.file.clone() }
    });
    let files = files.collect();
    Placed { files, moved, to_free, without }
}

/// Extents as bytes, neighbours joined.
fn ranges(extents: &[Extent], grid: Grid) -> Vec<ByteRange> {
    let mut ranges: Vec<ByteRange> = Vec::new();
    for extent in extents {
        let (offset, len) = (grid.offset_of(extent.start), grid.bytes_of(extent.clusters));
        match ranges.last_mut() {
            Some(last) if last.offset.0 + last.len.0 == offset.0 => last.len.0 += len.0,
            _ => ranges.push(ByteRange { offset, len }),
        }
    }
    ranges
}

/// What must be copied so that bytes in file order come from the old runs to the new ones; the tail of a last run
/// that only one of them has is nobody's.
fn pairs(old: &[ByteRange], new: &[ByteRange]) -> Vec<MovedPart> {
    let mut pairs = Vec::new();
    let (mut from, mut to) = (old.iter().copied(), new.iter().copied());
    let (mut here, mut there) = (from.next(), to.next());
    while let (Some(a), Some(b)) = (here, there) {
        let len = ByteLen(a.len.0.min(b.len.0));
        if a.offset != b.offset {
            let cut = |range: ByteRange| ByteRange { offset: range.offset, len };
            pairs.push(MovedPart { from: cut(a), to: cut(b) });
        }
        let rest = |range: ByteRange| ByteRange {
            offset: ByteOffset(range.offset.0 + len.0),
            len: ByteLen(range.len.0 - len.0),
        };
        here = if a.len > len { Some(rest(a)) } else { from.next() };
        there = if b.len > len { Some(rest(b)) } else { to.next() };
    }
    pairs
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::image::container::{Role, VolumeRecord};
    use crate::unit::Cluster;
    use crate::volume::Kind;

    const GRID: Grid = Grid { cluster_bytes: 512, clusters: 100 };
    const UNITS: Units = Units { origin: Cluster(4), clusters: 2, count: 48 };

    /// Start and length.
    type Runs<'a> = &'a [(u64, u64)];
    /// The same of a file.
    type Places = Vec<(u64, u64)>;

    fn toc(files: &[(&str, u64, Runs<'_>)]) -> Toc {
        let range = |(start, len): &(u64, u64)| ByteRange { offset: ByteOffset(start * 512), len: ByteLen(len * 512) };
        let file = |(name, bytes, runs): &(&str, u64, &[(u64, u64)])| FileRecord {
            name: (*name).into(),
            role: Role::TocBegin,
            bytes: *bytes,
            runs: runs.iter().map(range).collect(),
        };
        let volume =
            VolumeRecord { kind: Kind::Fat16, id: None, label: None, bytes: 51200, start_bytes: 0, grid: GRID };
        Toc {
            container_id: Uuid::from_u128(1),
            sequence: 1,
            written: jiff::Timestamp::UNIX_EPOCH,
            volume,
            partition: None,
            table: None,
            boot: Vec::new(),
            files: files.iter().map(file).collect(),
            images: Vec::new(),
        }
    }

    fn map(runs: &[(u64, u64)]) -> ClusterMap {
        let mut map = ClusterMap::new(GRID.clusters);
        runs.iter().for_each(|(start, len)| map.set(Extent::new(*start, *len), true));
        map
    }

    fn place(toc: &Toc, taken: Runs<'_>, today: Option<Runs<'_>>) -> Result<(Vec<Places>, bool)> {
        let (taken, today) = (map(taken), today.map(map));
        let placed = Room { grid: GRID, units: UNITS, taken: &taken, today: today.as_ref() }.place(toc)?;
        let runs = |file: &FileRecord| file.runs.iter().map(|run| (run.offset.0 / 512, run.len.0 / 512)).collect();
        Ok((placed.files.iter().map(runs).collect(), placed.to_free))
    }

    #[test]
    fn what_is_in_the_way_goes_as_high_as_it_can_and_the_rest_stays() {
        let toc = toc(&[("a", 3000, &[(80, 6)]), ("b", 2048, &[(86, 4)])]);
        assert_eq!(place(&toc, &[(0, 40)], Some(&[(0, 90)])).unwrap(), (vec![vec![(80, 6)], vec![(86, 4)]], true));
        assert_eq!(place(&toc, &[(0, 81)], Some(&[(0, 90)])).unwrap(), (vec![vec![(94, 6)], vec![(86, 4)]], true));
        // Only in use today: then the new place costs something, and that is told.
        assert_eq!(place(&toc, &[(81, 1)], Some(&[(0, 100)])).unwrap(), (vec![vec![(94, 6)], vec![(86, 4)]], false));
    }

    #[test]
    fn what_does_not_fit_whole_moves_in_pieces_and_what_does_not_fit_at_all_is_refused_with_numbers() {
        let toc = toc(&[("a", 4096, &[(60, 8)])]);
        // Six clusters are free, eight would be needed: but only two of them collide.
        let taken = [(0, 60), (63, 1), (68, 26)];
        assert_eq!(place(&toc, &taken, None).unwrap().0, [[(60, 2), (98, 2), (64, 4)]]);
        let error = place(&toc, &[(0, 60), (60, 8), (72, 28)], None).unwrap_err().to_string();
        assert!(error.contains("4096 bytes") && error.contains("2048 bytes"), "{error}");
        // A file that does not lie in units of the restored volume moves wholly.
        let odd = super::tests::toc(&[("a", 900, &[(61, 2)])]);
        assert_eq!(place(&odd, &[(0, 50)], None).unwrap().0, [[(98, 2)]]);
    }
}

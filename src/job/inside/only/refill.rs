//! Working the changes into an image's volume, in memory: which clusters there get the bytes of which file.
//!
//! First everything goes that will be otherwise, then what is new gets clusters: so a file lies where it lay as far as
//! it fits there, few chunks differ from those of the image before, and as much room is needed as there is more.

use std::path::Path;

use super::collect::{Changes, Put};
use super::splice::Piece;
use crate::error::{Error, Kind, Result};
use crate::extent::{Extent, ExtentSet};
use crate::fs::{Edit, Units, edit};
use crate::job::Monitor;
use crate::unit::{ByteLen, Grid};

/// Works them in; gives the clusters of the files that are put, which are named by their places in the list.
///
/// # Errors
/// `Refused`, when a file is of a kind that cannot get another content, or there is too little room.
pub(super) fn refill(
    edit: &mut dyn Edit,
    grid: Grid,
    changes: &Changes,
    name: &str,
    monitor: &Monitor,
) -> Result<Vec<Piece>> {
    for path in &changes.gone {
        monitor.check()?;
        let (Some(directory), Some(file)) = (path.parent(), path.file_name().and_then(|file| file.to_str())) else {
            return Err(Error::refused(format!("{} has a name that is no text", path.display())));
        };
        edit.release(directory, file).map_err(other_way)?;
    }
    for (path, guise) in changes.kept.iter().chain(&changes.made) {
        at(guise.modified, || edit.make_directory(path, guise)).map_err(other_way)?;
    }
    for put in &changes.puts {
        monitor.check()?;
        at(put.guise.modified, || edit.put(&put.path, &[], ByteLen(0), &put.guise)).map_err(other_way)?;
    }
    let mut free = Free::of(edit)?;
    let unit_bytes = grid.bytes_of(free.units.clusters).0;
    let needed: u64 = changes.puts.iter().map(|put| put.bytes.div_ceil(unit_bytes)).sum();
    let have = free.clusters() / free.units.clusters;
    if needed > have {
        return Err(no_room(name, needed, have, unit_bytes));
    }
    let mut pieces = Vec::new();
    for (file, put) in changes.puts.iter().enumerate().filter(|(_, put)| put.bytes > 0) {
        monitor.check()?;
        let place = fill(edit, &mut free, put, unit_bytes, name)?;
        let mut begin = 0;
        for extent in place {
            let len = grid.bytes_of(extent.clusters).0;
            pieces.push(Piece { start: grid.offset_of(extent.start).0, len, file, at: begin });
            begin += len;
        }
    }
    Ok(pieces)
}

/// Works something out as if it were then: what is worked out twice is the same twice.
fn at<T>(time: Option<jiff::Timestamp>, act: impl FnOnce() -> T) -> T {
    match time {
        Some(time) => edit::at_time(time, act),
        None => act(),
    }
}

/// Gives one file its clusters.
fn fill(edit: &mut dyn Edit, free: &mut Free, put: &Put, unit_bytes: u64, name: &str) -> Result<Vec<Extent>> {
    let max = edit.max_file_len();
    if put.bytes > max.0 {
        return Err(Error::refused(format!(
            "{} has {} bytes, and a file in the image {name} can have {}",
            put.path.display(),
            put.bytes,
            max.0
        )));
    }
    let units = put.bytes.div_ceil(unit_bytes);
    let mut renewed = false;
    loop {
        let place = free.take(units * free.units.clusters, put.old.as_deref().unwrap_or(&[]));
        let Some(place) = place else {
            let have = free.clusters() / free.units.clusters;
            return Err(no_room(name, units, have, unit_bytes)
                .context(format!("{} and what describes the files before it", put.path.display())));
        };
        let done = at(put.guise.modified, || edit.put(&put.path, &place, ByteLen(put.bytes), &put.guise));
        match done {
            Ok(()) => return Ok(place),
            // A directory that grew, or a map, has taken some of what was free before.
            Err(error) if error.kind() == Kind::Refused && !renewed => {
                *free = Free::of(edit)?;
                renewed = true;
            }
            Err(error) => return Err(other_way(error)),
        }
    }
}

fn other_way(error: Error) -> Error {
    let advice = "Do not name it, or make an image of all: without --only";
    if error.kind() == Kind::Refused && error.advice().is_none() { error.advise(advice) } else { error }
}

fn no_room(name: &str, needed: u64, have: u64, unit_bytes: u64) -> Error {
    Error::refused(format!(
        "the files as they are today need {needed} clusters ({} bytes) in the volume of the image {name}, and {have} are free there ({} bytes): {} clusters are missing",
        needed.saturating_mul(unit_bytes),
        have.saturating_mul(unit_bytes),
        needed.saturating_sub(have)
    ))
    .advise("Name less, or make an image of all: without --only")
}

/// Free runs, whole units, in order.
struct Free {
    units: Units,
    runs: Vec<Extent>,
}

impl Free {
    fn of(edit: &dyn Edit) -> Result<Self> {
        let (units, used) = (edit.units(), edit.used()?);
        let (start, end) = (units.origin.0, units.origin.0 + units.clusters.saturating_mul(units.count));
        let mut runs = Vec::new();
        let mut at = start;
        for run in used.runs_in(start..end).chain([Extent::new(end, 0)]) {
            // A unit of which part is used is used.
            let first = start + (at - start).next_multiple_of(units.clusters);
            let last = start + (run.start.0 - start) / units.clusters * units.clusters;
            if first < last {
                runs.push(Extent::new(first, last - first));
            }
            at = run.end();
        }
        Ok(Self { units, runs })
    }

    fn clusters(&self) -> u64 {
        self.runs.iter().map(|run| run.clusters).sum()
    }

    /// So many clusters: where the file lay, as far as that is free; the rest in the first run that is long enough,
    /// else in the first runs there are. In ascending order, so that who reads the volume from its beginning to its end
    /// reads the file so. None when there are too few, and then nothing is taken.
    fn take(&mut self, clusters: u64, old: &[Extent]) -> Option<Vec<Extent>> {
        if clusters > self.clusters() {
            return None;
        }
        let mut taken = ExtentSet::new();
        let mut left = clusters;
        for extent in old {
            let now = Extent::new(extent.start.0, extent.clusters.min(left));
            if now.clusters > 0 && self.units.holds(now) && self.claim(now) {
                taken.insert(now);
                left -= now.clusters;
            }
        }
        while left > 0 {
            let run = *self.runs.iter().find(|run| run.clusters >= left).or(self.runs.first())?;
            let now = Extent::new(run.start.0, run.clusters.min(left));
            self.claim(now);
            taken.insert(now);
            left -= now.clusters;
        }
        Some(taken.runs().to_vec())
    }

    /// Takes an extent out, when all of it is free.
    fn claim(&mut self, extent: Extent) -> bool {
        let after = self.runs.partition_point(|run| run.start.0 <= extent.start.0);
        let Some(at) = after.checked_sub(1) else { return false };
        let run = self.runs[at];
        if run.end() < extent.end() {
            return false;
        }
        let before = Extent::new(run.start.0, extent.start.0 - run.start.0);
        let behind = Extent::new(extent.end(), run.end() - extent.end());
        self.runs.splice(at..=at, [before, behind].into_iter().filter(|rest| rest.clusters > 0));
        true
    }
}

/// True when the path is among those that were put or are gone; case does not count.
pub(super) fn is_renewed(changes: &Changes, path: &Path) -> bool {
    let fold = |path: &Path| path.to_string_lossy().to_lowercase();
    let path = fold(path);
    changes
        .puts
        .iter()
        .map(|put| put.path.as_path())
        .chain(changes.gone.iter().map(|gone| gone.as_path()))
        .any(|other| fold(other) == path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::Cluster;

    #[test]
    fn what_fits_where_it_lay_lies_there_and_the_rest_in_one_run() {
        let units = Units { origin: Cluster(0), clusters: 2, count: 50 };
        let runs = vec![Extent::new(2, 4), Extent::new(10, 10), Extent::new(40, 20)];
        let mut free = Free { units, runs };
        let runs = |list: &[Extent]| list.iter().map(|run| (run.start.0, run.clusters)).collect::<Vec<_>>();
        assert_eq!(runs(&free.take(8, &[Extent::new(12, 4)]).unwrap()), [(2, 4), (12, 4)]);
        assert_eq!(runs(&free.runs), [(10, 2), (16, 4), (40, 20)]);
        assert_eq!(runs(&free.take(24, &[Extent::new(30, 4)]).unwrap()), [(10, 2), (16, 4), (40, 18)]);
        assert!(free.take(4, &[]).is_none());
        assert_eq!(runs(&free.runs), [(58, 2)]);
    }
}

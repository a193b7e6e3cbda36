//! What `owners` call movable can be moved, and what they call fixed is refused: on every shape of every family.

use std::collections::BTreeMap;
use std::mem::discriminant;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lifeboat::device::{FileDevice, SharedDevice};
use lifeboat::error::Kind as ErrorKind;
use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::check::Unwatched;
use lifeboat::fs::edit::{self, Edit};
use lifeboat::fs::{Holder, Kind, Owner, Probe, Units, probe};

use crate::oracle::long;
use crate::zoo::{self, Shape};

/// Fixed extents that are tried on one volume, each alone.
const MOST_FIXED: usize = 60;
/// Movable extents of one kind that are tried alone, before all of them at once.
const MOST_OF_A_KIND: usize = 3;

/// What NTFS calls the table of its files (and `$MFTMirr` the copy of its beginning), and so many clusters that whole records lie in them.
const MFT: &str = "$MFT";
const MFT_UNITS: u64 = 8;

/// Shapes that stand for the others when time is short: with attributes, journal, quotas, orphan file, bad blocks.
const SOON: [&str; 12] = [
    "fat12-1k-fragmented",
    "fat16-4k-sectors",
    "fat32-512-names",
    "fat32-not-mirrored",
    "ext2-1k-mixed",
    "ext4-quota",
    "ext4-ea-inode",
    "ext4-orphan-file",
    "ext4-bad-blocks",
    "ext4-bigalloc-1k",
    "ntfs-fresh-4k",
    "ntfs-files-512",
];

/// Files that boot sectors find by their place, the same names where they mean nothing, and bad clusters.
const BOOT_FILES: Shape = Shape {
    name: "fat16-boot-files",
    script: "cd $DIR; truncate -s 17M $IMG; printf '9000\\n9001\\n12000\\n' > bad; mkfs.fat -F 16 -s 4 -l bad $IMG >/dev/null
             head -c 9000 /dev/urandom > f; mmd -i $IMG ::/SUB ::/LDLINUX.DIR
             for n in IO.SYS IBMBIO.COM SUB/ldlinux.sys SUB/IO.SYS SUB/IBMBIO.COM other; do mcopy -i $IMG f ::/$n; done",
};

struct Volume {
    name: &'static str,
    device: SharedDevice,
    kind: Kind,
    owners: Vec<Owner>,
}

#[derive(Default)]
struct Tried {
    movable: usize,
    fixed: usize,
    units: u64,
}

impl Volume {
    fn open(shape: &Shape, dir: &std::path::Path) -> Self {
        let device: SharedDevice = Arc::new(FileDevice::open(&shape.make(dir)).unwrap());
        let Probe::One(kind) = probe(&device).unwrap() else { panic!("{}: not one volume", shape.name) };
        let volume = lifeboat::fs::open(Arc::clone(&device), kind).unwrap();
        let all = ExtentSet::from(vec![Extent::new(0, volume.grid().clusters)]);
        let mut owners = Vec::new();
        volume.owners().owners(&all, &Unwatched, &mut |owner| owners.push(owner)).unwrap();
        assert!(!owners.is_empty(), "{}", shape.name);
        Self { name: shape.name, device, kind, owners }
    }

    fn edit(&self) -> Box<dyn Edit> {
        edit::open_unchecked(Arc::clone(&self.device), self.kind).unwrap()
    }

    /// Units that something fixed has a part in.
    fn fixed(&self, units: Units) -> ExtentSet {
        self.owners
            .iter()
            .filter(|owner| owner.fixed.is_some())
            .filter_map(|owner| whole(units, owner.extent))
            .collect()
    }

    /// Units that can move, by who holds them.
    fn movable(&self, units: Units) -> BTreeMap<String, Vec<Extent>> {
        let fixed = self.fixed(units);
        let mut kinds: BTreeMap<String, Vec<Extent>> = BTreeMap::new();
        for owner in self.owners.iter().filter(|owner| owner.fixed.is_none()) {
            let kind = match &owner.holder {
                Holder::Metadata(name) => name.clone(),
                holder => format!("{:?}", discriminant(holder)),
            };
            let Some(run) = whole(units, owner.extent) else { continue };
            let touched = fixed.runs().iter().any(|fixed| fixed.intersect(run).is_some());
            if !touched {
                kinds.entry(kind).or_default().push(run);
            }
        }
        kinds
    }

    /// Each kind of holder alone, then as much of all of them as half the free room takes.
    fn try_movable(&self, tried: &mut Tried) {
        let units = self.edit().units();
        let free = free(self.edit().as_ref());
        if free.is_empty() {
            return;
        }
        let kinds = self.movable(units);
        for (kind, runs) in &kinds {
            // The MFT's records may be longer than a cluster, and move whole; so does its mirror.
            let count = if kind.starts_with(MFT) { MFT_UNITS } else { 1 };
            for run in runs.iter().take(MOST_OF_A_KIND) {
                let one = Extent::new(run.start.0, run.clusters.min(units.clusters * count));
                let Some(target) = room_for(&free, one.clusters) else { continue };
                let outcome = self.edit().relocate(&ExtentSet::from(vec![one]), &[target]);
                outcome.unwrap_or_else(|error| panic!("{}: {kind} at {} is movable: {error}", self.name, one.start));
                tried.movable += 1;
            }
        }
        let room: u64 = free.iter().map(|run| run.clusters / units.clusters).sum::<u64>() / 2;
        let mut from = ExtentSet::new();
        let single =
            |run: &Extent| (0..run.clusters / units.clusters).map(|at| at * units.clusters).collect::<Vec<_>>();
        let all = kinds.iter().filter(|(kind, _)| !kind.starts_with(MFT)).flat_map(|(_, runs)| runs);
        let places = all.flat_map(|run| single(run).into_iter().map(|at| run.start.0 + at));
        places.take(room as usize).for_each(|at| from.insert(Extent::new(at, units.clusters)));
        let mut edit = self.edit();
        edit.relocate(&from, &free).unwrap_or_else(|error| panic!("{}: all at once: {error}", self.name));
        let used = edit.used().unwrap();
        let left: u64 =
            from.runs().iter().flat_map(|run| used.runs_in(run.start.0..run.end())).map(|run| run.clusters).sum();
        assert_eq!(left, 0, "{}: what was to be vacated is vacant", self.name);
        tried.units += from.clusters() / units.clusters;
    }

    /// Each fixed extent is refused by name, and nothing comes of it.
    fn try_fixed(&self, tried: &mut Tried) {
        let mut edit = self.edit();
        let units = edit.units();
        let free = free(edit.as_ref());
        let fixed: Vec<&Owner> = self.owners.iter().filter(|owner| owner.fixed.is_some()).collect();
        for owner in fixed.iter().step_by(fixed.len().div_ceil(MOST_FIXED).max(1)) {
            let run = whole(units, owner.extent).unwrap_or(owner.extent);
            let one = Extent::new(run.start.0, units.clusters.min(run.clusters));
            let error = match edit.relocate(&ExtentSet::from(vec![one]), &free) {
                Ok(()) => panic!("{}: {:?} at {} is fixed, and moved", self.name, owner.holder, one.start),
                Err(error) => error,
            };
            assert_eq!(error.kind(), ErrorKind::Refused, "{}: {error}", self.name);
            let said = error.to_string();
            // Without room that is said first.
            let named = free.is_empty()
                || ["cannot move", "cannot be moved", "holds it", "must lie"].iter().any(|part| said.contains(part));
            assert!(named, "{}: {:?} at {}: {said}", self.name, owner.holder, one.start);
            assert!(edit.take("nothing").unwrap().is_empty(), "{}", self.name);
            tried.fixed += 1;
        }
    }
}

/// The whole units that a run has a part in; `None` where no unit is.
fn whole(units: Units, run: Extent) -> Option<Extent> {
    let (origin, each) = (units.origin.0, units.clusters);
    let start = run.start.0.checked_sub(origin)? / each;
    let end = (run.end() - origin).div_ceil(each).min(units.count);
    (start < end).then(|| Extent::new(origin + start * each, (end - start) * each))
}

/// The end of the last free run that has so many clusters.
fn room_for(free: &[Extent], clusters: u64) -> Option<Extent> {
    let run = free.iter().rev().find(|run| run.clusters >= clusters)?;
    Some(Extent::new(run.end() - clusters, clusters))
}

/// Free runs of whole units.
fn free(edit: &dyn Edit) -> Vec<Extent> {
    let units = edit.units();
    let end = units.origin.0 + units.count * units.clusters;
    let used: ExtentSet = edit.used().unwrap().runs().collect();
    let inside = |run: &Extent| {
        let start = run.start.0.max(units.origin.0) - units.origin.0;
        let start = units.origin.0 + start.next_multiple_of(units.clusters);
        let stop = units.origin.0 + (run.end().min(end).max(start) - units.origin.0) / units.clusters * units.clusters;
        Extent::new(start, stop.saturating_sub(start))
    };
    used.complement(end).runs().iter().map(inside).filter(|run| run.clusters > 0).collect()
}

#[test]
fn boot_files_are_fixed_where_a_boot_sector_looks_for_them() {
    let dir = tempfile::tempdir().unwrap();
    let volume = Volume::open(&BOOT_FILES, dir.path());
    let is_fixed = |holder: &Holder| {
        let mut held = volume.owners.iter().filter(|owner| owner.holder == *holder).peekable();
        assert!(held.peek().is_some(), "{holder:?} is there");
        held.all(|owner| owner.fixed.is_some())
    };
    for (path, fixed) in [
        ("/IO.SYS", true),
        ("/IBMBIO.COM", true),
        ("/SUB/ldlinux.sys", true),
        ("/SUB/IO.SYS", false),
        ("/SUB/IBMBIO.COM", false),
        ("/other", false),
    ] {
        assert_eq!(is_fixed(&Holder::File(path.to_owned())), fixed, "{path}");
    }
    assert!(is_fixed(&Holder::Bad) && !is_fixed(&Holder::Directory("/SUB".to_owned())));
}

#[test]
fn owners_and_edits_agree_on_what_can_move() {
    let shapes = zoo::fat::SHAPES.iter().chain(zoo::ext::SHAPES).chain(zoo::ntfs::SHAPES);
    let mut shapes: Vec<&Shape> = shapes.filter(|shape| long() || SOON.contains(&shape.name)).collect();
    shapes.push(&BOOT_FILES);
    assert!(shapes.len() >= SOON.len(), "each shape that stands for others is there");
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let all = std::sync::Mutex::new(Tried::default());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(shape) = shapes.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let tried = std::panic::catch_unwind(|| {
                        let dir = tempfile::tempdir().unwrap();
                        let volume = Volume::open(shape, dir.path());
                        let mut tried = Tried::default();
                        volume.try_movable(&mut tried);
                        volume.try_fixed(&mut tried);
                        tried
                    });
                    let Ok(tried) = tried else {
                        failed.fetch_add(1, Ordering::Relaxed);
                        continue;
                    };
                    let mut all = all.lock().unwrap();
                    all.movable += tried.movable;
                    all.fixed += tried.fixed;
                    all.units += tried.units;
                }
            });
        }
    });
    assert_eq!(failed.into_inner(), 0, "shapes on which they disagree");
    let Tried { movable, fixed, units } = all.into_inner().unwrap();
    println!("{} shapes: {movable} extents moved alone, {units} units at once, {fixed} refused", shapes.len());
}

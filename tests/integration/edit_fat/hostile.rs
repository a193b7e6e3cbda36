//! Damaged volumes: an edit refuses or succeeds, whatever the bytes.

use std::path::Path;
use std::sync::Arc;

use lifeboat::device::{MemoryDevice, ReadDevice, SharedDevice};
use lifeboat::extent::{ClusterMap, Extent, ExtentSet};
use lifeboat::fs::{Change, Edit, Kind, Overlay, Tag, edit};
use lifeboat::unit::{ByteLen, ByteOffset, Cluster, Grid};

use super::bench::Dice;
use crate::oracle::long;
use crate::zoo::fat::SHAPES;

/// What is damaged, and how long its metadata is.
const ON: [(&str, Kind, u64); 4] = [
    ("fat12-floppy-names", Kind::Fat12, 40 << 10),
    ("fat16-512-mixed-1-fat", Kind::Fat16, 60 << 10),
    ("fat32-512-names", Kind::Fat32, 20 << 10),
    ("fat32-1k-fragmented", Kind::Fat32, 60 << 10),
];

/// Damages a few bytes: most of them where metadata begins, some in the first entries of each structure.
fn damage(dice: &mut Dice, device: &Overlay, metadata: u64) {
    let data = |device: &Overlay| {
        let mut sector = [0; 512];
        device.read_at(ByteOffset::ZERO, &mut sector).unwrap();
        let word = |at: usize| u64::from(u16::from_le_bytes([sector[at], sector[at + 1]]));
        let sectors = if word(22) != 0 { word(22) } else { word(36) };
        (word(14) * word(11), (word(14) + u64::from(sector[16]) * sectors) * word(11))
    };
    let (fat, root) = data(device);
    for _ in 0..=dice.roll(6) {
        let at = match dice.roll(5) {
            0 => dice.roll(0x60),
            1 => fat + dice.roll(1024),
            2 => root + dice.roll(4096),
            3 => root + dice.roll(metadata),
            _ => dice.roll(root + metadata),
        };
        let byte = [0, 0xFF, 0xE5, 0x0F, 0x10, 1, dice.roll(256) as u8][dice.roll(7) as usize];
        let _ = device.write(ByteOffset(at), &[byte], Tag::new("damage"));
    }
}

/// Nothing outside the volume, nothing copied onto what was in use, no directory begun in what was in use.
fn judge(change: &Change, grid: Grid, len: ByteLen, began: &ClusterMap, before: &ClusterMap) {
    for copy in &change.copies {
        assert!(copy.to.0 + copy.len.0 <= len.0 && copy.from.0 + copy.len.0 <= len.0);
        let range = grid.cluster_at(copy.to).0..grid.cluster_at(ByteOffset(copy.to.0 + copy.len.0 - 1)).0 + 1;
        assert!(began.runs_in(range).next().is_none(), "a copy onto clusters in use");
    }
    for patch in &change.patches {
        assert!(patch.offset.0 + patch.new.len() as u64 <= len.0, "a patch outside the volume");
        if patch.tags.iter().all(|tag| tag.part == "new cluster") {
            let Cluster(cluster) = grid.cluster_at(patch.offset);
            assert!(before.runs_in(cluster..cluster + 1).next().is_none(), "a directory grows into clusters in use");
        }
    }
}

fn free_runs(edit: &dyn Edit, used: &ClusterMap) -> Vec<Extent> {
    let units = edit.units();
    let free = (0..units.count).map(|unit| units.origin.0 + unit * units.clusters);
    let free = free.filter(|at| used.runs_in(*at..at + units.clusters).next().is_none());
    free.take(60).map(|at| Extent::new(at, units.clusters)).collect()
}

/// All edits on one damaged volume: how many succeeded and how many were refused.
fn try_all(dice: &mut Dice, device: &SharedDevice, kind: Kind) -> (usize, usize) {
    let Ok(mut edit) = edit::open_unchecked(Arc::clone(device), kind) else { return (0, 1) };
    let Ok(volume) = lifeboat::fs::open(Arc::clone(device), kind) else { return (0, 1) };
    let Ok(began) = edit.used() else { return (0, 1) };
    let (grid, len) = (volume.grid(), volume.summary().len);
    let names: Vec<String> = volume.tree().list(Path::new("/")).map_or_else(
        |_| Vec::new(),
        |list| list.iter().map(|entry| entry.name.to_string_lossy().into_owned()).collect(),
    );
    let units = edit.units();
    let (mut done, mut refused) = (0, 0);
    for act in 0..7 {
        let Ok(before) = edit.used() else { return (done, refused + 1) };
        let free = free_runs(edit.as_ref(), &before);
        let name = if names.is_empty() { "x" } else { &names[dice.roll(names.len() as u64) as usize] };
        let bytes = ByteLen(free.len().min(5) as u64 * grid.bytes_of(units.clusters).0);
        let outcome = match act {
            0 => edit.mark(true),
            1 | 2 => {
                edit.adopt(Path::new("/LIFEBOAT"), &format!("a file, number {act}"), &free[..free.len().min(5)], bytes)
            }
            3 => edit.release(Path::new("/"), name).map(|_| ()),
            4 => edit.replace(Path::new(name), &[7; 700]),
            5 => edit.adopt(&Path::new("/").join(name), "deeper", &[], ByteLen(0)),
            _ => {
                let mut from = ExtentSet::new();
                let start = dice.roll(units.count.min(200));
                let count = (dice.roll(40) + 1).min(units.count - start);
                from.insert(Extent::new(units.origin.0 + start * units.clusters, count * units.clusters));
                let apart = |run: &&Extent| from.runs()[0].intersect(**run).is_none();
                let to: Vec<Extent> = free.iter().filter(apart).copied().collect();
                edit.relocate(&from, &to)
            }
        };
        match outcome {
            Ok(()) => done += 1,
            Err(_) => refused += 1,
        }
        let Ok(change) = edit.take("act") else { continue };
        judge(&change, grid, len, &began, &before);
    }
    (done, refused)
}

#[test]
fn damaged_volumes_are_refused_or_changed_and_nothing_else() {
    let rounds = if long() { 20_000 } else { 250 };
    for (name, kind, metadata) in ON {
        let dir = tempfile::tempdir().unwrap();
        let image = SHAPES.iter().find(|shape| shape.name == name).unwrap().make(dir.path());
        let base: SharedDevice = Arc::new(MemoryDevice::new(std::fs::read(image).unwrap()));
        let (mut done, mut refused) = (0, 0);
        for seed in 0..rounds {
            let mut dice = Dice(seed);
            let damaged = Overlay::new(Arc::clone(&base));
            damage(&mut dice, &damaged, metadata);
            let device: SharedDevice = Arc::new(damaged);
            let (more, less) = try_all(&mut dice, &device, kind);
            (done, refused) = (done + more, refused + less);
        }
        println!("{name}: {rounds} damaged volumes, {done} edits done, {refused} refused");
        assert!(done > refused / 50 && refused > 0);
    }
}

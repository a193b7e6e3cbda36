//! Edits on any bytes: whatever they say, what is worked out lies within the volume, and on nobody's clusters.

use std::path::{Path, PathBuf};

use lifeboat::extent::{ClusterMap, Extent, ExtentSet};
use lifeboat::fs::{self, Change, Edit, EntryKind, FileSystem, edit};
use lifeboat::unit::{ByteLen, ByteOffset, Grid};

use crate::{KINDS, unpack};

/// The bytes before a volume that choose the edits.
const CHOICES: usize = 16;
/// Free runs offered to an edit.
const RUNS: usize = 60;

/// Opens the volume as any kind and makes a few edits, chosen by the input's first 16 bytes.
pub fn change_volume(input: &[u8]) {
    let Some((choices, volume)) = input.split_at_checked(CHOICES) else { return };
    let Some(device) = unpack(volume) else { return };
    for kind in KINDS {
        let Ok(volume) = fs::open(device.clone(), kind) else { continue };
        let Ok(mut edit) = edit::open_unchecked(device.clone(), kind) else { continue };
        let Ok(began) = edit.used() else { continue };
        let files = files(&*volume);
        for pair in choices.chunks_exact(2) {
            let Ok(before) = edit.used() else { break };
            let _ = act(&mut *edit, &before, &files, pair[0], pair[1]);
            let Ok(change) = edit.take("act") else { break };
            judge(&change, volume.grid(), device.len(), &began, &before);
        }
    }
}

/// Some of the volume's files and directories.
fn files(volume: &dyn FileSystem) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from("/numbers")];
    let mut waiting = vec![PathBuf::from("/")];
    while let Some(path) = waiting.pop() {
        for entry in volume.tree().list(&path).unwrap_or_default().into_iter().take(RUNS) {
            if found.len() > RUNS {
                return found;
            }
            found.push(path.join(&entry.name));
            if entry.kind == EntryKind::Directory {
                waiting.push(path.join(entry.name));
            }
        }
    }
    found
}

/// Runs of free units, the first ones.
fn free(edit: &dyn Edit, used: &ClusterMap) -> Vec<Extent> {
    let units = edit.units();
    let end = units.clusters.saturating_mul(units.count).saturating_add(units.origin.0);
    let holes = used.runs().collect::<ExtentSet>().complement(end);
    let whole = |hole: &Extent| {
        let first = hole.start.0.max(units.origin.0).saturating_sub(units.origin.0).div_ceil(units.clusters);
        let last = hole.end().saturating_sub(units.origin.0) / units.clusters;
        let count = last.checked_sub(first)?.min(5) * units.clusters;
        (count > 0).then(|| Extent::new(units.origin.0 + first * units.clusters, count))
    };
    holes.runs().iter().filter_map(whole).take(RUNS).collect()
}

fn act(edit: &mut dyn Edit, used: &ClusterMap, files: &[PathBuf], what: u8, which: u8) -> lifeboat::error::Result<()> {
    let free = free(edit, used);
    let file = &files[usize::from(which) % files.len()];
    let root = Path::new("/");
    match what % 8 {
        0 => edit.mark(which % 2 == 0),
        1 => {
            let few = &free[..free.len().min(usize::from(which % 8))];
            // Too short, just right or too long, as the volume's clusters are.
            let len = few.iter().map(|run| run.clusters).sum::<u64>() << (9 + which % 8);
            edit.adopt(Path::new("/LIFEBOAT"), "a file with a long name", few, ByteLen(len))
        }
        2 => edit.adopt(file.parent().unwrap_or(root), "b", &[], ByteLen(0)),
        3 => {
            let name = file.file_name().and_then(|name| name.to_str()).unwrap_or("x");
            edit.release(file.parent().unwrap_or(root), name).map(drop)
        }
        4 => edit.release(Path::new("/LIFEBOAT"), "a file with a long name").map(drop),
        5 => edit.replace(file, &vec![b'R'; 3 * usize::from(which)]),
        _ => {
            let units = edit.units();
            let first = u64::from(which) * units.count / 256;
            let count = u64::from(what / 8 + 1).min(units.count - first);
            let from = Extent::new(units.origin.0 + first * units.clusters, count * units.clusters);
            let to: Vec<Extent> = free.into_iter().filter(|run| from.intersect(*run).is_none()).collect();
            edit.relocate(&std::iter::once(from).collect(), &to)
        }
    }
}

/// Nothing outside the volume, nothing copied onto what was in use, no directory begun in what was in use.
fn judge(change: &Change, grid: Grid, len: ByteLen, began: &ClusterMap, before: &ClusterMap) {
    for copy in &change.copies {
        let ends = [copy.from, copy.to].map(|start| start.0.checked_add(copy.len.0));
        assert!(ends.iter().all(|end| end.is_some_and(|end| end <= len.0)), "a copy outside the volume");
        if copy.len.0 > 0 {
            let last = grid.cluster_at(ByteOffset(copy.to.0 + copy.len.0 - 1));
            let range = grid.cluster_at(copy.to).0..last.0 + 1;
            assert!(began.runs_in(range).next().is_none(), "a copy onto clusters in use");
        }
    }
    for patch in &change.patches {
        let end = patch.offset.0.checked_add(patch.new.len() as u64);
        assert!(end.is_some_and(|end| end <= len.0), "a patch outside the volume");
        assert_eq!(patch.old.len(), patch.new.len());
        if patch.tags.iter().all(|tag| tag.part == "new cluster") {
            let cluster = grid.cluster_at(patch.offset).0;
            assert!(before.runs_in(cluster..cluster + 1).next().is_none(), "a directory grows into clusters in use");
        }
    }
}

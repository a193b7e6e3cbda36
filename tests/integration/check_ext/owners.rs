//! Who holds what: nothing lost on sound volumes, everything used told, and each file's blocks told as its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lifeboat::device::FileDevice;
use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::{self, EntryKind, FileSystem, Holder, Owner, Probe};

use super::takes;
use crate::oracle::sh;
use crate::zoo::ext::SHAPES;

fn open(path: &Path) -> Box<dyn FileSystem> {
    let device: lifeboat::device::SharedDevice = Arc::new(FileDevice::open(path).unwrap());
    match fs::probe(&device).unwrap() {
        Probe::One(kind) => fs::open(device, kind).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn owners(volume: &dyn FileSystem, within: &ExtentSet) -> Vec<Owner> {
    let mut found = Vec::new();
    volume.owners().owners(within, &fs::check::Unwatched, &mut |owner| found.push(owner)).unwrap();
    found
}

/// Blocks by path, as the tree's own reader has them.
fn by_tree(volume: &dyn FileSystem) -> BTreeMap<PathBuf, Vec<Extent>> {
    let mut found = BTreeMap::new();
    let mut left = vec![PathBuf::from("/")];
    while let Some(path) = left.pop() {
        found.insert(path.clone(), volume.tree().extents(&path).unwrap());
        for entry in volume.tree().list(&path).unwrap() {
            let own = path.join(&entry.name);
            if entry.kind == EntryKind::Directory {
                left.push(own);
            } else {
                found.insert(own.clone(), volume.tree().extents(&own).unwrap());
            }
        }
    }
    found
}

#[test]
fn every_used_cluster_has_its_holder() {
    let mut count = 0;
    for (_, shape) in SHAPES.iter().enumerate().filter(|(index, _)| takes(index + 2, 9)) {
        let dir = tempfile::tempdir().unwrap();
        let volume = open(&shape.make(dir.path()));
        let all = ExtentSet::from(vec![Extent::new(0, volume.grid().clusters)]);
        let told = owners(&*volume, &all);
        let lost: Vec<_> = told.iter().filter(|owner| owner.holder == Holder::Lost).collect();
        assert!(lost.is_empty(), "{}: {lost:?}", shape.name);
        let used: ExtentSet = volume.used().unwrap().runs().collect();
        let held: ExtentSet = told.iter().map(|owner| owner.extent).collect();
        assert!(held == used, "{}: not what is used", shape.name);
        let mut by_path: BTreeMap<String, Vec<Extent>> = BTreeMap::new();
        for owner in &told {
            if let Some(path) = owner.holder.path() {
                assert!(owner.fixed.is_none() && !path.contains("has no name"), "{}: {owner:?}", shape.name);
                by_path.entry(path.to_owned()).or_default().push(owner.extent);
            }
        }
        let tree = by_tree(&*volume);
        for (path, extents) in &by_path {
            let Some(own) = tree.get(Path::new(path)) else {
                assert!(path.contains('\u{fffd}'), "{}: {path:?} is not in the tree", shape.name);
                continue;
            };
            let own: ExtentSet = own.iter().copied().collect();
            for extent in extents {
                let inside = own.intersect(&ExtentSet::from(vec![*extent])).clusters();
                let is_unit = shape.name.contains("bigalloc");
                assert!(is_unit || inside == extent.clusters, "{}: {path} does not hold {extent:?}", shape.name);
            }
            count += 1;
        }
    }
    println!("{count} files and directories hold what is told");
}

#[test]
fn a_range_is_clipped_and_debugfs_agrees() {
    let dir = tempfile::tempdir().unwrap();
    let shape = SHAPES.iter().find(|shape| shape.name == "ext4-1k-mixed").unwrap();
    let image = shape.make(dir.path());
    let volume = open(&image);
    for path in ["/random", "/pieces", "/deep", "/many/a-file-with-a-longish-name-12"] {
        let text = sh(dir.path(), &format!("debugfs -R 'blocks {path}' {} 2>/dev/null", image.display()));
        let blocks: Vec<u64> = text.split_whitespace().map(|block| block.parse().unwrap()).collect();
        let within: ExtentSet = blocks.iter().step_by(3).map(|block| Extent::new(*block, 1)).collect();
        let told = owners(&*volume, &within);
        assert!(told.iter().all(|owner| owner.holder.path() == Some(path)), "{path}: {told:?}");
        let held: ExtentSet = told.iter().map(|owner| owner.extent).collect();
        assert_eq!(held, within, "{path}");
    }
    let told = owners(&*volume, &ExtentSet::from(vec![Extent::new(1, 3)]));
    assert!(told.iter().all(|owner| owner.fixed.is_some()), "{told:?}");
    assert_eq!(told[0].holder, Holder::Metadata("superblock and descriptors of group 0".to_owned()));
}

//! Whose clusters are whose, beside the bitmap, the files' own runs and `ntfscluster`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use lifeboat::device::FileDevice;
use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::check::Unwatched;
use lifeboat::fs::{self, EntryKind, FileSystem, Holder, Kind, Owner};

use crate::oracle::sh;
use crate::zoo::ntfs::SHAPES;

/// All owners of a volume's clusters within a set.
fn owners(volume: &dyn FileSystem, within: &ExtentSet) -> Vec<Owner> {
    let mut found = Vec::new();
    volume.owners().owners(within, &Unwatched, &mut |owner| found.push(owner)).unwrap();
    found
}

fn all(volume: &dyn FileSystem) -> ExtentSet {
    [Extent::new(0, volume.grid().clusters)].into_iter().collect()
}

/// Every used cluster of a sound volume has one owner, no free one has any, and each file's runs are its own.
pub(super) fn agree(volume: &dyn FileSystem) {
    let found = owners(volume, &all(volume));
    assert!(found.iter().all(|owner| owner.holder != Holder::Lost), "nothing is lost: {found:?}");
    let told: u64 = found.iter().map(|owner| owner.extent.clusters).sum();
    let set: ExtentSet = found.iter().map(|owner| owner.extent).collect();
    assert_eq!(told, set.clusters(), "each cluster is told once");
    let used: ExtentSet = volume.used().unwrap().runs().collect();
    assert_eq!(set.runs(), used.runs(), "the used clusters are told, and no others");
    let mut held: BTreeMap<&str, ExtentSet> = BTreeMap::new();
    for owner in &found {
        if let Some(path) = owner.holder.path() {
            let path = path.split(':').next().unwrap();
            held.entry(path).or_default().insert(owner.extent);
        }
    }
    files(volume, Path::new("/"), &mut |path, extents| {
        let own: ExtentSet = extents.iter().copied().filter(|run| run.clusters > 0).collect();
        let shown = path.to_str().unwrap();
        let told = held.get(shown).cloned().unwrap_or_default();
        // A file of several names is told under one of them.
        if told.is_empty() && !own.is_empty() {
            assert!(held.values().any(|told| told.intersect(&own).clusters() == own.clusters()), "{shown}");
        } else {
            assert_eq!(told.runs(), own.runs(), "{shown}");
        }
    });
}

fn files(volume: &dyn FileSystem, path: &Path, see: &mut dyn FnMut(&Path, &[Extent])) {
    for entry in volume.tree().list(path).unwrap() {
        let here = path.join(&entry.name);
        if here.to_str().is_some_and(|text| !text.contains(':')) {
            see(&here, &volume.tree().extents(&here).unwrap());
        }
        if entry.kind == EntryKind::Directory {
            files(volume, &here, see);
        }
    }
}

/// What `ntfscluster` says: numbers of records and their attributes' types.
fn by_ntfscluster(dir: &Path, image: &Path, clusters: u64) -> BTreeSet<String> {
    let text = sh(dir, &format!("ntfscluster -f -c 0-{} {} 2>/dev/null", clusters - 1, image.display()));
    let lines = text.lines().filter(|line| line.starts_with("Inode ") && line.contains('/'));
    lines.map(|line| line.split_once('/').unwrap().1.to_owned()).collect()
}

#[test]
fn every_cluster_of_every_shape_has_its_owner() {
    let dir = tempfile::tempdir().unwrap();
    let mut compared = 0;
    for shape in SHAPES {
        let image = shape.make(dir.path());
        let volume = fs::open(Arc::new(FileDevice::open(&image).unwrap()), Kind::Ntfs).unwrap();
        agree(&*volume);
        // ntfscluster tells of as many attributes in clusters; of the root it says `.`.
        let theirs = by_ntfscluster(dir.path(), &image, volume.summary().clusters);
        let lists = |holder: &Holder| matches!(holder, Holder::Map(_));
        let found = owners(&*volume, &all(&*volume));
        let ours: BTreeSet<&str> = found.iter().filter(|o| lists(&o.holder)).filter_map(|o| o.holder.path()).collect();
        let (own, listed): (Vec<_>, Vec<_>) =
            theirs.iter().filter(|name| name.ends_with("$ATTRIBUTE_LIST")).partition(|name| name.starts_with('$'));
        assert_eq!(ours.len(), listed.len(), "{}: {ours:?} {listed:?}", shape.name);
        // That of $MFT is the file system's own.
        for name in own {
            let holder = Holder::Metadata(name.replace('/', ":"));
            assert!(found.iter().any(|owner| owner.holder == holder), "{}: {holder:?}", shape.name);
        }
        for owner in found.iter().take(200) {
            compared += 1;
            // A part gives the same owner as the whole.
            let part: ExtentSet = [Extent::new(owner.extent.start.0, 1)].into_iter().collect();
            let again = owners(&*volume, &part);
            assert!(again.len() == 1 && again[0].holder == owner.holder && again[0].fixed == owner.fixed, "{again:?}");
            if compared % 20 != 0 {
                break;
            }
        }
        std::fs::remove_file(image).unwrap();
    }
}

#[test]
fn what_must_stay_is_told_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let shape = SHAPES.iter().find(|shape| shape.name == "ntfs-fragmented").unwrap();
    let volume = fs::open(Arc::new(FileDevice::open(&shape.make(dir.path())).unwrap()), Kind::Ntfs).unwrap();
    let found = owners(&*volume, &all(&*volume));
    for owner in &found {
        let stays = |name: &str| ["$Boot", "$LogFile", "backup boot sector"].contains(&name);
        let fixed = matches!(&owner.holder, Holder::Metadata(name) if stays(name)) || owner.holder == Holder::Bad;
        assert_eq!(owner.fixed.is_some(), fixed, "{owner:?}");
    }
    let named = |name: &str| found.iter().any(|owner| owner.holder == Holder::Metadata(name.to_owned()));
    for name in
        ["$MFT", "$MFT:$BITMAP", "$LogFile", "$Bitmap", "$Boot", "$UpCase", "$Secure:$SDS", "backup boot sector"]
    {
        assert!(named(name), "{name} in {found:?}");
    }
    assert!(found.iter().any(|owner| owner.holder == Holder::Map("/pieces".to_owned())));
    assert!(found.iter().any(|owner| owner.holder == Holder::Directory("/d".to_owned())));
}

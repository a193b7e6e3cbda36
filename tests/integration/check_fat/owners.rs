//! Whose the clusters are, beside mtools' `mshowfat` and what the FAT says is used.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::check::Unwatched;
use lifeboat::fs::{EntryKind, FileSystem, Holder, Owner};

use super::open;
use crate::oracle::sh;
use crate::zoo::fat::SHAPES;

fn owners(volume: &dyn FileSystem, within: &ExtentSet) -> Vec<Owner> {
    let mut list = Vec::new();
    volume.owners().owners(within, &Unwatched, &mut |owner| list.push(owner)).unwrap();
    list
}

fn whole(volume: &dyn FileSystem) -> ExtentSet {
    set([Extent::new(0, volume.grid().clusters)])
}

fn set(runs: impl IntoIterator<Item = Extent>) -> ExtentSet {
    let mut set = ExtentSet::new();
    runs.into_iter().for_each(|run| set.insert(run));
    set
}

/// What each path holds.
fn by_path(list: &[Owner]) -> BTreeMap<String, ExtentSet> {
    let mut paths: BTreeMap<String, ExtentSet> = BTreeMap::new();
    for owner in list {
        if let Some(path) = owner.holder.path() {
            assert_eq!(owner.fixed, None);
            paths.entry(path.to_owned()).or_default().insert(owner.extent);
        }
    }
    paths
}

/// All paths of files and directories.
fn paths(volume: &dyn FileSystem) -> Vec<String> {
    let (mut found, mut open) = (Vec::new(), vec!["/".to_owned()]);
    while let Some(directory) = open.pop() {
        for entry in volume.tree().list(Path::new(&directory)).unwrap() {
            let path = format!("{directory}{}", entry.name.to_string_lossy());
            if entry.kind == EntryKind::Directory {
                open.push(format!("{path}/"));
            }
            found.push(path);
        }
    }
    found
}

/// The clusters of each path as mshowfat tells them, `<2-6> <9>`, on our grid.
fn shown(dir: &Path, image: &Path, volume: &dyn FileSystem, paths: &[String]) -> BTreeMap<String, ExtentSet> {
    let mut script = format!("cd {}; mshowfat -i {}", dir.display(), image.display());
    for path in paths {
        script.push_str(&format!(" '::{path}'"));
    }
    let summary = volume.summary();
    let mut boot = [0; 512];
    std::fs::File::open(image).unwrap().read_exact(&mut boot).unwrap();
    let u16_at = |at: usize| u64::from(u16::from_le_bytes([boot[at], boot[at + 1]]));
    let fat = match u16_at(0x16) {
        0 => u64::from(u32::from_le_bytes(boot[0x24..0x28].try_into().unwrap())),
        short => short,
    };
    let sectors = u16_at(0x0E) + u64::from(boot[0x10]) * fat;
    let data = sectors * u16_at(0x0B) + u16_at(0x11) * 32;
    let grid = u64::from(volume.grid().cluster_bytes);
    let factor = u64::from(summary.cluster_bytes) / grid;
    let mut found = BTreeMap::new();
    for line in sh(dir, &script).lines().filter(|line| line.contains('<')) {
        let (path, list) = line.split_once(" <").unwrap();
        let mut runs = ExtentSet::new();
        for run in list.split_whitespace().map(|run| run.trim_matches(['<', '>'])) {
            let (first, last) = run.split_once('-').unwrap_or((run, run));
            let (first, last): (u64, u64) = (first.parse().unwrap(), last.parse().unwrap());
            runs.insert(Extent::new(data / grid + (first - 2) * factor, (last + 1 - first) * factor));
        }
        found.insert(path.trim_start_matches("::").to_owned(), runs);
    }
    found
}

/// Holds all that is used to owners, and these to what mshowfat says; gives how many files and directories it had.
pub(super) fn compare_with_mshowfat(dir: &Path, image: &Path, what: &str) -> usize {
    let volume = open(image);
    let list = owners(volume.as_ref(), &whole(volume.as_ref()));
    assert_eq!(set(list.iter().map(|owner| owner.extent)), set(volume.used().unwrap().runs()), "{what}");
    assert!(!list.iter().any(|owner| matches!(owner.holder, Holder::Lost | Holder::Bad)), "{what}");
    let (mut ours, paths) = (by_path(&list), paths(volume.as_ref()));
    ours.remove("/");
    if !paths.is_empty() {
        assert_eq!(ours, shown(dir, image, volume.as_ref(), &paths), "{what}");
    }
    ours.len()
}

#[test]
fn owners_are_clipped_and_the_fixed_parts_say_why() {
    let dir = tempfile::tempdir().unwrap();
    let shape = SHAPES.iter().find(|shape| shape.name == "fat16-2k-fragmented").unwrap();
    let volume = open(&shape.make(dir.path()));
    let all = owners(volume.as_ref(), &whole(volume.as_ref()));
    let within = set([Extent::new(3, 1), Extent::new(100, 50), Extent::new(900, 777)]);
    let clipped = owners(volume.as_ref(), &within);
    let expected = set(all.iter().flat_map(|owner| within.runs().iter().filter_map(|run| run.intersect(owner.extent))));
    assert_eq!(set(clipped.iter().map(|owner| owner.extent)), expected);
    assert!(
        clipped.iter().all(|owner| within.runs().iter().any(|run| run.intersect(owner.extent) == Some(owner.extent)))
    );
    let fixed: Vec<_> = all.iter().filter(|owner| owner.fixed.is_some()).map(|owner| &owner.holder).collect();
    let names = ["boot sector and reserved sectors", "FAT 1", "FAT 2", "root directory"];
    assert_eq!(fixed, names.map(|name| Holder::Metadata(name.to_owned())).iter().collect::<Vec<_>>());
}

#[test]
fn lost_and_bad_clusters_are_told_and_crossed_ones_once_at_least() {
    let dir = tempfile::tempdir().unwrap();
    sh(
        dir.path(),
        "truncate -s 17M v.img; printf '9000\\n9001\\n12000\\n' > bad; mkfs.fat -F 16 -s 4 -l bad v.img >/dev/null
         head -c 9000 /dev/zero > f; mcopy -i v.img f ::/A; mcopy -i v.img f ::/B
         fat=$(od -An -tu2 -j22 -N2 v.img); reserved=$(od -An -tu2 -j14 -N2 v.img)
         for copy in 0 1; do printf '\\xff\\xff' | dd of=v.img bs=1 seek=$((512 * (reserved + copy * fat) + 2 * 100)) conv=notrunc status=none
         printf '\\x03\\x00' | dd of=v.img bs=1 seek=$((512 * (reserved + copy * fat) + 2 * 11)) conv=notrunc status=none; done",
    );
    let volume = open(&dir.path().join("v.img"));
    let list = owners(volume.as_ref(), &whole(volume.as_ref()));
    let count = |holder: Holder| {
        list.iter().filter(|owner| owner.holder == holder).map(|owner| owner.extent.clusters).sum::<u64>()
    };
    let grid = u64::from(volume.summary().cluster_bytes / volume.grid().cluster_bytes);
    // 9000 and 9001 lie in one cluster or in two that touch.
    assert!((2 * grid..=3 * grid).contains(&count(Holder::Bad)), "{}", count(Holder::Bad));
    assert_eq!(count(Holder::Lost), grid, "{list:?}");
    assert_eq!(count(Holder::File("/A".to_owned())) + count(Holder::File("/B".to_owned())), 10 * grid);
    // Bad clusters are not used: an image does not keep them.
    let used = set(volume.used().unwrap().runs());
    let told = set(list.iter().filter(|owner| owner.holder != Holder::Bad).map(|owner| owner.extent));
    assert_eq!(told, used);
}

//! Everything that can move moves at once: files, directories, links, maps, attributes, the journal.

use std::collections::BTreeSet;
use std::sync::Arc;

use lifeboat::device::{MemoryDevice, SharedDevice};
use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::check::Unwatched;
use lifeboat::fs::{self, Holder, Kind, Probe};
use lifeboat::unit::Cluster;

use super::stage::Stage;
use crate::oracle::{long, sh, sh_output};
use crate::zoo::ext;

/// Who may lie in a block that the groups' own metadata has not.
fn movable(holder: &Holder) -> bool {
    match holder {
        Holder::File(_) | Holder::Directory(_) | Holder::Map(_) => true,
        Holder::Metadata(what) => what == "journal",
        Holder::Bad | Holder::Lost => false,
    }
}

/// Half of the volume's movable units (every other one, so that runs are cut) to its free ones.
fn move_half(name: &str) -> Option<u64> {
    let shape = ext::SHAPES.iter().find(|shape| shape.name == name).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let original = shape.make(dir.path());
    let mut stage = Stage::open(name, dir.path(), &original).unwrap();
    let before = stage.walk(&original, "LIFEBOAT");
    let device: SharedDevice = Arc::new(MemoryDevice::new(std::fs::read(&original).unwrap()));
    let Ok(Probe::One(kind)) = fs::probe(&device) else { panic!("{name}") };
    let volume = fs::open(device, kind).unwrap();
    let (each, all) = (stage.edit.units().clusters, volume.grid().clusters);
    let within = ExtentSet::from(vec![Extent::new(0, all)]);
    let (mut units, mut fixed) = (BTreeSet::new(), BTreeSet::new());
    volume
        .owners()
        .owners(&within, &Unwatched, &mut |owner| {
            let touched = owner.extent.start.0 / each..owner.extent.end().div_ceil(each);
            if movable(&owner.holder) { units.extend(touched) } else { fixed.extend(touched) }
        })
        .unwrap();
    let free: ExtentSet = stage.used().runs().collect::<ExtentSet>().complement(all / each * each);
    let room = free.clusters() / each / 2;
    let from: ExtentSet =
        units.difference(&fixed).step_by(2).take(room as usize).map(|unit| Extent::new(unit * each, each)).collect();
    let to: Vec<Extent> = stage.free(from.clusters() / each, 5);
    let count = from.clusters() / each;
    stage.step("move half of everything", |edit| edit.relocate(&from, &to));
    for run in from.runs() {
        assert!(!stage.used().contains(Cluster(run.start.0)), "{name}: block {} is free now", run.start);
    }
    let after = stage.walk(&stage.image, "LIFEBOAT");
    assert!(before == after, "{name}: files changed");
    attributes_are_equal(&stage, &original);
    if kind != Kind::Ext2 {
        journal_is_used(&stage);
    }
    Some(count)
}

/// The extended attributes that the kernel shows.
fn attributes_are_equal(stage: &Stage, original: &std::path::Path) {
    let read = |image: &std::path::Path| {
        let script = format!(
            "mkdir -p m; mount -o ro,noload,loop {0} m 2>/dev/null || exit 7; trap 'cd /; umount {1}/m' EXIT; cd m
             find . -print0 | sort -z | perl -0ne 'chomp; my $l = \\\"\\\\0\\\" x 65536; my $n = syscall(194, $_, $l, 65536);
               next if $n <= 0; for my $a (split /\\\\0/, substr($l, 0, $n)) {{ my $v = \\\"\\\\0\\\" x 65536;
               my $m = syscall(191, $_, $a, $v, 65536); print \\\"$_ $a $m \\\", unpack(\\\"%32C*\\\", substr($v, 0, $m)), \\\"\\\\n\\\" }}'",
            image.display(),
            stage.dir.display()
        )
        .replace("\\\"", "\"")
        .replace("\\\\", "\\");
        String::from_utf8_lossy(&sh_output(&stage.dir, &script).stdout).into_owned()
    };
    assert_eq!(read(original), read(&stage.image), "{}", stage.name);
}

/// The kernel mounts it for writing, and journals to where the journal is now; crashes, and e2fsck replays.
fn journal_is_used(stage: &Stage) {
    let script = format!(
        "cp --sparse=always {0} k.img; mkdir -p m; mount -o loop k.img m 2>/dev/null || exit 7
         trap 'cd /; umount {1}/m 2>/dev/null || true' EXIT
         for i in $(seq 30); do echo $i > m/journalled-$i; done 2>/dev/null || true; sync m; cp --sparse=always k.img crashed.img
         umount m; e2fsck -fn k.img >/dev/null; e2fsck -fy crashed.img >/dev/null || [ $? = 1 ]; e2fsck -fn crashed.img",
        stage.image.display(),
        stage.dir.display()
    );
    let output = sh_output(&stage.dir, &script);
    assert!(
        matches!(output.status.code(), Some(0 | 7)),
        "{}: {}{}",
        stage.name,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn half_of_everything_moves() {
    let names: &[&str] = match long() {
        true => &[
            "ext2-1k-mixed",
            "ext2-triple",
            "ext2-attributes",
            "ext3-1k-mixed",
            "ext3-4k-mixed",
            "ext4-1k-mixed",
            "ext4-deep-extents",
            "ext4-attributes",
            "ext4-ea-inode",
            "ext4-inline",
            "ext4-bigalloc-1k",
            "ext4-meta-bg",
            "ext4-uninit-bg",
            "ext4-csum-seed",
            "ext4-4k-huge-directory",
            "ext4-verity-flag",
            "ext4-fast-commit",
        ],
        false => &["ext3-1k-mixed", "ext4-attributes"],
    };
    let moved: u64 = names.iter().filter_map(|name| move_half(name)).sum();
    println!("{moved} units moved on {} volumes", names.len());
}

#[test]
fn what_cannot_move_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("v.img");
    sh(dir.path(), &format!("truncate -s 32M {0}; mke2fs -Fq -t ext4 -b 1024 -O mmp,orphan_file {0}", image.display()));
    let places = sh(
        dir.path(),
        &format!(
            "dumpe2fs {0} 2>/dev/null | sed -n 's/^MMP block number: *//p'
             dumpe2fs {0} 2>/dev/null | sed -n 's/.*Block bitmap at \\([0-9]*\\).*/\\1/p' | head -1
             dumpe2fs {0} 2>/dev/null | sed -n 's/.*Inode bitmap at \\([0-9]*\\).*/\\1/p' | head -1
             dumpe2fs {0} 2>/dev/null | sed -n 's/.*Inode table at \\([0-9]*\\).*/\\1/p' | head -1
             dumpe2fs {0} 2>/dev/null | sed -n 's/.*Reserved GDT blocks at \\([0-9]*\\).*/\\1/p' | head -1
             n=$(dumpe2fs -h {0} 2>/dev/null | sed -n 's/^Orphan file inode: *//p'); debugfs -R \"blocks <$n>\" {0} 2>/dev/null | cut -d' ' -f1",
            image.display()
        ),
    );
    let places: Vec<u64> = places.split_whitespace().map(|block| block.parse().unwrap()).collect();
    let mut stage = Stage::open("fixed", dir.path(), &image).unwrap();
    let to = stage.free(4, 4);
    let wanted = [
        "multi-mount",
        "block bitmap of group 0",
        "inode bitmap of group 0",
        "inode table of group 0",
        "",
        "orphan file",
    ];
    assert_eq!(places.len(), wanted.len());
    for (block, wanted) in places.iter().chain([&1, &2]).zip(wanted.iter().chain(&["superblock", "descriptors"])) {
        let error = stage.edit.relocate(&ExtentSet::from(vec![Extent::new(*block, 1)]), &to).unwrap_err().to_string();
        assert!(error.contains(wanted) && error.contains("cannot move"), "{block}: {error}");
    }
    assert!(stage.edit.take("nothing").unwrap().is_empty());
}

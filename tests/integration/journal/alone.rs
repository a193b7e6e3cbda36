//! Each kind of edit alone, on each kind of volume: the power is cut everywhere, and what comes out satisfies the file
//! systems' own checkers, with every file as it was or was asked to be.

use std::path::Path;

use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::check::Unwatched;
use lifeboat::fs::{Holder, edit};
use lifeboat::inventory::Address;
use lifeboat::job::{self, Monitor};
use lifeboat::plan::{ChangeRequest, EditRequest, JournalWish};
use lifeboat::unit::ByteLen;

use super::cuts::{Tally, cut_and_see};
use super::edits::{content, free, open};
use super::ends::{EXT_READ, Judges, NTFS_READ};
use super::stage::Stage;
use crate::faults_cuts::Effort;
use crate::oracle::{long, sh};

/// One edit, and on what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Alone {
    Adopt,
    Release,
    Replace,
    MoveFile,
    MoveDirectory,
    /// A file's block map or extent tree.
    MoveMap(&'static str),
    /// What is the file system's own.
    MoveOwn(&'static str),
    /// FAT32's root directory; NTFS's index of it.
    MoveRoot,
}

use Alone::{Adopt, MoveDirectory, MoveFile, MoveMap, MoveOwn, MoveRoot, Release, Replace};

/// A kind of volume, made as `v.img` of the files in `f`, and who judges it as `end.img`.
pub(super) struct Family {
    pub(super) name: &'static str,
    script: &'static str,
    check: &'static str,
    read: Option<&'static str>,
    pub(super) is_large: bool,
    pub(super) edits: &'static [Alone],
}

const FILES: &str = "mkdir f; head -c 30000 /dev/urandom > f/moved; seq 3000 > f/replaced
    head -c 20000 /dev/urandom > f/released; mkdir f/many
    for i in $(seq 40); do echo $i > f/many/a-rather-long-name-$i; done";
const FAT: &str = "fsck.fat -n end.img";
const EXT: &str = "e2fsck -fn end.img 2>/dev/null";
const NTFS: &str = "ntfsfix -n end.img; ntfsinfo -fm end.img >/dev/null";

const FAT_32: Family = Family {
    name: "fat32",
    script: "truncate -s 34M v.img; mkfs.fat -F 32 -s 1 v.img; mcopy -s -i v.img f/* ::/",
    check: FAT,
    read: None,
    is_large: true,
    edits: &[MoveRoot, Adopt, MoveFile, MoveDirectory, Release, Replace],
};

/// How many edits of a large volume are tried by default.
const OF_LARGE: usize = 2;

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "fat12",
        script: "truncate -s 1M v.img; mkfs.fat -F 12 -s 1 v.img; mcopy -s -i v.img f/* ::/",
        edits: &[Adopt, Release, Replace, MoveFile, MoveDirectory],
        is_large: false,
        ..FAT_32
    },
    Family {
        name: "fat16",
        script: "truncate -s 3M v.img; mkfs.fat -F 16 -s 1 v.img; mcopy -s -i v.img f/* ::/",
        edits: &[Adopt, Release, Replace, MoveFile, MoveDirectory],
        is_large: false,
        ..FAT_32
    },
    FAT_32,
    Family {
        name: "ext2",
        script: "truncate -s 2M v.img; mke2fs -q -t ext2 -b 1024 -N 128 -d f v.img",
        check: EXT,
        read: Some(EXT_READ),
        is_large: false,
        edits: &[Adopt, Release, Replace, MoveFile, MoveDirectory, MoveMap("/moved")],
    },
    Family {
        name: "ext3",
        script: "truncate -s 4M v.img; mke2fs -q -t ext3 -b 1024 -N 128 -d f v.img",
        check: EXT,
        read: Some(EXT_READ),
        is_large: false,
        edits: &[Adopt, Release, Replace, MoveFile, MoveDirectory, MoveMap("/moved"), MoveOwn("journal")],
    },
    Family {
        name: "ext4-1k",
        script: "PIECES; truncate -s 4M v.img; mke2fs -q -t ext4 -O metadata_csum,64bit -b 1024 -N 128 -d f v.img",
        check: EXT,
        read: Some(EXT_READ),
        is_large: false,
        edits: &[Adopt, Release, Replace, MoveFile, MoveDirectory, MoveMap("/pieces"), MoveOwn("journal")],
    },
    Family {
        name: "ext4-4k",
        script: "PIECES; truncate -s 8M v.img; mke2fs -q -t ext4 -O metadata_csum,64bit -b 4096 -N 128 -d f v.img",
        check: EXT,
        read: Some(EXT_READ),
        is_large: false,
        edits: &[Adopt, Release, Replace, MoveFile, MoveDirectory, MoveMap("/pieces")],
    },
    Family {
        name: "ntfs-4k",
        script: "FORMAT 4096",
        check: NTFS,
        read: Some(NTFS_READ),
        is_large: false,
        edits: &[Adopt, Release, Replace, MoveFile, MoveDirectory, MoveRoot, MoveOwn("$MFT")],
    },
    Family {
        name: "ntfs-512",
        script: "FORMAT 512",
        check: NTFS,
        read: Some(NTFS_READ),
        is_large: false,
        edits: &[Adopt, Release, Replace, MoveFile, MoveDirectory, MoveRoot, MoveOwn("$MFT")],
    },
];

/// The words that the scripts use: a file of more extents than an inode holds, and an NTFS volume with the files.
const WORDS: &str = "PIECES() { truncate -s 900K f/pieces
        for i in 0 1 2 3 4 5 6; do head -c 3000 /dev/urandom | dd of=f/pieces bs=128K seek=$i conv=notrunc status=none; done; }
    FORMAT() { truncate -s 3M v.img; mkntfs -F -Q -q -s 512 -c $1 v.img; mkdir -p m; ntfs-3g -o no_detach v.img m & P=$!
        until mountpoint -q m; do kill -0 $P; sleep 0.01; done
        cp -r f/* m/; umount m; wait $P; }";

/// The units that hold what is picked.
fn held(image: &Path, pick: &dyn Fn(&Holder) -> bool) -> ExtentSet {
    let (device, volume) = open(image);
    let units = edit::open_unchecked(device, volume.summary().kind).unwrap().units();
    let all: ExtentSet = std::iter::once(Extent::new(0, volume.grid().clusters)).collect();
    let mut found = ExtentSet::new();
    let mut see = |owner: lifeboat::fs::Owner| {
        if pick(&owner.holder) {
            let first = (owner.extent.start.0 - units.origin.0) / units.clusters * units.clusters + units.origin.0;
            found.insert(Extent::new(first, (owner.extent.end() - first).next_multiple_of(units.clusters)));
        }
    };
    volume.owners().owners(&all, &Unwatched, &mut see).unwrap();
    found
}

/// Free units, one by one, for so many clusters; and a few more, for what leads to the pieces.
fn scattered(image: &Path, clusters: u64) -> Vec<Extent> {
    let (mut to, mut sum) = (Vec::new(), 0);
    for run in free(image, 4000) {
        if sum >= clusters + 8 * run.clusters {
            break;
        }
        sum += run.clusters;
        to.push(run);
    }
    to
}

/// The end of the longest free run, for what must not be cut into pieces.
fn in_one_piece(image: &Path, clusters: u64) -> Vec<Extent> {
    let (device, volume) = open(image);
    let edit = edit::open_unchecked(device, volume.summary().kind).unwrap();
    let (units, used) = (edit.units(), edit.used().unwrap());
    let holes = used.runs().collect::<ExtentSet>().complement(units.origin.0 + units.clusters * units.count);
    let longest = holes.runs().iter().max_by_key(|run| run.clusters).copied().unwrap();
    let size = (clusters + 8).next_multiple_of(units.clusters);
    let first = (longest.end() - size - units.origin.0) / units.clusters * units.clusters + units.origin.0;
    assert!(first >= longest.start.0, "{}: there is room", image.display());
    vec![Extent::new(first, size)]
}

fn request(image: &Path, alone: Alone) -> EditRequest {
    let relocate = |from: ExtentSet, is_own: bool| {
        assert!(from.clusters() > 0, "{alone:?}: there is something to move");
        let to = if is_own { in_one_piece(image, from.clusters()) } else { scattered(image, from.clusters()) };
        EditRequest::Relocate { from, to }
    };
    let directory = |path: &'static str| held(image, &|holder| *holder == Holder::Directory(path.into()));
    match alone {
        Adopt => {
            let extents = free(image, 7);
            let clusters: u64 = extents.iter().map(|run| run.clusters).sum();
            let len = ByteLen(open(image).1.grid().bytes_of(clusters).0 - 3);
            EditRequest::Adopt { directory: "/LIFEBOAT".into(), name: "toc-begin.lbc".into(), extents, len }
        }
        Release => EditRequest::Release { directory: "/".into(), name: "released".into() },
        Replace => {
            let old = open(image).1.tree().entry(Path::new("/replaced")).unwrap().bytes;
            EditRequest::Replace { path: "/replaced".into(), content: vec![b'R'; old as usize] }
        }
        MoveFile => relocate(content(image, "/moved"), false),
        MoveDirectory => relocate(directory("/many"), false),
        MoveRoot => relocate(directory("/"), false),
        MoveMap(path) => relocate(held(image, &|holder| *holder == Holder::Map(path.into())), false),
        MoveOwn(name) => relocate(held(image, &|holder| *holder == Holder::Metadata(name.into())), true),
    }
}

/// A fresh volume and a job of one edit.
pub(super) fn stage(family: &Family, alone: Alone) -> Stage {
    let dir = tempfile::tempdir().unwrap();
    sh(dir.path(), &format!("{WORDS}\n{FILES}\n{}", family.script));
    let image = dir.path().join("v.img");
    let request = ChangeRequest {
        volume: Address::Whole(image.clone()),
        name: "one edit".into(),
        edits: vec![request(&image, alone)],
        journal: JournalWish::InVolume,
    };
    let name = format!("{}, {alone:?}", family.name);
    let plan = job::plan_change(&request, &Monitor::new()).unwrap_or_else(|error| panic!("{name}: {error}"));
    Stage::new(&name, dir, image, plan)
}

/// All edits of a family; prints a line for each and for all.
fn cut_each(name: &str) {
    let family = FAMILIES.iter().find(|family| family.name == name).unwrap();
    let (mut all, mut judged, mut mounted) = (Tally::default(), 0, 0);
    let edits = if family.is_large && !long() { &family.edits[..OF_LARGE] } else { family.edits };
    for alone in edits {
        let begun = std::time::Instant::now();
        let stage = stage(family, *alone);
        let mut judges = Judges::new(&stage, family.check, family.read);
        let effort = Effort::for_one_edit(family.is_large);
        let tally = cut_and_see(&stage, effort, &mut |volume, direction| judges.see(volume, direction));
        assert!(tally.before > 0 && tally.jobs > 0 && tally.after > 0, "{}: {tally:?}", stage.name);
        println!("{}: {tally:?}, {} ends judged, {:.1?}", stage.name, judges.judged, begun.elapsed());
        all.add(&tally);
        judged += judges.judged;
        mounted += judges.mounted;
        assert!(judges.judged > 1, "{}: both ends are judged", stage.name);
    }
    println!("all of {name}: {all:?}, {judged} ends judged, {mounted} mounted and read");
}

/// One test for each family, so that they run side by side.
macro_rules! families {
    ($($test:ident $name:literal)*) => {$(
        #[test]
        fn $test() {
            cut_each($name);
        }
    )*};
}

families! {
    each_edit_of_fat12_survives_every_cut "fat12"
    each_edit_of_fat16_survives_every_cut "fat16"
    each_edit_of_fat32_survives_every_cut "fat32"
    each_edit_of_ext2_survives_every_cut "ext2"
    each_edit_of_ext3_survives_every_cut "ext3"
    each_edit_of_ext4_with_1k_blocks_survives_every_cut "ext4-1k"
    each_edit_of_ext4_with_4k_blocks_survives_every_cut "ext4-4k"
    each_edit_of_ntfs_with_4k_clusters_survives_every_cut "ntfs-4k"
    each_edit_of_ntfs_with_512_byte_clusters_survives_every_cut "ntfs-512"
}

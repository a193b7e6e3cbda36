//! Damages of what only some features bring: quota files, orphan files, inline directories, large attribute values,
//! the multi-mount block, and the padding of bitmaps. Checksums are made right behind each.

use std::path::{Path, PathBuf};

use super::damage::{Act, Place, apply, misjudged, offset, volume};
use super::seal::Seals;
use super::{findings_of_bytes, takes};
use crate::oracle::sh;
use Act::{Flip, Set};

/// Name, options, what is in it; without that what [`volume`] puts into one. The kernel at hand may have no quotas, so
/// that volume is filled by mke2fs.
const VOLUMES: &[(&str, &str, Option<&str>)] = &[
    ("quota", "-t ext4 -b 1024 -N 256 -O quota,project -J size=1", None),
    ("orphans", "-t ext4 -b 1024 -N 256 -O orphan_file -J size=1", Some("echo 1 > file")),
    ("mmp", "-t ext4 -b 1024 -N 256 -O mmp -J size=1", Some("echo 1 > file")),
    (
        "inline",
        "-t ext4 -b 1024 -N 256 -O inline_data -J size=1",
        Some(
            "mkdir dir; : > dir/one; : > dir/two; echo 1 > file; mkdir more; for n in 1 2 3 4 5 6 7; do : > more/name-$n; done",
        ),
    ),
    (
        "values",
        "-t ext4 -b 1024 -N 256 -O ea_inode -J size=1",
        Some(
            r#"echo 1 > file; perl -e 'my ($p, $n, $v) = ("file", "user.v", "v" x 5000); syscall(188, $p, $n, $v, 5000, 0) == 0 or die $!'"#,
        ),
    ),
];

fn make(dir: &Path, name: &str, options: &str, content: Option<&str>) -> PathBuf {
    let here = dir.display();
    match (name, content) {
        ("quota", _) => {
            let script =
                "mkdir s s/d; for n in 1 2 3 4 5; do seq 900$n > s/f$n; done; chown 1000:50 s/f1; chown 1001 s/f2
                chown 70000:3 s/f3; truncate -s 20M v.img";
            sh(dir, &format!("{script}; mke2fs -q -F {options} -d s v.img; e2fsck -fy v.img > /dev/null 2>&1 || true"));
        }
        (_, Some(content)) => {
            let script = format!(
                "truncate -s 20M v.img; mke2fs -q -F {options} v.img; mkdir -p m; mount -o loop v.img m
                 trap 'cd /; umount {here}/m' EXIT; cd m; {content}"
            );
            sh(dir, &script);
        }
        _ => return volume(dir, options),
    }
    dir.join("v.img")
}

/// Volume, rule, place, offset in it, act.
#[rustfmt::skip]
const ROWS: &[(&str, &str, Place, usize, Act)] = &[
    ("quota", "ext.quota.usage", Place::Block("<3>", 5), 16 + 24, Flip(1)),
    ("quota", "ext.quota.usage", Place::Block("<3>", 5), 16 + 49, Flip(4)),
    ("quota", "ext.quota.usage", Place::Block("<3>", 5), 16 + 72, Flip(1)),
    ("quota", "ext.quota.usage", Place::Block("<4>", 5), 16 + 72 + 24, Flip(1)),
    ("quota", "ext.quota.usage", Place::Block("<12>", 5), 16 + 48, Flip(1)),
    ("quota", "ext.quota.usage", Place::Block("<3>", 1), 0, Set(&[0])),
    ("quota", "ext.quota.usage", Place::Inode("f1"), 2, Set(&[7, 7])),
    ("quota", "ext.quota.usage", Place::Inode("f1"), 0x78, Set(&[1])),
    ("quota", "ext.quota.usage", Place::Inode("f3"), 0x18, Set(&[9])),
    ("quota", "ext.quota.usage", Place::Inode("f2"), 0x9c, Set(&[9])),
    ("quota", "ext.quota.tree", Place::Block("<3>", 0), 0, Flip(1)),
    ("quota", "ext.quota.tree", Place::Block("<3>", 0), 4, Set(&[9])),
    ("quota", "ext.quota.tree", Place::Block("<3>", 1), 1, Set(&[9])),
    ("quota", "ext.quota.file", Place::Super, 0x240, Set(&[200])),
    ("orphans", "ext.orphans.listed", Place::Block("<12>", 0), 0, Set(&[13])),
    ("orphans", "ext.orphans.listed", Place::Block("<12>", 1), 40, Set(&[0xff, 0xff])),
    ("orphans", "ext.orphans.magic", Place::Block("<12>", 0), 1016, Flip(1)),
    ("orphans", "ext.orphans.present", Place::Super, 0x66, Flip(1)),
    ("orphans", "ext.orphans.size", Place::Inode("<12>"), 4, Flip(1)),
    ("orphans", "ext.orphans.pending", Place::Super, 0xe8, Set(&[13])),
    ("orphans", "ext.orphans.range", Place::Super, 0xe8, Set(&[5])),
    ("mmp", "ext.mmp.magic", Place::MultiMount, 0, Flip(1)),
    ("mmp", "ext.mmp.range", Place::Super, 0x168, Set(&[0, 0, 0])),
    ("mmp", "ext.mmp.range", Place::Super, 0x16a, Set(&[0xff])),
    ("inline", "ext.directory.dot_dot", Place::Inode("dir"), 0x28, Set(&[12])),
    ("inline", "ext.directory.dot_dot", Place::Inode("dir"), 0x28, Set(&[0xff, 0xff])),
    ("inline", "ext.entry.inode", Place::Inode("dir"), 0x2c, Set(&[5])),
    ("inline", "ext.entry.unused", Place::Inode("dir"), 0x2c, Set(&[0xf0])),
    ("inline", "ext.directory.entry", Place::Inode("dir"), 0x30, Set(&[3])),
    ("inline", "ext.directory.entry", Place::Inode("dir"), 0x31, Set(&[3])),
    ("inline", "ext.entry.type", Place::Inode("dir"), 0x33, Set(&[2])),
    ("inline", "ext.entry.name", Place::Inode("dir"), 0x34, Set(b"/")),
    ("inline", "ext.directory.size", Place::Inode("dir"), 4, Flip(4)),
    ("inline", "ext.inode.size", Place::Inode("file"), 4, Set(&[0xff])),
    ("inline", "ext.inode.flags", Place::Inode("file"), 0x22, Flip(8)),
    ("values", "ext.attributes.value", Place::Value("file"), 0x22, Flip(0x20)),
    ("values", "ext.attributes.value", Place::Value("file"), 4, Flip(1)),
    ("values", "ext.attributes.hash", Place::Value("file"), 8, Flip(1)),
    ("values", "ext.attributes.value_references", Place::Value("file"), 0x24, Flip(2)),
    ("values", "ext.attributes.value", Place::Inode("file"), 0xa4 + 4, Set(&[0xff, 0xff])),
    ("values", "ext.attributes.hash", Place::Inode("file"), 0xa4 + 12, Flip(1)),
    ("values", "ext.attributes.value", Place::Inode("file"), 0xa4 + 8, Flip(1)),
];

/// The bits behind the last block of the volume, in the bitmap of its last group.
const PADDING: Place = Place::LastBitmap;

#[test]
fn damages_of_features_are_found_and_named() {
    let (mut count, mut wrong) = (0, Vec::new());
    for (name, options, content) in VOLUMES {
        let dir = tempfile::tempdir().unwrap();
        let image = make(dir.path(), name, options, *content);
        let good = std::fs::read(&image).unwrap();
        assert_eq!(findings_of_bytes(good.clone()).list, [], "{name}");
        let (seals, damaged) = (Seals::of(&good), dir.path().join("damaged.img"));
        let padding = ("any", "ext.bitmap.padding", PADDING, 700, Flip(1));
        let own = ROWS.iter().enumerate().filter(|(index, row)| row.0 == *name && takes(*index, 2));
        for (index, (_, rule, place, within, act)) in own.chain([(usize::MAX, &padding)]) {
            let mut bytes = good.clone();
            apply(&mut bytes, offset(&image, &good, place) + within, act);
            seals.renew(&mut bytes);
            wrong.extend(misjudged(&bytes, &damaged, rule, *within).map(|said| format!("row {index} {name} {said}")));
            count += 1;
        }
    }
    println!("{count} damages of features, {} told wrongly", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whoever holds a block that another holds is named beside it, with both paths.
#[test]
fn both_holders_of_a_block_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let image = volume(dir.path(), super::damage::VOLUMES[1].1);
    let good = std::fs::read(&image).unwrap();
    let seals = Seals::of(&good);
    let block = |path: &'static str| (offset(&image, &good, &Place::Block(path, 0)) / 1024) as u32;
    for (target, other) in [(block("dir/two"), "/dir/two"), (5, "superblock and descriptors of group 0")] {
        let mut bytes = good.clone();
        let at = offset(&image, &good, &Place::Inode("last")) + 0x28 + 12 + 8;
        bytes[at..at + 4].copy_from_slice(&target.to_le_bytes());
        seals.renew(&mut bytes);
        let found = findings_of_bytes(bytes);
        let doubles: Vec<_> = found.list.iter().filter(|finding| finding.rule == "ext.blocks.double").collect();
        let is_named =
            |name: &str| doubles.iter().any(|one| one.path.as_deref() == Some(name) || one.message.contains(name));
        assert!(is_named("/last") && is_named(other), "{doubles:#?}");
        assert!(doubles.iter().all(|one| one.place.cluster == Some(u64::from(target))), "{doubles:#?}");
    }
}

/// A volume without usable descriptors is told as damaged, and where a copy of them is.
#[test]
fn damaged_descriptors_are_told_with_the_copy() {
    let dir = tempfile::tempdir().unwrap();
    let good = std::fs::read(volume(dir.path(), super::damage::VOLUMES[1].1)).unwrap();
    let mut bytes = good.clone();
    bytes[2048..2048 + 3 * 64].fill(0xff);
    let found = findings_of_bytes(bytes.clone());
    assert!(!found.is_sound() && found.list[0].message.contains("e2fsck -b 8193"), "{found:#?}");
    std::fs::write(dir.path().join("v.img"), &bytes).unwrap();
    sh(dir.path(), "e2fsck -fy -b 8193 -B 1024 v.img > /dev/null 2>&1 || [ $? = 1 ]; e2fsck -fn v.img");
    bytes[8194 * 1024..8194 * 1024 + 64].fill(0xff);
    let found = findings_of_bytes(bytes);
    assert!(!found.is_sound() && found.list[0].message.contains("no whole copy"), "{found:#?}");
}

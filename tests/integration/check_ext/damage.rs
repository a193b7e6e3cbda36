//! Damages, each with the rule that must tell it, and `e2fsck -fn` as judge of whether it is one.

use std::path::{Path, PathBuf};

use super::seal::Seals;
use super::{e2fsck, findings_of_bytes, takes};
use crate::oracle::sh;

/// A small volume with a thing of each kind.
const CONTENT: &str = r#"
    perl -e 'open F, ">", "file"; for (0..249) { seek F, $_ * 2048, 0; print F "piece $_" }'
    echo small > small; ln small hard; mkdir dir dir/sub; echo 1 > dir/one; echo 2 > dir/two; ln -s short link
    ln -s "$(printf 'l%.0s' {1..200})" slow; mkfifo fifo; mknod null c 1 3; truncate -s 100000 sparse
    mkdir huge; perl -e 'link "small", "huge/name-$_" for (1..900)'
    perl -e 'for my $f ("small", "dir/one") { my ($p, $n, $v) = ("$f", "user.v", "v" x 500); syscall 188, $p, $n, $v, 500, 0 }'
    echo 3 > last; mkdir empty
"#;

/// The volumes that are damaged: with and without checksums, and an old one.
pub(super) const VOLUMES: [(&str, &str); 3] = [
    ("plain", "-t ext4 -b 1024 -N 256 -O ^metadata_csum,^64bit,^uninit_bg -J size=1"),
    ("sums", "-t ext4 -b 1024 -N 256 -J size=1"),
    ("old", "-t ext2 -b 1024 -N 256"),
];

/// Makes one of [`VOLUMES`].
pub(super) fn volume(dir: &Path, options: &str) -> PathBuf {
    let here = dir.display();
    let script = format!(
        "truncate -s 20M v.img; mke2fs -q -F {options} v.img; mkdir -p m; mount -o loop v.img m
         trap 'cd /; umount {here}/m' EXIT; cd m; {CONTENT}"
    );
    sh(dir, &script);
    dir.join("v.img")
}

/// Where something lies.
pub(super) enum Place {
    Super,
    Descriptor(u64),
    Bitmap(&'static str),
    Inode(&'static str),
    /// A block of a file, by its number in the file.
    Block(&'static str, u64),
    /// The first block of the extent tree below the root, or the first indirect block.
    Map(&'static str),
    Attributes(&'static str),
    /// The inode that holds the value of a file's first attribute.
    Value(&'static str),
    MultiMount,
    /// The block bitmap of the last group.
    LastBitmap,
}

fn number(text: &str, after: &str) -> u64 {
    let rest = text.split(after).nth(1).unwrap_or_else(|| panic!("{after:?} in {text}")).trim_start();
    let digits = rest.trim_start_matches("0x");
    let radix = if rest.starts_with("0x") { 16 } else { 10 };
    let end = digits.find(|letter: char| !letter.is_digit(radix)).unwrap_or(digits.len());
    u64::from_str_radix(&digits[..end], radix).unwrap()
}

/// The byte at which it lies, by debugfs. Blocks are of 1 KiB.
pub(super) fn offset(image: &Path, bytes: &[u8], place: &Place) -> usize {
    let debugfs =
        |request: String| sh(Path::new("/"), &format!("debugfs -R '{request}' {} 2>/dev/null", image.display()));
    let inode = |path: &str| {
        let text = debugfs(format!("imap {path}"));
        (number(&text, "located at block ") * 1024 + number(&text, "offset ")) as usize
    };
    (match place {
        Place::Super => 1024,
        Place::Descriptor(group) => {
            let wide = bytes[1024 + 0x60] & 0x80 != 0;
            2048 + group * if wide { 64 } else { 32 }
        }
        Place::Bitmap(which) => number(&debugfs("stats".to_owned()), &format!("{which} bitmap at ")) * 1024,
        Place::Inode(path) => inode(path) as u64,
        Place::Block(path, block) => debugfs(format!("bmap {path} {block}")).trim().parse::<u64>().unwrap() * 1024,
        Place::Map(path) => {
            let at = inode(path) + 0x28;
            let is_tree = bytes[at..at + 2] == [0x0a, 0xf3];
            let at = if is_tree { at + 16 } else { at + 48 };
            u64::from(u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())) * 1024
        }
        Place::Value(path) => {
            let first = inode(path) + 0xa4;
            let value = u32::from_le_bytes(bytes[first + 4..first + 8].try_into().unwrap());
            inode(&format!("<{value}>")) as u64
        }
        Place::LastBitmap => {
            let text = debugfs("stats".to_owned());
            let last = text.rsplit("block bitmap at ").next().unwrap_or_default();
            last.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u64>().unwrap() * 1024
        }
        Place::MultiMount => {
            u64::from(u32::from_le_bytes(bytes[1024 + 0x168..1024 + 0x16c].try_into().unwrap())) * 1024
        }
        Place::Attributes(path) => number(&debugfs(format!("stat {path}")), "File ACL: ") * 1024,
    }) as usize
}

/// What to do with the bytes there.
pub(super) enum Act {
    Set(&'static [u8]),
    Flip(u8),
}
use Act::{Flip, Set};

/// Volume, rule, place, offset in it, act.
type Row = (&'static str, &'static str, Place, usize, Act);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // Superblock, in the volume without checksums.
    ("plain", "ext.superblock.free_blocks", Place::Super, 0x0c, Flip(1)),
    ("plain", "ext.superblock.free_inodes", Place::Super, 0x10, Flip(1)),
    ("plain", "ext.superblock.first_inode", Place::Super, 0x54, Set(&[5, 0, 0, 0])),
    ("plain", "ext.superblock.damaged", Place::Super, 0x38, Set(&[0])),
    ("plain", "ext.superblock.damaged", Place::Super, 0x20, Set(&[1, 0])),
    ("sums", "ext.superblock.damaged", Place::Super, 0x3fc, Flip(1)),
    ("sums", "ext.superblock.damaged", Place::Super, 0x78, Flip(1)),
    ("plain", "ext.orphans.range", Place::Super, 0xe8, Set(&[0xff, 0xff])),
    ("plain", "ext.journal.missing", Place::Super, 0xe0, Set(&[30])),
    // Group descriptors.
    ("plain", "ext.group.free_blocks", Place::Descriptor(1), 0x0c, Flip(1)),
    ("plain", "ext.group.free_inodes", Place::Descriptor(1), 0x0e, Flip(1)),
    ("plain", "ext.group.directories", Place::Descriptor(1), 0x10, Flip(1)),
    ("old", "ext.group.directories", Place::Descriptor(0), 0x10, Flip(1)),
    ("sums", "ext.open", Place::Descriptor(1), 0x1e, Flip(1)),
    ("sums", "ext.open", Place::Descriptor(0), 0x0c, Flip(1)),
    ("plain", "ext.open", Place::Descriptor(1), 2, Set(&[0xff])),
    // Bitmaps.
    ("plain", "ext.bitmap.lost", Place::Bitmap("block"), 1000, Flip(1)),
    ("plain", "ext.bitmap.unmarked", Place::Bitmap("block"), 20, Flip(1)),
    ("plain", "ext.bitmap.inode_lost", Place::Bitmap("inode"), 10, Flip(0x80)),
    ("plain", "ext.bitmap.inode_unmarked", Place::Bitmap("inode"), 1, Flip(8)),
    ("sums", "ext.bitmap.checksum", Place::Bitmap("block"), 1000, Flip(1)),
    ("sums", "ext.bitmap.checksum", Place::Bitmap("inode"), 10, Flip(0x80)),
    ("old", "ext.bitmap.lost", Place::Bitmap("block"), 1020, Flip(1)),
    ("old", "ext.bitmap.unmarked", Place::Bitmap("block"), 2, Flip(1)),
    // Inodes.
    ("sums", "ext.inode.checksum", Place::Inode("small"), 0x7c, Flip(1)),
    ("sums", "ext.inode.checksum", Place::Inode("small"), 0x10, Flip(1)),
    ("sums", "ext.inode.checksum", Place::Inode("small"), 0x82, Flip(1)),
    ("plain", "ext.inode.mode", Place::Inode("small"), 1, Set(&[0])),
    ("plain", "ext.inode.mode", Place::Inode("dir"), 1, Set(&[0x31])),
    ("plain", "ext.inode.size", Place::Inode("file"), 4, Set(&[0, 0, 1, 0])),
    ("plain", "ext.directory.size", Place::Inode("dir"), 5, Set(&[8])),
    ("plain", "ext.directory.size", Place::Inode("huge"), 5, Set(&[8])),
    ("plain", "ext.inode.blocks", Place::Inode("file"), 0x1c, Flip(2)),
    ("plain", "ext.inode.blocks", Place::Inode("dir"), 0x1c, Flip(4)),
    ("old", "ext.inode.blocks", Place::Inode("file"), 0x1c, Flip(2)),
    ("plain", "ext.links.count", Place::Inode("small"), 0x1a, Flip(1)),
    ("plain", "ext.links.count", Place::Inode("last"), 0x1a, Set(&[2])),
    ("plain", "ext.links.count", Place::Inode("dir"), 0x1a, Set(&[9])),
    ("old", "ext.links.count", Place::Inode("empty"), 0x1a, Set(&[3])),
    ("plain", "ext.inode.deletion_time", Place::Inode("last"), 0x14, Set(&[0, 0, 0, 0x60])),
    ("plain", "ext.inode.orphan", Place::Inode("last"), 0x14, Set(&[12, 0, 0, 0])),
    ("plain", "ext.inode.deleted", Place::Inode("last"), 0x1a, Set(&[0, 0])),
    ("plain", "ext.entry.unused", Place::Inode("last"), 0x1a, Set(&[0, 0])),
    ("plain", "ext.inode.flags", Place::Inode("last"), 0x21, Flip(0x10)),
    ("plain", "ext.inode.flags", Place::Inode("last"), 0x23, Flip(0x10)),
    ("old", "ext.inode.flags", Place::Inode("last"), 0x22, Flip(8)),
    ("plain", "ext.inode.special", Place::Inode("fifo"), 0x22, Flip(8)),
    ("plain", "ext.inode.unused_field", Place::Inode("small"), 0x76, Set(&[9])),
    ("old", "ext.inode.unused_field", Place::Inode("small"), 0x74, Set(&[9])),
    ("plain", "ext.inode.size", Place::Inode("null"), 4, Set(&[9])),
    ("plain", "ext.inode.extra_bytes", Place::Inode("last"), 0x80, Set(&[0xff, 0xff])),
    ("plain", "ext.symlink.size", Place::Inode("link"), 4, Flip(1)),
    ("plain", "ext.symlink.size", Place::Inode("slow"), 4, Flip(1)),
    ("plain", "ext.attributes.range", Place::Inode("last"), 0x68, Set(&[0xff, 0xff, 0xff, 0])),
    ("plain", "ext.entry.type", Place::Inode("fifo"), 1, Set(&[0xc1])),
    ("plain", "ext.root.missing", Place::Inode("/"), 1, Set(&[0x81])),
    // Extent trees and block maps.
    ("plain", "ext.extent.magic", Place::Inode("file"), 0x28, Flip(1)),
    ("plain", "ext.extent.depth", Place::Inode("file"), 0x2e, Set(&[9])),
    ("plain", "ext.extent.depth", Place::Inode("file"), 0x2e, Set(&[2])),
    ("plain", "ext.extent.count", Place::Inode("file"), 0x2a, Set(&[9])),
    ("plain", "ext.extent.range", Place::Inode("file"), 0x38, Set(&[0xff, 0xff, 0xff])),
    ("plain", "ext.extent.magic", Place::Map("file"), 0, Flip(1)),
    ("plain", "ext.extent.count", Place::Map("file"), 2, Set(&[0, 0])),
    ("plain", "ext.extent.count", Place::Map("file"), 2, Set(&[0xff, 0])),
    ("plain", "ext.extent.depth", Place::Map("file"), 6, Set(&[1])),
    ("plain", "ext.extent.index", Place::Map("file"), 12, Set(&[1])),
    ("plain", "ext.extent.order", Place::Map("file"), 24, Set(&[0])),
    ("plain", "ext.extent.order", Place::Map("file"), 36, Set(&[0xff, 0xff])),
    ("plain", "ext.extent.length", Place::Map("file"), 28, Set(&[0, 0])),
    ("plain", "ext.extent.length", Place::Map("file"), 28, Set(&[0, 1])),
    ("plain", "ext.extent.range", Place::Map("file"), 34, Set(&[0xff, 0xff])),
    ("plain", "ext.blocks.double", Place::Map("file"), 32, Set(&[5, 0, 0, 0])),
    ("sums", "ext.extent.checksum", Place::Map("file"), 14, Flip(0)),
    ("sums", "ext.extent.checksum", Place::Map("file"), 12 + 84 * 12, Flip(1)),
    ("old", "ext.map.range", Place::Inode("file"), 0x2b, Set(&[0x7f])),
    ("old", "ext.map.range", Place::Inode("file"), 0x5f, Set(&[0x7f])),
    ("old", "ext.map.range", Place::Map("file"), 7, Set(&[0x7f])),
    ("old", "ext.blocks.double", Place::Inode("file"), 0x28, Set(&[5, 0, 0, 0])),
    ("old", "ext.blocks.double", Place::Inode("file"), 0x58, Set(&[6, 0, 0, 0])),
    // Directories.
    ("sums", "ext.directory.checksum", Place::Block("dir", 0), 1020, Flip(1)),
    ("sums", "ext.directory.checksum", Place::Block("dir", 0), 1012, Flip(4)),
    ("sums", "ext.directory.checksum", Place::Block("huge", 3), 8, Flip(1)),
    ("plain", "ext.directory.dot", Place::Block("dir", 0), 0, Set(&[2, 0])),
    ("plain", "ext.directory.dot", Place::Block("dir", 0), 8, Set(b"x")),
    ("plain", "ext.directory.dot", Place::Block("dir", 0), 6, Set(&[2])),
    ("plain", "ext.directory.dot", Place::Block("dir", 0), 20, Set(b"x")),
    ("plain", "ext.directory.dot_dot", Place::Block("dir", 0), 12, Set(&[11, 0])),
    ("plain", "ext.directory.dot_dot", Place::Block("dir", 0), 12, Set(&[0xff, 0])),
    ("plain", "ext.entry.type", Place::Block("dir", 0), 7, Set(&[1])),
    ("plain", "ext.directory.entry", Place::Block("dir", 0), 28, Set(&[3, 0])),
    ("plain", "ext.directory.entry", Place::Block("dir", 0), 28, Set(&[0, 9])),
    ("plain", "ext.directory.entry", Place::Block("dir", 0), 30, Set(&[0xfa])),
    ("plain", "ext.entry.inode", Place::Block("dir", 0), 24, Set(&[8, 0])),
    ("plain", "ext.entry.inode", Place::Block("dir", 0), 24, Set(&[0xff, 0xff])),
    ("plain", "ext.entry.unused", Place::Block("dir", 0), 24, Set(&[0xf0, 0])),
    ("plain", "ext.entry.root", Place::Block("dir", 0), 24, Set(&[2, 0])),
    ("plain", "ext.entry.name", Place::Block("dir", 0), 32, Set(b"/")),
    ("plain", "ext.entry.name", Place::Block("dir", 0), 32, Set(&[0])),
    ("plain", "ext.entry.name", Place::Block("dir", 0), 30, Set(&[0])),
    ("plain", "ext.entry.type", Place::Block("dir", 0), 31, Set(&[7])),
    ("plain", "ext.entry.untyped", Place::Block("dir", 0), 31, Set(&[0])),
    ("plain", "ext.directory.unreachable", Place::Block("dir", 0), 24, Set(&[0, 0])),
    ("plain", "ext.inode.unreachable", Place::Block("dir", 0), 36, Set(&[0, 0])),
    ("plain", "ext.entry.twice", Place::Block("dir", 0), 44, Set(b"two")),
    ("old", "ext.directory.dot", Place::Block("dir", 0), 8, Set(b"x")),
    ("old", "ext.directory.entry", Place::Block("huge", 4), 4, Set(&[7, 0])),
    // Indexes.
    ("plain", "ext.index.root", Place::Block("huge", 0), 24, Set(&[1])),
    ("plain", "ext.index.hash_version", Place::Block("huge", 0), 28, Set(&[9])),
    ("plain", "ext.index.root", Place::Block("huge", 0), 29, Set(&[4])),
    ("plain", "ext.index.root", Place::Block("huge", 0), 30, Set(&[5])),
    ("plain", "ext.index.count", Place::Block("huge", 0), 32, Flip(1)),
    ("plain", "ext.index.count", Place::Block("huge", 0), 34, Set(&[0xff, 1])),
    ("plain", "ext.index.range", Place::Block("huge", 0), 44, Set(&[0xff, 0xff])),
    ("plain", "ext.index.twice", Place::Block("huge", 0), 44, Set(&[1, 0])),
    ("plain", "ext.index.order", Place::Block("huge", 0), 40, Set(&[0xfe, 0xff, 0xff, 0xff])),
    ("plain", "ext.index.hash", Place::Block("huge", 0), 40, Set(&[0xfe, 0xff, 0xff, 0x01])),
    ("plain", "ext.index.hash", Place::Block("huge", 2), 10, Flip(1)),
    ("plain", "ext.index.unreachable", Place::Block("huge", 0), 34, Set(&[2, 0])),
    ("sums", "ext.index.checksum", Place::Block("huge", 0), 40, Flip(2)),
    ("old", "ext.index.hash", Place::Block("huge", 2), 10, Flip(1)),
    // Attributes.
    ("plain", "ext.attributes.magic", Place::Attributes("small"), 0, Flip(1)),
    ("plain", "ext.attributes.references", Place::Attributes("small"), 4, Flip(1)),
    ("plain", "ext.attributes.hash", Place::Attributes("small"), 32, Set(&[0xff])),
    ("plain", "ext.attributes.entry", Place::Attributes("small"), 34, Set(&[0xff, 0xff])),
    ("plain", "ext.attributes.entry", Place::Attributes("small"), 40, Set(&[0xff, 0xff])),
    ("plain", "ext.attributes.hash", Place::Attributes("small"), 44, Flip(1)),
    ("sums", "ext.attributes.checksum", Place::Attributes("small"), 0x10, Flip(1)),
    ("sums", "ext.attributes.checksum", Place::Attributes("small"), 700, Flip(1)),
    // The journal.
    ("plain", "ext.journal.magic", Place::Block("<8>", 0), 0, Flip(1)),
    ("plain", "ext.journal.block_size", Place::Block("<8>", 0), 0xe, Flip(0x10)),
    ("plain", "ext.journal.length", Place::Block("<8>", 0), 0x10, Flip(0x80)),
    ("plain", "ext.journal.leftover", Place::Block("<8>", 0), 0x1f, Set(&[5])),
];

/// Where the check calls an error what e2fsck passes over: rule, offset, and why.
const STRICTER: &[(&str, usize, &str)] = &[
    ("ext.quota.tree", 0, "e2fsck passes over a quota file that does not begin as one; the kernel does not read it"),
    ("ext.inode.size", 4, "e2fsck does not compare the length of a file with its inline content: the rest is nowhere"),
    ("ext.attributes.value", 4, "e2fsck does not compare the two lengths of a value; the kernel does not read it"),
    ("ext.attributes.value", 0xac, "the same, by the length that the attribute has"),
    ("ext.open", 0x1e, "e2fsck mends a descriptor's checksum in silence; the kernel does not mount such a volume"),
    ("ext.extent.depth", 6, "e2fsck goes by the root's depth; the kernel refuses a node that says another"),
];

/// Rows of the volume without checksums that mean something else where there are checksums.
const NOT_SEALED: &[(&str, usize, &str)] =
    &[("ext.inode.unused_field", 0x76, "with 64bit it is the upper half of the attribute block's number")];

/// Which damage is told wrongly, if it is: by which rule, and as sound or not beside e2fsck.
pub(super) fn misjudged(bytes: &[u8], damaged: &Path, rule: &str, within: usize) -> Option<String> {
    std::fs::write(damaged, bytes).unwrap();
    let found = findings_of_bytes(bytes.to_vec());
    let (is_sound, said) = e2fsck(damaged);
    let is_named = found.list.iter().any(|finding| finding.rule == rule);
    let is_known = STRICTER.iter().any(|(stricter, at, _)| *stricter == rule && *at == within);
    if is_named && (found.is_sound() == is_sound || is_known && is_sound) {
        return None;
    }
    let rules: Vec<_> = found.list.iter().take(20).map(|finding| (finding.rule, &finding.message)).collect();
    let said = said.lines().take(30).collect::<Vec<_>>().join("\n");
    Some(format!("{rule} at {within:#x}: sound {} there {is_sound}; {rules:#?}\n{said}", found.is_sound()))
}

pub(super) fn apply(bytes: &mut [u8], at: usize, act: &Act) {
    match act {
        Set(new) => bytes[at..at + new.len()].copy_from_slice(new),
        Flip(mask) => bytes[at] ^= (*mask).max(1),
    }
}

#[test]
fn each_damage_is_found_and_named() {
    let (mut count, mut wrong) = (0, Vec::new());
    for (name, options) in VOLUMES {
        let dir = tempfile::tempdir().unwrap();
        let image = volume(dir.path(), options);
        let good = std::fs::read(&image).unwrap();
        assert_eq!(findings_of_bytes(good.clone()).list, [], "{name}");
        let damaged = dir.path().join("damaged.img");
        let rows = ROWS.iter().enumerate().filter(|(index, row)| row.0 == name && takes(*index, 3));
        for (index, (_, rule, place, within, act)) in rows {
            let mut bytes = good.clone();
            apply(&mut bytes, offset(&image, &good, place) + within, act);
            wrong.extend(misjudged(&bytes, &damaged, rule, *within).map(|said| format!("row {index} {name} {said}")));
            count += 1;
        }
    }
    println!("{count} damages, {} told wrongly", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The same damages with all checksums made right afterwards: now it is not the checksum that tells.
#[test]
fn each_damage_is_found_behind_right_checksums() {
    let (mut count, mut wrong) = (0, Vec::new());
    let dir = tempfile::tempdir().unwrap();
    let image = volume(dir.path(), VOLUMES[1].1);
    let good = std::fs::read(&image).unwrap();
    let seals = Seals::of(&good);
    let damaged = dir.path().join("damaged.img");
    let rows = ROWS.iter().enumerate().filter(|(index, row)| row.0 == "plain" && takes(index + 1, 3));
    for (index, (_, rule, place, within, act)) in rows {
        if NOT_SEALED.iter().any(|(other, at, _)| other == rule && at == within) {
            continue;
        }
        let mut bytes = good.clone();
        apply(&mut bytes, offset(&image, &good, place) + within, act);
        seals.renew(&mut bytes);
        wrong.extend(misjudged(&bytes, &damaged, rule, *within).map(|said| format!("row {index} {said}")));
        count += 1;
    }
    println!("{count} damages behind right checksums, {} told wrongly", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

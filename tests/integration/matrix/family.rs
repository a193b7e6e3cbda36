//! The families of volumes: how they are made, how they change between two backups, and where their structures lie.

use std::ops::Range;
use std::path::Path;

use crate::oracle::sh;

/// Where the partition begins on its disk.
pub(super) const START: u64 = 1 << 20;

/// What a volume is, as far as its structures go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Structure {
    Fat32,
    /// FAT12 and FAT16: the root directory has a region of its own, and there is no second boot record.
    Fat,
    Ntfs,
    Ext,
}

/// A family: a column of the matrix.
#[derive(Clone, Copy)]
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) structure: Structure,
    /// The disk's table, as sfdisk names it.
    pub(super) table: &'static str,
    /// The partition's type in that table.
    pub(super) type_id: &'static str,
    /// Makes the volume `volume.img`.
    pub(super) make: &'static str,
}

const GPT: &str = "gpt";
const MBR: &str = "dos";

pub(super) const FAT32: Family = Family {
    name: "fat32",
    structure: Structure::Fat32,
    table: GPT,
    type_id: "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7",
    make: "truncate -s 38M volume.img; mkfs.fat -F 32 -s 1 -n RESCUE volume.img >/dev/null",
};
pub(super) const FAT16: Family = Family {
    name: "fat16",
    structure: Structure::Fat,
    table: MBR,
    type_id: "e",
    make: "truncate -s 9M volume.img; mkfs.fat -F 16 -s 2 -n RESCUE volume.img >/dev/null",
};
pub(super) const FAT12: Family = Family {
    name: "fat12",
    structure: Structure::Fat,
    table: MBR,
    type_id: "1",
    make: "truncate -s 6M volume.img; mkfs.fat -F 12 -s 4 -n RESCUE volume.img >/dev/null",
};
pub(super) const NTFS: Family = Family {
    name: "ntfs",
    structure: Structure::Ntfs,
    table: GPT,
    type_id: "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7",
    make: "truncate -s 16M volume.img; mkntfs -F -Q -q -c 2048 -p 2048 -H 255 -S 63 -L RESCUE volume.img >/dev/null 2>&1",
};
pub(super) const EXT2: Family = Family {
    name: "ext2",
    structure: Structure::Ext,
    table: MBR,
    type_id: "83",
    make: "truncate -s 20M volume.img; mke2fs -q -t ext2 -b 1024 -L RESCUE volume.img",
};
pub(super) const EXT4: Family = Family {
    name: "ext4",
    structure: Structure::Ext,
    table: GPT,
    type_id: "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
    make: "truncate -s 26M volume.img; mke2fs -q -t ext4 -b 1024 -J size=1 -L RESCUE volume.img",
};
/// The columns.
pub(super) const FAMILIES: [Family; 6] = [FAT32, FAT16, FAT12, NTFS, EXT2, EXT4];

/// Opens the volume `volume.img` to everyday tools, runs a script in it, as `m`, and closes it.
pub(super) fn within(structure: Structure, dir: &Path, script: &str) {
    let script = match structure {
        Structure::Fat | Structure::Fat32 => script.to_owned(),
        Structure::Ext => format!(
            "mkdir -p m; mount -o loop volume.img m; trap 'cd ..; umount m' EXIT; cd m; {script}; cd ..; umount m; trap - EXIT"
        ),
        Structure::Ntfs => format!(
            "mkdir -p m; ntfs-3g -o no_detach,streams_interface=windows volume.img m & P=$!
             trap 'cd ..; umount m 2>/dev/null; wait $P' EXIT; until mountpoint -q m; do kill -0 $P; sleep 0.02; done
             cd m; {script}; cd ..; umount m; wait $P; trap - EXIT"
        ),
    };
    sh(dir, &script);
}

/// The files that are there from the beginning.
pub(super) fn fill(structure: Structure, dir: &Path) {
    let files = "mkdir -p Documents/deep/er; for n in $(seq 1 25); do head -c $((n * 977)) /dev/urandom > Documents/deep/f$n; done
        head -c 260000 /dev/urandom > large; seq 30000 > numbers; : > empty; echo a > 'Documents/A long name, with blanks.txt'
        touch -d '2020-02-02 02:02:02 UTC' numbers Documents/deep/f3";
    match structure {
        Structure::Fat | Structure::Fat32 => within(
            structure,
            dir,
            &format!(
                "mkdir s; cd s; {files}; cd ..; mcopy -s -m -i volume.img s/* ::/; mattrib -i volume.img +h +s ::/numbers
                 mdel -i volume.img ::/Documents/deep/f9; mattrib -i volume.img +r ::/Documents/deep/f4"
            ),
        ),
        Structure::Ntfs => within(
            structure,
            dir,
            &format!("{files}; printf origin > numbers:stream; rm Documents/deep/f9; ln large second-name"),
        ),
        Structure::Ext => within(
            structure,
            dir,
            &format!(
                "{files}; rm Documents/deep/f9; ln -s numbers link; ln large second-name; chmod 640 large; chown 7:8 empty"
            ),
        ),
    }
}

/// What happens to the volume after its factory image was made.
pub(super) fn alter(structure: Structure, dir: &Path) {
    match structure {
        Structure::Fat | Structure::Fat32 => within(
            structure,
            dir,
            "head -c 90000 /dev/urandom > new; mcopy -i volume.img new ::/Documents/new; mdel -i volume.img ::/Documents/deep/f7
             mmd -i volume.img ::/later; mcopy -i volume.img new ::/later/copy; mren -i volume.img ::/empty ::/void",
        ),
        Structure::Ntfs | Structure::Ext => within(
            structure,
            dir,
            "head -c 90000 /dev/urandom > Documents/new; rm Documents/deep/f7; mkdir later; cp Documents/new later/copy
             mv empty void; printf x | dd of=large bs=1 seek=70000 conv=notrunc status=none",
        ),
    }
}

/// Where a structure lies on the disk, by the name that the rows of the matrix have for it.
pub(super) struct Structures(Vec<(&'static str, Vec<Range<u64>>)>);

impl Structures {
    /// None when this family has no such thing.
    pub(super) fn find(&self, name: &str) -> Option<&[Range<u64>]> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, ranges)| ranges.as_slice())
    }

    /// Reads them off the volume `volume.img`.
    pub(super) fn of(structure: Structure, dir: &Path) -> Self {
        let bytes = std::fs::read(dir.join("volume.img")).unwrap();
        let mut found = match structure {
            Structure::Fat | Structure::Fat32 => fat(&bytes, structure),
            Structure::Ntfs => ntfs(&bytes),
            Structure::Ext => ext(dir, &bytes),
        };
        for range in found.iter_mut().flat_map(|(_, ranges)| ranges) {
            *range = range.start + START..range.end + START;
        }
        Self(found)
    }
}

fn number(bytes: &[u8], at: usize, len: usize) -> u64 {
    bytes[at..at + len].iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

fn fat(bytes: &[u8], structure: Structure) -> Vec<(&'static str, Vec<Range<u64>>)> {
    let sector = number(bytes, 11, 2);
    let (reserved, count, entries) = (number(bytes, 14, 2), number(bytes, 16, 1), number(bytes, 17, 2));
    let fat_sectors = if structure == Structure::Fat32 { number(bytes, 36, 4) } else { number(bytes, 22, 2) };
    let first = reserved * sector;
    let one = fat_sectors * sector;
    let data = first + count * one;
    let root = if structure == Structure::Fat32 { sector * number(bytes, 13, 1) } else { entries * 32 };
    let mut found = vec![
        ("boot record", vec![0..sector]),
        ("FAT 1", vec![first..first + one]),
        ("FAT 2", vec![first + one..data]),
        ("both FATs", vec![first..data]),
        ("root directory", vec![data..data + root]),
    ];
    if structure == Structure::Fat32 {
        let backup = number(bytes, 50, 2) * sector;
        found.push(("backup boot record", vec![backup..backup + sector]));
        found.push(("both boot records", vec![0..sector, backup..backup + sector]));
    }
    found
}

fn ntfs(bytes: &[u8]) -> Vec<(&'static str, Vec<Range<u64>>)> {
    let sector = number(bytes, 11, 2);
    let cluster = sector * number(bytes, 13, 1);
    let (mft, mirror) = (number(bytes, 48, 8) * cluster, number(bytes, 56, 8) * cluster);
    let backup = number(bytes, 40, 8) * sector;
    let head = mft..mft + (16 << 10);
    let copy = mirror..mirror + 4096.max(cluster);
    vec![
        ("boot record", vec![0..sector]),
        ("backup boot record", vec![backup..backup + sector]),
        ("both boot records", vec![0..sector, backup..backup + sector]),
        ("root directory", vec![mft + 5 * 1024..mft + 6 * 1024]),
        ("MFT head", vec![head.clone()]),
        ("MFT mirror", vec![copy.clone()]),
        ("MFT head and mirror", vec![head, copy.clone()]),
        ("whole MFT and mirror", vec![mft..mft + (160 << 10), copy]),
    ]
}

/// By what dumpe2fs and debugfs tell.
fn ext(dir: &Path, bytes: &[u8]) -> Vec<(&'static str, Vec<Range<u64>>)> {
    let block = 1024 << number(bytes, 1024 + 24, 4);
    let text = sh(dir, "dumpe2fs volume.img 2>/dev/null");
    let find = |word: &str| -> Vec<Range<u64>> {
        let behind = text.split(word).skip(1);
        let numbers = behind.map(|rest| rest.split(|byte: char| !byte.is_ascii_digit() && byte != '-').next().unwrap());
        let ranges = numbers.map(|numbers| {
            let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
            first.parse::<u64>().unwrap() * block..(last.parse::<u64>().unwrap() + 1) * block
        });
        ranges.collect()
    };
    let backups = find("Backup superblock at ");
    let descriptors = find("Group descriptors at ");
    let tables = find("Inode table at ");
    let root = sh(dir, "debugfs -R 'blocks <2>' volume.img 2>/dev/null");
    let root = root.split_whitespace().map(|number| number.parse::<u64>().unwrap() * block);
    let superblock = 1024..2048;
    vec![
        ("boot record", vec![0..1024]),
        ("root directory", root.map(|at| at..at + block).collect()),
        ("superblock", vec![superblock.clone()]),
        ("superblock and backups", [vec![superblock], backups].concat()),
        ("group descriptors", descriptors[..1].to_vec()),
        ("group descriptors, all", descriptors),
        ("inode table, first", tables[..1].to_vec()),
        ("inode tables, all", tables),
        ("bitmaps", [find("lock bitmap at "), find("node bitmap at ")].concat()),
    ]
}

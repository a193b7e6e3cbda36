//! Every field of an inode and of a superblock, with values that it had not: sound here exactly where it is there.

use super::damage::{Place, VOLUMES, offset, volume};
use super::seal::Seals;
use super::{e2fsck, findings_of_bytes, findings_of_damaged, takes};

/// Fields that only e2fsck minds, or only the check does, and why.
const DIFFERENCES: &[(&str, usize, &str)] =
    &[("sparse", 0x2e, "e2fsck would make an empty tree of any depth more shallow; the kernel refuses the inode")];

/// Offset and length of the fields of an inode.
const INODE: &[(usize, usize)] = &[
    (0x00, 2),
    (0x02, 2),
    (0x04, 4),
    (0x08, 4),
    (0x0c, 4),
    (0x10, 4),
    (0x14, 4),
    (0x18, 2),
    (0x1a, 2),
    (0x1c, 4),
    (0x20, 4),
    (0x24, 4),
    (0x28, 2),
    (0x2a, 2),
    (0x2c, 2),
    (0x2e, 2),
    (0x30, 4),
    (0x34, 4),
    (0x38, 2),
    (0x3a, 2),
    (0x3c, 4),
    (0x40, 4),
    (0x60, 4),
    (0x64, 4),
    (0x68, 4),
    (0x6c, 4),
    (0x74, 2),
    (0x76, 2),
    (0x78, 2),
    (0x80, 2),
];

#[test]
fn every_field_of_an_inode_agrees() {
    let (mut index, mut count, mut wrong) = (0, 0, Vec::new());
    for (name, options) in VOLUMES.iter().filter(|(name, _)| *name != "sums") {
        let dir = tempfile::tempdir().unwrap();
        let image = volume(dir.path(), options);
        let good = std::fs::read(&image).unwrap();
        let damaged = dir.path().join("damaged.img");
        for path in ["/", "small", "file", "dir", "huge", "link", "slow", "fifo", "null", "sparse"] {
            let place = offset(&image, &good, &Place::Inode(path));
            for (at, len) in INODE {
                for value in [0u64, 1, 0xff, u64::MAX, 0x8000_8000_8000] {
                    index += 1;
                    if !takes(index, 29) {
                        continue;
                    }
                    let mut bytes = good.clone();
                    bytes[place + at..place + at + len].copy_from_slice(&value.to_le_bytes()[..*len]);
                    if bytes == good {
                        continue;
                    }
                    count += 1;
                    std::fs::write(&damaged, &bytes).unwrap();
                    let found = findings_of_bytes(bytes);
                    let (is_sound, said) = e2fsck(&damaged);
                    let is_known = DIFFERENCES.iter().any(|(of, offset, _)| of == &path && offset == at);
                    if found.is_sound() != is_sound && !is_known {
                        let rules: Vec<_> = found.list.iter().map(|finding| (finding.rule, &finding.message)).collect();
                        wrong.push(format!(
                            "{name} {path} {at:#x} = {value:#x}: here {} there {is_sound}; {rules:#?}\n{said}",
                            found.is_sound()
                        ));
                    }
                }
            }
        }
    }
    println!("{count} values, {} told otherwise", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Offset and length of the fields of a superblock that mean something.
#[rustfmt::skip]
const SUPERBLOCK: &[(usize, usize)] = &[
    (0x00, 4), (0x04, 4), (0x08, 4), (0x0c, 4), (0x10, 4), (0x14, 4), (0x18, 4), (0x1c, 4), (0x20, 4), (0x24, 4),
    (0x28, 4), (0x2c, 4), (0x30, 4), (0x34, 2), (0x36, 2), (0x38, 2), (0x3a, 2), (0x3c, 2), (0x3e, 2), (0x40, 4),
    (0x44, 4), (0x48, 4), (0x4c, 4), (0x50, 2), (0x52, 2), (0x54, 4), (0x58, 2), (0x5a, 2), (0x68, 4), (0x78, 4),
    (0xc8, 4), (0xcc, 1), (0xcd, 1), (0xce, 2), (0xd0, 4), (0xe0, 4), (0xe4, 4), (0xe8, 4), (0xec, 4), (0xfc, 1),
    (0xfd, 1), (0xfe, 2), (0x100, 4), (0x104, 4), (0x108, 4), (0x10c, 4), (0x150, 4), (0x154, 4), (0x158, 4),
    (0x15c, 2), (0x15e, 2), (0x160, 4), (0x164, 2), (0x166, 2), (0x168, 4), (0x170, 4), (0x174, 1), (0x175, 1),
    (0x178, 4), (0x180, 4), (0x194, 4), (0x240, 4), (0x244, 4), (0x248, 4), (0x24c, 4), (0x250, 4), (0x254, 4),
    (0x268, 4), (0x26c, 4), (0x270, 4), (0x280, 4),
];

/// Values of fields that are told otherwise than by e2fsck, and why.
const OTHERWISE: &[(usize, &str)] =
    &[(0x48, "for the system that made the volume: e2fsck reads the inodes of one made by the Hurd in another way")];

#[test]
fn every_field_of_a_superblock_agrees() {
    let (mut index, mut count, mut wrong) = (0, 0, Vec::new());
    for (name, options) in VOLUMES {
        let dir = tempfile::tempdir().unwrap();
        let image = volume(dir.path(), options);
        let good = std::fs::read(&image).unwrap();
        let damaged = dir.path().join("damaged.img");
        for (at, len) in SUPERBLOCK {
            let place = 1024 + at;
            let mut raw = [0; 8];
            raw[..*len].copy_from_slice(&good[place..place + len]);
            let old = u64::from_le_bytes(raw);
            for value in [0, 1, u64::MAX, old.wrapping_add(1), old.wrapping_sub(1)] {
                index += 1;
                if !takes(index, 17) {
                    continue;
                }
                let mut bytes = good.clone();
                bytes[place..place + len].copy_from_slice(&value.to_le_bytes()[..*len]);
                if bytes == good {
                    continue;
                }
                if name == "sums" {
                    Seals::renew_superblock(&mut bytes);
                }
                count += 1;
                std::fs::write(&damaged, &bytes).unwrap();
                let (is_sound, said) = e2fsck(&damaged);
                let (own, rules) = match findings_of_damaged(bytes) {
                    Some(found) => (
                        found.is_sound(),
                        found.list.iter().take(5).map(|one| format!("{}: {}", one.rule, one.message)).collect(),
                    ),
                    None => (false, vec!["refused".to_owned()]),
                };
                if own != is_sound && !OTHERWISE.iter().any(|(known, _)| known == at) {
                    let said: Vec<_> = said.lines().take(4).collect();
                    wrong.push(format!("{name} {at:#x} = {value:#x}: here {own} there {is_sound}; {rules:?} {said:?}"));
                }
            }
        }
    }
    println!("{count} values of superblocks, {} told otherwise", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

//! Every field of an inode and of a superblock, with values that it had not: sound here exactly where it is there.

use super::damage::{Place, VOLUMES, offset, volume};
use super::{e2fsck, findings_of_bytes, takes};

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

//! What is not filled anew, by name.

use std::path::Path;
use std::sync::Arc;

use lifeboat::device::MemoryDevice;
use lifeboat::fs::Guise;

use super::bench::Bench;
use super::{all, guise};
use crate::oracle::{long, sh};
use crate::zoo::Shape;

/// A shape, a path in it, and what the refusal says.
const CASES: [(&str, &str, &str); 14] = [
    ("ext4-1k-mixed", "/hello.txt", "3 names"),
    ("ext4-1k-mixed", "/link", "not a plain file"),
    ("ext4-1k-mixed", "/fifo", "not a plain file"),
    ("ext4-1k-mixed", "/many", "not a plain file"),
    ("ext4-1k-mixed", "/link/x", "not a directory"),
    ("ext4-1k-mixed", "/none/x", "there is no /none"),
    ("ntfs-links", "/l/file", "names"),
    ("ntfs-links", "/l", "is a directory"),
    ("ntfs-links", "/none/x", "there is no directory /none"),
    ("ntfs-links", "/$MFT", "file system's own"),
    ("ntfs-names", "/n/ALONGN~1.TEX", "short name"),
    ("ntfs-names", "/n/a:b", "is not allowed"),
    ("ntfs-compressed", "/packed/text", "is compressed"),
    ("ntfs-views", "/v/61", "reparse point"),
];

#[test]
fn what_is_no_plain_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut shapes: Vec<&str> = CASES.iter().map(|case| case.0).collect();
    shapes.dedup();
    for name in shapes {
        let mut bench = Bench::make(all().find(|shape| shape.name == name).unwrap(), dir.path()).unwrap();
        for (_, path, wanted) in CASES.iter().filter(|case| case.0 == name) {
            let said = bench.refusal(path, &Guise::default());
            assert!(said.contains(wanted), "{name}: {path}: {said}");
        }
        sh(dir.path(), "rm -rf -- *");
    }
}

/// Flags that only say that a file is special are enough; and the journal of an ext3 that was an ext2 has a name.
#[test]
fn special_files_of_ext_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let special = Shape {
        name: "ext4-special",
        script: concat!(
            include_str!("../zoo/ext.sh"),
            "\nmake 32M -t ext4 -b 1024 -O verity,encrypt,^has_journal; into; echo 1 > verity; echo 1 > packed; mkdir d; echo 2 > d/f
            away; debug 'set_inode_field verity flags 0x180000' 'set_inode_field packed flags 0x80004' 'link <7> resize' 'set_inode_field <7> links_count 1'"
        ),
    };
    let image = special.make(dir.path());
    let device = Arc::new(lifeboat::device::FileDevice::open(&image).unwrap());
    let mut edit = lifeboat::fs::edit::open_unchecked(device, lifeboat::fs::Kind::Ext4).unwrap();
    for (path, wanted) in [("/verity", "fs-verity"), ("/packed", "compressed"), ("/resize", "")] {
        let refused = edit.put(Path::new(path), &[], lifeboat::unit::ByteLen(0), &Guise::default());
        let said = refused.expect_err(path).to_string();
        assert!(said.contains(wanted), "{path}: {said}");
    }
    let refused = edit.release(Path::new("/"), "resize").unwrap_err();
    assert!(refused.to_string().contains("own files"), "{refused}");
    assert!(edit.take("nothing").unwrap().is_empty());
}

/// Bytes that are changed at random: puts are refused or done, and nothing panics or goes on for ever.
#[test]
fn damaged_volumes_are_refused_or_changed() {
    let mut state = 7u64;
    let mut dice = |sides: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % sides.max(1)
    };
    let (mut done, mut refused) = (0, 0);
    for name in ["fat12-8k-mixed", "ext4-inline", "ext2-1k-mixed", "ntfs-fragmented-512", "ntfs-streams"] {
        let dir = tempfile::tempdir().unwrap();
        let bench = Bench::make(all().find(|shape| shape.name == name).unwrap(), dir.path()).unwrap();
        let (sound, victims, used) =
            (std::fs::read(&bench.image).unwrap(), bench.victims(), bench.edit.used().unwrap());
        let meta: Vec<_> = used.runs().take(12).collect();
        for _ in 0..if long() { 1500 } else { 15 } {
            let mut bytes = sound.clone();
            for _ in 0..=dice(30) {
                let run = meta[dice(meta.len() as u64) as usize];
                let at = (run.start.0 * bench.grain + dice(run.clusters * bench.grain)) as usize;
                bytes[at] = [0, 0xFF, bytes[at] ^ 1 << dice(8), dice(256) as u8][dice(4) as usize];
            }
            let device = Arc::new(MemoryDevice::new(bytes));
            let Ok(mut edit) = lifeboat::fs::edit::open_unchecked(device, bench.kind) else {
                refused += 1;
                continue;
            };
            let extents = bench.pick(3, 1);
            let len = lifeboat::unit::ByteLen(bench.len_of(&extents));
            for path in victims.iter().map(String::as_str).chain(["/new one"]) {
                let outcome = edit.put(Path::new(path), &extents, len, &guise(1, dice(20)));
                let emptied = edit.put(Path::new(path), &[], lifeboat::unit::ByteLen(0), &Guise::default());
                for is_done in [outcome.is_ok(), emptied.is_ok()] {
                    if is_done { done += 1 } else { refused += 1 }
                }
            }
            if edit.make_directory(Path::new("/a directory"), &guise(1, 1)).is_ok() {
                done += 1;
            }
            edit.take("all").unwrap();
        }
    }
    println!("{done} done, {refused} refused");
    assert!(done > 100 && refused > 5, "{done} {refused}");
}

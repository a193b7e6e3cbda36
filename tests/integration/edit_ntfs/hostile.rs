//! Random sequences of edits, and volumes whose bytes are wrong.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use lifeboat::device::MemoryDevice;
use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::{self, Change, Kind};
use lifeboat::unit::ByteLen;

use super::volume::{Volume, free};
use super::{joined, shape};
use crate::oracle::long;

/// Numbers that look random, the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below.max(1)
    }
}

#[test]
fn random_sequences_of_edits_agree_with_a_model() {
    let dir = tempfile::tempdir().unwrap();
    let mut edits = 0;
    for (seed, name) in ["ntfs-fresh-1k", "ntfs-fragmented-512", "ntfs-files-4k"].iter().enumerate() {
        let volume = Volume::new(dir.path(), shape(name).make(dir.path()));
        let before = volume.walk();
        let mut random = Random(seed as u64 + 1);
        for round in 0..if long() { 20 } else { 3 } {
            let mut edit = volume.edit();
            let mut model: BTreeMap<String, Vec<Extent>> = BTreeMap::new();
            let mut changes: Vec<Change> = Vec::new();
            for step in 0..25 {
                let pieces = free(&*edit, 1 + random.next(40), 1 + random.next(4), random.next(3));
                let known: Vec<_> = model.keys().cloned().collect();
                match random.next(4) {
                    0 if !known.is_empty() => {
                        let name = &known[random.next(known.len() as u64) as usize];
                        let extents = edit.release(Path::new("LIFEBOAT"), name).unwrap();
                        assert_eq!(joined(&extents), joined(&model.remove(name).unwrap()));
                    }
                    1 => {
                        // Away with what lies in some stretch of the volume.
                        let end = edit.units().count;
                        let at = random.next(end);
                        let from: ExtentSet = std::iter::once(Extent::new(at, 20.min(end - at))).collect();
                        let to: Vec<_> = free(&*edit, 20, 3, 1);
                        let apart = to.iter().all(|t| from.runs().iter().all(|f| f.intersect(*t).is_none()));
                        if apart && edit.relocate(&from, &to).is_ok() {
                            let now: ExtentSet = edit.used().unwrap().runs().collect();
                            assert!(now.intersect(&from).is_empty(), "{name}");
                            for extents in model.values_mut() {
                                let touched = extents.iter().any(|e| from.runs()[0].intersect(*e).is_some());
                                if touched {
                                    // Where it went is asked for when it is released.
                                    extents.clear();
                                }
                            }
                            model.retain(|_, extents| !extents.is_empty());
                        }
                    }
                    _ => {
                        let name = format!("image {round} {step}.lbi");
                        let len = pieces.iter().map(|e| e.clusters).sum::<u64>() * volume.cluster_bytes();
                        if edit.adopt(Path::new("LIFEBOAT"), &name, &pieces, ByteLen(len)).is_ok() {
                            model.insert(name, pieces);
                        }
                    }
                }
                edits += 1;
                if random.next(5) == 0 {
                    changes.push(edit.take("some").unwrap());
                }
            }
            changes.push(edit.take("rest").unwrap());
            // All copies come before the first patch.
            let copies = changes.iter().flat_map(|change| change.copies.clone()).collect();
            volume.apply(&[Change { title: "copies".into(), copies, patches: Vec::new() }]);
            changes.iter_mut().for_each(|change| change.copies.clear());
            volume.apply(&changes);
            volume.judge(&format!("{name}, round {round}"));
        }
        assert_eq!(volume.walk(), before, "{name}");
        volume.run("rm -rf LIFEBOAT");
        volume.judge(&format!("{name}, emptied by ntfs-3g"));
    }
    println!("edits: {edits}");
}

#[test]
fn edits_of_damaged_volumes_never_panic_nor_leave_the_volume() {
    let dir = tempfile::tempdir().unwrap();
    let (mut opened, mut changed, mut tried) = (0, 0, 0);
    for name in ["ntfs-files-512", "ntfs-fragmented-mft"] {
        let volume = Volume::new(dir.path(), shape(name).make(dir.path()));
        let bytes = std::fs::read(&volume.image).unwrap();
        let meta: Vec<usize> = (0..bytes.len() / 1024)
            .filter(|at| bytes[at * 1024..].starts_with(b"FILE") || bytes[at * 1024..].starts_with(b"INDX"))
            .collect();
        let mut random = Random(7);
        for _ in 0..if long() { 2000 } else { 100 } {
            let mut broken = bytes.clone();
            for _ in 0..=random.next(4) {
                let block = meta[random.next(meta.len() as u64) as usize];
                let within = if random.next(2) == 0 { 0x200 } else { 1024 };
                let at = block * 1024 + random.next(within) as usize;
                broken[at] = random.next(256) as u8;
            }
            tried += 1;
            let len = broken.len() as u64;
            let Ok(mut edit) = fs::edit::open_unchecked(Arc::new(MemoryDevice::new(broken)), Kind::Ntfs) else {
                continue;
            };
            opened += 1;
            let used: ExtentSet = edit.used().unwrap().runs().collect();
            let size = volume.cluster_bytes();
            let one = free(&*edit, 3, 1, 1);
            let to = free(&*edit, 300, 7, 2);
            let path = Path::new("LIFEBOAT");
            let from: ExtentSet = std::iter::once(Extent::new(10 + random.next(used.clusters()), 100)).collect();
            let mut done = u32::from(edit.adopt(path, "a", &one, ByteLen(3 * size)).is_ok());
            done += u32::from(edit.relocate(&from, &to).is_ok());
            done += u32::from(edit.release(path, "a").is_ok());
            done += u32::from(edit.release(Path::new("a/b"), "file-37").is_ok());
            done += u32::from(edit.replace(Path::new("a/b/file-111"), b"content").is_ok());
            changed += u64::from(done);
            let Ok(change) = edit.take("all") else { continue };
            for patch in &change.patches {
                assert!(patch.offset.0 + patch.new.len() as u64 <= len);
            }
            for copy in &change.copies {
                assert!(copy.to.0 + copy.len.0 <= len);
                let target: ExtentSet = std::iter::once(Extent::new(copy.to.0 / size, copy.len.0 / size)).collect();
                assert!(used.intersect(&target).is_empty(), "a copy lands on clusters in use");
            }
        }
    }
    println!("damages: {tried}, opened: {opened}, edits done: {changed}");
}

//! Random sequences of edits, and volumes whose bytes are wrong.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use lifeboat::device::MemoryDevice;
use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::check::Unwatched;
use lifeboat::fs::{self, Change, Edit, Findings, Holder, Kind, Owner};
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
        for round in 0..if long() { 20 } else { 2 } {
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

/// What a volume's clusters hold: those that hold nothing but files' content (or that nobody owns up to), by path.
struct Contents {
    files: ExtentSet,
    /// Of the file whose content may be changed.
    replaced: ExtentSet,
}

/// The file that is replaced.
const REPLACED: &str = "/a/b/file-111";

impl Contents {
    fn of(bytes: &[u8]) -> Option<Self> {
        let volume = fs::open(Arc::new(MemoryDevice::new(bytes.to_vec())), Kind::Ntfs).ok()?;
        let all: ExtentSet = std::iter::once(Extent::new(0, volume.grid().clusters)).collect();
        let (mut files, mut others, mut replaced) = (ExtentSet::new(), ExtentSet::new(), ExtentSet::new());
        let mut see = |owner: Owner| match &owner.holder {
            // Damaged names of the directories above it lead elsewhere by its own word.
            Holder::File(path) if path.to_lowercase().ends_with("/file-111") => replaced.insert(owner.extent),
            // An index's bitmap and reparse data are attributes of files, too, but content is what has no type.
            Holder::File(path) if !path.contains(":$") => files.insert(owner.extent),
            Holder::Lost | Holder::Bad => files.insert(owner.extent),
            _ => others.insert(owner.extent),
        };
        volume.owners().owners(&all, &Unwatched, &mut see).ok()?;
        let files = files.intersect(&others.union(&replaced).complement(volume.grid().clusters));
        Some(Self { files, replaced })
    }

    /// The patches that lie on content: their tags.
    fn struck(&self, change: &Change, cluster_bytes: u64) -> Vec<String> {
        let strikes = |patch: &&lifeboat::fs::Patch| {
            let (first, end) = (patch.offset.0, patch.offset.0 + patch.new.len() as u64);
            let first = first / cluster_bytes;
            let touched = std::iter::once(Extent::new(first, end.div_ceil(cluster_bytes) - first)).collect();
            !self.files.intersect(&touched).is_empty()
        };
        change.patches.iter().filter(strikes).map(|patch| format!("{} {:?}", patch.offset, patch.tags)).collect()
    }
}

/// What was tried and found.
#[derive(Default, Debug)]
struct Tally {
    damages: u64,
    opened: u64,
    /// Of these, those that our check finds sound.
    sound: u64,
    edits: u64,
    patches: usize,
}

/// A volume with some bytes of its records and index blocks set to something else; the first records' mirror is made
/// to agree with them, because what differs is refused.
fn damaged(bytes: &[u8], meta: &[usize], random: &mut Random) -> Vec<u8> {
    let sector = usize::from(u16::from_le_bytes([bytes[0x0B], bytes[0x0C]]));
    let place = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
    let cluster = sector * usize::from(bytes[0x0D]);
    let (mft, mirror) = (place(0x30) * cluster, place(0x38) * cluster);
    let mut broken = bytes.to_vec();
    for _ in 0..=random.next(4) {
        let block = meta[random.next(meta.len() as u64) as usize];
        let within = if random.next(2) == 0 { 0x200 } else { 1024 };
        let at = block * 1024 + random.next(within) as usize;
        broken[at] = random.next(256) as u8;
    }
    broken.copy_within(mft..mft + 4096, mirror);
    broken
}

/// Edits a damaged volume. What it holds by its own word, and if it checks what it held before it was damaged, must
/// not be struck.
fn edit_damaged(broken: Vec<u8>, whole: &Contents, size: u64, random: &mut Random, tally: &mut Tally) {
    tally.damages += 1;
    let len = broken.len() as u64;
    let Ok(mut edit) = fs::edit::open_unchecked(Arc::new(MemoryDevice::new(broken.clone())), Kind::Ntfs) else {
        return;
    };
    tally.opened += 1;
    let used: ExtentSet = edit.used().unwrap().runs().collect();
    let one = free(&*edit, 3, 1, 1);
    let to = free(&*edit, 300, 7, 2);
    let path = Path::new("LIFEBOAT");
    let from: ExtentSet = std::iter::once(Extent::new(10 + random.next(used.clusters()), 100)).collect();
    let mut changes = Vec::new();
    let mut done = |edit: &mut dyn Edit, what: &str, good: bool| {
        tally.edits += u64::from(good);
        changes.push(edit.take(what).unwrap());
    };
    // Each with its own patches: what one of them moves may be written by the next.
    let good = edit.adopt(path, "a", &one, ByteLen(3 * size)).is_ok();
    done(&mut *edit, "adopt", good);
    let good = edit.replace(Path::new(REPLACED), b"content").is_ok();
    done(&mut *edit, "replace", good);
    let good = edit.release(path, "a").is_ok();
    done(&mut *edit, "release", good);
    let good = edit.relocate(&from, &to).is_ok();
    done(&mut *edit, "relocate", good);
    let good = edit.release(Path::new("a/b"), "file-37").is_ok();
    done(&mut *edit, "release another", good);
    let mut truths = vec![("by the damaged volume's own word", Contents::of(&broken))];
    if let Ok(volume) = fs::open(Arc::new(MemoryDevice::new(broken)), Kind::Ntfs) {
        let mut findings = Findings::default();
        let checked = volume.check().check(&Unwatched, &mut |finding| findings.add(finding));
        if checked.is_ok() && findings.errors == 0 {
            tally.sound += 1;
            let (files, replaced) = (whole.files.clone(), whole.replaced.clone());
            truths.push(("before it was damaged", Some(Contents { files, replaced })));
        }
    }
    for change in &changes {
        tally.patches += change.patches.len();
        for patch in &change.patches {
            assert!(patch.offset.0 + patch.new.len() as u64 <= len);
        }
        for copy in &change.copies {
            assert!(copy.to.0 + copy.len.0 <= len);
            let target: ExtentSet = std::iter::once(Extent::new(copy.to.0 / size, copy.len.0 / size)).collect();
            assert!(used.intersect(&target).is_empty(), "a copy lands on clusters in use");
        }
        for (word, truth) in &truths {
            let struck = truth.as_ref().map(|truth| truth.struck(change, size)).unwrap_or_default();
            assert!(
                struck.is_empty(),
                "damage {}, {}: files' content, {word}: {struck:?}",
                tally.damages,
                change.title
            );
        }
    }
}

#[test]
fn edits_of_damaged_volumes_never_panic_nor_strike_what_files_hold() {
    let dir = tempfile::tempdir().unwrap();
    let mut tally = Tally::default();
    for name in ["ntfs-files-512", "ntfs-fragmented-mft"] {
        let volume = Volume::new(dir.path(), shape(name).make(dir.path()));
        let bytes = std::fs::read(&volume.image).unwrap();
        let (size, whole) = (volume.cluster_bytes(), Contents::of(&bytes).unwrap());
        let meta: Vec<usize> = (0..bytes.len() / 1024)
            .filter(|at| bytes[at * 1024..].starts_with(b"FILE") || bytes[at * 1024..].starts_with(b"INDX"))
            .collect();
        // The first records lead to all else: they are hit as often as all others together.
        let early: Vec<usize> = meta.iter().copied().take(12).collect();
        let mut random = Random(7);
        for at in 0..if long() { 2000 } else { 50 } {
            let broken = damaged(&bytes, if at % 2 == 0 { &meta } else { &early }, &mut random);
            edit_damaged(broken, &whole, size, &mut random, &mut tally);
        }
    }
    println!("{tally:?}");
    assert!(tally.sound > 0 && tally.edits > tally.opened, "{tally:?}");
}

//! Edits on volumes whose metadata was changed, each kind of structure for itself and all together.

use std::path::Path;
use std::sync::Arc;

use lifeboat::device::{MemoryDevice, SharedDevice};
use lifeboat::extent::{ClusterMap, Extent, ExtentSet};
use lifeboat::fs::check::Unwatched;
use lifeboat::fs::edit::{self, Edit};
use lifeboat::fs::{self, Change, Holder, Kind, Probe};
use lifeboat::unit::{ByteLen, Cluster};

use super::random::Dice;
use crate::oracle::{long, sh};

/// A volume as it was made, and where its structures lie.
struct Pristine {
    bytes: Vec<u8>,
    kind: Kind,
    block_bytes: u64,
    /// Blocks of each kind of structure: superblock and descriptors, bitmaps, inode tables, directories, maps.
    regions: [Vec<Extent>; 5],
    /// Blocks that hold content of files, but for that of the file that is replaced.
    contents: ExtentSet,
}

const BITMAPS: usize = 1;

impl Pristine {
    fn make(script: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let image = dir.path().join("v.img");
        let head = format!("IMG={}\nDIR={}\n{}", image.display(), dir.path().display(), include_str!("../zoo/ext.sh"));
        sh(dir.path(), &format!("{head}\n{script}"));
        let bytes = std::fs::read(&image).unwrap();
        let device: SharedDevice = Arc::new(MemoryDevice::new(bytes.clone()));
        let Probe::One(kind) = fs::probe(&device).unwrap() else { panic!("not one volume") };
        let volume = fs::open(device, kind).unwrap();
        let all = ExtentSet::from(vec![Extent::new(0, volume.grid().clusters)]);
        let (mut regions, mut contents): ([Vec<Extent>; 5], ExtentSet) = Default::default();
        let replaced: ExtentSet = volume.tree().extents(Path::new("/hello.txt")).unwrap().into_iter().collect();
        let see = &mut |owner: fs::Owner| {
            let region = match &owner.holder {
                Holder::Metadata(name) if name.starts_with("superblock") => 0,
                Holder::Metadata(name) if name.contains("bitmap") => BITMAPS,
                Holder::Metadata(name) if name.contains("inode table") => 2,
                Holder::Directory(_) => 3,
                Holder::Map(_) => 4,
                Holder::File(_) => {
                    if !replaced.runs().iter().any(|run| run.intersect(owner.extent).is_some()) {
                        contents.insert(owner.extent);
                    }
                    return;
                }
                _ => return,
            };
            regions[region].push(owner.extent);
        };
        volume.owners().owners(&all, &Unwatched, see).unwrap();
        let block_bytes = u64::from(volume.summary().cluster_bytes);
        assert!(regions[..4].iter().all(|region| !region.is_empty()) && contents.clusters() > 200);
        Self { bytes, kind, block_bytes, regions, contents }
    }

    /// The volume with some bytes of these structures changed; seldom with any of its first 64 KiB.
    fn damaged(&self, dice: &mut Dice, only: Option<usize>) -> SharedDevice {
        let mut bytes = self.bytes.clone();
        for _ in 0..1 + dice.below(5) {
            let region = &self.regions[only.unwrap_or(dice.below(5) as usize)];
            let Some(run) = region.get(dice.below(region.len() as u64) as usize) else { continue };
            // Structures are used from their beginning on.
            let reach = (run.clusters * self.block_bytes).min([64, 1024, 1 << 20][dice.below(3) as usize]);
            let mut at = (run.start.0 * self.block_bytes + dice.below(reach)) as usize;
            if only.is_none() && dice.below(8) == 0 {
                at = dice.below(64 << 10) as usize;
            }
            match dice.below(5) {
                0 => bytes[at] ^= 1 << dice.below(8),
                1 => bytes[at] = 0xff,
                2 => bytes[at] = dice.below(256) as u8,
                // A number like those that are there: of a block, an inode, a length.
                3 => {
                    let at = at & !3;
                    let number = dice.below(self.bytes.len() as u64 / self.block_bytes + 50) as u32;
                    bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
                }
                _ => {
                    let end = (at + dice.below(64) as usize).min(bytes.len());
                    let fill = [0, 0xff][dice.below(2) as usize];
                    bytes[at..end].fill(fill);
                }
            }
        }
        Arc::new(MemoryDevice::new(bytes))
    }
}

/// Free runs of whole units, and what is used.
fn free(edit: &dyn Edit) -> Option<(ClusterMap, Vec<Extent>)> {
    let used = edit.used().ok()?;
    let set: ExtentSet = used.runs().collect();
    Some((used.clone(), set.complement(used.clusters()).runs().to_vec()))
}

/// Tries every edit; how many were done, and what came of them.
fn act(edit: &mut dyn Edit, block_bytes: u64, dice: &mut Dice) -> Option<(usize, ClusterMap, Change)> {
    let (used, free) = free(edit)?;
    let first: Vec<Extent> = free.iter().rev().take(6).copied().collect();
    let len = ByteLen(first.iter().map(|run| run.clusters).sum::<u64>() * block_bytes);
    let start = dice.below(used.clusters());
    let part = ExtentSet::from(vec![Extent::new(start, (used.clusters() / 8).min(used.clusters() - start))]);
    let done = [
        edit.mark(true).is_ok(),
        edit.adopt(Path::new("/LIFEBOAT"), "a", &first, len).is_ok(),
        edit.adopt(Path::new("/many"), "b", &[], ByteLen(0)).is_ok(),
        edit.adopt(Path::new("/new/directory"), "c", &[], ByteLen(0)).is_ok(),
        edit.replace(Path::new("/hello.txt"), b"other").is_ok(),
        edit.release(Path::new("/many"), "a-file-with-a-longish-name-3").is_ok(),
        edit.release(Path::new("/LIFEBOAT"), "a").is_ok(),
        edit.relocate(&part, &free).is_ok(),
        edit.mark(false).is_ok(),
    ];
    let change = edit.take("all").ok()?;
    Some((done.into_iter().filter(|done| *done).count(), used, change))
}

/// Nothing outside the volume, nothing copied onto blocks in use; how many patches lie on other files' content.
fn judge(pristine: &Pristine, used: &ClusterMap, change: &Change, what: &str) -> usize {
    let len = pristine.bytes.len() as u64;
    let block = pristine.block_bytes;
    let blocks = |offset: u64, bytes: u64| offset / block..(offset + bytes).div_ceil(block);
    for copy in &change.copies {
        assert!(copy.to.0 + copy.len.0 <= len && copy.from.0 + copy.len.0 <= len, "{what}: past the end");
        for number in blocks(copy.to.0, copy.len.0) {
            assert!(!used.contains(Cluster(number)), "{what}: a copy onto block {number}, which was in use");
        }
    }
    let mut trespasses = 0;
    for patch in &change.patches {
        let bytes = patch.new.len() as u64;
        assert!(patch.offset.0 + bytes <= len, "{what}: past the end");
        let foreign = |number: &u64| used.contains(Cluster(*number)) && pristine.contents.contains(Cluster(*number));
        trespasses += blocks(patch.offset.0, bytes).filter(foreign).count();
    }
    trespasses
}

/// What was tried.
#[derive(Default, Debug)]
struct Tally {
    volumes: usize,
    opened: usize,
    /// Opened by the way that users have: after a check.
    passed: usize,
    edits: usize,
    edits_of_passed: usize,
}

impl Tally {
    fn round(&mut self, pristine: &Pristine, seed: u64) {
        // In every third volume only bitmaps are damaged.
        let only = seed.is_multiple_of(3).then_some(BITMAPS);
        let what = format!("{:?}, seed {seed}", pristine.kind);
        let device = pristine.damaged(&mut Dice(seed), only);
        self.volumes += 1;
        if let Ok(mut edit) = edit::open_unchecked(Arc::clone(&device), pristine.kind) {
            self.opened += 1;
            if let Some((done, used, change)) = act(edit.as_mut(), pristine.block_bytes, &mut Dice(seed)) {
                self.edits += done;
                let trespasses = judge(pristine, &used, &change, &what);
                // Whatever else is damaged may lead anywhere, which only a check of all can tell.
                assert!(only.is_none() || trespasses == 0, "{what}: a patch on another file's content");
            }
        }
        if let Ok(mut edit) = edit::open(device, &Unwatched) {
            self.passed += 1;
            let (done, used, change) = act(edit.as_mut(), pristine.block_bytes, &mut Dice(seed)).unwrap();
            self.edits_of_passed += done;
            assert_eq!(judge(pristine, &used, &change, &what), 0, "{what}: a patch on another file's content");
        }
    }
}

#[test]
fn damaged_metadata_is_refused_or_edited_without_harm_to_other_files() {
    let mut tally = Tally::default();
    for script in [
        "make 8M -t ext2 -b 1024; into; mixed 2>/dev/null || true; away",
        "make 8M -t ext4 -b 1024 -O ^has_journal,^metadata_csum,^uninit_bg; into; mixed 2>/dev/null || true; away",
        "make 12M -t ext3 -b 2048 -O ^resize_inode; into; mixed 2>/dev/null || true; away",
        "make 8M -t ext4 -b 1024 -O inline_data,^has_journal -I 256; into; mixed 2>/dev/null || true; away",
    ] {
        let pristine = Pristine::make(script);
        for seed in 0..if long() { 2000 } else { 24 } {
            tally.round(&pristine, seed);
        }
    }
    println!("{tally:?}");
    assert!(tally.opened > tally.volumes / 4 && tally.edits > tally.volumes && tally.passed > 0, "{tally:?}");
}

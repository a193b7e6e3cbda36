//! Random sequences of edits against a model, and edits on volumes whose bytes were changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lifeboat::device::{MemoryDevice, SharedDevice};
use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::fs::edit;
use lifeboat::fs::{self, Probe};
use lifeboat::unit::ByteLen;

use super::stage::Stage;
use crate::oracle::{long, sh};
use crate::zoo::{Shape, ext};

/// A sequence of numbers that looks random and is the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most.max(1)
    }
}

fn shape(name: &str) -> &'static Shape {
    ext::SHAPES.iter().find(|shape| shape.name == name).unwrap()
}

/// Adopts, releases, moves and replaces at random; the model knows which file has which blocks.
fn play(name: &str, seed: u64, steps: usize) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let original = shape(name).make(dir.path());
    let mut stage = Stage::open(name, dir.path(), &original).unwrap();
    let before = stage.walk(&original, "LIFEBOAT");
    let mut files: BTreeMap<PathBuf, Vec<Extent>> = BTreeMap::new();
    let mut dice = Dice(seed);
    for step in 0..steps {
        match dice.below(4) {
            0 | 1 if files.len() < 12 => {
                let extents = stage.free(1 + dice.below(30), 1 + dice.below(3));
                if extents.is_empty() {
                    continue;
                }
                let directory = PathBuf::from(["/LIFEBOAT", "/LIFEBOAT/deeper"][dice.below(2) as usize]);
                let file = format!("file-{step}");
                let unit = stage.edit.units().clusters * stage.block_bytes;
                let len = ByteLen(stage.len_of(&extents).0 - dice.below(unit));
                stage.step("adopt", |edit| edit.adopt(&directory, &file, &extents, len));
                files.insert(directory.join(&file), extents);
            }
            2 => {
                let Some((path, extents)) = files.pop_first() else { continue };
                let (directory, file) = (path.parent().unwrap(), path.file_name().unwrap().to_str().unwrap());
                let released = stage.step("release", |edit| edit.release(directory, file));
                let blocks = |runs: &[Extent]| runs.iter().flat_map(|run| run.start.0..run.end()).collect::<Vec<_>>();
                assert_eq!(blocks(&released), blocks(&extents), "{name}: {}", path.display());
            }
            _ => {
                stage.reopen();
                let Some((path, extents)) = files.iter().nth(dice.below(files.len() as u64) as usize) else { continue };
                let (path, from): (PathBuf, ExtentSet) = (path.clone(), extents.iter().copied().collect());
                let to = stage.free(from.clusters() / stage.edit.units().clusters, 1 + dice.below(9));
                if to.iter().map(|run| run.clusters).sum::<u64>() < from.clusters() {
                    continue;
                }
                stage.step("relocate", |edit| edit.relocate(&from, &to));
                // The lowest block goes to the first target, and so on.
                let targets = to.iter().flat_map(|run| run.start.0..run.end());
                let sources = from.runs().iter().flat_map(|run| run.start.0..run.end());
                let map: BTreeMap<u64, u64> = sources.zip(targets).collect();
                let old = &files[&path];
                let moved = old.iter().flat_map(|run| run.start.0..run.end()).map(|block| Extent::new(map[&block], 1));
                files.insert(path, moved.collect());
            }
        }
    }
    let after = stage.walk(&stage.image, "LIFEBOAT");
    assert!(before == after, "{name}: files changed");
    stage.edits
}

#[test]
fn random_edits_agree_with_a_model() {
    let (names, steps): (&[&str], usize) = match long() {
        true => (
            &[
                "ext2-1k-mixed",
                "ext3-1k-fragmented",
                "ext4-1k-fragmented",
                "ext4-bigalloc-1k",
                "ext4-meta-bg",
                "ext4-inline",
            ],
            120,
        ),
        false => (&["ext3-1k-mixed", "ext4-bigalloc-1k"], 10),
    };
    let edits: usize = names.iter().zip(1..).map(|(name, seed)| play(name, seed, steps)).sum();
    println!("{edits} random edits");
}

/// Edits on a volume with changed bytes: whatever comes of it, no patch is outside the volume, no adopted or moved-to
/// block was in use, and nothing panics.
fn survive(original: &[u8], seed: u64) -> bool {
    let mut dice = Dice(seed);
    let mut bytes = original.to_vec();
    // Most of what matters lies at the start, and in the groups' own metadata.
    for _ in 0..1 + dice.below(12) {
        let within = if dice.below(3) == 0 { bytes.len() as u64 } else { 600 << 10 };
        let at = dice.below(within.min(bytes.len() as u64)) as usize;
        match dice.below(3) {
            0 => bytes[at] ^= 1 << dice.below(8),
            1 => bytes[at] = 0xff,
            _ => {
                let end = (at + dice.below(64) as usize).min(bytes.len());
                bytes[at..end].iter_mut().for_each(|byte| *byte = dice.below(256) as u8);
            }
        }
    }
    let len = bytes.len() as u64;
    let device: SharedDevice = Arc::new(MemoryDevice::new(bytes));
    let Ok(Probe::One(kind)) = fs::probe(&device) else { return false };
    let Ok(mut edit) = edit::open_unchecked(device, kind) else { return false };
    let Ok(used) = edit.used() else { return false };
    let set: ExtentSet = used.runs().collect();
    let units = edit.units();
    let whole = |run: &Extent| {
        let start = run.start.0.div_ceil(units.clusters) * units.clusters;
        Extent::new(start, (run.end() / units.clusters * units.clusters).saturating_sub(start))
    };
    let free: Vec<Extent> =
        set.complement(used.clusters()).runs().iter().map(whole).filter(|run| run.clusters > 0).collect();
    let first: Vec<Extent> = free.iter().rev().take(6).copied().collect();
    let block = fs_block(&edit.max_file_len(), &first);
    let _ = edit.mark(true);
    let _ = edit.adopt(Path::new("/LIFEBOAT"), "a", &first, block);
    let _ = edit.adopt(Path::new("/many"), "b", &[], ByteLen(0));
    let _ = edit.replace(Path::new("/hello.txt"), b"other");
    let _ = edit.release(Path::new("/many"), "a-file-with-a-longish-name-3");
    let _ = edit.release(Path::new("/LIFEBOAT"), "a");
    let upper = ExtentSet::from(vec![Extent::new(used.clusters() / 2, used.clusters() / 8)]);
    let _ = edit.relocate(&upper, &free);
    let change = edit.take("all").unwrap();
    for patch in &change.patches {
        assert!(patch.offset.0 + patch.new.len() as u64 <= len, "seed {seed}: past the end");
    }
    for copy in &change.copies {
        assert!(copy.to.0 + copy.len.0 <= len && copy.from.0 + copy.len.0 <= len, "seed {seed}");
        let cluster = copy.to.0 * used.clusters() / len;
        assert!(!used.contains(lifeboat::unit::Cluster(cluster)), "seed {seed}: onto a block in use");
    }
    true
}

/// Some length that the extents might have, whatever the block size.
fn fs_block(_: &ByteLen, extents: &[Extent]) -> ByteLen {
    ByteLen(extents.iter().map(|run| run.clusters).sum::<u64>() * 1024)
}

#[test]
fn changed_bytes_are_refused_or_edited_within_the_volume() {
    let (mut opened, mut tried) = (0, 0);
    for (name, script) in [
        ("without checksums", "make 8M -t ext2 -b 1024; into; mixed 2>/dev/null || true; away"),
        (
            "with an index",
            "make 8M -t ext4 -b 1024 -O ^has_journal,^metadata_csum,^uninit_bg; into; mixed 2>/dev/null || true; away",
        ),
        (
            "with checksums",
            "make 8M -t ext4 -b 1024 -O inline_data,^has_journal -I 256; into; mixed 2>/dev/null || true; away",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let image = dir.path().join("v.img");
        let head = format!("IMG={}\nDIR={}\n{}", image.display(), dir.path().display(), include_str!("../zoo/ext.sh"));
        sh(dir.path(), &format!("{head}\n{script}"));
        let bytes = std::fs::read(&image).unwrap();
        for seed in 0..if long() { 3000 } else { 60 } {
            tried += 1;
            opened += usize::from(survive(&bytes, seed * 3 + name.len() as u64));
        }
    }
    println!("{tried} damaged volumes, {opened} of them opened");
}

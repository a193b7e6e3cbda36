//! Random sequences of edits against a model.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lifeboat::extent::{Extent, ExtentSet};
use lifeboat::unit::ByteLen;

use super::stage::Stage;
use crate::oracle::long;
use crate::zoo::{Shape, ext};

/// A sequence of numbers that looks random and is the same each time.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, most: u64) -> u64 {
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

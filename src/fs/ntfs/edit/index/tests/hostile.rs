//! Blocks that say anything: changes refuse or succeed, and end.

use std::sync::OnceLock;

use proptest::prelude::*;

use super::memory::Memory;
use super::{NewEntry, Random, Reference, Store, UpCase, file_name, units};
use crate::fs::ntfs::edit::index::{entries, find, insert, remove};

/// A tree of three levels.
fn tree() -> &'static (Memory, UpCase) {
    static TREE: OnceLock<(Memory, UpCase)> = OnceLock::new();
    TREE.get_or_init(|| {
        let upcase = UpCase::unicode();
        (grown(&upcase), upcase)
    })
}

fn grown(upcase: &UpCase) -> Memory {
    let mut store = Memory::new(260, 512, 1);
    for number in 0..90u64 {
        let key = file_name(&units(&format!("name {number:03}")), number);
        insert(&mut store, upcase, NewEntry { reference: Reference(number), key }).unwrap();
    }
    store
}

/// Tries all changes on a store that is past trust.
fn trample(store: &mut Memory, upcase: &UpCase) {
    store.trusted = false;
    let _ = entries(store).map(|names| names.take(100_000).count());
    for number in (0..90u64).step_by(7) {
        let name = units(&format!("name {number:03}"));
        let _ = find(store, upcase, &name);
        let _ = remove(store, upcase, &name, Reference(number));
        let key = file_name(&units(&format!("name {number:03} new")), number);
        let _ = insert(store, upcase, NewEntry { reference: Reference(number), key });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn damaged_blocks_never_panic_or_hang(damages in prop::collection::vec((any::<u64>(), any::<u8>()), 1..6)) {
        let (mut store, upcase) = (tree().0.clone(), &tree().1);
        let blocks: Vec<u64> = store.blocks.keys().copied().collect();
        for (at, value) in damages {
            let mut random = Random(at | 1);
            let block = match random.below(4) {
                0 => &mut store.root,
                _ => store.blocks.get_mut(&blocks[random.below(blocks.len())]).unwrap(),
            };
            // Headers and the first entries decide most.
            let limit = if random.below(2) == 0 { 0x60 } else { block.len() };
            let at = random.below(limit.min(block.len()));
            block[at] = value;
        }
        trample(&mut store, upcase);
    }

    /// Blocks put in each other's places: trees that go in circles, or meet a block twice.
    #[test]
    fn trees_that_go_in_circles_end(links in prop::collection::vec((any::<u64>(), any::<u64>()), 1..8)) {
        let (mut store, upcase) = (tree().0.clone(), &tree().1);
        let blocks: Vec<u64> = store.blocks.keys().copied().collect();
        for (from, to) in links {
            let from = blocks[(from % blocks.len() as u64) as usize];
            let to = blocks[(to % blocks.len() as u64) as usize];
            let mut block = store.blocks[&to].clone();
            block[0x10..0x18].copy_from_slice(&from.to_le_bytes());
            store.blocks.insert(from, block);
        }
        trample(&mut store, upcase);
    }
}

#[test]
fn every_byte_of_a_root_may_be_wrong() {
    let (tree, upcase) = tree();
    for at in 0..tree.root().unwrap().len() {
        for value in [0, 1, 2, 8, 0x10, 0x7F, 0x80, 0xFF] {
            let mut store = tree.clone();
            store.root[at] = value;
            store.trusted = false;
            let _ = entries(&store).map(|names| names.take(1000).count());
            let _ = remove(&mut store, upcase, &units("name 045"), Reference(45));
        }
    }
}

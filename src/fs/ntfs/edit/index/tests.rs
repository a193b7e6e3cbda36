//! Proofs: against a model in memory, with hostile blocks, and on volumes that ntfs-3g judges.

mod hostile;
mod memory;
mod model;

use super::node::{self, Node, Root};
use super::path::{Path, collate};
use super::{Indexed, NewEntry, Reference, Store, UpCase};
use crate::error::Result;

/// A `$FILE_NAME` with this name, and sizes that tell one from another.
fn file_name(name: &[u16], bytes: u64) -> Vec<u8> {
    let mut key = vec![0; node::NAME_AT];
    key[..8].copy_from_slice(&(5u64 | 5 << 48).to_le_bytes());
    key[48..56].copy_from_slice(&bytes.to_le_bytes());
    key[64] = name.len() as u8;
    key.extend(name.iter().flat_map(|unit| unit.to_le_bytes()));
    key
}

fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

/// Inserts a name beside those that differ from it only in case, as a POSIX system may.
fn insert_exact(store: &mut dyn Store, upcase: &UpCase, entry: NewEntry) -> Result<()> {
    let path = Path::to(store, upcase, &node::name_of(&entry.key).unwrap())?;
    assert!(!path.found);
    super::add(store, path, entry)
}

/// Numbers that look random and are the same each time (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit
    }
}

/// Everything a tree must be: order, depth, no empty node below the root, each used block in exactly one place. Gives
/// all entries in order. A node that is not `strict` may have one subtree and no name.
fn validate(store: &dyn Store, upcase: &UpCase, strict: bool, used: &mut dyn FnMut() -> Vec<u64>) -> Vec<Indexed> {
    let value = store.root().unwrap();
    let root = Root::parse(&value).unwrap();
    assert_eq!(root.value().unwrap(), value, "a root is written in one form");
    let (mut found, mut reached, mut depths) = (Vec::new(), Vec::new(), Vec::new());
    assert_eq!(root.large, !root.node.is_leaf(), "a root says whether there are blocks");
    visit(store, &root.node, strict, 0, &mut found, &mut reached, &mut depths);
    depths.dedup();
    assert_eq!(depths.len(), 1, "leaves at depths {depths:?}");
    reached.sort_unstable();
    assert_eq!(reached, used(), "blocks reached and blocks used");
    let names: Vec<_> = found.iter().map(|entry| node::name_of(&entry.key).unwrap()).collect();
    assert!(names.is_sorted_by(|left, right| collate(upcase, left, right).is_lt()), "names in order");
    let walked: Vec<_> = super::entries(store).unwrap().collect::<Result<_>>().unwrap();
    assert!(walked == found, "the walk gives what is there");
    found
}

fn visit(
    store: &dyn Store,
    node: &Node,
    strict: bool,
    depth: usize,
    found: &mut Vec<Indexed>,
    reached: &mut Vec<u64>,
    depths: &mut Vec<usize>,
) {
    if node.is_leaf() {
        depths.push(depth);
    }
    for index in 0..=node.entries.len() {
        if let Some(vcn) = node.child(index) {
            reached.push(vcn);
            let bytes = store.read_block(vcn).unwrap();
            let (head, child) = Node::of_block(&bytes, vcn, store.block_bytes()).unwrap();
            assert_eq!(child.block(&head, store.block_bytes()).unwrap(), bytes, "a block is written in one form");
            assert!(!child.entries.is_empty() || !strict && !child.is_leaf(), "block {vcn} is empty");
            visit(store, &child, strict, depth + 1, found, reached, depths);
        }
        found.extend(node.entries.get(index).map(|entry| entry.indexed.clone()));
    }
}

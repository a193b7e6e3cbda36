//! Directories with an index (htree): a tree of blocks sorted by the hashes of names, whose leaves are blocks of names.
//!
//! # Rules ("Hash Tree Directories")
//! - The root is the directory's first block: entries for `.` and `..`, then at 0x18 four zero bytes, the hash's
//!   version, the length of this head (8), the levels of nodes below the root, and flags; at 0x20 the index.
//! - Another node begins with an entry that is none and spans the block; its index begins at 8.
//! - An index: room (16 bits), entries in use (16), then hash and block (32 bits each) for every entry but the first,
//!   whose hash's place these two numbers take. With `metadata_csum` 8 bytes at the end are kept for the checksum.
//! - An entry leads to names whose hash is not below its own. Its lowest bit says that names of this same hash (but for
//!   that bit) begin in the leaf before.
//! - A full leaf is split by hash, about in the middle of its bytes; a full node in its middle; when the root is full,
//!   its entries go to a new node, and the tree grows by a level: two in all, three with `largedir` (the kernel's
//!   `ext4_dir_htree_level`).

use super::super::checksum;
use super::super::feature::incompat;
use super::super::field::{le16, le32};
use super::super::hash::Hasher;
use super::directory::Directory;
use super::entries::{self, New};
use super::ledger::{put16, put32};
use crate::error::{Error, Result};

/// Where the index begins in the root, and in other nodes.
const ROOT_INDEX: usize = 0x20;
const NODE_INDEX: usize = 8;
/// Bytes of an index entry.
const ENTRY_BYTES: usize = 8;
/// Bytes that the checksum takes at a node's end.
const TAIL_BYTES: usize = 8;
/// The kernel ignores the upper four bits of a block number in an index.
const BLOCK_MASK: u32 = 0x0fff_ffff;

/// A node of the index.
struct Node {
    logical: u64,
    bytes: Vec<u8>,
    index_at: usize,
    /// The entry that was followed.
    position: usize,
}

impl Node {
    fn limit(&self) -> usize {
        usize::from(le16(&self.bytes, self.index_at))
    }

    fn count(&self) -> usize {
        usize::from(le16(&self.bytes, self.index_at + 2))
    }

    fn set_count(&mut self, count: usize) {
        put16(&mut self.bytes, self.index_at + 2, count as u16);
    }

    /// The hash of an entry; the first one's is none, and counts as 0.
    fn hash(&self, entry: usize) -> u32 {
        if entry == 0 { 0 } else { le32(&self.bytes, self.index_at + entry * ENTRY_BYTES) }
    }

    fn block(&self, entry: usize) -> u64 {
        u64::from(le32(&self.bytes, self.index_at + entry * ENTRY_BYTES + 4) & BLOCK_MASK)
    }

    /// Makes room behind the entry that was followed, and puts another there.
    fn insert_after(&mut self, hash: u32, block: u64) {
        let at = self.index_at + (self.position + 1) * ENTRY_BYTES;
        let end = self.index_at + self.count() * ENTRY_BYTES;
        self.bytes.copy_within(at..end, at + ENTRY_BYTES);
        put32(&mut self.bytes, at, hash);
        put32(&mut self.bytes, at + 4, block as u32);
        self.set_count(self.count() + 1);
    }
}

/// True for a block of the index, which has no names: the first one of a directory with an index, and those that begin
/// with one empty record over the whole block, whose length no block of names with a tail has. A block of names that
/// is empty and has no tail looks the same, and has no names either.
pub(super) fn is_node(block: &[u8], logical: u64) -> bool {
    let spans = super::super::directory::record_len(le16(block, 4), block.len()) == block.len();
    logical == 0 || le32(block, 0) == 0 && spans
}

/// Puts a name in.
pub(super) fn insert(directory: &mut Directory<'_>, new: New<'_>) -> Result<()> {
    let hasher = hasher(directory)?;
    let hash = hasher.hash(new.2);
    // Each round makes room in one more node; the last one finds room in the leaf.
    for _ in 0..8 {
        let mut way = descend(directory, hash)?;
        let Some(parent) = way.last_mut() else { break };
        let leaf = parent.block(parent.position);
        let (block_bytes, room) = (directory.ledger.block_bytes(), directory.room());
        let mut bytes = directory.read(leaf)?;
        if entries::insert(&mut bytes[..room], new, block_bytes)? {
            return directory.write_leaf(leaf, &mut bytes);
        }
        if parent.count() < parent.limit() {
            let (logical, first) = split_leaf(directory, leaf, &bytes, &hasher)?;
            parent.insert_after(first, logical);
            write(directory, parent)?;
        } else {
            make_room(directory, &mut way)?;
        }
    }
    Err(Error::damaged(format!("the index of directory {} does not lead to room for a name", directory.title))
        .advise("Run `e2fsck -fD` first"))
}

fn hasher(directory: &Directory<'_>) -> Result<Hasher> {
    let root = directory.read(0)?;
    let version = root.get(0x1c).copied().unwrap_or(u8::MAX);
    let is_known =
        le32(&root, 0x18) == 0 && root.get(0x1d) == Some(&8) && root.get(0x1f).is_some_and(|flags| flags & 1 == 0);
    let hasher = Hasher::new(version, &directory.ledger.read_superblock()?).filter(|_| is_known);
    hasher.ok_or_else(|| {
        Error::refused(format!("directory {} has an index of an unknown kind (hash {version})", directory.title))
            .advise("Choose another directory, or have it made anew by `e2fsck -fD`")
    })
}

/// Levels of nodes below the root that the kernel allows.
fn max_levels(directory: &Directory<'_>) -> u8 {
    if directory.ledger.superblock.features.incompat(incompat::LARGEDIR) { 2 } else { 1 }
}

/// Entries that a node has room for.
fn room_for_entries(directory: &Directory<'_>, index_at: usize) -> usize {
    let tail = if directory.ledger.has_checksums() { TAIL_BYTES } else { 0 };
    (directory.ledger.block_bytes() - index_at - tail) / ENTRY_BYTES
}

/// The nodes from the root down to the one above the leaf of a hash.
fn descend(directory: &Directory<'_>, hash: u32) -> Result<Vec<Node>> {
    let mut way = Vec::new();
    let (mut logical, mut index_at, mut levels) = (0, ROOT_INDEX, 0);
    loop {
        let bytes = directory.read(logical)?;
        if logical == 0 && way.is_empty() {
            levels = bytes.get(0x1e).copied().unwrap_or(u8::MAX);
        }
        let mut node = Node { logical, bytes, index_at, position: 0 };
        let (limit, count) = (node.limit(), node.count());
        if limit != room_for_entries(directory, index_at)
            || count == 0
            || count > limit
            || levels > max_levels(directory)
        {
            return Err(Error::damaged(format!(
                "the index of directory {} is damaged: {count} of {limit} entries in block {logical}",
                directory.title
            ))
            .advise("Run `e2fsck -f` first"));
        }
        node.position = (1..count).rev().find(|entry| node.hash(*entry) <= hash).unwrap_or(0);
        (logical, index_at) = (node.block(node.position), NODE_INDEX);
        way.push(node);
        if way.len() > usize::from(levels) {
            return Ok(way);
        }
    }
}

/// Writes a node, with its checksum.
fn write(directory: &Directory<'_>, node: &mut Node) -> Result<()> {
    if directory.ledger.has_checksums()
        && let Some((checksum, at)) =
            checksum::index_node(directory.record.seed(directory.ledger), &node.bytes, node.index_at)
    {
        put32(&mut node.bytes, at, checksum);
    }
    directory.write(node.logical, &node.bytes)
}

/// Moves the upper half of a leaf's names to a new block; its number, and the hash for its entry.
fn split_leaf(directory: &mut Directory<'_>, leaf: u64, bytes: &[u8], hasher: &Hasher) -> Result<(u64, u32)> {
    let (block_bytes, room) = (directory.ledger.block_bytes(), directory.room());
    let mut names: Vec<(u32, New<'_>)> = entries::parse(&bytes[..room], block_bytes)?
        .iter()
        .filter(|entry| entry.inode != 0)
        .map(|entry| (hasher.hash(entry.name), (entry.inode, entry.kind, entry.name)))
        .collect();
    names.sort_by_key(|(hash, _)| *hash);
    // From the top down as many as half the block holds, counting half of the one in the middle.
    let mut size = 0;
    let moved = names.iter().rev().take_while(|(_, (_, _, name))| {
        let own = entries::needed(name.len());
        let fits = size + own / 2 <= room / 2;
        size += own;
        fits
    });
    let middle = names.len() - moved.count().min(names.len().saturating_sub(1));
    let (Some((first, _)), Some(before)) = (names.get(middle), middle.checked_sub(1)) else {
        return Err(Error::damaged(format!("block {leaf} of directory {} cannot be split", directory.title)));
    };
    // Names of one hash on both sides: the lowest bit says so.
    let hash = first | u32::from(names[before].0 == *first);
    let pack = |part: &[(u32, New<'_>)]| {
        let mut block = vec![0; block_bytes];
        let part: Vec<_> = part.iter().map(|(_, name)| *name).collect();
        entries::pack(&mut block[..room], &part, block_bytes);
        block
    };
    let (mut low, mut high) = (pack(&names[..middle]), pack(&names[middle..]));
    let logical = directory.grow()?;
    directory.write_leaf(logical, &mut high)?;
    directory.write_leaf(leaf, &mut low)?;
    Ok((logical, hash))
}

/// Makes room in the lowest full node whose parent has room; when all are full, the tree grows by a level.
fn make_room(directory: &mut Directory<'_>, way: &mut [Node]) -> Result<()> {
    let with_room = way.iter().rposition(|node| node.count() < node.limit());
    match with_room.map(|at| way.split_at_mut(at + 1)) {
        Some(([.., parent], [node, ..])) => split_node(directory, parent, node),
        _ => match way.first_mut() {
            Some(root) => add_level(directory, root),
            None => Ok(()),
        },
    }
}

/// A new node without entries, in a new block at the directory's end.
fn new_node(directory: &mut Directory<'_>) -> Result<Node> {
    let logical = directory.grow()?;
    let mut bytes = vec![0; directory.ledger.block_bytes()];
    entries::clear(&mut bytes, directory.ledger.block_bytes());
    put16(&mut bytes, NODE_INDEX, room_for_entries(directory, NODE_INDEX) as u16);
    Ok(Node { logical, bytes, index_at: NODE_INDEX, position: 0 })
}

/// Moves the upper half of a node's entries to a new one.
fn split_node(directory: &mut Directory<'_>, parent: &mut Node, node: &mut Node) -> Result<()> {
    let mut new = new_node(directory)?;
    let (count, kept) = (node.count(), node.count() / 2);
    let (from, end) = (node.index_at + kept * ENTRY_BYTES, node.index_at + count * ENTRY_BYTES);
    let hash = node.hash(kept);
    new.bytes[NODE_INDEX + 4..NODE_INDEX + (count - kept) * ENTRY_BYTES].copy_from_slice(&node.bytes[from + 4..end]);
    new.set_count(count - kept);
    node.set_count(kept);
    parent.insert_after(hash, new.logical);
    write(directory, &mut new)?;
    write(directory, node)?;
    write(directory, parent)
}

/// Moves the root's entries to a new node below it.
fn add_level(directory: &mut Directory<'_>, root: &mut Node) -> Result<()> {
    let levels = root.bytes.get(0x1e).copied().unwrap_or(u8::MAX);
    if levels >= max_levels(directory) {
        return Err(Error::refused(format!("the index of directory {} is full ({levels} levels)", directory.title))
            .advise("Choose another directory"));
    }
    let mut new = new_node(directory)?;
    let count = root.count();
    let end = count * ENTRY_BYTES;
    new.bytes[NODE_INDEX + 4..NODE_INDEX + end].copy_from_slice(&root.bytes[ROOT_INDEX + 4..ROOT_INDEX + end]);
    new.set_count(count);
    root.set_count(1);
    put32(&mut root.bytes, ROOT_INDEX + 4, new.logical as u32);
    root.bytes[0x1e] = levels + 1;
    write(directory, &mut new)?;
    write(directory, root)
}

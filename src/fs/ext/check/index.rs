//! A directory's index: a tree over the hashes of names, whose leaves are the blocks with the names.
//!
//! Source: the kernel's ext4 documentation, "Hash Tree Directories". The lowest bit of a hash in the index says that
//! the block before it ends with names of the same hash; so a block may begin with the hash that its successor begins
//! with, and ends with it at most (e2fsck).

use super::directories::Directory;
use super::{DirectoryRun, Look};
use crate::error::Result;
use crate::fs::Finding;
use crate::fs::ext::checksum;
use crate::fs::ext::feature::incompat;
use crate::fs::ext::field::{le16, le32};
use crate::fs::ext::hash::Hasher;
use crate::unit::ByteOffset;

/// A larger directory's index is not followed: its blocks would take more memory than a check may.
const MAX_BLOCKS: u32 = 1 << 23;
/// Bytes of an index entry.
const ENTRY_BYTES: usize = 8;
/// Where the root's information begins, behind `.` and the head of `..`.
const ROOT_INFO: usize = 24;

/// Which hashes a block of names may hold, both ends included.
#[derive(Clone, Copy)]
pub(super) struct Range {
    from: u32,
    to: u32,
    hasher: Option<Hasher>,
}

impl Range {
    pub(super) fn holds(&self, name: &[u8]) -> bool {
        self.hasher.is_none_or(|hasher| (self.from..=self.to).contains(&hasher.hash(name)))
    }

    pub(super) fn hash(&self, name: &[u8]) -> u32 {
        self.hasher.map_or(0, |hasher| hasher.hash(name))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Unknown,
    Node,
    Leaf,
}

/// What the index says of each of the directory's blocks.
pub(super) struct Index {
    blocks: Vec<(Part, u32, u32)>,
    hasher: Option<Hasher>,
}

impl Index {
    pub(super) fn is_node(&self, logical: u32) -> bool {
        self.blocks.get(logical as usize).is_some_and(|(part, _, _)| *part == Part::Node)
    }

    pub(super) fn range(&self, logical: u32) -> Option<Range> {
        let (part, from, to) = *self.blocks.get(logical as usize)?;
        (part == Part::Leaf).then_some(Range { from, to, hasher: self.hasher })
    }
}

/// A node that is to be read: which block, how far above the leaves, and the hashes it spans.
struct Node {
    logical: u32,
    level: u8,
    from: u32,
    to: u32,
}

impl Look<'_> {
    fn bad_index(&mut self, directory: &Directory, rule: &'static str, place: ByteOffset, message: String) {
        let message = format!("in its index: {message}");
        self.report.add_of(directory.inode, Finding::error(rule, message).at(place));
    }

    /// Reads the index of a directory of so many blocks. `None` when there is no telling nodes from names.
    pub(super) fn index(&mut self, directory: &Directory, runs: &[DirectoryRun], blocks: u32) -> Result<Option<Index>> {
        let sum = runs.iter().fold(0u32, |sum, run| sum.saturating_add(run.blocks));
        let Some(first) = runs.first().filter(|run| run.logical == 0 && sum == blocks) else { return Ok(None) };
        if blocks > MAX_BLOCKS {
            let message = format!("it has {blocks} blocks; its index was not checked");
            self.report.add_of(directory.inode, Finding::note("ext.index.large", message));
            return Ok(None);
        }
        let place = self.volume.source.offset_of(first.physical);
        let root = self.volume.source.block(first.physical, place)?;
        let (reserved, version, info_len) = (le32(&root, ROOT_INFO), root[ROOT_INFO + 4], root[ROOT_INFO + 5]);
        let (levels, flags) = (root[ROOT_INFO + 6], root[ROOT_INFO + 7]);
        // Two levels above the leaves, and three with `large_dir`.
        let most = if self.features().incompat(incompat::LARGEDIR) { 2 } else { 1 };
        if reserved != 0 || info_len != 8 || flags & 1 != 0 || levels > most {
            let message = format!("the root has {levels} levels, information of {info_len} bytes, flags {flags:#x}");
            self.bad_index(directory, "ext.index.root", ByteOffset(place.0 + ROOT_INFO as u64), message);
            return Ok(None);
        }
        let hasher = Hasher::new(version, &self.facts.raw);
        // Version 6 needs the key of an encrypted directory.
        if version > 2 && version != 6 {
            let message = format!("the hashes are of version {version}, which is none");
            self.bad_index(directory, "ext.index.hash_version", ByteOffset(place.0 + ROOT_INFO as u64 + 4), message);
            return Ok(None);
        }
        let hasher = hasher.filter(|_| !directory.is_encrypted && !directory.is_folded);
        let mut index = Index { blocks: vec![(Part::Unknown, 0, 0); blocks as usize], hasher };
        index.blocks[0].0 = Part::Node;
        let mut left = vec![Node { logical: 0, level: levels, from: 0, to: u32::MAX }];
        while let Some(node) = left.pop() {
            self.node(directory, runs, &node, &mut index, &mut left)?;
        }
        if let Some(lost) = index.blocks.iter().position(|(part, _, _)| *part == Part::Unknown) {
            let message = format!("it does not lead to block {lost}");
            self.bad_index(directory, "ext.index.unreachable", place, message);
        }
        Ok(Some(index))
    }

    /// One node: its room, its checksum, the order of its hashes, and where they lead.
    fn node(
        &mut self,
        directory: &Directory,
        runs: &[DirectoryRun],
        node: &Node,
        index: &mut Index,
        left: &mut Vec<Node>,
    ) -> Result<()> {
        let at = runs.partition_point(|run| run.logical <= node.logical).saturating_sub(1);
        let Some(run) = runs.get(at) else { return Ok(()) };
        let physical = run.physical + u64::from(node.logical - run.logical);
        let place = self.volume.source.offset_of(physical);
        let block = self.volume.source.block(physical, place)?;
        let limit_at = if node.logical == 0 { ROOT_INFO + 8 } else { 8 };
        let tail = if directory.seed.is_some() { 8 } else { 0 };
        let (limit, count) = (usize::from(le16(&block, limit_at)), usize::from(le16(&block, limit_at + 2)));
        let room = (block.len() - limit_at - tail) / ENTRY_BYTES;
        if limit != room || count > room || count == 0 {
            let message = format!("block {} has {count} entries, and says {limit} fit of {room}", node.logical);
            self.bad_index(directory, "ext.index.count", ByteOffset(place.0 + limit_at as u64), message);
            return Ok(());
        }
        if node.logical != 0 && (le32(&block, 0) != 0 || block[6] != 0) {
            let message = format!("block {} is to be a node, and holds names", node.logical);
            self.bad_index(directory, "ext.index.depth", place, message);
            return Ok(());
        }
        if let Some(seed) = directory.seed
            && let Some((computed, at)) = checksum::index_node(seed, &block, limit_at)
            && computed != le32(&block, at)
        {
            let message = format!("the checksum of block {} is not {computed:#010x}", node.logical);
            self.bad_index(directory, "ext.index.checksum", place, message);
        }
        // The first entry's hash is the node's own: its room holds the counts.
        let hash = |entry: usize| match entry {
            0 => node.from,
            _ => le32(&block, limit_at + entry * ENTRY_BYTES) & !1,
        };
        for entry in 0..count {
            let own_place = ByteOffset(place.0 + (limit_at + entry * ENTRY_BYTES) as u64);
            let child = le32(&block, limit_at + entry * ENTRY_BYTES + 4) & 0x0fff_ffff;
            let (from, to) = (hash(entry), if entry + 1 < count { hash(entry + 1) } else { node.to });
            if from > to {
                let message = format!("hash {to:#010x} follows {from:#010x}");
                self.bad_index(directory, "ext.index.order", own_place, message);
            }
            match index.blocks.get_mut(child as usize) {
                None => {
                    let message = format!("it leads to block {child}, and there are {}", index.blocks.len());
                    self.bad_index(directory, "ext.index.range", own_place, message);
                }
                Some((part, _, _)) if *part != Part::Unknown => {
                    let message = format!("it leads to block {child} twice");
                    self.bad_index(directory, "ext.index.twice", own_place, message);
                }
                Some(slot) if node.level == 0 => *slot = (Part::Leaf, from, to),
                Some(slot) => {
                    *slot = (Part::Node, from, to);
                    left.push(Node { logical: child, level: node.level - 1, from, to });
                }
            }
        }
        Ok(())
    }
}

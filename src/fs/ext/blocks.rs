//! From a file's blocks to the volume's: extent trees (ext4) and block maps (ext2, ext3).
//!
//! Source: the kernel's ext4 data structures documentation, "The Contents of inode.i_block".
//!
//! Neither can be made to loop. In an extent tree logical numbers must rise and stay within what the
//! parent's index entry spans, so that no node can be reached twice; in a block map no indirect block
//! may be met twice.

use std::collections::HashSet;

use super::feature::ro_compat;
use super::field::{crc32c, halves, le16, le32};
use super::inode::Inode;
use super::source::Source;
use super::superblock::Superblock;
use crate::error::{Error, Result};
use crate::extent::Extent;
use crate::unit::ByteOffset;

/// `eh_magic`.
const MAGIC: u16 = 0xf30a;
/// Bytes of an extent node's header, of an index entry and of an extent.
const ENTRY_BYTES: usize = 12;
/// The kernel's limit: a tree of this depth over the smallest blocks maps all 2^32.
const MAX_DEPTH: u16 = 5;
/// One more than the largest block number of a file with extents.
const MAX_LOGICAL: u64 = 1 << 32;
/// An extent longer than this is unwritten: its length is what exceeds this.
const MAX_WRITTEN: u16 = 32_768;

/// A run of a file's blocks that lie in a row on the volume.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Run {
    /// Its first block, counted from the file's start.
    pub(super) logical: u64,
    /// Where that lies in the volume.
    pub(super) physical: u64,
    pub(super) blocks: u64,
    /// Allocated but never written: reads as zeros.
    pub(super) unwritten: bool,
}

/// A block of a file's own map: a node of its extent tree, or an indirect block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Node {
    /// Where it lies.
    pub(super) block: u64,
    /// Steps above the content: an indirect block has level 1; of an extent tree a leaf has level 0.
    pub(super) level: u32,
    /// The first block of the file that it could map (indirect blocks), or that was to come when it was met.
    pub(super) logical: u64,
}

/// Where a file's bytes lie.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The content, sorted by `logical`; what is between runs is holes.
    pub(super) runs: Vec<Run>,
    /// Everything the file occupies, its own index or indirect blocks included, in file order.
    pub(super) extents: Vec<Extent>,
    /// The blocks of the map itself, each before those it leads to.
    pub(super) nodes: Vec<Node>,
}

impl Layout {
    /// Reads where an inode's content lies; nothing for content that is inside the inode.
    ///
    /// # Errors
    /// When an index block cannot be read or contradicts itself.
    pub(super) fn read(source: &Source, superblock: &Superblock, inode: &Inode) -> Result<Self> {
        let mut walk = Walk {
            source,
            has_checksums: superblock.features.ro_compat(ro_compat::METADATA_CSUM),
            checksum_seed: inode.checksum_seed,
            layout: Self::default(),
            next: 0,
            visited: HashSet::new(),
        };
        let place = ByteOffset(inode.place.0 + 0x28);
        let result = match (inode.is_mapped(), inode.has_extents()) {
            (false, _) => Ok(()),
            (true, true) => walk.root(inode.block_field(), place),
            (true, false) => walk.block_map(inode.block_field(), place),
        };
        result.map_err(|error| error.context(format_args!("inode {}", inode.number)))?;
        Ok(walk.layout)
    }

    fn occupy(&mut self, physical: u64, blocks: u64) {
        match self.extents.last_mut() {
            Some(last) if last.end() == physical => last.clusters += blocks,
            _ => self.extents.push(Extent::new(physical, blocks)),
        }
    }

    fn push(&mut self, run: Run) {
        self.occupy(run.physical, run.blocks);
        match self.runs.last_mut() {
            Some(last)
                if last.logical + last.blocks == run.logical
                    && last.physical + last.blocks == run.physical
                    && last.unwritten == run.unwritten =>
            {
                last.blocks += run.blocks;
            }
            _ => self.runs.push(run),
        }
    }
}

struct Walk<'a> {
    source: &'a Source,
    has_checksums: bool,
    checksum_seed: u32,
    layout: Layout,
    /// The smallest logical block that may come next.
    next: u64,
    /// Indirect blocks met so far.
    visited: HashSet<u64>,
}

impl Walk<'_> {
    /// The tree's root, in the inode.
    fn root(&mut self, node: &[u8], place: ByteOffset) -> Result<()> {
        let depth = le16(node, 6);
        if depth > MAX_DEPTH {
            return Err(Error::corrupt(ByteOffset(place.0 + 6), "an extent tree of depth 0 to 5", depth));
        }
        self.node(node, depth, MAX_LOGICAL, place)
    }

    /// A node, whose entries must lie in `self.next..end`. Recurses at most [`MAX_DEPTH`] deep.
    fn node(&mut self, node: &[u8], depth: u16, end: u64, place: ByteOffset) -> Result<()> {
        let (magic, entries, own_depth) = (le16(node, 0), usize::from(le16(node, 2)), le16(node, 6));
        if magic != MAGIC {
            return Err(Error::corrupt(place, "an extent node's magic number 0xf30a", format_args!("{magic:#06x}")));
        }
        if own_depth != depth {
            return Err(Error::corrupt(ByteOffset(place.0 + 6), format_args!("depth {depth}"), own_depth));
        }
        let bytes = node.get(ENTRY_BYTES..ENTRY_BYTES * (entries + 1)).ok_or_else(|| {
            Error::corrupt(ByteOffset(place.0 + 2), "no more entries than the node has room for", entries)
        })?;
        for (index, entry) in bytes.chunks_exact(ENTRY_BYTES).enumerate() {
            let entry_place = ByteOffset(place.0 + (ENTRY_BYTES * (index + 1)) as u64);
            let logical = u64::from(le32(entry, 0));
            if logical < self.next || logical >= end {
                let expected = format!("a logical block in {}..{end}", self.next);
                return Err(Error::corrupt(entry_place, expected, logical));
            }
            self.next = logical;
            if depth == 0 {
                self.leaf(entry, logical, end, entry_place)?;
            } else {
                let following = bytes.get(ENTRY_BYTES * (index + 1)..).filter(|rest| !rest.is_empty());
                let child_end = following.map_or(end, |rest| u64::from(le32(rest, 0))).min(end);
                self.child(entry, depth - 1, child_end, entry_place)?;
            }
        }
        Ok(())
    }

    fn leaf(&mut self, entry: &[u8], logical: u64, end: u64, place: ByteOffset) -> Result<()> {
        let len = le16(entry, 4);
        let unwritten = len > MAX_WRITTEN;
        let blocks = u64::from(if unwritten { len - MAX_WRITTEN } else { len });
        if blocks == 0 || logical + blocks > end {
            return Err(Error::corrupt(ByteOffset(place.0 + 4), format_args!("an extent that ends by {end}"), len));
        }
        let physical = halves(le32(entry, 8), u32::from(le16(entry, 6)));
        self.source.check(physical, blocks, place)?;
        self.layout.push(Run { logical, physical, blocks, unwritten });
        self.next = logical + blocks;
        Ok(())
    }

    fn child(&mut self, entry: &[u8], depth: u16, end: u64, place: ByteOffset) -> Result<()> {
        let block = halves(le32(entry, 4), u32::from(le16(entry, 8)));
        let node = self.source.block(block, place)?;
        let own_place = self.source.offset_of(block);
        if le16(&node, 2) == 0 {
            return Err(Error::corrupt(ByteOffset(own_place.0 + 2), "entries in an extent node", 0));
        }
        // The checksum stands behind the room for entries (`eh_max` of them), not at the block's end.
        let tail = ENTRY_BYTES * (usize::from(le16(&node, 4)) + 1);
        if self.has_checksums
            && let Some(covered) = node.get(..tail)
            && crc32c(self.checksum_seed, covered) != le32(&node, tail)
        {
            return Err(Error::corrupt(own_place, "an extent node with the right checksum", "another"));
        }
        self.layout.occupy(block, 1);
        self.layout.nodes.push(Node { block, level: u32::from(depth), logical: self.next });
        let before = self.next;
        self.node(&node, depth, end, own_place)?;
        // A child that maps nothing could be named again; `self.next` would not have risen.
        if self.next == before {
            return Err(Error::corrupt(own_place, "extents in an extent node", "none"));
        }
        Ok(())
    }

    /// Twelve direct pointers, then one each to a block, a block of blocks, a block of blocks of blocks.
    fn block_map(&mut self, field: &[u8], place: ByteOffset) -> Result<()> {
        for index in 0..15usize {
            let pointer = u64::from(le32(field, index * 4));
            let own_place = ByteOffset(place.0 + index as u64 * 4);
            self.pointer(pointer, index.saturating_sub(11) as u32, own_place)?;
        }
        Ok(())
    }

    /// One pointer, `level` steps above the data. A pointer of 0 is a hole. Recurses at most 3 deep.
    fn pointer(&mut self, block: u64, level: u32, place: ByteOffset) -> Result<()> {
        let per_block = (self.source.block_bytes() / 4) as u64;
        if block == 0 {
            self.next += per_block.pow(level);
            return Ok(());
        }
        if level == 0 {
            self.source.check(block, 1, place)?;
            self.layout.push(Run { logical: self.next, physical: block, blocks: 1, unwritten: false });
            self.next += 1;
            return Ok(());
        }
        if !self.visited.insert(block) {
            return Err(Error::corrupt(place, "an indirect block of its own", format_args!("block {block} again")));
        }
        let bytes = self.source.block(block, place)?;
        self.layout.occupy(block, 1);
        self.layout.nodes.push(Node { block, level, logical: self.next });
        for (index, raw) in bytes.chunks_exact(4).enumerate() {
            let own_place = ByteOffset(self.source.offset_of(block).0 + index as u64 * 4);
            self.pointer(u64::from(le32(raw, 0)), level - 1, own_place)?;
        }
        Ok(())
    }
}

//! Where an inode's blocks lie, told piece by piece, on volumes that may be damaged.
//!
//! [`Layout`](super::blocks::Layout) reads a file's map and stops at the first contradiction. This walk tells the
//! contradiction and goes on behind it, so that one bad pointer hides nothing else. It cannot be made to loop or to
//! run for long: who listens says for every block of a map whether to go down, and says so once for each block of the
//! volume; and after [`MAX_WRONG`] contradictions the rest of the inode is left.
//!
//! Source: the kernel's ext4 documentation, "The Contents of inode.i_block". That a node's first entry must begin
//! where its parent says is e2fsck's rule.

use super::blocks::Run;
use super::feature::ro_compat;
use super::field::{crc32c, halves, le16, le32};
use super::record::{Record, flag};
use super::source::Source;
use super::superblock::Superblock;
use crate::error::Result;
use crate::unit::ByteOffset;

/// `eh_magic`.
const MAGIC: u16 = 0xf30a;
/// Bytes of a node's header, of an index entry, and of an extent.
const ENTRY_BYTES: usize = 12;
/// The kernel's limit on a tree's depth.
const MAX_DEPTH: u16 = 5;
/// A longer extent is unwritten, and so many blocks shorter.
const MAX_WRITTEN: u16 = 32_768;
/// One more than the largest block number of a file with extents.
const MAX_LOGICAL: u64 = 1 << 32;
/// After so many contradictions an inode's map is given up.
pub(super) const MAX_WRONG: u32 = 50;

/// What the walk meets.
#[derive(Debug)]
pub(super) enum Event {
    /// Content.
    Data(Run),
    /// A block of the map itself: go down into it?
    Node(u64),
    /// A contradiction: which rule, where, and in words.
    Wrong(&'static str, ByteOffset, String),
}

/// Walks the map of an inode that has one.
///
/// # Errors
/// When a block cannot be read.
pub(super) fn inode(
    source: &Source,
    superblock: &Superblock,
    record: Record<'_>,
    see: &mut dyn FnMut(Event) -> bool,
) -> Result<()> {
    let seed = superblock.features.ro_compat(ro_compat::METADATA_CSUM).then(|| record.checksum_seed(superblock));
    let mut walk = Walk { source, superblock, seed, next: 0, wrong: 0, see };
    let (field, place) = (record.block_field(), record.block_field_place());
    if record.has(flag::EXTENTS) { walk.tree(field, place) } else { walk.block_map(field, place) }
}

struct Walk<'a> {
    source: &'a Source,
    superblock: &'a Superblock,
    /// The state that the nodes' checksums begin with, where the volume has checksums.
    seed: Option<u32>,
    /// The smallest logical block that may come next.
    next: u64,
    wrong: u32,
    see: &'a mut dyn FnMut(Event) -> bool,
}

impl Walk<'_> {
    fn wrong(&mut self, rule: &'static str, place: ByteOffset, message: String) {
        self.wrong += 1;
        if self.wrong <= MAX_WRONG {
            (self.see)(Event::Wrong(rule, place, message));
        }
    }

    fn is_block(&self, start: u64, count: u64) -> bool {
        let first = u64::from(self.superblock.first_data_block).max(1);
        start >= first && start.checked_add(count).is_some_and(|end| end <= self.superblock.blocks)
    }

    fn tree(&mut self, field: &[u8], place: ByteOffset) -> Result<()> {
        let depth = le16(field, 6);
        if depth > MAX_DEPTH {
            let message = format!("the extent tree has depth {depth}, and at most {MAX_DEPTH} are possible");
            self.wrong("ext.extent.depth", ByteOffset(place.0 + 6), message);
            return Ok(());
        }
        self.node(field, depth, None, (0, MAX_LOGICAL), place)
    }

    /// A node whose entries must lie in `span`, and begin at its start when it has a parent. Recurses [`MAX_DEPTH`]
    /// deep at most.
    fn node(
        &mut self,
        node: &[u8],
        depth: u16,
        parent: Option<u64>,
        span: (u64, u64),
        place: ByteOffset,
    ) -> Result<()> {
        let Some(entries) = self.header(node, depth, parent.is_some(), place) else { return Ok(()) };
        for (index, entry) in entries.chunks_exact(ENTRY_BYTES).enumerate() {
            if self.wrong >= MAX_WRONG {
                return Ok(());
            }
            let own_place = ByteOffset(place.0 + (ENTRY_BYTES * (index + 1)) as u64);
            let logical = u64::from(le32(entry, 0));
            if index == 0 && parent.is_some_and(|parent| parent != logical) {
                let message = format!("the node begins with block {logical} of the file, its parent says {}", span.0);
                self.wrong("ext.extent.index", own_place, message);
            }
            if logical < self.next.max(span.0) || logical >= span.1 {
                let expected = format!("{}..{}", self.next.max(span.0), span.1);
                let message = format!("an extent begins at block {logical} of the file, where {expected} is expected");
                self.wrong("ext.extent.order", own_place, message);
                continue;
            }
            self.next = logical;
            if depth == 0 {
                self.leaf(entry, logical, span.1, own_place);
            } else {
                let following = entries.get(ENTRY_BYTES * (index + 1)..).filter(|rest| rest.len() >= ENTRY_BYTES);
                let end = following.map_or(span.1, |rest| u64::from(le32(rest, 0))).min(span.1);
                self.child(entry, depth - 1, (logical, end), own_place)?;
            }
        }
        Ok(())
    }

    /// Checks a node's header, and gives its entries.
    fn header<'n>(&mut self, node: &'n [u8], depth: u16, is_block: bool, place: ByteOffset) -> Option<&'n [u8]> {
        let (magic, count, most, own) = (le16(node, 0), le16(node, 2), le16(node, 4), le16(node, 6));
        let room = (node.len() / ENTRY_BYTES).saturating_sub(1);
        if magic != MAGIC {
            self.wrong("ext.extent.magic", place, format!("an extent node begins with {magic:#06x}, not with 0xf30a"));
            return None;
        }
        if own != depth {
            let message = format!("an extent node says that it is {own} levels above the extents, and is {depth}");
            self.wrong("ext.extent.depth", ByteOffset(place.0 + 6), message);
            return None;
        }
        // e2fsck lets a node have room for two entries fewer than would fit.
        if usize::from(most) > room || usize::from(most) + 2 < room {
            let message = format!("an extent node says that it has room for {most} entries, and has it for {room}");
            self.wrong("ext.extent.room", ByteOffset(place.0 + 4), message);
            return None;
        }
        if count > most || count == 0 && (is_block || depth > 0) {
            let message = format!("an extent node has {count} entries, with room for {most}");
            self.wrong("ext.extent.count", ByteOffset(place.0 + 2), message);
            return None;
        }
        node.get(ENTRY_BYTES..ENTRY_BYTES * (usize::from(count) + 1))
    }

    fn leaf(&mut self, entry: &[u8], logical: u64, end: u64, place: ByteOffset) {
        let len = le16(entry, 4);
        let unwritten = len > MAX_WRITTEN;
        let blocks = u64::from(if unwritten { len - MAX_WRITTEN } else { len });
        let physical = halves(le32(entry, 8), u32::from(le16(entry, 6)));
        if blocks == 0 || logical + blocks > end {
            let message =
                format!("an extent at block {logical} of the file has {blocks} blocks, and must end by {end}");
            self.wrong("ext.extent.length", ByteOffset(place.0 + 4), message);
        } else if !self.is_block(physical, blocks) {
            let message = format!("an extent leads to {blocks} blocks from {physical} on, out of the volume");
            self.wrong("ext.extent.range", ByteOffset(place.0 + 6), message);
        } else {
            (self.see)(Event::Data(Run { logical, physical, blocks, unwritten }));
        }
        self.next = (logical + blocks).min(end);
    }

    fn child(&mut self, entry: &[u8], depth: u16, span: (u64, u64), place: ByteOffset) -> Result<()> {
        let block = halves(le32(entry, 4), u32::from(le16(entry, 8)));
        if !self.is_block(block, 1) {
            let message = format!("an extent node leads to block {block}, out of the volume");
            self.wrong("ext.extent.range", ByteOffset(place.0 + 4), message);
            return Ok(());
        }
        if !(self.see)(Event::Node(block)) {
            return Ok(());
        }
        let node = self.source.block(block, place)?;
        let own_place = self.source.offset_of(block);
        // The checksum stands behind the room for entries (`eh_max` of them): "Extent Tree", `ext4_extent_tail`.
        let tail = ENTRY_BYTES * (usize::from(le16(&node, 4)) + 1);
        if let (Some(seed), Some(covered)) = (self.seed, node.get(..tail)) {
            let (stored, computed) = (le32(&node, tail), crc32c(seed, covered));
            if stored != computed {
                let message = format!("the extent node's checksum is {stored:#010x}, and must be {computed:#010x}");
                self.wrong("ext.extent.checksum", own_place, message);
            }
        }
        self.node(&node, depth, Some(span.0), span, own_place)
    }

    /// Twelve direct pointers, then one each to a block, a block of blocks, a block of blocks of blocks.
    fn block_map(&mut self, field: &[u8], place: ByteOffset) -> Result<()> {
        for (index, raw) in field.chunks_exact(4).enumerate() {
            let own_place = ByteOffset(place.0 + index as u64 * 4);
            self.pointer(u64::from(le32(raw, 0)), index.saturating_sub(11) as u32, own_place)?;
        }
        Ok(())
    }

    /// One pointer, `level` steps above the content; 0 is a hole. Recurses at most 3 deep.
    fn pointer(&mut self, block: u64, level: u32, place: ByteOffset) -> Result<()> {
        let blocks = (self.source.block_bytes() as u64 / 4).pow(level);
        let logical = self.next;
        self.next += blocks;
        if block == 0 || self.wrong >= MAX_WRONG {
            return Ok(());
        }
        if !self.is_block(block, 1) {
            self.wrong("ext.map.range", place, format!("a block map leads to block {block}, out of the volume"));
            return Ok(());
        }
        if level == 0 {
            (self.see)(Event::Data(Run { logical, physical: block, blocks: 1, unwritten: false }));
            return Ok(());
        }
        if !(self.see)(Event::Node(block)) {
            return Ok(());
        }
        let bytes = self.source.block(block, place)?;
        self.next = logical;
        for (index, raw) in bytes.chunks_exact(4).enumerate() {
            let own_place = ByteOffset(self.source.offset_of(block).0 + index as u64 * 4);
            self.pointer(u64::from(le32(raw, 0)), level - 1, own_place)?;
        }
        self.next = logical + blocks;
        Ok(())
    }
}

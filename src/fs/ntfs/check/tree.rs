//! An index, node by node: structure and order, whatever its keys.
//!
//! | Offset | Size | Meaning (block of an index) |
//! |---|---|---|
//! | 0x00 | 4 + 4 | `INDX`, and its update sequence array |
//! | 0x10 | 8 | its own number, in clusters, or in 512 bytes when a cluster is larger than a block |
//! | 0x18 | 16 | index header: first entry, bytes in use, bytes allocated (from here on), flags: 1 has children |
//!
//! In the resident root the same header lies at 0x10. Entries are multiples of 8 bytes; one in a node with children
//! ends with the number of the block that holds what comes before it; the last one of a node has no key.
//! Source: Linux-NTFS documentation, "$INDEX_ROOT", "$INDEX_ALLOCATION", "Index entries".

use std::cmp::Ordering;

use super::super::boot::Boot;
use super::super::content::Content;
use super::super::name::UpCase;
use super::super::owners::Bits;
use super::super::record;
use super::collation::Rule;
use crate::bytes::{u8_at, u16_at, u32_at, u64_at};
use crate::device::ReadDevice;
use crate::error::{Kind as ErrorKind, Result};
use crate::unit::ByteOffset;

/// Levels of a tree: with 4 KiB blocks, six hold more names than a volume can have.
const MAX_LEVELS: usize = 32;

/// Blocks of an index that is looked at: more than a volume's every file needs. It bounds the memory of two bitmaps.
const MAX_BLOCKS: u64 = 1 << 27;

/// An entry's flags.
const HAS_CHILD: u16 = 1;
const LAST: u16 = 2;

/// What a walk tells.
pub(super) enum Event<'e> {
    /// A rule is broken.
    Wrong(&'static str, ByteOffset, String),
    /// An entry with its key and its place, in the order of the tree.
    Entry(&'e [u8], &'e [u8], ByteOffset),
    /// Part of the tree could not be walked: entries are missing.
    Incomplete,
}

/// An index that is walked.
pub(super) struct Tree<'t> {
    pub(super) device: &'t dyn ReadDevice,
    pub(super) boot: &'t Boot,
    pub(super) upcase: &'t UpCase,
    pub(super) rule: Rule,
    pub(super) block_bytes: usize,
    pub(super) blocks: Option<&'t Content>,
    /// Keys are followed by nothing (directories), or by data at a place that the entry tells.
    pub(super) is_view: bool,
}

/// A node that is being walked.
struct Node {
    bytes: Vec<u8>,
    /// The next entry, and the end of them.
    at: usize,
    end: usize,
    place: ByteOffset,
    has_children: bool,
    /// The child of the next entry has been walked.
    descended: bool,
}

impl Tree<'_> {
    /// How many blocks there are.
    pub(super) fn block_count(&self) -> u64 {
        self.blocks.map_or(0, |blocks| blocks.len() / self.block_bytes as u64).min(MAX_BLOCKS)
    }

    /// Bytes for which block numbers count.
    fn unit(&self) -> u64 {
        let cluster = u64::from(self.boot.cluster_bytes);
        if cluster <= self.block_bytes as u64 { cluster } else { 512 }
    }

    /// Walks the whole tree from the value of its root, which lies at `place`; gives the blocks that it reached.
    ///
    /// # Errors
    /// When the medium fails, or `see` says so.
    pub(super) fn walk(
        &self,
        root: &[u8],
        place: ByteOffset,
        see: &mut dyn FnMut(Event<'_>) -> Result<()>,
    ) -> Result<Bits> {
        let mut reached = Bits::new(self.block_count());
        let mut previous: Vec<u8> = Vec::new();
        let Some(root) = self.node(root.to_vec(), 0x10, place, see)? else {
            see(Event::Incomplete)?;
            return Ok(reached);
        };
        let mut stack = vec![root];
        while let Some(node) = stack.last_mut() {
            let here = ByteOffset(node.place.0.saturating_add(node.at as u64));
            let Some((entry, flags)) = entry(node) else {
                let message = "an entry that does not fit its node".to_owned();
                see(Event::Wrong("ntfs.index.entry", here, message))?;
                see(Event::Incomplete)?;
                stack.pop();
                continue;
            };
            if flags & HAS_CHILD != 0 && !node.descended {
                let number = u64_at(entry, entry.len() - 8).unwrap_or(u64::MAX);
                node.descended = true;
                let levels = stack.len();
                match self.child(number, here, levels, &mut reached, see)? {
                    Some(child) => stack.push(child),
                    None => see(Event::Incomplete)?,
                }
                continue;
            }
            if flags & LAST != 0 {
                if node.at + entry.len() != node.end {
                    let message = format!("the last entry ends at {}, not at {}", node.at + entry.len(), node.end);
                    see(Event::Wrong("ntfs.index.entry", here, message))?;
                }
                stack.pop();
                continue;
            }
            self.key(entry, here, &mut previous, see)?;
            node.at += entry.len();
            node.descended = false;
        }
        Ok(reached)
    }

    /// One key: its bounds, and its order behind the one before.
    fn key(
        &self,
        entry: &[u8],
        here: ByteOffset,
        previous: &mut Vec<u8>,
        see: &mut dyn FnMut(Event<'_>) -> Result<()>,
    ) -> Result<()> {
        let len = usize::from(u16_at(entry, 10).unwrap_or(0));
        let end = entry.len() - if u16_at(entry, 12).unwrap_or(0) & HAS_CHILD != 0 { 8 } else { 0 };
        let key = entry.get(16..16 + len).filter(|key| 16 + len <= end && self.rule.fits(key));
        let Some(key) = key else {
            let message = format!("a key of {len} bytes that does not fit its entry or its kind");
            return see(Event::Wrong("ntfs.index.key", here, message));
        };
        if self.is_view {
            let (at, count) = (u16_at(entry, 0).unwrap_or(0), u16_at(entry, 2).unwrap_or(0));
            // `$ObjId`'s and `$Secure`'s data follows the key; `$R` has none.
            if count > 0 && (usize::from(at) < 16 + len || usize::from(at) + usize::from(count) > end) {
                let message = format!("{count} bytes of data at {at} do not fit an entry of {} bytes", entry.len());
                see(Event::Wrong("ntfs.index.entry", here, message))?;
            }
        }
        if !previous.is_empty() && self.rule.compare(previous, key, self.upcase).is_some_and(Ordering::is_ge) {
            see(Event::Wrong(
                "ntfs.index.order",
                here,
                "an entry that must stand before the one before it".to_owned(),
            ))?;
        }
        previous.clear();
        previous.extend_from_slice(key);
        see(Event::Entry(entry, key, here))
    }

    /// The block with this number, when it is one that was not met before.
    fn child(
        &self,
        number: u64,
        here: ByteOffset,
        levels: usize,
        reached: &mut Bits,
        see: &mut dyn FnMut(Event<'_>) -> Result<()>,
    ) -> Result<Option<Node>> {
        let at = number.checked_mul(self.unit()).filter(|at| at % self.block_bytes as u64 == 0);
        let index = at.map(|at| at / self.block_bytes as u64).filter(|index| *index < self.block_count());
        let (Some(blocks), Some(at), Some(index)) = (self.blocks, at, index) else {
            see(Event::Wrong("ntfs.index.child", here, format!("it leads to block {number}, which is not there")))?;
            return Ok(None);
        };
        if reached.set(index..index + 1).is_some() || levels >= MAX_LEVELS {
            see(Event::Wrong("ntfs.index.child", here, format!("it leads to block {number} for a second time")))?;
            return Ok(None);
        }
        let mut bytes = vec![0; self.block_bytes];
        let place = blocks.place_of(self.boot, at);
        let read = blocks.read_at(self.device, self.boot, at, &mut bytes);
        match read.and_then(|()| record::unfix(&mut bytes, b"INDX", place)) {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported) => {
                let rule = if bytes.starts_with(b"INDX") { "ntfs.index.fixup" } else { "ntfs.index.magic" };
                see(Event::Wrong(rule, error.place().unwrap_or(place), format!("block {number}: {error}")))?;
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        let own = u64_at(&bytes, 16).unwrap_or(u64::MAX);
        if own != number {
            let place = ByteOffset(place.0.saturating_add(16));
            see(Event::Wrong("ntfs.index.block", place, format!("block {number} says that it is block {own}")))?;
        }
        self.node(bytes, 0x18, place, see)
    }

    /// A node whose index header lies at `header`.
    fn node(
        &self,
        bytes: Vec<u8>,
        header: usize,
        place: ByteOffset,
        see: &mut dyn FnMut(Event<'_>) -> Result<()>,
    ) -> Result<Option<Node>> {
        let field = |at| u32_at(&bytes, header + at).map_or(usize::MAX, |value| value as usize);
        let (first, used, allocated) = (field(0), field(4), field(8));
        let flags = u8_at(&bytes, header + 12).unwrap_or(0);
        let room = bytes.len().saturating_sub(header);
        // A root's allocated length is what its attribute holds; a block's is all of the block.
        let allocated_fits = if header == 0x18 { allocated == room } else { allocated <= room && used <= allocated };
        let array_end = usize::from(u16_at(&bytes, 4).unwrap_or(0)) + usize::from(u16_at(&bytes, 6).unwrap_or(0)) * 2;
        let behind_array = header == 0x10 || header.saturating_add(first) >= array_end;
        let aligned = first.is_multiple_of(8) && used.is_multiple_of(8);
        if first < 16 || first.saturating_add(16) > used || used > room || !allocated_fits || !aligned || !behind_array
        {
            let message = format!("an index header with entries at {first} to {used} of {allocated} in {room} bytes");
            let place = ByteOffset(place.0.saturating_add(header as u64));
            see(Event::Wrong("ntfs.index.header", place, message))?;
            return Ok(None);
        }
        let (at, end, has_children) = (header + first, header + used, flags & 1 != 0);
        Ok(Some(Node { bytes, at, end, place, has_children, descended: false }))
    }
}

/// The entry at the node's position and its flags; `None` when it does not fit.
fn entry(node: &Node) -> Option<(&[u8], u16)> {
    let rest = node.bytes.get(node.at..node.end)?;
    let len = usize::from(u16_at(rest, 8)?);
    let flags = u16_at(rest, 12)?;
    let least = if flags & HAS_CHILD != 0 { 24 } else { 16 };
    let entry = rest.get(..len).filter(|_| len >= least && len.is_multiple_of(8))?;
    let fits = (flags & HAS_CHILD != 0) == node.has_children && flags & !(HAS_CHILD | LAST) == 0;
    fits.then_some((entry, flags))
}

//! Directories: the B-tree `$I30` of names.
//!
//! The root node is resident in `$INDEX_ROOT`; the others are blocks of `$INDEX_ALLOCATION`, each with the magic
//! `INDX`, fixups and its own number. Entries of a node that has children point to the subtree before them. The tree
//! is walked in order, each block at most once, so that neither order nor end depend on what the blocks say; blocks
//! that the tree does not reach (freed ones, whose bit in the index's `$BITMAP` is clear) are never looked at.
//!
//! | Offset | Size | Meaning (entry) |
//! |---|---|---|
//! | 0x00 | 8 | reference of the record |
//! | 0x08 | 2 | length of the entry |
//! | 0x0A | 2 | length of the key, a `$FILE_NAME` |
//! | 0x0C | 2 | flags: 1 has a subtree, whose block number is the entry's last 8 bytes; 2 last of its node |

use std::collections::HashSet;

use super::boot::Boot;
use super::content::Content;
use super::name::UpCase;
use super::record::{self, Body, Reference};
use crate::bytes::{u8_at, u16_at, u32_at, u64_at, units_at};
use crate::device::ReadDevice;
use crate::error::{Error, Result};
use crate::unit::ByteOffset;

/// Levels of a tree: with 4 KiB blocks, six hold more names than a volume can have.
const MAX_LEVELS: usize = 32;

/// The name space of names that exist only for DOS (`PROGRA~1`); each has a long name beside it.
const DOS_NAME: u8 = 2;

/// One name in a directory, with what the index remembers of the file (possibly stale).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Named {
    pub(super) reference: Reference,
    pub(super) name: Box<[u16]>,
    pub(super) modified: u64,
    pub(super) bytes: u64,
    pub(super) flags: u32,
}

/// A directory's names, in the tree's order.
pub(super) struct Directory {
    pub(super) names: Vec<Named>,
    /// Positions in `names`, sorted without regard to case by the volume's own table.
    sorted: Vec<u32>,
}

/// A node's entries and where they lie.
struct Node {
    bytes: Vec<u8>,
    at: usize,
    end: usize,
    place: ByteOffset,
}

/// What reads blocks.
struct Blocks<'a> {
    device: &'a dyn ReadDevice,
    boot: &'a Boot,
    allocation: Option<&'a Content>,
    block_bytes: usize,
}

impl Directory {
    /// Reads all names of a directory from its two index attributes.
    ///
    /// # Errors
    /// When a node cannot be read or contradicts itself.
    pub(super) fn read(
        device: &dyn ReadDevice,
        boot: &Boot,
        root: &Content,
        allocation: Option<&Content>,
        upcase: &UpCase,
    ) -> Result<Self> {
        let Body::Resident(value) = &root.body else {
            return Err(Error::corrupt(root.place, "an index root in its record", "one in clusters"));
        };
        let block_bytes = u32_at(value, 8).unwrap_or(0) as usize;
        if !block_bytes.is_power_of_two() || !(512..=65536).contains(&block_bytes) {
            return Err(Error::corrupt(root.place, "index blocks of 512 B to 64 KiB", block_bytes));
        }
        if let Some(allocation) = allocation {
            allocation.check(boot)?;
        }
        let blocks = Blocks { device, boot, allocation, block_bytes };
        let names = blocks.walk(Node::new(value.clone(), 16, root.place)?)?;
        let mut sorted: Vec<u32> = (0..u32::try_from(names.len()).unwrap_or(u32::MAX)).collect();
        sorted.sort_by(|a, b| upcase.compare(&names[*a as usize].name, &names[*b as usize].name));
        Ok(Self { names, sorted })
    }

    /// Finds a name: the very same one first, else one that differs only in case.
    pub(super) fn find(&self, name: &[u16], upcase: &UpCase) -> Option<&Named> {
        let named = |at: &u32| &self.names[*at as usize];
        let from = self.sorted.partition_point(|at| upcase.compare(&named(at).name, name).is_lt());
        let same = self.sorted[from..].iter().map(named).take_while(|n| upcase.compare(&n.name, name).is_eq());
        same.clone().find(|n| *n.name == *name).or_else(|| same.clone().next())
    }
}

impl Node {
    /// A node whose index header lies at `header`.
    fn new(bytes: Vec<u8>, header: usize, place: ByteOffset) -> Result<Self> {
        let first = u32_at(&bytes, header).and_then(|offset| header.checked_add(offset as usize));
        let end = u32_at(&bytes, header + 4).and_then(|len| header.checked_add(len as usize));
        match (first, end) {
            (Some(at), Some(end)) if at <= end && end <= bytes.len() => Ok(Self { bytes, at, end, place }),
            _ => Err(Error::corrupt(place, "an index header", "lengths that do not fit")),
        }
    }

    /// The entry at the node's position.
    fn entry(&self) -> Result<&[u8]> {
        let rest = &self.bytes[self.at..self.end];
        let len = u16_at(rest, 8).map(usize::from).filter(|len| *len >= 16 && len % 8 == 0);
        len.and_then(|len| rest.get(..len)).ok_or_else(|| {
            Error::corrupt(
                ByteOffset(self.place.0.saturating_add(self.at as u64)),
                "an index entry",
                "one that does not fit",
            )
        })
    }
}

impl Blocks<'_> {
    /// All names in order. The stack holds the nodes from the root down to the current one.
    fn walk(&self, root: Node) -> Result<Vec<Named>> {
        let mut names = Vec::new();
        let mut seen = HashSet::new();
        let mut stack = vec![(root, false)];
        while let Some((node, descended)) = stack.last_mut() {
            let entry = node.entry()?;
            let flags = u16_at(entry, 12).unwrap_or(0);
            if flags & 1 != 0 && !*descended {
                let block = u64_at(entry, entry.len() - 8).unwrap_or(u64::MAX);
                *descended = true;
                if !seen.insert(block) || stack.len() >= MAX_LEVELS {
                    return Err(Error::damaged(format!("a directory's index goes in circles (block {block})")));
                }
                stack.push((self.block(block)?, false));
                continue;
            }
            if flags & 2 != 0 {
                stack.pop();
                continue;
            }
            let key_len = usize::from(u16_at(entry, 10).unwrap_or(0));
            let key = entry.get(16..16 + key_len);
            let named = key.and_then(|key| named(entry, key)).ok_or_else(|| {
                Error::corrupt(
                    ByteOffset(node.place.0.saturating_add(node.at as u64)),
                    "a file name",
                    "one that does not fit",
                )
            })?;
            names.extend(named);
            node.at += entry.len();
            *descended = false;
        }
        Ok(names)
    }

    /// Reads the block with this number: counted in clusters, or in 512 bytes when a cluster is larger than a block.
    fn block(&self, number: u64) -> Result<Node> {
        let allocation = self.allocation.ok_or_else(|| Error::damaged("a directory's index has no blocks"))?;
        let cluster = u64::from(self.boot.cluster_bytes);
        let unit = if cluster <= self.block_bytes as u64 { cluster } else { 512 };
        let at = number.checked_mul(unit).ok_or_else(|| Error::corrupt(allocation.place, "a block number", number))?;
        let mut bytes = vec![0; self.block_bytes];
        allocation.read_at(self.device, self.boot, at, &mut bytes)?;
        let place = allocation.place_of(self.boot, at);
        record::unfix(&mut bytes, b"INDX", place)?;
        let own = u64_at(&bytes, 16).unwrap_or(u64::MAX);
        if own != number {
            return Err(Error::corrupt(ByteOffset(place.0.saturating_add(16)), format!("block {number}"), own));
        }
        Node::new(bytes, 24, place)
    }
}

/// The name in an entry's key; `Some(None)` for one that exists only for DOS.
fn named(entry: &[u8], key: &[u8]) -> Option<Option<Named>> {
    let space = u8_at(key, 65)?;
    let name = units_at(key, 66, usize::from(u8_at(key, 64)?))?;
    if space == DOS_NAME {
        return Some(None);
    }
    Some(Some(Named {
        reference: Reference(u64_at(entry, 0)?),
        name: name.into(),
        modified: u64_at(key, 16)?,
        bytes: u64_at(key, 48)?,
        flags: u32_at(key, 56)?,
    }))
}

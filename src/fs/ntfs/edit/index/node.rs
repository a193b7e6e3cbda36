//! One node of an index in memory, and its bytes.
//!
//! A node is read strictly (each number is checked against the bytes there are) and written in one form only: entries
//! back to back from the lowest place on, the end entry last, zeros behind it. Offsets, lengths and flags: see the
//! tables of [`super`].

use super::{Indexed, Reference, Result};
use crate::bytes::{u8_at, u16_at, u32_at, u64_at, units_at};
use crate::error::Error;

/// Bytes of an entry before its key.
const ENTRY_HEAD: usize = 16;

/// Bytes of a subtree's block number, at an entry's end.
const CHILD: usize = 8;

/// Bytes of an index header.
const HEADER: usize = 16;

/// Where the index header lies in the value of `$INDEX_ROOT`.
pub(super) const ROOT_HEADER_AT: usize = 0x10;

/// Where the index header lies in a block.
const BLOCK_HEADER_AT: usize = 0x18;

/// Where the update sequence array lies in a block that is written here.
const FIXUPS_AT: usize = 0x28;

/// Bytes that one fixup protects, whatever the sector size (Linux-NTFS documentation, "Fixup").
const FIXUP_STRIDE: usize = 512;

/// Bytes of a `$FILE_NAME` before the name, whose length in units stands at [`NAME_LEN_AT`].
pub(super) const NAME_AT: usize = 66;
const NAME_LEN_AT: usize = 64;

/// Flag of an entry: it has a subtree.
const HAS_CHILD: u16 = 1;

/// Flag of an entry: it ends its node.
const IS_LAST: u16 = 2;

/// A name in a node, and the subtree of the names before it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub(super) indexed: Indexed,
    pub(super) child: Option<u64>,
}

/// The entries of a node. All of them have a subtree, or none has.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Node {
    pub(super) entries: Vec<Entry>,
    /// The subtree of the names behind the last entry.
    pub(super) end: Option<u64>,
}

/// The value of `$INDEX_ROOT`.
#[derive(Clone, Debug)]
pub(super) struct Root {
    /// What stands before the index header.
    pub(super) head: [u8; ROOT_HEADER_AT],
    /// True when the index has blocks.
    pub(super) large: bool,
    pub(super) node: Node,
}

/// A block's own fields that outlive a change of its entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Head {
    pub(super) vcn: u64,
    /// The log's sequence number; it is kept as it is, since no log record is written.
    log_sequence: u64,
    /// The update sequence number of the last write; 0 in a new block.
    update_sequence: u16,
}

impl Head {
    /// Of a block that was just allocated.
    pub(super) fn new(vcn: u64) -> Self {
        Self { vcn, log_sequence: 0, update_sequence: 0 }
    }
}

/// Rounds up to a multiple of 8: entries begin only there.
fn align(bytes: usize) -> usize {
    bytes.next_multiple_of(8)
}

/// Where the first entry lies in a block: behind the update sequence array, which has one number for the whole and one
/// for each 512 bytes.
fn entries_at(block_bytes: usize) -> usize {
    align(FIXUPS_AT + 2 * (block_bytes / FIXUP_STRIDE + 1))
}

/// Bytes for the entries of a block, its end entry included.
pub(super) fn capacity(block_bytes: usize) -> usize {
    block_bytes.saturating_sub(entries_at(block_bytes))
}

/// The name in a `$FILE_NAME`.
pub(super) fn name_of(key: &[u8]) -> Option<Vec<u16>> {
    units_at(key, NAME_AT, usize::from(u8_at(key, NAME_LEN_AT)?))
}

impl Entry {
    /// The entry's name. OK to be empty: nobody makes an entry whose name was not looked at.
    pub(super) fn name(&self) -> Vec<u16> {
        name_of(&self.indexed.key).unwrap_or_default()
    }

    /// Its length on disk.
    pub(super) fn bytes(&self) -> usize {
        align(ENTRY_HEAD + self.indexed.key.len()) + if self.child.is_some() { CHILD } else { 0 }
    }

    fn encode(&self, bytes: &mut Vec<u8>) -> Result<()> {
        let too_long = |_| Error::damaged(format!("an index entry of {} bytes", self.bytes()));
        let start = bytes.len();
        let len = u16::try_from(self.bytes()).map_err(too_long)?;
        let key_len = u16::try_from(self.indexed.key.len()).map_err(too_long)?;
        let flags = if self.child.is_some() { HAS_CHILD } else { 0 };
        bytes.extend_from_slice(&self.indexed.reference.0.to_le_bytes());
        for field in [len, key_len, flags, 0] {
            bytes.extend_from_slice(&field.to_le_bytes());
        }
        bytes.extend_from_slice(&self.indexed.key);
        bytes.resize(start + align(ENTRY_HEAD + self.indexed.key.len()), 0);
        if let Some(child) = self.child {
            bytes.extend_from_slice(&child.to_le_bytes());
        }
        Ok(())
    }
}

impl Node {
    /// True when its entries have no subtrees.
    pub(super) fn is_leaf(&self) -> bool {
        self.end.is_none()
    }

    /// Bytes of its entries, the end entry included.
    pub(super) fn bytes(&self) -> usize {
        self.entries.iter().map(Entry::bytes).sum::<usize>() + Self::end_bytes(self.end)
    }

    /// Bytes of an end entry.
    pub(super) fn end_bytes(end: Option<u64>) -> usize {
        ENTRY_HEAD + if end.is_some() { CHILD } else { 0 }
    }

    /// The subtree before the entry at `index`, or behind the last one.
    pub(super) fn child(&self, index: usize) -> Option<u64> {
        self.entries.get(index).map_or(self.end, |entry| entry.child)
    }

    /// Makes another subtree that of the entry at `index`.
    pub(super) fn set_child(&mut self, index: usize, child: u64) {
        match self.entries.get_mut(index) {
            Some(entry) => entry.child = Some(child),
            None => self.end = Some(child),
        }
    }

    /// Reads the entries of the node whose index header lies at `header`; `what` it is, for messages.
    fn parse(bytes: &[u8], header: usize, what: &str) -> Result<Self> {
        let wrong = |why: &str| Error::damaged(format!("{what} of the directory's index has {why}"));
        let first = u32_at(bytes, header).map(|offset| offset as usize).filter(|first| *first >= HEADER);
        let first = first.and_then(|first| first.checked_add(header));
        let end = u32_at(bytes, header + 4).and_then(|len| (len as usize).checked_add(header));
        let (Some(mut at), Some(end)) = (first, end) else { return Err(wrong("no header")) };
        let node = bytes.get(..end).filter(|_| at <= end).ok_or_else(|| wrong("lengths that do not fit"))?;
        let mut entries = Vec::new();
        loop {
            let rest = node.get(at..).unwrap_or(&[]);
            let len = u16_at(rest, 8).map(usize::from).filter(|len| *len >= ENTRY_HEAD && len % 8 == 0);
            let entry = len.and_then(|len| rest.get(..len)).ok_or_else(|| wrong("an entry that does not fit"))?;
            let flags = u16_at(entry, 12).unwrap_or(0);
            let body = if flags & HAS_CHILD == 0 { entry.len() } else { entry.len() - CHILD };
            let child = u64_at(entry, body);
            if body < ENTRY_HEAD {
                return Err(wrong("an entry that does not fit"));
            }
            if flags & IS_LAST != 0 {
                if entries.iter().any(|entry: &Entry| entry.child.is_some() != child.is_some()) {
                    return Err(wrong("entries of which only some have subtrees"));
                }
                return Ok(Self { entries, end: child });
            }
            let key_end = ENTRY_HEAD + usize::from(u16_at(entry, 10).unwrap_or(0));
            let key = entry[..body].get(ENTRY_HEAD..key_end).filter(|key| name_of(key).is_some());
            let key = key.ok_or_else(|| wrong("a file name that does not fit"))?.to_vec();
            let reference = Reference(u64_at(entry, 0).unwrap_or(0));
            entries.push(Entry { indexed: Indexed { reference, key }, child });
            at += entry.len();
        }
    }

    fn encode(&self, bytes: &mut Vec<u8>) -> Result<()> {
        for entry in &self.entries {
            entry.encode(bytes)?;
        }
        let flags = if self.is_leaf() { IS_LAST } else { IS_LAST | HAS_CHILD };
        bytes.extend_from_slice(&[0; 8]);
        for field in [Self::end_bytes(self.end) as u16, 0, flags, 0] {
            bytes.extend_from_slice(&field.to_le_bytes());
        }
        bytes.extend(self.end.iter().flat_map(|child| child.to_le_bytes()));
        Ok(())
    }

    /// Reads a block, which must say that it is the one with this number.
    pub(super) fn of_block(bytes: &[u8], vcn: u64, block_bytes: usize) -> Result<(Head, Self)> {
        let own = u64_at(bytes, 0x10);
        if bytes.len() != block_bytes || !bytes.starts_with(b"INDX") || own != Some(vcn) {
            return Err(Error::damaged(format!("block {vcn} of the directory's index is none, or another one")));
        }
        let fixups = usize::from(u16_at(bytes, 4).unwrap_or(0));
        let head = Head {
            vcn,
            log_sequence: u64_at(bytes, 8).unwrap_or(0),
            update_sequence: u16_at(bytes, fixups).unwrap_or(0),
        };
        Ok((head, Self::parse(bytes, BLOCK_HEADER_AT, &format!("block {vcn}"))?))
    }

    /// The bytes of a block.
    pub(super) fn block(&self, head: &Head, block_bytes: usize) -> Result<Vec<u8>> {
        let first = entries_at(block_bytes);
        let fixups = (block_bytes / FIXUP_STRIDE + 1) as u16;
        let mut bytes = Vec::with_capacity(block_bytes);
        bytes.extend_from_slice(b"INDX");
        bytes.extend_from_slice(&(FIXUPS_AT as u16).to_le_bytes());
        bytes.extend_from_slice(&fixups.to_le_bytes());
        bytes.extend_from_slice(&head.log_sequence.to_le_bytes());
        bytes.extend_from_slice(&head.vcn.to_le_bytes());
        let lens = [first - BLOCK_HEADER_AT, first - BLOCK_HEADER_AT + self.bytes(), block_bytes - BLOCK_HEADER_AT];
        header(&mut bytes, lens, !self.is_leaf());
        bytes.extend_from_slice(&head.update_sequence.to_le_bytes());
        bytes.resize(first, 0);
        self.encode(&mut bytes)?;
        if bytes.len() > block_bytes {
            return Err(Error::damaged(format!("block {} of the directory's index is too full", head.vcn)));
        }
        bytes.resize(block_bytes, 0);
        Ok(bytes)
    }
}

impl Root {
    /// Reads the value of `$INDEX_ROOT`. Only an index of file names is one that can be changed here.
    pub(super) fn parse(value: &[u8]) -> Result<Self> {
        let head: Option<[u8; ROOT_HEADER_AT]> = value.get(..ROOT_HEADER_AT).and_then(|head| head.try_into().ok());
        let Some(head) = head.filter(|head| head[..8] == [0x30, 0, 0, 0, 1, 0, 0, 0]) else {
            return Err(Error::damaged("the root of the directory's index is not one of file names"));
        };
        let node = Node::parse(value, ROOT_HEADER_AT, "the root")?;
        Ok(Self { head, large: !super::is_small(value) || !node.is_leaf(), node })
    }

    /// The bytes of the value.
    pub(super) fn value(&self) -> Result<Vec<u8>> {
        let len = HEADER + self.node.bytes();
        let mut bytes = Vec::with_capacity(ROOT_HEADER_AT + len);
        bytes.extend_from_slice(&self.head);
        header(&mut bytes, [HEADER, len, len], self.large);
        self.node.encode(&mut bytes)?;
        Ok(bytes)
    }

    /// The length of a value with such a node.
    pub(super) fn value_bytes(node: &Node) -> usize {
        ROOT_HEADER_AT + HEADER + node.bytes()
    }
}

/// Writes an index header: where the entries begin, where they end, and where the room for them ends.
fn header(bytes: &mut Vec<u8>, lens: [usize; 3], flag: bool) {
    for len in lens {
        bytes.extend_from_slice(&(len as u32).to_le_bytes());
    }
    bytes.extend_from_slice(&[u8::from(flag), 0, 0, 0]);
}

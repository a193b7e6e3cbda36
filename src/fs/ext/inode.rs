//! Inodes: what a file is, how long, when changed, and the 60 bytes that lead to its content.
//!
//! Source: the kernel's ext4 data structures documentation, "Index Nodes".

use super::feature::{incompat, ro_compat};
use super::field::{crc32c, halves, le16, le32};
use super::group::GroupTable;
use super::source::{Block, Source};
use super::superblock::Superblock;
use crate::error::{Error, Result};
use crate::fs::{Attributes, EntryKind};
use crate::unit::ByteOffset;

/// The root directory's number.
pub(super) const ROOT: u32 = 2;
/// Bytes of `i_block`.
pub(super) const BLOCK_FIELD_BYTES: usize = 60;

/// Bits of `i_flags`.
mod flag {
    pub(super) const COMPRESSED: u32 = 0x4;
    pub(super) const ENCRYPTED: u32 = 0x800;
    pub(super) const EXTENTS: u32 = 0x8_0000;
    pub(super) const INLINE_DATA: u32 = 0x1000_0000;
}

/// The file type in `i_mode`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Type {
    File,
    Directory,
    Symlink,
    Special,
}

/// One inode. Its raw bytes are kept, because small content lives inside.
pub(super) struct Inode {
    pub(super) number: u32,
    /// Where its record begins in the volume.
    pub(super) place: ByteOffset,
    pub(super) kind: Type,
    /// Length of the content in bytes, within what the way it is mapped can hold.
    pub(super) bytes: u64,
    /// The block with further extended attributes, or 0.
    pub(super) attribute_block: u64,
    /// The state that checksums of this file's own metadata blocks begin with.
    pub(super) checksum_seed: u32,
    mode: u16,
    flags: u32,
    sectors: u32,
    table_block: Block,
    from: usize,
    len: usize,
}

/// An inode's record as it lies in its table, whatever is in it.
pub(super) struct Stored {
    /// Where it begins in the volume.
    pub(super) place: ByteOffset,
    table_block: Block,
    from: usize,
    len: usize,
}

impl Stored {
    /// Reads the record of inode `number`.
    ///
    /// # Errors
    /// When there is no such inode, or it cannot be read.
    pub(super) fn read(source: &Source, superblock: &Superblock, table: &GroupTable, number: u32) -> Result<Self> {
        let unknown = || Error::damaged(format!("inode {number} does not exist: the volume has {}", superblock.inodes));
        let index = number.checked_sub(1).filter(|index| *index < superblock.inodes).ok_or_else(unknown)?;
        let group = table.get(u64::from(index / superblock.inodes_per_group)).ok_or_else(unknown)?;
        let len = usize::from(superblock.inode_bytes);
        let within = u64::from(index % superblock.inodes_per_group) * len as u64;
        let block_bytes = source.block_bytes() as u64;
        let block = group.inode_table + within / block_bytes;
        let place = ByteOffset(source.offset_of(block).0 + within % block_bytes);
        let table_block = source.block(block, place)?;
        let from = (within % block_bytes) as usize;
        let has_all = table_block.len() >= from + len;
        if has_all { Ok(Self { place, table_block, from, len }) } else { Err(unknown()) }
    }

    /// The whole record.
    pub(super) fn raw(&self) -> &[u8] {
        &self.table_block[self.from..self.from + self.len]
    }
}

impl Inode {
    /// Reads inode `number`.
    ///
    /// # Errors
    /// When there is no such inode, it cannot be read, is not in use, or contradicts itself.
    pub(super) fn read(source: &Source, superblock: &Superblock, table: &GroupTable, number: u32) -> Result<Self> {
        let stored = Stored::read(source, superblock, table, number)?;
        parse(superblock, number, stored.place, stored.raw())
            .map(|head| Self { table_block: stored.table_block.clone(), from: stored.from, len: stored.len, ..head })
            .map_err(|error| error.context(format_args!("inode {number}")))
    }

    /// From a record's bytes; `place` is where they lie.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(super) fn from_bytes(superblock: &Superblock, number: u32, place: ByteOffset, raw: &[u8]) -> Result<Self> {
        parse(superblock, number, place, raw)
            .map(|head| Self { table_block: Block::from(raw), from: 0, len: raw.len(), ..head })
            .map_err(|error| error.context(format_args!("inode {number}")))
    }

    /// The whole record.
    pub(super) fn raw(&self) -> &[u8] {
        &self.table_block[self.from..self.from + self.len]
    }

    /// The 60 bytes of `i_block`: an extent tree's root, block pointers, or the first bytes of content.
    pub(super) fn block_field(&self) -> &[u8] {
        &self.raw()[0x28..0x28 + BLOCK_FIELD_BYTES]
    }

    pub(super) fn has_extents(&self) -> bool {
        self.flags & flag::EXTENTS != 0
    }

    pub(super) fn has_inline_data(&self) -> bool {
        self.flags & flag::INLINE_DATA != 0
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.flags & flag::ENCRYPTED != 0
    }

    /// True for a symbolic link whose target is in `i_block`: one without blocks, but for the one its
    /// attributes may have.
    pub(super) fn is_fast_symlink(&self) -> bool {
        let has_no_data = self.sectors == 0 || (self.attribute_block != 0 && !self.has_extents());
        self.kind == Type::Symlink && !self.has_inline_data() && has_no_data && self.bytes < BLOCK_FIELD_BYTES as u64
    }

    /// True when `i_block` leads to blocks (and is not content, a device number or nothing).
    pub(super) fn is_mapped(&self) -> bool {
        self.kind != Type::Special && !self.has_inline_data() && !self.is_fast_symlink()
    }

    pub(super) fn attributes(&self) -> Attributes {
        Attributes {
            compressed: self.flags & flag::COMPRESSED != 0,
            encrypted: self.is_encrypted(),
            mode: Some(self.mode & 0o7777),
            ..Attributes::default()
        }
    }

    pub(super) fn entry_kind(&self) -> EntryKind {
        match self.kind {
            Type::File => EntryKind::File,
            Type::Directory => EntryKind::Directory,
            Type::Symlink => EntryKind::Symlink(None),
            Type::Special => EntryKind::Special,
        }
    }

    /// Last change of the content. 32 signed bits of seconds; larger inodes add two bits above them and
    /// thirty of nanoseconds.
    pub(super) fn modified(&self) -> Option<jiff::Timestamp> {
        let raw = self.raw();
        let seconds = i64::from(le32(raw, 0x10).cast_signed());
        let extra = if extra_end(raw) >= 0x8c { le32(raw, 0x88) } else { 0 };
        let nanoseconds = i32::try_from(extra >> 2).ok().filter(|count| *count < 1_000_000_000).unwrap_or(0);
        jiff::Timestamp::new(seconds + (i64::from(extra & 3) << 32), nanoseconds).ok()
    }

    /// The value of an extended attribute stored inside the record: `index` is the name's prefix, 7 for
    /// `system.`. `None` without one, or when what is there makes no sense.
    pub(super) fn inner_attribute(&self, index: u8, name: &[u8]) -> Option<&[u8]> {
        const MAGIC: u32 = 0xea02_0000;
        const ENTRY_BYTES: usize = 16;
        let raw = self.raw();
        let start = extra_end(raw);
        if start <= 128 || le32(raw, start) != MAGIC {
            return None;
        }
        let entries = raw.get(start + 4..)?;
        let mut at = 0;
        while le32(entries, at) != 0 {
            let head = entries.get(at..at + ENTRY_BYTES)?;
            let name_len = usize::from(head[0]);
            let own_name = entries.get(at + ENTRY_BYTES..at + ENTRY_BYTES + name_len)?;
            if head[1] == index && own_name == name && le32(head, 4) == 0 {
                let from = usize::from(le16(head, 2));
                return entries.get(from..from.checked_add(le32(head, 8) as usize)?);
            }
            at += (ENTRY_BYTES + name_len).next_multiple_of(4);
        }
        None
    }
}

/// Where the fields that a larger inode has beyond the old 128 bytes end.
fn extra_end(raw: &[u8]) -> usize {
    if raw.len() > 128 { (128 + usize::from(le16(raw, 0x80))).min(raw.len()) } else { 128 }
}

/// Checks and takes apart a record; the caller fills in where its bytes are.
fn parse(superblock: &Superblock, number: u32, place: ByteOffset, raw: &[u8]) -> Result<Inode> {
    let checksum_seed =
        crc32c(crc32c(superblock.checksum_seed, &number.to_le_bytes()), raw.get(0x64..0x68).unwrap_or_default());
    let (mode, flags) = (le16(raw, 0), le32(raw, 0x20));
    let kind = match mode >> 12 {
        0x8 => Type::File,
        0x4 => Type::Directory,
        0xa => Type::Symlink,
        0x1 | 0x2 | 0x6 | 0xc => Type::Special,
        _ => return Err(Error::corrupt(place, "the mode of an inode in use", format_args!("{mode:#o}"))),
    };
    if superblock.features.ro_compat(ro_compat::METADATA_CSUM) {
        verify(checksum_seed, place, raw)?;
    }
    // The upper half of the length belongs to files, and to directories only with `largedir`: ext2 kept
    // something else there.
    let has_high = kind == Type::File || (kind == Type::Directory && superblock.features.incompat(incompat::LARGEDIR));
    let bytes = halves(le32(raw, 4), if has_high { le32(raw, 0x6c) } else { 0 });
    let block_bytes = u64::from(superblock.block_bytes);
    let pointers = block_bytes / 4;
    let most = if flags & flag::EXTENTS != 0 {
        1u64 << 32
    } else {
        12 + pointers + pointers * pointers + pointers * pointers * pointers
    };
    if bytes > most.saturating_mul(block_bytes) {
        return Err(Error::corrupt(ByteOffset(place.0 + 4), "a length that its block map can hold", bytes));
    }
    Ok(Inode {
        number,
        place,
        kind,
        bytes,
        attribute_block: halves(le32(raw, 0x68), u32::from(le16(raw, 0x76))),
        checksum_seed,
        mode,
        flags,
        sectors: le32(raw, 0x1c),
        table_block: Block::from([]),
        from: 0,
        len: 0,
    })
}

/// The record's checksum covers all of it with the checksum's own two halves taken as zero.
fn verify(seed: u32, place: ByteOffset, raw: &[u8]) -> Result<()> {
    let is_wide = extra_end(raw) >= 0x84;
    let mut copy = raw.to_vec();
    copy[0x7c..0x7e].fill(0);
    if is_wide {
        copy[0x82..0x84].fill(0);
    }
    let (low, high) = (u32::from(le16(raw, 0x7c)), u32::from(le16(raw, 0x82)));
    let (stored, mask) = if is_wide { (high << 16 | low, u32::MAX) } else { (low, 0xffff) };
    let computed = crc32c(seed, &copy) & mask;
    if computed == stored {
        return Ok(());
    }
    Err(Error::corrupt(place, format_args!("the inode's checksum {computed:#010x}"), format_args!("{stored:#010x}")))
}

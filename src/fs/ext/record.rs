//! An inode's record as it lies in its table, damaged or not: fields without judgement.
//!
//! [`Inode`](super::inode::Inode) is what the files are read by, and refuses what makes no sense. A check must look
//! at what makes no sense. Source of the offsets: the kernel's ext4 data structures documentation, "Index Nodes".

use super::checksum;
use super::feature::{Features, incompat, ro_compat};
use super::field::{halves, le16, le32};
use super::superblock::Superblock;
use crate::unit::ByteOffset;

/// The bytes every record has.
pub(super) const OLD_BYTES: usize = 128;
/// `i_block`: where it begins, and its length.
const BLOCK_FIELD: std::ops::Range<usize> = 0x28..0x64;

/// Bits of `i_flags`.
pub(super) mod flag {
    pub(crate) const IMAGIC: u32 = 0x2000;
    pub(crate) const ENCRYPTED: u32 = 0x800;
    pub(crate) const INDEX: u32 = 0x1000;
    pub(crate) const HUGE_FILE: u32 = 0x4_0000;
    pub(crate) const EXTENTS: u32 = 0x8_0000;
    pub(crate) const VERITY: u32 = 0x10_0000;
    pub(crate) const EA_INODE: u32 = 0x20_0000;
    pub(crate) const INLINE_DATA: u32 = 0x1000_0000;
    pub(crate) const CASEFOLD: u32 = 0x4000_0000;
}

/// The upper four bits of `i_mode`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    Fifo,
    Character,
    Directory,
    Block,
    File,
    Symlink,
    Socket,
    /// Any number that stands for none of these.
    Unknown,
}

impl Form {
    /// The number that a directory entry has for it: "Directory Entries", `file_type`.
    pub(super) fn entry_type(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::File => 1,
            Self::Directory => 2,
            Self::Character => 3,
            Self::Block => 4,
            Self::Fifo => 5,
            Self::Socket => 6,
            Self::Symlink => 7,
        }
    }
}

/// One record, borrowed from its table.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) number: u32,
    /// Where it lies.
    pub(super) place: ByteOffset,
    pub(super) raw: &'a [u8],
}

impl<'a> Record<'a> {
    pub(super) fn mode(self) -> u16 {
        le16(self.raw, 0)
    }

    pub(super) fn form(self) -> Form {
        match self.mode() >> 12 {
            0x1 => Form::Fifo,
            0x2 => Form::Character,
            0x4 => Form::Directory,
            0x6 => Form::Block,
            0x8 => Form::File,
            0xa => Form::Symlink,
            0xc => Form::Socket,
            _ => Form::Unknown,
        }
    }

    pub(super) fn links(self) -> u16 {
        le16(self.raw, 0x1a)
    }

    pub(super) fn deleted_at(self) -> u32 {
        le32(self.raw, 0x14)
    }

    pub(super) fn flags(self) -> u32 {
        le32(self.raw, 0x20)
    }

    pub(super) fn has(self, flag: u32) -> bool {
        self.flags() & flag != 0
    }

    /// `i_block`.
    pub(super) fn block_field(self) -> &'a [u8] {
        self.raw.get(BLOCK_FIELD).unwrap_or_default()
    }

    /// Where a byte of the record lies.
    pub(super) fn at(self, offset: u64) -> ByteOffset {
        ByteOffset(self.place.0.saturating_add(offset))
    }

    /// Where `i_block` lies.
    pub(super) fn block_field_place(self) -> ByteOffset {
        self.at(BLOCK_FIELD.start as u64)
    }

    /// `i_size`: 64 bits for files, and for directories with `large_dir`; ext2 kept something else there.
    pub(super) fn bytes(self, features: Features) -> u64 {
        let is_wide = match self.form() {
            Form::Directory => features.incompat(incompat::LARGEDIR),
            _ => true,
        };
        halves(le32(self.raw, 4), if is_wide { le32(self.raw, 0x6c) } else { 0 })
    }

    /// `i_blocks` in units of 512 bytes. With `huge_file` it has 48 bits, and counts blocks where a flag says so.
    pub(super) fn sectors(self, superblock: &Superblock) -> u64 {
        let low = le32(self.raw, 0x1c);
        if !superblock.features.ro_compat(ro_compat::HUGE_FILE) {
            return u64::from(low);
        }
        let count = halves(low, u32::from(le16(self.raw, 0x74)));
        if self.has(flag::HUGE_FILE) { count * u64::from(superblock.block_bytes / 512) } else { count }
    }

    /// `i_file_acl`: the block with further attributes, or 0. Its upper half means something only with `64bit`.
    pub(super) fn attribute_block(self, features: Features) -> u64 {
        let high = if features.incompat(incompat::BITS64) { le16(self.raw, 0x76) } else { 0 };
        halves(le32(self.raw, 0x68), u32::from(high))
    }

    /// `i_extra_isize`, and whether it is one: a multiple of 4 that leaves the record's own fields in the record.
    pub(super) fn extra_bytes(self) -> Option<usize> {
        if self.raw.len() <= OLD_BYTES {
            return Some(0);
        }
        let extra = usize::from(le16(self.raw, OLD_BYTES));
        (extra.is_multiple_of(4) && extra <= self.raw.len() - OLD_BYTES).then_some(extra)
    }

    /// What lies behind the record's fields: attributes, if they begin with their magic number.
    pub(super) fn room_for_attributes(self) -> Option<&'a [u8]> {
        let extra = self.extra_bytes().filter(|extra| *extra > 0)?;
        self.raw.get(OLD_BYTES + extra..).filter(|rest| rest.len() >= 4)
    }

    /// A symbolic link's target is in `i_block` when it is short and the link holds no block but its attributes'.
    pub(super) fn is_fast_symlink(self, superblock: &Superblock) -> bool {
        if self.form() != Form::Symlink || self.has(flag::INLINE_DATA | flag::EXTENTS) {
            return false;
        }
        let own = self.attribute_block(superblock.features) != 0;
        let cluster = u64::from(superblock.block_bytes) * u64::from(superblock.cluster_blocks) / 512;
        self.bytes(superblock.features) < 60 && self.sectors(superblock) <= if own { cluster } else { 0 }
    }

    /// True when `i_block` leads to blocks.
    pub(super) fn is_mapped(self, superblock: &Superblock) -> bool {
        let form = self.form();
        matches!(form, Form::File | Form::Directory | Form::Symlink)
            && !self.has(flag::INLINE_DATA)
            && !self.is_fast_symlink(superblock)
    }

    /// The state that checksums of this inode's metadata begin with: "Checksums".
    pub(super) fn checksum_seed(self, superblock: &Superblock) -> u32 {
        checksum::inode_seed(superblock, self.number, self.raw)
    }

    /// The record's checksum, stored and computed, when they disagree. A record of zeros only was never used, and has
    /// none.
    pub(super) fn wrong_checksum(self, superblock: &Superblock) -> Option<(u32, u32)> {
        let (low, high) = checksum::INODE_AT;
        let upper = if checksum::is_wide_inode(self.raw) { u32::from(le16(self.raw, high)) << 16 } else { 0 };
        let stored = upper | u32::from(le16(self.raw, low));
        let computed = checksum::inode(self.checksum_seed(superblock), self.raw);
        (computed != stored && self.raw.iter().any(|byte| *byte != 0)).then_some((stored, computed))
    }
}

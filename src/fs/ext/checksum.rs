//! The checksums of `metadata_csum`: CRC-32C over a structure, begun with what ties it to its place or owner.
//!
//! | structure | begins with | covers | lies |
//! |---|---|---|---|
//! | superblock | all ones | its first 1020 bytes | 0x3FC |
//! | group descriptor | volume, group | all of it, its own field as zero | 0x1E, 16 bits; see [`descriptor`] |
//! | bitmap | volume | the bits of a group, rounded up to bytes | group descriptor 0x18, 0x1A; upper halves 0x38, 0x3A |
//! | inode | volume, number, generation | all of it, its own fields as zero | 0x7C, upper half 0x82 |
//! | extent node | inode | header and room for `eh_max` entries | behind these |
//! | directory block | inode | all but its last 12 bytes | its last 4 bytes |
//! | htree node | inode | up to its last entry in use, and its tail | behind the room for entries |
//! | attribute block | volume, own block number (64 bits) | all of it, its own field as zero | 0x10 |
//!
//! Source: the kernel's ext4 data structures documentation, "Checksums", and the structures' own pages.

use super::feature::ro_compat;
use super::field::{crc16, crc32c, le16, le32};
use super::superblock::Superblock;

/// Where `s_checksum` lies.
pub(super) const SUPERBLOCK_AT: usize = 0x3fc;
/// Where `bg_checksum` lies in a descriptor.
pub(super) const DESCRIPTOR_AT: usize = 0x1e;
/// Where `h_checksum` lies in an attribute block.
pub(super) const ATTRIBUTES_AT: usize = 0x10;
/// Bytes of the entry at a directory block's end that is none, and holds the checksum.
pub(super) const LEAF_TAIL_BYTES: usize = 12;

/// Of a superblock.
pub(super) fn superblock(raw: &[u8]) -> u32 {
    crc32c(!0, raw.get(..SUPERBLOCK_AT).unwrap_or(raw))
}

/// Of a group descriptor; `None` when the volume has none. With `gdt_csum` alone it is a CRC-16 over the volume's
/// UUID, the group's number and the descriptor without the field itself ("Block Group Descriptors", `bg_checksum`).
pub(super) fn descriptor(superblock: &Superblock, group: u64, raw: &[u8]) -> Option<u16> {
    let number = (group as u32).to_le_bytes();
    let before = raw.get(..DESCRIPTOR_AT).unwrap_or(raw);
    let behind = raw.get(DESCRIPTOR_AT + 2..).unwrap_or_default();
    if superblock.features.ro_compat(ro_compat::METADATA_CSUM) {
        let state = crc32c(crc32c(superblock.checksum_seed, &number), before);
        Some(crc32c(crc32c(state, &[0, 0]), behind) as u16)
    } else if superblock.features.ro_compat(ro_compat::GDT_CSUM) {
        let state = crc16(crc16(crc16(0xffff, &superblock.uuid), &number), before);
        Some(crc16(state, behind))
    } else {
        None
    }
}

/// Of a bitmap of `bits` bits, as wide as the descriptor has room for.
pub(super) fn bitmap(superblock: &Superblock, bitmap: &[u8], bits: u32) -> u32 {
    let bytes = bits.div_ceil(8) as usize;
    let mask = if superblock.descriptor_bytes >= 64 { u32::MAX } else { 0xffff };
    crc32c(superblock.checksum_seed, bitmap.get(..bytes).unwrap_or(bitmap)) & mask
}

/// The state that the checksums of an inode and of what belongs to it begin with.
pub(super) fn inode_seed(superblock: &Superblock, number: u32, raw: &[u8]) -> u32 {
    let state = crc32c(superblock.checksum_seed, &number.to_le_bytes());
    crc32c(state, raw.get(0x64..0x68).unwrap_or_default())
}

/// Where the two halves of an inode's checksum lie: `l_i_checksum_lo` and `i_checksum_hi`.
pub(super) const INODE_AT: (usize, usize) = (0x7c, 0x82);

/// True when an inode's record has the upper half of its checksum: `i_extra_isize` covers it.
pub(super) fn is_wide_inode(raw: &[u8]) -> bool {
    raw.len() > 128 && le16(raw, 0x80) >= 4
}

/// Of an inode's record; 16 bits count where it has no room for more.
pub(super) fn inode(seed: u32, raw: &[u8]) -> u32 {
    let is_wide = is_wide_inode(raw);
    let (low, high) = INODE_AT;
    let part = |from: usize, to: usize| raw.get(from.min(raw.len())..to.min(raw.len())).unwrap_or_default();
    let state = crc32c(crc32c(seed, part(0, low)), &[0, 0]);
    if is_wide {
        let state = crc32c(crc32c(state, part(low + 2, high)), &[0, 0]);
        crc32c(state, part(high + 2, raw.len()))
    } else {
        crc32c(state, part(low + 2, raw.len())) & 0xffff
    }
}

/// Of a block of an extent tree: what it is and where it lies. `None` when the header leaves no room for it.
pub(super) fn extent_node(seed: u32, block: &[u8]) -> Option<(u32, usize)> {
    let at = 12 * (usize::from(le16(block, 4)) + 1);
    (at + 4 <= block.len()).then(|| (crc32c(seed, &block[..at]), at))
}

/// Of a block of directory entries: what it is and where it lies. `None` when the block has no tail: an entry of
/// inode 0, 12 bytes, no name, and of type 0xDE.
pub(super) fn directory_leaf(seed: u32, block: &[u8]) -> Option<(u32, usize)> {
    let at = block.len().checked_sub(LEAF_TAIL_BYTES)?;
    let tail = &block[at..];
    let is_tail = le32(tail, 0) == 0 && le16(tail, 4) == LEAF_TAIL_BYTES as u16 && tail[6] == 0 && tail[7] == 0xde;
    is_tail.then(|| (crc32c(seed, &block[..at]), at + 8))
}

/// Of a block of a directory's index, whose limit and count lie at `limit_at` (0x20 in the root, 8 elsewhere): what
/// it is and where it lies. The tail (4 reserved bytes and the checksum) stands behind the room for entries; covered
/// are the bytes up to the last entry in use, the reserved bytes, and four zeros. `None` when the numbers leave no
/// room for it.
pub(super) fn index_node(seed: u32, block: &[u8], limit_at: usize) -> Option<(u32, usize)> {
    let (limit, count) = (usize::from(le16(block, limit_at)), usize::from(le16(block, limit_at + 2)));
    let tail = limit_at + limit * 8;
    if count > limit || tail + 8 > block.len() {
        return None;
    }
    let state = crc32c(crc32c(seed, &block[..limit_at + count * 8]), &block[tail..tail + 4]);
    Some((crc32c(state, &[0; 4]), tail + 4))
}

/// Of a block of extended attributes that lies at block `number`.
pub(super) fn attributes(superblock: &Superblock, number: u64, block: &[u8]) -> u32 {
    let before = block.get(..ATTRIBUTES_AT).unwrap_or(block);
    let behind = block.get(ATTRIBUTES_AT + 4..).unwrap_or_default();
    let state = crc32c(crc32c(superblock.checksum_seed, &number.to_le_bytes()), before);
    crc32c(crc32c(state, &[0; 4]), behind)
}

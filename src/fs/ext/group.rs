//! Group descriptors: where each group's bitmaps and inode table lie, and which of them were never written.
//!
//! Source: the kernel's ext4 data structures documentation, "Block Group Descriptors" and "Meta Block
//! Groups". 32 bytes each, or `s_desc_size` with the feature `64bit`, whose second half has the upper
//! halves of the first's fields. A table entry is kept in 64 bytes: 8 MiB for 131072 groups (16 TiB).

use super::checksum;
use super::feature::{compat, incompat};
use super::field::{halves, le16, le32};
use super::source::Source;
use super::superblock::Superblock;
use crate::error::{Error, Result};
use crate::unit::ByteOffset;

/// Bits of `bg_flags`, which mean something where descriptors have checksums.
pub(super) mod flag {
    /// The inode bitmap and the inode table were never written.
    pub(crate) const INODE_UNINIT: u16 = 0x1;
    /// The block bitmap was never written and is to be computed.
    pub(crate) const BLOCK_UNINIT: u16 = 0x2;
}
/// How much of the descriptor table is read at once.
const READ_BYTES: u64 = 1 << 20;

/// One group's descriptor, as far as reading needs it.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// The block that holds the block bitmap.
    pub(super) block_bitmap: u64,
    /// The block that holds the inode bitmap.
    pub(super) inode_bitmap: u64,
    /// The first block of the inode table.
    pub(super) inode_table: u64,
    /// The block bitmap's checksum; only 16 bits of it where the descriptor has no room for more.
    pub(super) bitmap_checksum: u32,
    /// The block bitmap on the disk means nothing: see [`super::bitmap`].
    pub(super) bitmap_is_computed: bool,
    /// [`flag`]s.
    pub(super) flags: u16,
    /// Free clusters.
    pub(super) free_clusters: u32,
    pub(super) free_inodes: u32,
    pub(super) directories: u32,
    /// Inodes at the table's end that were never written.
    pub(super) unused_inodes: u32,
    /// As `bitmap_checksum`, of the inode bitmap.
    pub(super) inode_bitmap_checksum: u32,
}

/// The descriptors of all groups.
pub(super) struct GroupTable {
    groups: Vec<Group>,
}

impl GroupTable {
    /// Reads and checks all descriptors, in large pieces where they are adjacent.
    ///
    /// # Errors
    /// When one cannot be read, its checksum is wrong, or it points out of the volume; names the group.
    pub(super) fn read(source: &Source, superblock: &Superblock) -> Result<Self> {
        let per_block = superblock.descriptors_per_block();
        let total = superblock.groups();
        let mut groups = Vec::new();
        let mut raw = Vec::new();
        let mut table_block = 0;
        while table_block * per_block < total {
            let run = adjacent_blocks(superblock, table_block, total.div_ceil(per_block));
            let start = descriptor_block(superblock, table_block);
            source.check(start, run, superblock_field(0))?;
            raw.resize(run as usize * source.block_bytes(), 0);
            source.read_at(source.offset_of(start), &mut raw)?;
            let descriptor_bytes = usize::from(superblock.descriptor_bytes);
            for (index, descriptor) in raw.chunks_exact(descriptor_bytes).enumerate() {
                let group = groups.len() as u64;
                if group == total {
                    break;
                }
                let place = ByteOffset(source.offset_of(start).0 + (index * descriptor_bytes) as u64);
                let parsed = parse(superblock, group, descriptor, place)
                    .and_then(|parsed| check_bounds(source, superblock, &parsed, place).map(|()| parsed));
                groups.push(parsed.map_err(|error| error.context(format_args!("group {group}'s descriptor")))?);
            }
            table_block += run;
        }
        Ok(Self { groups })
    }

    /// The superblock of a group whose copies of the descriptors are whole, for who finds the descriptors damaged: the
    /// block by which `e2fsck -b` finds them. With `meta_bg` a copy lies in the second of the groups it describes.
    pub(super) fn whole_copy(source: &Source, superblock: &Superblock) -> Option<u64> {
        /// Copies that are looked at; all are written at once, so that more would not tell more.
        const MOST: usize = 4;
        let groups = superblock.groups();
        let copies = (1..groups).filter(|group| superblock.has_superblock(*group)).take(MOST);
        let per_block = superblock.descriptors_per_block();
        let is_whole = |copy: u64| {
            (0..groups.div_ceil(per_block)).all(|table_block| {
                let first = table_block * per_block;
                let block = match is_in_meta_group(superblock, table_block) {
                    false => superblock.group_start(copy) + 1 + table_block,
                    true if first + 1 >= groups => descriptor_block(superblock, table_block),
                    true => superblock.group_start(first + 1) + leading_superblock(superblock, first + 1),
                };
                let Ok(raw) = source.block(block, superblock_field(0)) else { return false };
                let place = source.offset_of(block);
                (first..groups).zip(raw.chunks_exact(usize::from(superblock.descriptor_bytes))).all(|(group, raw)| {
                    parse(superblock, group, raw, place)
                        .and_then(|parsed| check_bounds(source, superblock, &parsed, place))
                        .is_ok()
                })
            })
        };
        copies.filter(|copy| is_whole(*copy)).map(|copy| superblock.group_start(copy)).next()
    }

    /// All groups, in order.
    pub(super) fn all(&self) -> &[Group] {
        &self.groups
    }

    /// One group.
    pub(super) fn get(&self, group: u64) -> Option<&Group> {
        self.groups.get(usize::try_from(group).ok()?)
    }
}

/// A field of the primary superblock, as the place to blame.
fn superblock_field(offset: u64) -> ByteOffset {
    ByteOffset(super::superblock::PRIMARY.0 + offset)
}

/// How many blocks of the table lie in a row from `table_block` on, up to [`READ_BYTES`].
fn adjacent_blocks(superblock: &Superblock, table_block: u64, table_blocks: u64) -> u64 {
    let limit = (READ_BYTES / u64::from(superblock.block_bytes)).min(table_blocks - table_block);
    let start = descriptor_block(superblock, table_block);
    (1..limit).find(|next| descriptor_block(superblock, table_block + next) != start + next).unwrap_or(limit)
}

/// True when block `table_block` of the descriptor table lies with the groups it describes (`meta_bg`).
pub(super) fn is_in_meta_group(superblock: &Superblock, table_block: u64) -> bool {
    superblock.features.incompat(incompat::META_BG) && table_block >= u64::from(superblock.first_meta_bg)
}

/// Where block `table_block` of the descriptor table lies: after the primary superblock, or, with
/// `meta_bg`, in the first of the groups that it describes.
pub(super) fn descriptor_block(superblock: &Superblock, table_block: u64) -> u64 {
    if !is_in_meta_group(superblock, table_block) {
        return superblock.superblock_block() + 1 + table_block;
    }
    let group = table_block * superblock.descriptors_per_block();
    superblock.group_start(group) + leading_superblock(superblock, group)
}

/// Blocks before a group's part of the descriptor table: its superblock, and in the first group of a
/// `bigalloc` volume of 1 KiB blocks the boot block too.
pub(super) fn leading_superblock(superblock: &Superblock, group: u64) -> u64 {
    if group == 0 {
        return superblock.superblock_block() - u64::from(superblock.first_data_block) + 1;
    }
    u64::from(superblock.has_superblock(group))
}

/// How many blocks at the start of a group hold a superblock and descriptors (room kept for more included).
pub(super) fn leading_blocks(superblock: &Superblock, group: u64) -> u64 {
    let per_block = superblock.descriptors_per_block();
    let table_blocks = superblock.groups().div_ceil(per_block);
    let lead = leading_superblock(superblock, group);
    let meta_bg = superblock.features.incompat(incompat::META_BG);
    if is_in_meta_group(superblock, group / per_block) {
        let position = group % per_block;
        return lead + u64::from(position <= 1 || position == per_block - 1);
    }
    if !superblock.has_superblock(group) {
        return 0;
    }
    let has_room = superblock.features.compat(compat::RESIZE_INODE) && !meta_bg;
    let reserved = if has_room { u64::from(superblock.reserved_gdt_blocks) } else { 0 };
    let plain = if meta_bg { table_blocks.min(u64::from(superblock.first_meta_bg)) } else { table_blocks };
    lead + plain + reserved
}

fn parse(superblock: &Superblock, group: u64, raw: &[u8], place: ByteOffset) -> Result<Group> {
    let stored = le16(raw, checksum::DESCRIPTOR_AT);
    if let Some(computed) = checksum::descriptor(superblock, group, raw)
        && computed != stored
    {
        let expected = format!("checksum {computed:#06x}");
        return Err(Error::corrupt(place, expected, format_args!("{stored:#06x}"))
            .advise("The group descriptors are damaged: e2fsck may repair them from a copy"));
    }
    let is_wide = raw.len() >= 64;
    let wide = |low: usize, high: usize| halves(le32(raw, low), if is_wide { le32(raw, high) } else { 0 });
    let wide16 = |low: usize, high: usize| {
        u32::from(le16(raw, low)) | if is_wide { u32::from(le16(raw, high)) << 16 } else { 0 }
    };
    let has_flags = superblock.features.has_descriptor_checksums();
    Ok(Group {
        block_bitmap: wide(0, 0x20),
        inode_bitmap: wide(4, 0x24),
        inode_table: wide(8, 0x28),
        bitmap_checksum: wide16(0x18, 0x38),
        bitmap_is_computed: has_flags && le16(raw, 0x12) & flag::BLOCK_UNINIT != 0,
        flags: le16(raw, 0x12),
        free_clusters: wide16(0x0c, 0x2c),
        free_inodes: wide16(0x0e, 0x2e),
        directories: wide16(0x10, 0x30),
        unused_inodes: wide16(0x1c, 0x32),
        inode_bitmap_checksum: wide16(0x1a, 0x3a),
    })
}

/// Everything a descriptor points to must lie in the volume.
fn check_bounds(source: &Source, superblock: &Superblock, group: &Group, place: ByteOffset) -> Result<()> {
    let field = |offset: u64| ByteOffset(place.0 + offset);
    source.check(group.block_bitmap, 1, field(0))?;
    source.check(group.inode_bitmap, 1, field(4))?;
    source.check(group.inode_table, inode_table_blocks(superblock), field(8))
}

/// How many blocks a group's inode table takes.
pub(super) fn inode_table_blocks(superblock: &Superblock) -> u64 {
    (u64::from(superblock.inodes_per_group) * u64::from(superblock.inode_bytes))
        .div_ceil(u64::from(superblock.block_bytes))
}

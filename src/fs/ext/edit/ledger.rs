//! The volume's books on the overlay: blocks, the superblock's counts and the group descriptors.
//!
//! Nothing that an edit changes is kept in memory beside the overlay: bitmaps, descriptors and counts are read from it
//! each time, so that a call that fails is undone by the overlay alone.
//!
//! # Rules
//! - Only the primary superblock and the primary descriptors are changed. The copies serve e2fsck, which takes their
//!   geometry and counts everything else anew; the kernel leaves them as they were, too ("Super Block", copies).
//! - `bg_free_blocks_count` counts clusters, `s_free_blocks_count` blocks ("Bigalloc"; the kernel's
//!   `ext4_commit_super` sets the latter by `EXT4_C2B`).
//! - Descriptors of 64 bytes and more have upper halves of their counts from 0x20 on ("Block Group Descriptors").

use std::sync::Arc;

use super::super::bitmap::used_blocks;
use super::super::checksum;
use super::super::feature::ro_compat;
use super::super::field::{halves, le16, le32};
use super::super::group::{GroupTable, descriptor_block, inode_table_blocks, leading_blocks};
use super::super::source::Source;
use super::super::superblock::{PRIMARY, SUPERBLOCK_BYTES, Superblock};
use crate::device::{ReadDevice, SharedDevice};
use crate::error::{Error, Result};
use crate::extent::{ClusterMap, Extent, ExtentSet};
use crate::fs::overlay::{Overlay, Tag};
use crate::unit::ByteOffset;

/// A number in a descriptor: where its lower and its upper 16 bits lie.
#[derive(Clone, Copy)]
pub(super) struct Field(usize, usize);

/// `bg_free_blocks_count`.
pub(super) const FREE_CLUSTERS: Field = Field(0x0c, 0x2c);
/// `bg_free_inodes_count`.
pub(super) const FREE_INODES: Field = Field(0x0e, 0x2e);
/// `bg_used_dirs_count`.
pub(super) const DIRECTORIES: Field = Field(0x10, 0x30);
/// `bg_block_bitmap_csum`.
pub(super) const BLOCK_BITMAP_CHECKSUM: Field = Field(0x18, 0x38);
/// `bg_inode_bitmap_csum`.
pub(super) const INODE_BITMAP_CHECKSUM: Field = Field(0x1a, 0x3a);
/// `bg_itable_unused`.
pub(super) const UNUSED_INODES: Field = Field(0x1c, 0x32);
/// `bg_flags`.
const FLAGS: usize = 0x12;

/// A group descriptor's bytes.
pub(super) struct Descriptor(Vec<u8>);

impl Descriptor {
    pub(super) fn get(&self, field: Field) -> u32 {
        let high = if self.0.len() >= 64 { le16(&self.0, field.1) } else { 0 };
        u32::from(le16(&self.0, field.0)) | u32::from(high) << 16
    }

    pub(super) fn set(&mut self, field: Field, value: u32) {
        put16(&mut self.0, field.0, value as u16);
        if self.0.len() >= 64 {
            put16(&mut self.0, field.1, (value >> 16) as u16);
        }
    }

    pub(super) fn has(&self, flag: u16) -> bool {
        le16(&self.0, FLAGS) & flag != 0
    }

    pub(super) fn clear(&mut self, flag: u16) {
        let flags = le16(&self.0, FLAGS) & !flag;
        put16(&mut self.0, FLAGS, flags);
    }
}

/// Sets a 16-bit field; one past the end is left.
pub(super) fn put16(bytes: &mut [u8], at: usize, value: u16) {
    if let Some(field) = bytes.get_mut(at..at + 2) {
        field.copy_from_slice(&value.to_le_bytes());
    }
}

/// Sets a 32-bit field; one past the end is left.
pub(super) fn put32(bytes: &mut [u8], at: usize, value: u32) {
    if let Some(field) = bytes.get_mut(at..at + 4) {
        field.copy_from_slice(&value.to_le_bytes());
    }
}

/// An open volume's books.
pub(super) struct Ledger {
    pub(super) overlay: Arc<Overlay>,
    /// The geometry; what an edit changes in the superblock is read anew.
    pub(super) superblock: Superblock,
    /// Where each group's metadata lies. The counts and flags in it are those at the opening.
    pub(super) table: GroupTable,
    /// What was used at the opening.
    pub(super) opened: ClusterMap,
    /// Superblocks, descriptors, bitmaps and inode tables: never anybody's.
    metadata: ExtentSet,
    /// Kept for calls to come: not taken for new maps and directories.
    pub(super) reserved: ExtentSet,
}

impl Ledger {
    pub(super) fn open(overlay: Arc<Overlay>, superblock: Superblock) -> Result<Self> {
        let source = Source::new(Arc::clone(&overlay) as SharedDevice, superblock.grid());
        let table = GroupTable::read(&source, &superblock)?;
        let opened = used_blocks(&source, &superblock, &table)?;
        let metadata = metadata(&superblock, &table);
        Ok(Self { overlay, superblock, table, opened, metadata, reserved: ExtentSet::new() })
    }

    /// A reader of the volume as it is now. It keeps what it read: to be used for one look only.
    pub(super) fn source(&self) -> Source {
        Source::new(Arc::clone(&self.overlay) as SharedDevice, self.superblock.grid())
    }

    /// What is used now.
    pub(super) fn used(&self) -> Result<ClusterMap> {
        let source = self.source();
        let table = GroupTable::read(&source, &self.superblock)?;
        used_blocks(&source, &self.superblock, &table)
    }

    pub(super) fn block_bytes(&self) -> usize {
        self.superblock.block_bytes as usize
    }

    /// Blocks in a unit of allocation.
    pub(super) fn ratio(&self) -> u64 {
        u64::from(self.superblock.cluster_blocks)
    }

    pub(super) fn has_checksums(&self) -> bool {
        self.superblock.features.ro_compat(ro_compat::METADATA_CSUM)
    }

    pub(super) fn offset_of(&self, block: u64) -> ByteOffset {
        self.superblock.grid().offset_of(crate::unit::Cluster(block))
    }

    /// A block's bytes.
    pub(super) fn block(&self, block: u64) -> Result<Vec<u8>> {
        self.check(Extent::new(block, 1))?;
        let mut bytes = vec![0; self.block_bytes()];
        self.overlay.read_at(self.offset_of(block), &mut bytes)?;
        Ok(bytes)
    }

    /// Changes a block that is no group's own metadata.
    pub(super) fn write_block(&self, block: u64, bytes: &[u8], tag: Tag) -> Result<()> {
        self.refuse_metadata(Extent::new(block, 1))?;
        if self.block(block)? == bytes {
            return Ok(());
        }
        self.overlay.write(self.offset_of(block), bytes, tag)
    }

    /// A run must lie in the volume.
    pub(super) fn check(&self, run: Extent) -> Result<()> {
        if run.start.0 > 0 && run.end() <= self.superblock.blocks || run.clusters == 0 {
            return Ok(());
        }
        Err(Error::damaged(format!(
            "blocks {}–{} do not lie in the volume, which has {}",
            run.start.0,
            run.end().saturating_sub(1),
            self.superblock.blocks
        )))
    }

    /// A file that claims the volume's own metadata is damaged, and must not be freed or written to.
    pub(super) fn refuse_metadata(&self, run: Extent) -> Result<()> {
        self.check(run)?;
        let own = super::space::touching(&self.metadata, run).first().and_then(|own| own.intersect(run));
        match own {
            None => Ok(()),
            Some(own) => Err(Error::damaged(format!(
                "block {} is claimed by a file and holds the volume's own metadata",
                own.start.0
            ))
            .advise("Run `e2fsck -f` first")),
        }
    }

    /// The part of a set that holds the groups' own metadata.
    pub(super) fn metadata_in(&self, set: &ExtentSet) -> ExtentSet {
        self.metadata.intersect(set)
    }

    pub(super) fn read_superblock(&self) -> Result<Vec<u8>> {
        let mut raw = vec![0; SUPERBLOCK_BYTES];
        self.overlay.read_at(PRIMARY, &mut raw)?;
        Ok(raw)
    }

    /// Changes the primary superblock.
    pub(super) fn edit_superblock(&self, change: impl FnOnce(&mut [u8]) -> Result<()>) -> Result<()> {
        let mut raw = self.read_superblock()?;
        change(&mut raw)?;
        if self.has_checksums() {
            let checksum = checksum::superblock(&raw);
            put32(&mut raw, checksum::SUPERBLOCK_AT, checksum);
        }
        self.overlay.write(PRIMARY, &raw, Tag::new("superblock"))
    }

    /// Adds to `s_free_blocks_count`; refuses what would be negative.
    pub(super) fn add_free_blocks(&self, delta: i64) -> Result<()> {
        let is_wide = self.superblock.descriptor_bytes >= 64;
        self.edit_superblock(|raw| {
            let free = halves(le32(raw, 0x0c), if is_wide { le32(raw, 0x158) } else { 0 });
            let free = free.checked_add_signed(delta).ok_or_else(|| wrong_count("free blocks", free))?;
            put32(raw, 0x0c, free as u32);
            if is_wide {
                put32(raw, 0x158, (free >> 32) as u32);
            }
            Ok(())
        })
    }

    /// Adds to `s_free_inodes_count`.
    pub(super) fn add_free_inodes(&self, delta: i32) -> Result<()> {
        self.edit_superblock(|raw| {
            let free = le32(raw, 0x10);
            let sum = free.checked_add_signed(delta).ok_or_else(|| wrong_count("free inodes", u64::from(free)))?;
            put32(raw, 0x10, sum);
            Ok(())
        })
    }

    fn descriptor_place(&self, group: u64) -> ByteOffset {
        let per_block = self.superblock.descriptors_per_block();
        let block = descriptor_block(&self.superblock, group / per_block);
        ByteOffset(self.offset_of(block).0 + group % per_block * u64::from(self.superblock.descriptor_bytes))
    }

    pub(super) fn descriptor(&self, group: u64) -> Result<Descriptor> {
        let mut raw = vec![0; usize::from(self.superblock.descriptor_bytes)];
        self.overlay.read_at(self.descriptor_place(group), &mut raw)?;
        Ok(Descriptor(raw))
    }

    pub(super) fn write_descriptor(&self, group: u64, mut descriptor: Descriptor) -> Result<()> {
        if let Some(checksum) = checksum::descriptor(&self.superblock, group, &descriptor.0) {
            put16(&mut descriptor.0, checksum::DESCRIPTOR_AT, checksum);
        }
        let tag = Tag::new(format!("group descriptor {group}"));
        self.overlay.write(self.descriptor_place(group), &descriptor.0, tag)
    }
}

/// A count on the disk that cannot be what it says.
pub(super) fn wrong_count(what: &str, found: u64) -> Error {
    Error::damaged(format!("the volume counts {found} {what}, which cannot be")).advise("Run `e2fsck -f` first")
}

/// What the groups themselves are made of.
fn metadata(superblock: &Superblock, table: &GroupTable) -> ExtentSet {
    let table_blocks = inode_table_blocks(superblock);
    let lead = (0..superblock.groups())
        .map(|group| Extent::new(superblock.group_start(group), leading_blocks(superblock, group)));
    let own = table.all().iter().flat_map(|group| {
        [
            Extent::new(group.block_bitmap, 1),
            Extent::new(group.inode_bitmap, 1),
            Extent::new(group.inode_table, table_blocks),
        ]
    });
    lead.chain(own).chain([Extent::new(0, superblock.superblock_block() + 1)]).collect()
}

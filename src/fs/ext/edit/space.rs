//! Taking and giving back blocks and inodes: bitmaps, and the counts beside them.
//!
//! # Rules
//! - A group marked `BLOCK_UNINIT` or `INODE_UNINIT` has no bitmap on the disk: it is made when the first bit in it
//!   changes, and the mark is cleared. Whoever makes the inode bitmap makes the block bitmap, too (the kernel's
//!   `ext4_new_inode` does; "Block Group Descriptors", `bg_flags`).
//! - Bits of a bitmap's block behind the group's end are set ("Block and Inode Bitmaps").
//! - `bg_itable_unused` counts the inodes at the table's end that were never written: what lies there means nothing.
//!   The lowest free inode is taken, so that none before it is left unwritten.
//! - Blocks for metadata are the lowest that are free now and were free at the opening. So they keep away from the
//!   volume's end, where images go, and what a roll-back needs is not overwritten. Blocks reserved for root
//!   (`s_r_blocks_count`) are taken like others, as the kernel lets root: all that is made here belongs to root.

use super::super::checksum;
use super::super::feature::ro_compat;
use super::super::field::le32;
use super::super::group::flag;
use super::ledger::{
    BLOCK_BITMAP_CHECKSUM, DIRECTORIES, Descriptor, FREE_CLUSTERS, FREE_INODES, INODE_BITMAP_CHECKSUM, Ledger,
    UNUSED_INODES, wrong_count,
};
use crate::error::{Error, Result};
use crate::extent::{Extent, ExtentSet};
use crate::fs::overlay::Tag;

pub(super) fn bit(bitmap: &[u8], at: u64) -> bool {
    bitmap.get((at / 8) as usize).is_none_or(|byte| byte >> (at % 8) & 1 == 1)
}

fn set_bit(bitmap: &mut [u8], at: u64, used: bool) {
    if let Some(byte) = bitmap.get_mut((at / 8) as usize) {
        *byte = if used { *byte | 1 << (at % 8) } else { *byte & !(1 << (at % 8)) };
    }
}

impl Ledger {
    fn group_of(&self, block: u64) -> u64 {
        block.saturating_sub(u64::from(self.superblock.first_data_block)) / u64::from(self.superblock.blocks_per_group)
    }

    /// Clusters of a group.
    fn group_clusters(&self, group: u64) -> u64 {
        self.superblock.group_blocks(group).div_ceil(self.ratio())
    }

    /// The part of a run in a group, as clusters counted from the group's start.
    fn clusters_in(&self, group: u64, run: Extent) -> std::ops::Range<u64> {
        let start = self.superblock.group_start(group);
        let Some(inside) = run.intersect(Extent::new(start, self.superblock.group_blocks(group))) else { return 0..0 };
        (inside.start.0 - start) / self.ratio()..(inside.end() - start).div_ceil(self.ratio())
    }

    /// A group's bits of a set of blocks.
    fn bits_of(&self, group: u64, runs: impl Iterator<Item = Extent>) -> Vec<u8> {
        let mut bits = vec![0; self.block_bytes()];
        for run in runs {
            self.clusters_in(group, run).for_each(|at| set_bit(&mut bits, at, true));
        }
        bits
    }

    /// The runs of a set that reach into a group.
    fn part_of<'a>(&self, group: u64, set: &'a ExtentSet) -> &'a [Extent] {
        let start = self.superblock.group_start(group);
        touching(set, Extent::new(start, self.superblock.group_blocks(group)))
    }

    fn opened_bits(&self, group: u64) -> Vec<u8> {
        let start = self.superblock.group_start(group);
        self.bits_of(group, self.opened.runs_in(start..start + self.superblock.group_blocks(group)))
    }

    /// A group's block bitmap as it is now; made where the disk has none.
    fn block_bitmap(&self, group: u64, descriptor: &Descriptor) -> Result<Vec<u8>> {
        let is_computed = self.superblock.features.has_descriptor_checksums() && descriptor.has(flag::BLOCK_UNINIT);
        if !is_computed {
            return self.block(self.place(group)?.0);
        }
        let mut bits = self.opened_bits(group);
        (self.group_clusters(group)..bits.len() as u64 * 8).for_each(|at| set_bit(&mut bits, at, true));
        Ok(bits)
    }

    /// Where a group's bitmaps lie.
    fn place(&self, group: u64) -> Result<(u64, u64)> {
        let found = self.table.get(group).ok_or_else(|| Error::damaged(format!("there is no group {group}")))?;
        Ok((found.block_bitmap, found.inode_bitmap))
    }

    fn write_block_bitmap(
        &self,
        group: u64,
        bitmap: &[u8],
        descriptor: &mut Descriptor,
        changed: (u64, u64),
    ) -> Result<()> {
        let start = self.superblock.group_start(group);
        let last = (start + (changed.1 + 1) * self.ratio() - 1).min(self.superblock.blocks - 1);
        let tag = Tag::new(format!("block bitmap of group {group}"));
        let tag = tag.span("blocks", start + changed.0 * self.ratio(), last);
        self.overlay.write(self.offset_of(self.place(group)?.0), bitmap, tag)?;
        descriptor.clear(flag::BLOCK_UNINIT);
        if self.has_checksums() {
            let bits = self.superblock.blocks_per_group / self.superblock.cluster_blocks;
            descriptor.set(BLOCK_BITMAP_CHECKSUM, checksum::bitmap(&self.superblock, bitmap, bits));
        }
        Ok(())
    }

    /// The part of a set that is used now, or that is free.
    pub(super) fn filter(&self, set: &ExtentSet, used: bool) -> Result<ExtentSet> {
        let mut found: Vec<Extent> = Vec::new();
        self.for_groups(set, &mut |group, runs| {
            let bitmap = self.block_bitmap(group, &self.descriptor(group)?)?;
            let (start, ratio) = (self.superblock.group_start(group), self.ratio());
            for at in runs.iter().flat_map(|run| self.clusters_in(group, *run)) {
                if bit(&bitmap, at) != used {
                    continue;
                }
                let from = start + at * ratio;
                let unit = Extent::new(from, ratio.min(self.superblock.blocks - from));
                match found.last_mut() {
                    Some(Extent { start, clusters }) if start.0 + *clusters == from => *clusters += unit.clusters,
                    _ => found.push(unit),
                }
            }
            Ok(())
        })?;
        Ok(found.into_iter().collect())
    }

    /// Calls `see` for every group that a set reaches into, with the runs that do.
    fn for_groups(&self, set: &ExtentSet, see: &mut dyn FnMut(u64, &[Extent]) -> Result<()>) -> Result<()> {
        let mut rest = set.runs();
        let mut group = 0;
        while let Some(first) = rest.first() {
            self.check(*first)?;
            group = self.group_of(first.start.0).max(group);
            let end = self.superblock.group_start(group) + self.superblock.group_blocks(group);
            let count = rest.iter().take_while(|run| run.start.0 < end).count();
            see(group, &rest[..count])?;
            // The last run may reach into the next group.
            let done = rest[..count].iter().take_while(|run| run.end() <= end).count();
            rest = &rest[done..];
            group += 1;
        }
        Ok(())
    }

    /// Takes blocks (whole units), all of which must be free, or gives back such that must be used.
    pub(super) fn set_used(&self, set: &ExtentSet, used: bool) -> Result<()> {
        let mut sum = 0u64;
        self.for_groups(set, &mut |group, runs| {
            let mut descriptor = self.descriptor(group)?;
            let mut bitmap = self.block_bitmap(group, &descriptor)?;
            let (mut first, mut last, mut count) = (u64::MAX, 0, 0u32);
            for at in runs.iter().flat_map(|run| self.clusters_in(group, *run)) {
                if bit(&bitmap, at) == used {
                    let block = self.superblock.group_start(group) + at * self.ratio();
                    return Err(wrong_state(block, used));
                }
                set_bit(&mut bitmap, at, used);
                (first, last, count) = (first.min(at), last.max(at), count + 1);
            }
            if count == 0 {
                return Ok(());
            }
            let free = descriptor.get(FREE_CLUSTERS);
            let now = if used { free.checked_sub(count) } else { free.checked_add(count) };
            descriptor.set(FREE_CLUSTERS, now.ok_or_else(|| wrong_count("free blocks in a group", u64::from(free)))?);
            self.write_block_bitmap(group, &bitmap, &mut descriptor, (first, last))?;
            sum += u64::from(count);
            self.write_descriptor(group, descriptor)
        })?;
        let delta = (sum * self.ratio()).cast_signed();
        self.add_free_blocks(if used { -delta } else { delta })
    }

    /// Takes `count` units for metadata, none of them in `avoid`; gives each one's first block.
    ///
    /// # Errors
    /// `Refused` when there are too few.
    pub(super) fn allocate(&self, count: usize, avoid: &ExtentSet) -> Result<Vec<u64>> {
        let mut found = Vec::new();
        let avoided_in = |group| self.part_of(group, avoid).iter().chain(self.part_of(group, &self.reserved));
        for group in 0..self.superblock.groups() {
            if found.len() >= count {
                break;
            }
            let descriptor = self.descriptor(group)?;
            if descriptor.get(FREE_CLUSTERS) == 0 {
                continue;
            }
            let bitmap = self.block_bitmap(group, &descriptor)?;
            let (opened, avoided) = (self.opened_bits(group), self.bits_of(group, avoided_in(group).copied()));
            let start = self.superblock.group_start(group);
            let free = (0..self.group_clusters(group))
                .filter(|at| !bit(&bitmap, *at) && !bit(&opened, *at) && !bit(&avoided, *at))
                .map(|at| start + at * self.ratio())
                .filter(|block| block + self.ratio() <= self.superblock.blocks);
            found.extend(free.take(count - found.len()));
        }
        if found.len() < count {
            return Err(Error::refused(format!(
                "{count} free block(s) are needed for the file system's own records, and only {} are free",
                found.len()
            ))
            .advise("Free some space on the volume"));
        }
        let taken: ExtentSet = found.iter().map(|block| Extent::new(*block, self.ratio())).collect();
        self.set_used(&taken, true)?;
        Ok(found)
    }

    /// Gives back the units that hold these blocks.
    pub(super) fn free_units(&self, blocks: impl Iterator<Item = Extent>) -> Result<()> {
        let units: ExtentSet = blocks.map(|run| self.whole_units(run)).collect();
        for run in units.runs() {
            self.refuse_metadata(*run)?;
        }
        self.set_used(&units, false)
    }

    /// A run, rounded to whole units.
    pub(super) fn whole_units(&self, run: Extent) -> Extent {
        let ratio = self.ratio();
        let (start, end) = (run.start.0 / ratio * ratio, run.end().next_multiple_of(ratio).min(self.superblock.blocks));
        Extent::new(start, end - start)
    }

    /// Takes the lowest free inode.
    ///
    /// # Errors
    /// `Refused` when all are in use.
    pub(super) fn allocate_inode(&self, is_directory: bool) -> Result<u32> {
        self.refuse_quota()?;
        let per_group = self.superblock.inodes_per_group;
        // Revision 0 has ten reserved inodes; later ones say which is the first that is not ("Special inodes").
        let raw = self.read_superblock()?;
        let first = if le32(&raw, 0x4c) == 0 { 11 } else { le32(&raw, 0x54) };
        for group in 0..self.superblock.groups() {
            let mut descriptor = self.descriptor(group)?;
            let free = descriptor.get(FREE_INODES);
            if free == 0 {
                continue;
            }
            let mut bitmap = self.inode_bitmap(group, &mut descriptor)?;
            let base = group * u64::from(per_group);
            let lowest = u64::from(first).saturating_sub(1).saturating_sub(base);
            let end = u64::from(per_group).min(u64::from(self.superblock.inodes).saturating_sub(base));
            let Some(at) = (lowest..end).find(|at| !bit(&bitmap, *at)) else { continue };
            set_bit(&mut bitmap, at, true);
            descriptor.set(FREE_INODES, free - 1);
            if is_directory {
                descriptor.set(DIRECTORIES, descriptor.get(DIRECTORIES) + 1);
            }
            if self.superblock.features.has_descriptor_checksums() {
                let unused = descriptor.get(UNUSED_INODES).min(per_group - 1 - at as u32);
                descriptor.set(UNUSED_INODES, unused);
            }
            self.write_inode_bitmap(group, &bitmap, &mut descriptor, base + at + 1)?;
            self.write_descriptor(group, descriptor)?;
            self.add_free_inodes(-1)?;
            return Ok((base + at + 1) as u32);
        }
        Err(Error::refused(format!("all {} inodes are in use", self.superblock.inodes))
            .advise("Remove some files from the volume"))
    }

    /// Gives an inode back.
    pub(super) fn free_inode(&self, number: u32, is_directory: bool) -> Result<()> {
        self.refuse_quota()?;
        let per_group = self.superblock.inodes_per_group;
        let (group, at) = (u64::from((number - 1) / per_group), u64::from((number - 1) % per_group));
        let mut descriptor = self.descriptor(group)?;
        let mut bitmap = self.inode_bitmap(group, &mut descriptor)?;
        if !bit(&bitmap, at) {
            return Err(Error::damaged(format!("inode {number} is in use, and its bitmap calls it free")));
        }
        set_bit(&mut bitmap, at, false);
        descriptor.set(FREE_INODES, descriptor.get(FREE_INODES) + 1);
        if is_directory {
            let count = descriptor.get(DIRECTORIES).checked_sub(1);
            descriptor.set(DIRECTORIES, count.ok_or_else(|| wrong_count("directories in a group", 0))?);
        }
        self.write_inode_bitmap(group, &bitmap, &mut descriptor, u64::from(number))?;
        self.write_descriptor(group, descriptor)?;
        self.add_free_inodes(1)
    }

    /// A group's inode bitmap; where the disk has none it is made, and the block bitmap with it.
    fn inode_bitmap(&self, group: u64, descriptor: &mut Descriptor) -> Result<Vec<u8>> {
        let is_computed = self.superblock.features.has_descriptor_checksums() && descriptor.has(flag::INODE_UNINIT);
        if !is_computed {
            return self.block(self.place(group)?.1);
        }
        if descriptor.has(flag::BLOCK_UNINIT) {
            let blocks = self.block_bitmap(group, descriptor)?;
            self.write_block_bitmap(group, &blocks, descriptor, (0, self.group_clusters(group) - 1))?;
        }
        descriptor.clear(flag::INODE_UNINIT);
        let mut bits = vec![0; self.block_bytes()];
        let all = bits.len() as u64 * 8;
        (u64::from(self.superblock.inodes_per_group)..all).for_each(|at| set_bit(&mut bits, at, true));
        Ok(bits)
    }

    fn write_inode_bitmap(&self, group: u64, bitmap: &[u8], descriptor: &mut Descriptor, number: u64) -> Result<()> {
        let tag = Tag::new(format!("inode bitmap of group {group}")).span("inodes", number, number);
        self.overlay.write(self.offset_of(self.place(group)?.1), bitmap, tag)?;
        if self.has_checksums() {
            let checksum = checksum::bitmap(&self.superblock, bitmap, self.superblock.inodes_per_group);
            descriptor.set(INODE_BITMAP_CHECKSUM, checksum);
        }
        Ok(())
    }

    /// With quotas the kernel keeps what every user occupies in files of its own, which Lifeboat does not change.
    pub(super) fn refuse_quota(&self) -> Result<()> {
        if !self.superblock.features.ro_compat(ro_compat::QUOTA) {
            return Ok(());
        }
        Err(Error::refused("the volume counts what each user occupies (feature quota), and Lifeboat cannot add to it")
            .advise("Switch quotas off with `tune2fs -O ^quota`, and on again afterwards"))
    }
}

/// The runs of a set that a run touches.
pub(super) fn touching(set: &ExtentSet, run: Extent) -> &[Extent] {
    let first = set.runs().partition_point(|have| have.end() <= run.start.0);
    let rest = &set.runs()[first..];
    &rest[..rest.partition_point(|have| have.start.0 < run.end())]
}

fn wrong_state(block: u64, used: bool) -> Error {
    let found = if used { "in use already" } else { "free already" };
    Error::refused(format!("block {block} is {found}"))
}

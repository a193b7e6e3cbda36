//! The groups' bitmaps and counts, and the superblock's, against what was found.
//!
//! Source: the kernel's ext4 documentation, "Block and Inode Bitmaps", "Block Group Descriptors". A group whose bitmap
//! was never written holds nothing but metadata; the bits behind a volume's end are set (e2fsck).

use super::{Look, cluster_of};
use crate::error::Result;
use crate::extent::Extent;
use crate::fs::Finding;
use crate::fs::ext::bitmap::{computed, metadata_in_computed_groups};
use crate::fs::ext::checksum;
use crate::fs::ext::feature::ro_compat;
use crate::fs::ext::group::{Group, flag};
use crate::fs::ext::marks::Marks;
use crate::fs::ext::superblock::PRIMARY;
use crate::unit::ByteOffset;

/// What two bitmaps have only one of: how many bits, and the first.
#[derive(Default)]
struct Only {
    count: u64,
    first: u64,
}

impl Only {
    fn add(&mut self, word: u64, at: u64) {
        if word != 0 && self.count == 0 {
            self.first = at + u64::from(word.trailing_zeros());
        }
        self.count += u64::from(word.count_ones());
    }
}

/// Sums over the groups.
#[derive(Default)]
struct Sums {
    free_clusters: u64,
    free_inodes: u64,
}

impl Look<'_> {
    /// Compares group by group.
    pub(super) fn bitmaps(&mut self) -> Result<()> {
        let volume = self.volume;
        let reserved = u64::from(self.facts.first_inode.min(self.superblock.inodes + 1));
        self.inodes.insert_run(1, reserved.saturating_sub(1));
        let placed = metadata_in_computed_groups(self.superblock, &volume.table);
        let mut sums = Sums::default();
        let groups = volume.table.all();
        for (number, group) in (0u64..).zip(groups) {
            if number.is_multiple_of(64) {
                self.watch.proceed()?;
                self.watch.advance("Comparing bitmaps", number, groups.len() as u64);
            }
            self.clusters_of(number, group, &placed, &mut sums)?;
            self.inodes_of(number, group, &mut sums)?;
        }
        // The kernel counts anew when it mounts the volume, and e2fsck passes over it.
        let mut total = |rule, what: &str, at, found: u64, says: u64| {
            if found != says {
                let message = format!("{found} {what} are free, and the superblock says {says}");
                self.report.add(Finding::warning(rule, message).at(ByteOffset(PRIMARY.0 + at)));
            }
        };
        // A group counts allocation units, the superblock blocks.
        let free_blocks = sums.free_clusters * u64::from(self.superblock.cluster_blocks);
        total("ext.superblock.free_blocks", "blocks", 0x0c, free_blocks, self.facts.free_blocks);
        total("ext.superblock.free_inodes", "inodes", 0x10, sums.free_inodes, u64::from(self.facts.free_inodes));
        Ok(())
    }

    fn clusters_of(&mut self, number: u64, group: &Group, placed: &[Extent], sums: &mut Sums) -> Result<()> {
        let superblock = self.superblock;
        let ratio = u64::from(superblock.cluster_blocks);
        let (start, blocks) = (superblock.group_start(number), superblock.group_blocks(number));
        let count = blocks.div_ceil(ratio);
        let mut bitmap = vec![0; superblock.block_bytes as usize];
        let place = self.volume.source.offset_of(group.block_bitmap);
        if group.bitmap_is_computed {
            computed(superblock, number, placed, &mut |run| {
                for at in run.start.0..run.end() {
                    let bit = (at - start) / ratio;
                    if let Some(byte) = bitmap.get_mut((bit / 8) as usize) {
                        *byte |= 1 << (bit % 8);
                    }
                }
            });
        } else {
            self.volume.source.read_at(place, &mut bitmap)?;
            let bits = superblock.blocks_per_group / superblock.cluster_blocks;
            self.bitmap_checksum("block", number, &bitmap, bits, group.bitmap_checksum, place);
            self.padding("block", number, &bitmap, (count, u64::from(bits)), place);
        }
        let (lost, unmarked, used) = compare(&self.clusters, cluster_of(superblock, start), &bitmap, count);
        let block_of = |only: &Only| start + only.first * ratio;
        let mut add = |rule, only: &Only, what: &str| {
            let block = block_of(only);
            let finding = Finding::error(rule, format!("group {number}: {} {what}, from block {block} on", only.count));
            self.report.add(finding.in_cluster(block).at(ByteOffset(place.0 + only.first / 8)));
        };
        if lost.count > 0 {
            add("ext.bitmap.lost", &lost, "clusters are marked as used, and nothing holds them");
        }
        if unmarked.count > 0 {
            add("ext.bitmap.unmarked", &unmarked, "clusters are held by something, and not marked as used");
        }
        let free = count - used;
        sums.free_clusters += free;
        if free != u64::from(group.free_clusters) {
            let message =
                format!("group {number}: {free} clusters are free, and its descriptor says {}", group.free_clusters);
            self.report.add(Finding::error("ext.group.free_blocks", message));
        }
        Ok(())
    }

    fn inodes_of(&mut self, number: u64, group: &Group, sums: &mut Sums) -> Result<()> {
        let superblock = self.superblock;
        let per_group = u64::from(superblock.inodes_per_group);
        let first = number * per_group + 1;
        let count = per_group.min((u64::from(superblock.inodes) + 1).saturating_sub(first));
        let has_flags = superblock.features.has_descriptor_checksums();
        let place = self.volume.source.offset_of(group.inode_bitmap);
        let mut bitmap = vec![0; superblock.block_bytes as usize];
        if !has_flags || group.flags & flag::INODE_UNINIT == 0 {
            self.volume.source.read_at(place, &mut bitmap)?;
            let bits = superblock.inodes_per_group;
            self.bitmap_checksum("inode", number, &bitmap, bits, group.inode_bitmap_checksum, place);
        }
        if has_flags && group.unused_inodes > superblock.inodes_per_group {
            let message = format!("group {number}: {} inodes are said to be unused", group.unused_inodes);
            self.report.add(Finding::error("ext.group.unused_inodes", message));
        }
        let (lost, unmarked, used) = compare(&self.inodes, first, &bitmap, count);
        let mut add = |rule, only: &Only, what: &str| {
            let message = format!("group {number}: {} inodes {what}, from {} on", only.count, first + only.first);
            self.report.add(Finding::error(rule, message).at(ByteOffset(place.0 + only.first / 8)));
        };
        if lost.count > 0 {
            add("ext.bitmap.inode_lost", &lost, "are marked as used, and are not in use");
        }
        if unmarked.count > 0 {
            add("ext.bitmap.inode_unmarked", &unmarked, "are in use, and not marked so");
        }
        let free = count - used;
        sums.free_inodes += free;
        let directories = self.directories_in.get(number as usize).copied().unwrap_or(0);
        for (rule, what, found, says) in [
            ("ext.group.free_inodes", "free inodes", free, group.free_inodes),
            ("ext.group.directories", "directories", u64::from(directories), group.directories),
        ] {
            if found != u64::from(says) {
                let message = format!("group {number} has {found} {what}, and its descriptor says {says}");
                self.report.add(Finding::error(rule, message));
            }
        }
        Ok(())
    }

    fn bitmap_checksum(&mut self, what: &str, group: u64, bitmap: &[u8], bits: u32, stored: u32, place: ByteOffset) {
        if !self.features().ro_compat(ro_compat::METADATA_CSUM) {
            return;
        }
        let mask = if self.superblock.descriptor_bytes >= 64 { u32::MAX } else { 0xffff };
        let computed = checksum::bitmap(self.superblock, bitmap, bits) & mask;
        if computed != stored & mask {
            let message =
                format!("group {group}: the {what} bitmap's checksum is {stored:#010x}, and must be {computed:#010x}");
            self.report.add(Finding::error("ext.bitmap.checksum", message).at(place));
        }
    }

    /// Bits that stand for nothing are set.
    fn padding(&mut self, what: &str, group: u64, bitmap: &[u8], (from, to): (u64, u64), place: ByteOffset) {
        let is_set = |at: &u64| bitmap.get((at / 8) as usize).is_none_or(|byte| byte >> (at % 8) & 1 == 1);
        if let Some(at) = (from..to).find(|at| !is_set(at)) {
            let message = format!("group {group}: bit {at} of the {what} bitmap is free, and stands for nothing");
            self.report.add(Finding::error("ext.bitmap.padding", message).at(ByteOffset(place.0 + at / 8)));
        }
    }
}

/// Compares `count` bits: those set in the bitmap only, those among the marks only, and how many marks there are.
fn compare(marks: &Marks, first: u64, bitmap: &[u8], count: u64) -> (Only, Only, u64) {
    let (mut lost, mut unmarked, mut used) = (Only::default(), Only::default(), 0);
    // Most groups of a large volume are wholly free or wholly used: both sides tell that at a glance.
    if let (Some(set), Some(bytes)) = (marks.uniform(first, count), bitmap.get(..(count / 8) as usize))
        && count.is_multiple_of(8)
        && bytes.iter().all(|byte| *byte == if set { 0xff } else { 0 })
    {
        return (lost, unmarked, if set { count } else { 0 });
    }
    let mut at = 0;
    for bytes in bitmap.chunks(8) {
        if at >= count {
            break;
        }
        let mut eight = [0; 8];
        eight[..bytes.len()].copy_from_slice(bytes);
        let mask = if count - at >= 64 { u64::MAX } else { (1 << (count - at)) - 1 };
        let marked = u64::from_le_bytes(eight) & mask;
        let (index, shift) = ((first + at) / 64, (first + at) % 64);
        let low = marks.word(index) >> shift;
        let found = (if shift == 0 { low } else { low | marks.word(index + 1) << (64 - shift) }) & mask;
        lost.add(marked & !found, at);
        unmarked.add(found & !marked, at);
        used += u64::from(found.count_ones());
        at += 64;
    }
    (lost, unmarked, used)
}

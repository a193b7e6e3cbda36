//! Where the volume's own metadata lies, group by group, and the copies of the group descriptors.
//!
//! Source: the kernel's ext4 documentation, "Layout", "Block Group Descriptors", "Meta Block Groups", "Flexible Block
//! Groups". Checksums and bounds of the descriptors were checked when the volume was opened.

use super::{Look, cluster_of};
use crate::error::Result;
use crate::extent::Extent;
use crate::fs::Finding;
use crate::fs::ext::feature::incompat;
use crate::fs::ext::field::{halves, le32};
use crate::fs::ext::group::{
    descriptor_block, inode_table_blocks, is_in_meta_group, leading_blocks, leading_superblock,
};

impl Look<'_> {
    /// Marks what the volume's own metadata takes, and tells where two pieces of it lie in one place.
    pub(super) fn groups(&mut self) -> Result<()> {
        let superblock = self.superblock;
        let mut pieces = self.pieces();
        self.outside_of_groups(&pieces);
        pieces.sort_unstable_by_key(|(extent, _, _)| extent.start);
        let mut last: Option<(Extent, &'static str, u64)> = None;
        for piece in pieces {
            let (extent, what, group) = piece;
            if let Some((before, other, of)) = last
                && extent.start.0 < before.end()
            {
                let message = format!("the {what} of group {group} lies in the {other} of group {of}");
                let place = self.volume.source.offset_of(extent.start.0);
                self.report.add(Finding::error("ext.group.overlap", message).at(place).in_cluster(extent.start.0));
            }
            let (first, end) = (cluster_of(superblock, extent.start.0), cluster_of(superblock, extent.end() - 1) + 1);
            self.clusters.insert_run(first, end - first);
            if last.is_none_or(|(before, _, _)| before.end() < extent.end()) {
                last = Some(piece);
            }
        }
        self.descriptor_copies()
    }

    /// The pieces of the volume's own metadata: where each lies, what it is, and of which group.
    pub(super) fn pieces(&self) -> Vec<(Extent, &'static str, u64)> {
        let superblock = self.superblock;
        let mut pieces = Vec::new();
        if superblock.first_data_block == 0 && superblock.superblock_block() == 1 {
            // With `bigalloc` and blocks of 1 KiB the boot block belongs to group 0.
            pieces.push((Extent::new(0, 1), "boot block", 0));
        }
        let mmp = self.facts.mmp_block;
        if superblock.features.incompat(incompat::MMP) && mmp > 0 && mmp < superblock.blocks {
            pieces.push((Extent::new(mmp, 1), "multi-mount block", 0));
        }
        let table_blocks = inode_table_blocks(superblock);
        for (number, group) in (0u64..).zip(self.volume.table.all()) {
            let lead = leading_blocks(superblock, number);
            if lead > 0 {
                let skip = u64::from(number == 0 && superblock.first_data_block == 0) * superblock.superblock_block();
                let start = superblock.group_start(number) + skip;
                pieces.push((Extent::new(start, lead - skip.min(lead)), "superblock and descriptors", number));
            }
            pieces.push((Extent::new(group.block_bitmap, 1), "block bitmap", number));
            pieces.push((Extent::new(group.inode_bitmap, 1), "inode bitmap", number));
            pieces.push((Extent::new(group.inode_table, table_blocks), "inode table", number));
        }
        pieces
    }

    /// Without `flex_bg` a group's bitmaps and its inode table lie in the group itself.
    fn outside_of_groups(&mut self, pieces: &[(Extent, &'static str, u64)]) {
        if self.features().incompat(incompat::FLEX_BG) {
            return;
        }
        for (extent, what, group) in pieces.iter().filter(|(_, what, _)| !what.contains("mount")) {
            let start = self.superblock.group_start(*group);
            if extent.start.0 < start || extent.end() > start + self.superblock.group_blocks(*group) {
                let message = format!("the {what} of group {group} lies outside of it, at block {}", extent.start.0);
                self.report.add(Finding::error("ext.group.outside", message).in_cluster(extent.start.0));
            }
        }
    }

    /// Copies of the descriptors must lead to the same places. Their counts are as old as the copies.
    fn descriptor_copies(&mut self) -> Result<()> {
        let superblock = self.superblock;
        let per_block = superblock.descriptors_per_block();
        let groups = superblock.groups();
        let with_copies: Vec<u64> = (1..groups).filter(|group| superblock.has_superblock(*group)).collect();
        for table_block in 0..groups.div_ceil(per_block) {
            self.watch.proceed()?;
            self.watch.advance("Comparing descriptors", table_block, groups.div_ceil(per_block));
            let primary = self.volume.source.block(descriptor_block(superblock, table_block), PLACE)?;
            let copies: Vec<u64> = if is_in_meta_group(superblock, table_block) {
                let first = table_block * per_block;
                let last = first + per_block - 1;
                let in_group = |group: u64| superblock.group_start(group) + leading_superblock(superblock, group);
                [first + 1, last].into_iter().filter(|group| *group < groups && *group > first).map(in_group).collect()
            } else {
                with_copies.iter().map(|group| superblock.group_start(*group) + 1 + table_block).collect()
            };
            for copy in copies {
                if copy >= superblock.blocks {
                    continue;
                }
                let bytes = self.volume.source.block(copy, PLACE)?;
                if let Some(index) = self.first_difference(&primary, &bytes, table_block * per_block) {
                    let message = format!("a copy of group {index}'s descriptor leads elsewhere than the descriptor");
                    let finding = Finding::warning("ext.group.backup", message).in_cluster(copy);
                    self.report.add(finding.at(self.volume.source.offset_of(copy)));
                }
            }
        }
        Ok(())
    }

    /// The first group of a descriptor block whose places differ in two copies of it.
    fn first_difference(&self, one: &[u8], other: &[u8], first: u64) -> Option<u64> {
        let bytes = usize::from(self.superblock.descriptor_bytes);
        let places = |raw: &[u8]| {
            [(0, 0x20), (4, 0x24), (8, 0x28)]
                .map(|(low, high)| halves(le32(raw, low), if bytes >= 64 { le32(raw, high) } else { 0 }))
        };
        let pairs = one.chunks_exact(bytes).zip(other.chunks_exact(bytes));
        (first..self.superblock.groups())
            .zip(pairs)
            .find(|(_, (one, other))| places(one) != places(other))
            .map(|(group, _)| group)
    }
}

/// Descriptors are found by the superblock.
const PLACE: crate::unit::ByteOffset = crate::fs::ext::superblock::PRIMARY;

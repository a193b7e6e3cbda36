//! Which blocks are used: the groups' block bitmaps, in the order of the groups.
//!
//! - A bit stands for a block, or with `bigalloc` for a cluster of blocks.
//! - Bitmaps that lie in a row (`flex_bg` puts 16 and more so) are read at once.
//! - A group marked `BLOCK_UNINIT` has no bitmap yet. Used in it are its superblock copy and descriptors
//!   and whatever bitmaps and inode tables, of itself or of others, were placed in it.
//! - Blocks before the first group (the boot block of a volume of 1 KiB blocks) are used.
//!
//! Bitmaps whose checksum is wrong, or that call their own block free, are an error: an image made from
//! them would miss data. Memory: one read's buffer, and the map itself, which is kept packed.

use super::check::BAD_BLOCKS;
use super::feature::ro_compat;
use super::field::crc32c;
use super::group::{GroupTable, inode_table_blocks, leading_blocks};
use super::inode::Stored;
use super::record::Record;
use super::source::Source;
use super::superblock::Superblock;
use super::trace::{self, Event};
use crate::error::{Error, Result};
use crate::extent::{ClusterMap, Extent};
use crate::unit::Cluster;

/// How much is read at once where bitmaps are adjacent.
const READ_BYTES: usize = 1 << 20;

/// Blocks of the list of bad blocks that are read at most: enough for a list of billions.
const MAX_LIST_BLOCKS: u32 = 1 << 16;

/// The blocks that inode 1 lists as failing. It has no mode and no links, so that nothing else reads it.
///
/// # Errors
/// When the list cannot be read.
pub(super) fn bad_blocks(source: &Source, superblock: &Superblock, table: &GroupTable) -> Result<ClusterMap> {
    let mut bad = ClusterMap::new(superblock.blocks);
    let stored = Stored::read(source, superblock, table, BAD_BLOCKS)?;
    let record = Record { number: BAD_BLOCKS, place: stored.place, raw: stored.raw() };
    if stored.raw().iter().all(|byte| *byte == 0) {
        return Ok(bad);
    }
    let mut read = 0;
    trace::inode(source, superblock, record, &mut |event| match event {
        Event::Data(run) => {
            bad.set(Extent::new(run.physical, run.blocks), true);
            true
        }
        Event::Node(_) => {
            read += 1;
            read <= MAX_LIST_BLOCKS
        }
        Event::Wrong(..) => false,
    })?;
    Ok(bad)
}

/// Reads all block bitmaps into one map.
///
/// # Errors
/// When a bitmap cannot be read or is damaged; names the group.
pub(super) fn used_blocks(source: &Source, superblock: &Superblock, table: &GroupTable) -> Result<ClusterMap> {
    let mut map = ClusterMap::new(superblock.blocks);
    map.set(Extent::new(0, u64::from(superblock.first_data_block)), true);
    let placed = metadata_in_computed_groups(superblock, table);
    let groups = table.all();
    let mut at = 0;
    let mut raw = Vec::new();
    while at < groups.len() {
        if groups[at].bitmap_is_computed {
            compute(superblock, at as u64, &placed, &mut map);
            at += 1;
            continue;
        }
        let first = groups[at].block_bitmap;
        let limit = (READ_BYTES / source.block_bytes()).max(1).min(groups.len() - at);
        let in_a_row = |next: &usize| {
            let group = &groups[at + next];
            !group.bitmap_is_computed && group.block_bitmap == first + *next as u64
        };
        let count = (1..limit).find(|next| !in_a_row(next)).unwrap_or(limit);
        raw.resize(count * source.block_bytes(), 0);
        source.read_at(source.offset_of(first), &mut raw)?;
        for (index, bitmap) in raw.chunks_exact(source.block_bytes()).enumerate() {
            let number = (at + index) as u64;
            check(source, superblock, table, number, bitmap)
                .map_err(|error| error.context(format_args!("group {number}'s block bitmap")))?;
            take_over(superblock, number, bitmap, &mut map);
        }
        at += count;
    }
    Ok(map)
}

/// Copies a group's bits to the map.
fn take_over(superblock: &Superblock, group: u64, bitmap: &[u8], map: &mut ClusterMap) {
    let (start, blocks) = (superblock.group_start(group), superblock.group_blocks(group));
    let ratio = u64::from(superblock.cluster_blocks);
    if ratio == 1 {
        map.set_bytes(Cluster(start), bitmap, blocks);
        return;
    }
    let clusters = blocks.div_ceil(ratio);
    let mut at = 0;
    while at < clusters {
        let used = bit(bitmap, at);
        let end = (at + 1..clusters).find(|next| bit(bitmap, *next) != used).unwrap_or(clusters);
        if used {
            map.set(Extent::new(start + at * ratio, ((end - at) * ratio).min(blocks - at * ratio)), true);
        }
        at = end;
    }
}

fn bit(bitmap: &[u8], at: u64) -> bool {
    bitmap.get((at / 8) as usize).is_some_and(|byte| byte >> (at % 8) & 1 == 1)
}

/// Verifies the checksum, and that the group's own metadata is not called free.
fn check(source: &Source, superblock: &Superblock, table: &GroupTable, number: u64, bitmap: &[u8]) -> Result<()> {
    let Some(group) = table.get(number) else { return Ok(()) };
    let place = source.offset_of(group.block_bitmap);
    let advice = "The volume is damaged, or its journal was not replayed: run e2fsck, or mount and unmount it once";
    if superblock.features.ro_compat(ro_compat::METADATA_CSUM) {
        let bytes = (superblock.blocks_per_group / superblock.cluster_blocks / 8) as usize;
        let mask = if superblock.descriptor_bytes >= 64 { u32::MAX } else { 0xffff };
        let computed = crc32c(superblock.checksum_seed, bitmap.get(..bytes).unwrap_or(bitmap)) & mask;
        if computed != group.bitmap_checksum {
            let found = format!("{computed:#010x}");
            return Err(
                Error::corrupt(place, format_args!("checksum {:#010x}", group.bitmap_checksum), found).advise(advice)
            );
        }
    }
    let (start, blocks) = (superblock.group_start(number), superblock.group_blocks(number));
    for own in [group.block_bitmap, group.inode_bitmap, group.inode_table] {
        let is_free =
            own >= start && own - start < blocks && !bit(bitmap, (own - start) / u64::from(superblock.cluster_blocks));
        if is_free {
            return Err(Error::corrupt(place, format_args!("block {own} (metadata) used"), "free").advise(advice));
        }
    }
    Ok(())
}

/// The bitmaps and inode tables that lie (partly) in groups without a bitmap, sorted by place.
pub(super) fn metadata_in_computed_groups(superblock: &Superblock, table: &GroupTable) -> Vec<Extent> {
    let group_of = |block: u64| {
        block.saturating_sub(u64::from(superblock.first_data_block)) / u64::from(superblock.blocks_per_group)
    };
    let is_computed = |number| table.get(number).is_some_and(|group| group.bitmap_is_computed);
    let table_blocks = inode_table_blocks(superblock);
    let mut placed: Vec<Extent> = table
        .all()
        .iter()
        .flat_map(|group| {
            [
                Extent::new(group.block_bitmap, 1),
                Extent::new(group.inode_bitmap, 1),
                Extent::new(group.inode_table, table_blocks),
            ]
        })
        .filter(|run| (group_of(run.start.0)..=group_of(run.end() - 1)).any(is_computed))
        .collect();
    placed.sort_unstable_by_key(|run| run.start);
    placed
}

/// Marks what is used in a group that has no bitmap, whole clusters at a time.
pub(super) fn compute(superblock: &Superblock, group: u64, placed: &[Extent], map: &mut ClusterMap) {
    computed(superblock, group, placed, &mut |run| map.set(run, true));
}

/// Tells the runs that are used in a group that has no bitmap, whole clusters at a time; one may be told twice.
pub(super) fn computed(superblock: &Superblock, group: u64, placed: &[Extent], see: &mut dyn FnMut(Extent)) {
    let bounds = Extent::new(superblock.group_start(group), superblock.group_blocks(group));
    let ratio = u64::from(superblock.cluster_blocks);
    let mut mark = |run: Extent| {
        let Some(inside) = run.intersect(bounds) else { return };
        let from = (inside.start.0 - bounds.start.0) / ratio * ratio;
        let to = (inside.end() - bounds.start.0).next_multiple_of(ratio).min(bounds.clusters);
        see(Extent::new(bounds.start.0 + from, to - from));
    };
    mark(Extent::new(bounds.start.0, leading_blocks(superblock, group)));
    // An inode table may be longer than a group, so what begins up to that much earlier reaches in.
    let reach = bounds.start.0.saturating_sub(inode_table_blocks(superblock));
    let from = placed.partition_point(|run| run.start.0 < reach);
    placed[from..].iter().take_while(|run| run.start.0 < bounds.end()).for_each(|run| mark(*run));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_past_the_bitmap_are_free() {
        assert!(bit(&[0x80], 7));
        assert!(!bit(&[0x80], 8));
    }
}

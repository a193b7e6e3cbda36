//! Writing a file's map: from its runs to an extent tree or to direct and indirect blocks.
//!
//! A map is written as a whole. Of its old blocks as many are used again as are needed, in place; what is missing is
//! taken from free space, and what is left over is given back. Blocks that come out as they were make no patch.
//!
//! # Rules
//! - An extent has at most 32768 blocks, an unwritten one 32767 and 32768 added to its length ("Extent Tree").
//! - A node begins with `0xF30A`, its entries, its room for entries, its depth; an inode has room for four. In front
//!   of what an index entry leads to stands the first block that is mapped there. Blocks are filled to the last entry,
//!   so that e2fsck finds no tree that could be narrower.
//! - A block map has 12 direct pointers and one each to an indirect, double and triple indirect block of pointers of
//!   32 bits; 0 is a hole ("Direct/Indirect Block Addressing").

use std::collections::BTreeMap;

use super::super::blocks::{Layout, Node, Run};
use super::super::checksum;
use super::super::record::flag;
use super::inode::Record;
use super::ledger::{Ledger, put16, put32};
use crate::error::{Error, Result};
use crate::extent::{Extent, ExtentSet};
use crate::fs::overlay::Tag;

const MAGIC: u16 = 0xf30a;
const ENTRY_BYTES: usize = 12;
/// Entries that `i_block` has room for.
const ROOT_ENTRIES: usize = 4;
/// Longest extent.
const MAX_WRITTEN: u64 = 32_768;
/// The kernel's limit on a tree's depth.
const MAX_DEPTH: usize = 5;
/// Direct pointers in `i_block`.
const DIRECT: u64 = 12;

/// One more than the last block that a file can have.
pub(super) fn max_blocks(ledger: &Ledger, has_extents: bool) -> u64 {
    let pointers = ledger.block_bytes() as u64 / 4;
    if has_extents { u64::from(u32::MAX) } else { DIRECT + pointers + pointers.pow(2) + pointers.pow(3) }
}

/// Writes the map of an inode that had `old`, and stores the inode. New blocks for it are not taken from `avoid`.
/// `i_blocks` changes by what the map itself grows or shrinks; the caller counts the content.
pub(super) fn write(ledger: &Ledger, record: &mut Record, runs: &[Run], old: &[Node], avoid: &ExtentSet) -> Result<()> {
    for run in runs {
        ledger.refuse_metadata(Extent::new(run.physical, run.blocks))?;
    }
    let runs = merged(runs);
    let nodes = if record.has(flag::EXTENTS) {
        tree(ledger, record, &runs, old, avoid)?
    } else {
        pointers(ledger, record, &runs, old, avoid)?
    };
    record.add_units(ledger, nodes as i64 - old.len() as i64)?;
    record.store(ledger)
}

/// Runs that continue each other are one.
fn merged(runs: &[Run]) -> Vec<Run> {
    let mut merged: Vec<Run> = Vec::with_capacity(runs.len());
    for run in runs {
        match merged.last_mut() {
            Some(last)
                if last.logical + last.blocks == run.logical
                    && last.physical + last.blocks == run.physical
                    && last.unwritten == run.unwritten =>
            {
                last.blocks += run.blocks;
            }
            _ => merged.push(*run),
        }
    }
    merged
}

/// An extent tree without entries, in `i_block`.
pub(super) fn empty_root(field: &mut [u8]) {
    node(field, &[], 0);
}

/// Writes a node: a header, and the entries.
fn node(target: &mut [u8], entries: &[[u8; ENTRY_BYTES]], depth: usize) {
    let room = if target.len() < 64 { ROOT_ENTRIES } else { target.len() / ENTRY_BYTES - 1 };
    put16(target, 0, MAGIC);
    put16(target, 2, entries.len() as u16);
    put16(target, 4, room as u16);
    put16(target, 6, depth as u16);
    put32(target, 8, 0);
    for (slot, entry) in target.chunks_exact_mut(ENTRY_BYTES).skip(1).zip(entries) {
        slot.copy_from_slice(entry);
    }
}

/// The extents of runs, as entries of leaves.
fn leaves(runs: &[Run]) -> Vec<[u8; ENTRY_BYTES]> {
    let mut entries = Vec::new();
    for run in runs {
        let most = if run.unwritten { MAX_WRITTEN - 1 } else { MAX_WRITTEN };
        let mut done = 0;
        while done < run.blocks {
            let count = (run.blocks - done).min(most);
            let physical = run.physical + done;
            let mut entry = [0; ENTRY_BYTES];
            put32(&mut entry, 0, (run.logical + done) as u32);
            put16(&mut entry, 4, (count + if run.unwritten { MAX_WRITTEN } else { 0 }) as u16);
            put16(&mut entry, 6, (physical >> 32) as u16);
            put32(&mut entry, 8, physical as u32);
            entries.push(entry);
            done += count;
        }
    }
    entries
}

/// Builds the tree from its leaves up; tells how many blocks it has.
fn tree(ledger: &Ledger, record: &mut Record, runs: &[Run], old: &[Node], avoid: &ExtentSet) -> Result<usize> {
    let mut entries = leaves(runs);
    let room = ledger.block_bytes() / ENTRY_BYTES - 1;
    let mut needed = 0;
    let mut width = entries.len();
    while width > ROOT_ENTRIES {
        width = width.div_ceil(room);
        needed += width;
    }
    let blocks = take_blocks(ledger, old, needed, avoid)?;
    let mut next = blocks.into_iter();
    let mut depth = 0;
    while entries.len() > ROOT_ENTRIES {
        let mut above = Vec::new();
        for (part, block) in entries.chunks(room).zip(next.by_ref()) {
            let mut bytes = vec![0; ledger.block_bytes()];
            node(&mut bytes, part, depth);
            if ledger.has_checksums()
                && let Some((checksum, at)) = checksum::extent_node(record.seed(ledger), &bytes)
            {
                put32(&mut bytes, at, checksum);
            }
            ledger.write_block(block, &bytes, Tag::new(format!("extent tree of inode {}", record.number)))?;
            let mut entry = [0; ENTRY_BYTES];
            if let Some(first) = part.first() {
                entry[..4].copy_from_slice(&first[..4]);
            }
            put32(&mut entry, 4, block as u32);
            put16(&mut entry, 8, (block >> 32) as u16);
            above.push(entry);
        }
        entries = above;
        depth += 1;
    }
    if depth > MAX_DEPTH {
        return Err(Error::refused(format!("the file would have too many pieces ({})", runs.len())));
    }
    let field = record.block_field_mut();
    field.fill(0);
    node(field, &entries, depth);
    Ok(needed)
}

/// The blocks for a map: old ones first, and new ones; those left over are given back.
fn take_blocks(ledger: &Ledger, old: &[Node], needed: usize, avoid: &ExtentSet) -> Result<Vec<u64>> {
    let mut blocks: Vec<u64> = old.iter().map(|node| node.block).take(needed).collect();
    if needed > blocks.len() {
        blocks.extend(ledger.allocate(needed - blocks.len(), avoid)?);
    } else if old.len() > needed {
        ledger.free_units(old[needed..].iter().map(|node| Extent::new(node.block, 1)))?;
    }
    Ok(blocks)
}

/// A block of pointers: its level, and the first block of the file that it could map.
type Key = (u32, u64);

/// The way from `i_block` down to a block of the file: the slot, and the blocks of pointers on the way.
fn path(logical: u64, pointers: u64) -> Option<(usize, Vec<Key>)> {
    let Some(mut rest) = logical.checked_sub(DIRECT) else { return Some((logical as usize, Vec::new())) };
    for level in 1..=3u32 {
        let span = pointers.pow(level);
        if rest < span {
            let base = logical - rest;
            let step = |below: u32| (below, base + rest / pointers.pow(below) * pointers.pow(below));
            return Some((DIRECT as usize - 1 + level as usize, (1..=level).rev().map(step).collect()));
        }
        rest -= span;
    }
    None
}

/// Builds the block map; tells how many blocks of pointers it has.
fn pointers(ledger: &Ledger, record: &mut Record, runs: &[Run], old: &[Node], avoid: &ExtentSet) -> Result<usize> {
    let per_block = ledger.block_bytes() as u64 / 4;
    let keys = keys(runs, per_block).ok_or_else(|| {
        Error::refused(format!("the file would be too long: {} blocks are the most", max_blocks(ledger, false)))
    })?;
    let have: BTreeMap<Key, u64> = old.iter().map(|node| ((node.level, node.logical), node.block)).collect();
    let missing = keys.iter().filter(|key| !have.contains_key(key)).count();
    let mut fresh = ledger.allocate(missing, avoid)?.into_iter();
    let surplus = have.iter().filter(|(key, _)| keys.binary_search(key).is_err()).map(|(_, block)| *block);
    ledger.free_units(surplus.map(|block| Extent::new(block, 1)))?;
    let mut places = BTreeMap::new();
    for key in keys {
        if let Some(block) = have.get(&key).copied().or_else(|| fresh.next()) {
            places.insert(key, block);
        }
    }
    let count = places.len();
    fill(ledger, record, runs, &places)?;
    Ok(count)
}

/// The blocks of pointers that runs need, sorted; `None` when they reach beyond what a block map can hold.
fn keys(runs: &[Run], per_block: u64) -> Option<Vec<Key>> {
    let mut keys = Vec::new();
    for run in runs {
        let end = run.logical + run.blocks;
        let mut at = run.logical;
        while at < end {
            let (_, way) = path(at, per_block)?;
            // On to the next block of pointers; the direct ones are as one.
            at = way.last().map_or(DIRECT, |(_, first)| first + per_block);
            keys.extend(way);
        }
    }
    keys.sort_unstable();
    keys.dedup();
    Some(keys)
}

/// Writes the pointers.
fn fill(ledger: &Ledger, record: &mut Record, runs: &[Run], places: &BTreeMap<Key, u64>) -> Result<()> {
    let per_block = ledger.block_bytes() as u64 / 4;
    let mut contents: BTreeMap<Key, Vec<u8>> = places.keys().map(|key| (*key, vec![0; ledger.block_bytes()])).collect();
    let mut root = [0u8; 60];
    let mut point = |way: &[Key], slot: usize, logical: u64, target: u64| -> Result<()> {
        let target = u32::try_from(target)
            .map_err(|_| Error::refused(format!("block {target} is beyond what a block map can point to")))?;
        match way.last() {
            None => put32(&mut root, slot * 4, target),
            Some((level, first)) => {
                let index = (logical - first) / per_block.pow(level - 1);
                if let Some(bytes) = contents.get_mut(&(*level, *first)) {
                    put32(bytes, index as usize * 4, target);
                }
            }
        }
        Ok(())
    };
    for run in runs {
        for index in 0..run.blocks {
            if let Some((slot, way)) = path(run.logical + index, per_block) {
                point(&way, slot, run.logical + index, run.physical + index)?;
            }
        }
    }
    for (key, block) in places {
        if let Some((slot, way)) = path(key.1, per_block) {
            let above = way.iter().position(|step| step == key).unwrap_or(0);
            point(&way[..above], slot, key.1, *block)?;
        }
    }
    for (key, bytes) in &contents {
        if let Some(block) = places.get(key) {
            ledger.write_block(*block, bytes, Tag::new(format!("block map of inode {}", record.number)))?;
        }
    }
    record.block_field_mut().copy_from_slice(&root);
    Ok(())
}

/// The units that a file's content occupies, in file order and each once: with `bigalloc` neighbours may share one.
pub(super) fn content_units(ledger: &Ledger, layout: &Layout) -> Vec<Extent> {
    let mut units: Vec<Extent> = Vec::new();
    for run in &layout.runs {
        let mut unit = ledger.whole_units(Extent::new(run.physical, run.blocks));
        if let Some(last) = units.last_mut() {
            if unit.start.0 < last.end() && unit.start.0 >= last.start.0 {
                let from = last.end();
                unit = Extent::new(from, unit.end().saturating_sub(from));
            }
            if unit.start.0 == last.end() {
                last.clusters += unit.clusters;
                continue;
            }
        }
        units.push(unit);
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_a_block_goes_through_as_many_blocks_as_it_must() {
        assert_eq!(path(11, 256), Some((11, vec![])));
        assert_eq!(path(12, 256), Some((12, vec![(1, 12)])));
        assert_eq!(path(267, 256), Some((12, vec![(1, 12)])));
        assert_eq!(path(268, 256), Some((13, vec![(2, 268), (1, 268)])));
        assert_eq!(path(268 + 257, 256), Some((13, vec![(2, 268), (1, 524)])));
        let triple = 12 + 256 + 256 * 256;
        assert_eq!(
            path(triple + 65_537, 256),
            Some((14, vec![(3, triple), (2, triple + 65_536), (1, triple + 65_536)]))
        );
        assert_eq!(path(triple + 256 * 256 * 256, 256), None);
    }

    #[test]
    fn long_runs_are_cut_where_an_extent_ends() {
        let run = |unwritten| Run { logical: 0, physical: 1 << 33, blocks: 70_000, unwritten };
        let lengths =
            |run| leaves(&[run]).iter().map(|entry| u16::from_le_bytes([entry[4], entry[5]])).collect::<Vec<_>>();
        assert_eq!(lengths(run(false)), [32_768, 32_768, 4464]);
        assert_eq!(lengths(run(true)), [65_535, 65_535, 32_768 + 4466]);
    }
}

//! Whatever holds clusters moves to others.
//!
//! One pass over the inode tables finds the holders: content, extent nodes and indirect blocks, blocks of attributes.
//! Then the bytes are copied, the bitmaps changed, and each holder's map is written anew.
//!
//! # Rules
//! - What lies in a block says nothing of where that is, with two exceptions: a block of attributes and a block of the
//!   orphan file have it in their checksums ("Checksums"). The former gets a new checksum, the latter is not moved.
//! - A block of attributes may have several users, who all must name the new place.
//! - The journal, being empty, leads nowhere: it moves like a file. The superblock keeps a copy of its `i_block` and
//!   length from 0x10C on, where `s_jnl_backup_type` (0xFD) is 1; e2fsck uses it when the inode is damaged.
//! - Not moved: superblocks, descriptors, bitmaps and inode tables; blocks kept for more descriptors (inode 7), which
//!   must lie behind them; bad blocks (inode 1); the block of multi-mount protection.
//! - Unwritten extents stay unwritten; nothing of them is copied.

use std::collections::BTreeSet;

use super::super::blocks::{Layout, Run};
use super::super::feature::{compat, incompat};
use super::super::field::{halves, le32};
use super::super::inode::{BLOCK_FIELD_BYTES, Inode};
use super::super::owners::fixed_reason;
use super::super::record::Record as View;
use super::super::scan;
use super::inode::Record;
use super::ledger::{Ledger, put32};
use super::{map, release};
use crate::error::{Error, Result};
use crate::extent::{Extent, ExtentSet};
use crate::fs::check::Unwatched;
use crate::unit::ByteLen;

/// A run of blocks and where it goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Piece {
    from: u64,
    to: u64,
    blocks: u64,
}

/// All pieces, sorted by `from`.
struct Moves {
    pieces: Vec<Piece>,
    from: ExtentSet,
}

impl Moves {
    /// Pairs what moves with its targets, in order.
    fn pair(moving: ExtentSet, to: &[Extent]) -> Self {
        let mut pieces = Vec::new();
        let mut targets = to.iter().copied();
        let mut target = Extent::new(0, 0);
        for run in moving.runs() {
            let mut done = 0;
            while done < run.clusters {
                if target.clusters == 0 {
                    let Some(next) = targets.next() else { break };
                    target = next;
                }
                let count = target.clusters.min(run.clusters - done);
                pieces.push(Piece { from: run.start.0 + done, to: target.start.0, blocks: count });
                target = Extent::new(target.start.0 + count, target.clusters - count);
                done += count;
            }
        }
        Self { pieces, from: moving }
    }

    fn targets(&self) -> ExtentSet {
        self.pieces.iter().map(|piece| Extent::new(piece.to, piece.blocks)).collect()
    }

    /// The pieces that a run touches.
    fn touching(&self, start: u64, blocks: u64) -> &[Piece] {
        let first = self.pieces.partition_point(|piece| piece.from + piece.blocks <= start);
        let rest = &self.pieces[first..];
        &rest[..rest.partition_point(|piece| piece.from < start.saturating_add(blocks))]
    }

    /// Where a block goes, when it goes.
    fn target(&self, block: u64) -> Option<u64> {
        self.touching(block, 1).first().map(|piece| piece.to + (block - piece.from))
    }

    /// A run cut where its parts go to different places.
    fn apply(&self, run: Run, result: &mut Vec<Run>) {
        let part = |from: u64, to: u64, physical: u64| Run {
            logical: run.logical + (from - run.physical),
            physical,
            blocks: to - from,
            unwritten: run.unwritten,
        };
        let end = run.physical + run.blocks;
        let mut at = run.physical;
        for piece in self.touching(run.physical, run.blocks) {
            let (from, to) = (piece.from.max(at), (piece.from + piece.blocks).min(end));
            if at < from {
                result.push(part(at, from, at));
            }
            result.push(part(from, to, piece.to + (from - piece.from)));
            at = to;
        }
        if at < end {
            result.push(part(at, end, at));
        }
    }
}

/// Moves what holds clusters of `from` to `to`.
pub(super) fn relocate(ledger: &Ledger, from: &ExtentSet, to: &[Extent]) -> Result<()> {
    let whole: ExtentSet = from.runs().iter().map(|run| ledger.whole_units(*run)).collect();
    for run in whole.runs() {
        if run.end() > ledger.superblock.blocks {
            return Err(Error::refused("what should move does not lie in the volume"));
        }
    }
    let moving = ledger.filter(&without_block_zero(&whole), true)?;
    let moving = if whole.contains(crate::unit::Cluster(0)) { refuse_fixed_start(ledger)? } else { moving };
    if moving.is_empty() {
        return Ok(());
    }
    refuse_fixed(ledger, &moving)?;
    refuse_targets(ledger, &moving, to)?;
    let moves = Moves::pair(moving, to);
    let holders = holders(ledger, &moves)?;
    copy(ledger, &moves, &holders)?;
    ledger.set_used(&moves.targets(), true)?;
    ledger.set_used(&moves.from, false)?;
    for number in &holders.numbers {
        move_holder(ledger, *number, &moves, &whole)?;
    }
    for block in &holders.attributes {
        if let Some(target) = moves.target(*block) {
            let mut bytes = ledger.block(target)?;
            release::write_attributes(ledger, target, &mut bytes)?;
        }
    }
    Ok(())
}

fn without_block_zero(set: &ExtentSet) -> ExtentSet {
    let rest = |run: &Extent| Extent::new(run.start.0.max(1), run.end().saturating_sub(run.start.0.max(1)));
    set.runs().iter().map(rest).collect()
}

/// Block 0 is the boot block, or holds the superblock.
fn refuse_fixed_start(ledger: &Ledger) -> Result<ExtentSet> {
    let what = if ledger.superblock.first_data_block == 0 { "the superblock" } else { "the boot block" };
    Err(Error::refused(format!("block 0 holds {what}, and cannot move")))
}

/// Names what cannot move: the groups' own metadata, and what only the superblock leads to.
fn refuse_fixed(ledger: &Ledger, moving: &ExtentSet) -> Result<()> {
    let refuse = |block: u64, what: String| Err(Error::refused(format!("block {block} holds {what}, and cannot move")));
    let raw = ledger.read_superblock()?;
    if ledger.superblock.features.incompat(incompat::MMP) {
        let block = halves(le32(&raw, 0x168), le32(&raw, 0x16c));
        if moving.contains(crate::unit::Cluster(block)) {
            return refuse(block, "the record of multi-mount protection".to_owned());
        }
    }
    let own = ledger.metadata_in(moving);
    let Some(first) = own.runs().first().map(|run| run.start.0) else { return Ok(()) };
    let tables = super::super::group::inode_table_blocks(&ledger.superblock);
    for (number, group) in ledger.table.all().iter().enumerate() {
        if group.block_bitmap == first {
            return refuse(first, format!("the block bitmap of group {number}"));
        } else if group.inode_bitmap == first {
            return refuse(first, format!("the inode bitmap of group {number}"));
        } else if (group.inode_table..group.inode_table + tables).contains(&first) {
            return refuse(first, format!("the inode table of group {number}"));
        }
    }
    refuse(first, "a superblock or group descriptors".to_owned())
}

/// Targets must be whole units, free now and at the opening, each once, and enough.
fn refuse_targets(ledger: &Ledger, moving: &ExtentSet, to: &[Extent]) -> Result<()> {
    let ratio = ledger.ratio();
    let units =
        crate::fs::Units { origin: crate::unit::Cluster(0), clusters: ratio, count: ledger.superblock.blocks / ratio };
    if to.iter().any(|run| run.clusters == 0 || run.start.0 == 0 || !units.holds(*run)) {
        return Err(Error::refused(format!("the target is not made of whole units of {ratio} block(s)")));
    }
    let set: ExtentSet = to.iter().copied().collect();
    let sum = to.iter().fold(0u64, |sum, run| sum.saturating_add(run.clusters));
    if sum != set.clusters() {
        return Err(Error::refused("a block is given as a target twice"));
    }
    if sum < moving.clusters() {
        return Err(Error::refused(format!(
            "{} blocks are in use, and only {sum} are given to move to",
            moving.clusters()
        )));
    }
    let used = ledger.filter(&set, true)?;
    if let Some(run) = used.runs().first() {
        return Err(Error::refused(format!("block {}, a target, is not free", run.start.0)));
    }
    for run in to {
        if let Some(used) = ledger.opened.runs_in(run.start.0..run.end()).next() {
            return Err(Error::refused(format!("block {}, a target, was not free when the edit began", used.start.0))
                .advise("Carry out what was worked out so far first"));
        }
    }
    Ok(())
}

/// Who holds what moves; what of it is fixed is refused by the rule that tells owners, too.
struct Holders {
    numbers: Vec<u32>,
    /// Blocks of attributes that move.
    attributes: BTreeSet<u64>,
    /// Blocks that move and were never written.
    unwritten: Vec<Extent>,
}

/// Finds them in one pass.
fn holders(ledger: &Ledger, moves: &Moves) -> Result<Holders> {
    let source = ledger.source();
    let table = super::super::group::GroupTable::read(&source, &ledger.superblock)?;
    let mut found = Holders { numbers: Vec::new(), attributes: BTreeSet::new(), unwritten: Vec::new() };
    let mut claimed = Vec::new();
    let raw = ledger.read_superblock()?;
    let orphan_file = ledger.superblock.orphan_file(&raw);
    let phase = (1, "Reading inodes", &Unwatched as &dyn crate::fs::Watch);
    scan::inodes(&source, &ledger.superblock, table.all(), phase, &mut |view| {
        if !is_in_use(view) {
            return Ok(true);
        }
        let before = claimed.len();
        claim(ledger, &source, view, moves, &mut found, &mut claimed)?;
        let Some(first) = claimed.get(before).map(|run: &Extent| run.start.0) else { return Ok(true) };
        match fixed_reason(view.number, orphan_file) {
            None => {
                found.numbers.push(view.number);
                Ok(true)
            }
            Some(reason) => Err(Error::refused(format!("block {first} cannot move: {reason}"))),
        }
    })?;
    let units: ExtentSet = claimed.into_iter().map(|run| ledger.whole_units(run)).collect();
    let lost = units.complement(ledger.superblock.blocks).intersect(&moves.from);
    match lost.runs().first() {
        None => Ok(found),
        Some(lost) => {
            Err(Error::refused(format!("block {} is in use, and nothing on the volume holds it", lost.start.0))
                .advise("Run `e2fsck -f` first"))
        }
    }
}

/// A record that stands for something: it has names, or is one of the first ten, which need none.
fn is_in_use(view: View<'_>) -> bool {
    let is_reserved = view.number <= 10;
    (view.links() > 0 || is_reserved) && (view.mode() != 0 || is_reserved && view.block_field().iter().any(|b| *b != 0))
}

/// Adds what of an inode's blocks moves.
fn claim(
    ledger: &Ledger,
    source: &super::super::source::Source,
    view: View<'_>,
    moves: &Moves,
    found: &mut Holders,
    claimed: &mut Vec<Extent>,
) -> Result<()> {
    let layout = layout_of(ledger, source, view)?;
    let mut claim = |start: u64, blocks: u64| {
        let parts = moves
            .touching(start, blocks)
            .iter()
            .filter_map(|piece| Extent::new(piece.from, piece.blocks).intersect(Extent::new(start, blocks)));
        let before = claimed.len();
        claimed.extend(parts);
        claimed.len() > before
    };
    for run in &layout.runs {
        if claim(run.physical, run.blocks) && run.unwritten {
            found.unwritten.push(Extent::new(run.physical, run.blocks));
        }
    }
    for node in &layout.nodes {
        claim(node.block, 1);
    }
    let attributes = view.attribute_block(ledger.superblock.features);
    if attributes != 0 && claim(attributes, 1) {
        found.attributes.insert(attributes);
    }
    Ok(())
}

/// An inode's map. The bad blocks' inode has no mode, and the old kind of map.
fn layout_of(ledger: &Ledger, source: &super::super::source::Source, view: View<'_>) -> Result<Layout> {
    let mut raw = view.raw.to_vec();
    let superblock = &ledger.superblock;
    if view.mode() != 0 {
        return Layout::read(source, superblock, &Inode::from_bytes(superblock, view.number, view.place, &raw)?);
    }
    super::ledger::put16(&mut raw, 0, 0o100_000);
    let mut plain = superblock.clone();
    plain.features.ro_compat &= !super::super::feature::ro_compat::METADATA_CSUM;
    Layout::read(source, &plain, &Inode::from_bytes(&plain, view.number, view.place, &raw)?)
}

/// Copies what moves and was written.
fn copy(ledger: &Ledger, moves: &Moves, holders: &Holders) -> Result<()> {
    let unwritten: ExtentSet = holders.unwritten.iter().copied().collect();
    let bytes = |blocks: u64| ByteLen(blocks * ledger.block_bytes() as u64);
    let written = unwritten.complement(ledger.superblock.blocks).intersect(&moves.from);
    for run in written.runs() {
        for piece in moves.touching(run.start.0, run.clusters) {
            let Some(part) = run.intersect(Extent::new(piece.from, piece.blocks)) else { continue };
            let target = piece.to + (part.start.0 - piece.from);
            // A target that this edit used in between, and freed again, holds bytes that are not on the device.
            ledger
                .overlay
                .copy(ledger.offset_of(part.start.0), ledger.offset_of(target), bytes(part.clusters))
                .map_err(|error| error.advise("Carry out what was worked out so far first"))?;
        }
    }
    Ok(())
}

/// Leads an inode to the new places.
fn move_holder(ledger: &Ledger, number: u32, moves: &Moves, avoid: &ExtentSet) -> Result<()> {
    let mut record = Record::read(ledger, number)?;
    let layout = record.layout(ledger)?;
    let attributes = record.attribute_block(ledger);
    if let Some(target) = moves.target(attributes).filter(|_| attributes != 0) {
        record.set_attribute_block(ledger, target);
    }
    let mut runs = Vec::new();
    layout.runs.iter().for_each(|run| moves.apply(*run, &mut runs));
    let mut nodes = layout.nodes.clone();
    for node in &mut nodes {
        node.block = moves.target(node.block).unwrap_or(node.block);
    }
    if runs == layout.runs && nodes == layout.nodes {
        return record.store(ledger);
    }
    map::write(ledger, &mut record, &runs, &nodes, avoid)?;
    let raw = ledger.read_superblock()?;
    let is_journal = ledger.superblock.features.compat(compat::HAS_JOURNAL) && le32(&raw, 0xe0) == number;
    if is_journal && raw.get(0xfd) == Some(&1) {
        return copy_journal_map(ledger, &record);
    }
    Ok(())
}

/// The superblock's copy of the journal's `i_block`, and of its length behind.
fn copy_journal_map(ledger: &Ledger, record: &Record) -> Result<()> {
    ledger.edit_superblock(|raw| {
        if let Some(copy) = raw.get_mut(0x10c..0x10c + BLOCK_FIELD_BYTES) {
            copy.copy_from_slice(record.block_field());
        }
        put32(raw, 0x148, le32(&record.raw, 0x6c));
        put32(raw, 0x14c, le32(&record.raw, 4));
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_cut_where_their_parts_go_apart() {
        let moving = ExtentSet::from(vec![Extent::new(100, 10), Extent::new(120, 5)]);
        let moves = Moves::pair(moving, &[Extent::new(200, 4), Extent::new(300, 20)]);
        let mut result = Vec::new();
        moves.apply(Run { logical: 7, physical: 98, blocks: 25, unwritten: true }, &mut result);
        let parts: Vec<_> = result.iter().map(|run| (run.logical, run.physical, run.blocks)).collect();
        assert_eq!(parts, [(7, 98, 2), (9, 200, 4), (13, 300, 6), (19, 110, 10), (29, 306, 3)]);
        assert!(result.iter().all(|run| run.unwritten));
        assert_eq!((moves.target(124), moves.target(125)), (Some(310), None));
        assert_eq!(moves.targets().clusters(), 15);
    }
}

//! A directory's names: found, put in, taken out; and the directory grown and shrunk.
//!
//! # Rules
//! - With `metadata_csum` the last 12 bytes of every block of names are an entry that is none, and hold its checksum
//!   ("Directory Entries", `ext4_dir_entry_tail`).
//! - Without an index a name goes wherever there is room. A directory that outgrows its first block stays without:
//!   `dir_index` allows an index and does not ask for one.
//! - With `bigalloc` a file's block lies in its cluster where it lies in the file's own; so a directory grows within
//!   its last cluster first ("Bigalloc").
//! - The last block of a directory without an index is given back when its last name goes, so that what was put in and
//!   taken out again leaves the directory as it was. (The kernel keeps it; e2fsck accepts both.)

use super::super::blocks::{Layout, Run};
use super::super::checksum::{self, LEAF_TAIL_BYTES};
use super::super::record::flag;
use super::entries::{self, New};
use super::inode::Record;
use super::ledger::{Ledger, put16, put32};
use super::{inline, map, tree};
use crate::error::{Error, Result};
use crate::extent::{Extent, ExtentSet};
use crate::fs::overlay::Tag;

/// The type of a directory in an entry, and of a file.
pub(super) const DIRECTORY: u8 = 2;
pub(super) const FILE: u8 = 1;

/// A directory, open for changes.
pub(super) struct Directory<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) record: Record,
    pub(super) layout: Layout,
    /// Its path, for tags and messages.
    pub(super) title: String,
}

impl<'a> Directory<'a> {
    pub(super) fn open(ledger: &'a Ledger, number: u32, title: String) -> Result<Self> {
        let record = Record::read(ledger, number)?;
        if !record.is_directory() {
            return Err(Error::refused(format!("{title} is not a directory")));
        }
        if record.has(flag::ENCRYPTED | flag::CASEFOLD) {
            let what =
                if record.has(flag::ENCRYPTED) { "encrypted" } else { "blind to upper and lower case (casefold)" };
            return Err(Error::refused(format!(
                "directory {title} is {what}: its names cannot be changed by Lifeboat"
            ))
            .advise("Choose another directory"));
        }
        let layout = record.layout(ledger)?;
        if layout.runs.iter().any(|run| run.unwritten) {
            return Err(Error::damaged(format!("directory {title} has blocks that were never written")));
        }
        Ok(Self { ledger, record, layout, title })
    }

    pub(super) fn blocks(&self) -> u64 {
        self.record.bytes(self.ledger).div_ceil(self.ledger.block_bytes() as u64)
    }

    /// Where a block of the directory lies; `None` for a hole.
    pub(super) fn physical(&self, logical: u64) -> Option<u64> {
        let index = self.layout.runs.partition_point(|run| run.logical + run.blocks <= logical);
        let run = self.layout.runs.get(index).filter(|run| run.logical <= logical)?;
        Some(run.physical + (logical - run.logical))
    }

    pub(super) fn read(&self, logical: u64) -> Result<Vec<u8>> {
        let block = self.physical(logical).filter(|_| logical < self.blocks());
        let block = block.ok_or_else(|| Error::damaged(format!("directory {} has no block {logical}", self.title)))?;
        self.ledger.block(block)
    }

    pub(super) fn tag(&self, logical: u64) -> Tag {
        Tag::new(format!("directory {}", self.title)).span("block", logical, logical)
    }

    /// Bytes of a block of names that names may have.
    pub(super) fn room(&self) -> usize {
        self.ledger.block_bytes() - if self.ledger.has_checksums() { LEAF_TAIL_BYTES } else { 0 }
    }

    /// Writes a block of names, with its tail.
    pub(super) fn write_leaf(&self, logical: u64, bytes: &mut [u8]) -> Result<()> {
        if self.ledger.has_checksums() {
            let tail = self.room();
            bytes[tail..].fill(0);
            put16(bytes, tail + 4, LEAF_TAIL_BYTES as u16);
            bytes[tail + 7] = 0xde;
            if let Some((checksum, at)) = checksum::directory_leaf(self.record.seed(self.ledger), bytes) {
                put32(bytes, at, checksum);
            }
        }
        self.write(logical, bytes)
    }

    pub(super) fn write(&self, logical: u64, bytes: &[u8]) -> Result<()> {
        let block = self.physical(logical);
        let block = block.ok_or_else(|| Error::damaged(format!("directory {} has no block {logical}", self.title)))?;
        self.ledger.write_block(block, bytes, self.tag(logical))
    }

    fn has_index(&self) -> bool {
        self.record.has(flag::INDEX)
    }

    /// Calls `see` for every region of names (its block, where it has one), until it gives something.
    fn each<T>(&self, mut see: impl FnMut(Option<u64>, &[u8]) -> Result<Option<T>>) -> Result<Option<T>> {
        if self.record.has(flag::INLINE_DATA) {
            for range in inline::regions(&self.record, self.ledger)? {
                if let Some(found) = see(None, &self.record.raw[range])? {
                    return Ok(Some(found));
                }
            }
            return Ok(None);
        }
        let end = self.blocks();
        for run in &self.layout.runs {
            for logical in run.logical..(run.logical + run.blocks).min(end) {
                let bytes = self.read(logical)?;
                if self.has_index() && tree::is_node(&bytes, logical) {
                    continue;
                }
                if let Some(found) = see(Some(logical), &bytes[..self.room()])? {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    /// The inode of a name.
    pub(super) fn find(&self, name: &[u8]) -> Result<Option<u32>> {
        let block_bytes = self.ledger.block_bytes();
        self.each(|_, region| {
            let entries = entries::parse(region, block_bytes)?;
            Ok(entries.iter().find(|entry| entry.inode != 0 && entry.name == name).map(|entry| entry.inode))
        })
    }

    /// True without names but `.` and `..`.
    pub(super) fn is_empty(&self) -> Result<bool> {
        let block_bytes = self.ledger.block_bytes();
        let found = self.each(|_, region| {
            let entries = entries::parse(region, block_bytes)?;
            let is_name = |entry: &entries::Entry<'_>| entry.inode != 0 && !matches!(entry.name, b"." | b"..");
            Ok(entries.iter().any(is_name).then_some(()))
        })?;
        Ok(found.is_none())
    }

    /// Puts a name in, which must not be there; `kind` is [`FILE`] or [`DIRECTORY`].
    pub(super) fn insert(&mut self, name: &[u8], inode: u32, kind: u8) -> Result<()> {
        let has_type = self.ledger.superblock.features.incompat(super::super::feature::incompat::FILETYPE);
        let new = (inode, if has_type { kind } else { 0 }, name);
        if self.record.has(flag::INLINE_DATA) {
            if inline::insert(&mut self.record, self.ledger, new)? {
                return self.record.store(self.ledger);
            }
            inline::convert(self)?;
        }
        if self.has_index() { tree::insert(self, new) } else { self.insert_anywhere(new) }
    }

    fn insert_anywhere(&mut self, new: New<'_>) -> Result<()> {
        let (block_bytes, room, end) = (self.ledger.block_bytes(), self.room(), self.blocks());
        for logical in 0..end {
            if self.physical(logical).is_none() {
                continue;
            }
            let mut bytes = self.read(logical)?;
            if entries::insert(&mut bytes[..room], new, block_bytes)? {
                return self.write_leaf(logical, &mut bytes);
            }
        }
        let logical = self.grow()?;
        let mut bytes = vec![0; block_bytes];
        entries::clear(&mut bytes[..room], block_bytes);
        entries::insert(&mut bytes[..room], new, block_bytes)?;
        self.write_leaf(logical, &mut bytes)
    }

    /// Adds a block at the end, whose content the caller writes; its number.
    pub(super) fn grow(&mut self) -> Result<u64> {
        let (logical, ratio) = (self.blocks(), self.ledger.ratio());
        if logical >= map::max_blocks(self.ledger, self.record.has(flag::EXTENTS)) {
            return Err(Error::refused(format!("directory {} is full", self.title)));
        }
        let within = logical % ratio;
        let neighbour = within.checked_sub(1).and_then(|_| self.physical(logical - 1));
        let physical = match neighbour {
            Some(before) => before + 1,
            None => {
                let unit = self.ledger.allocate(1, &ExtentSet::new())?;
                self.record.add_units(self.ledger, 1)?;
                unit.first().copied().unwrap_or_default() + within
            }
        };
        let mut runs = self.layout.runs.clone();
        runs.push(Run { logical, physical, blocks: 1, unwritten: false });
        self.remap(&runs)?;
        self.record.set_bytes(self.ledger, (logical + 1) * self.ledger.block_bytes() as u64)?;
        self.record.store(self.ledger)?;
        Ok(logical)
    }

    /// Writes another map, and reads it back.
    pub(super) fn remap(&mut self, runs: &[Run]) -> Result<()> {
        map::write(self.ledger, &mut self.record, runs, &self.layout.nodes, &ExtentSet::new())?;
        self.layout = self.record.layout(self.ledger)?;
        Ok(())
    }

    /// Takes a name out; its inode.
    pub(super) fn remove(&mut self, name: &[u8]) -> Result<Option<u32>> {
        let block_bytes = self.ledger.block_bytes();
        if self.record.has(flag::INLINE_DATA) {
            let found = inline::remove(&mut self.record, self.ledger, name)?;
            self.record.store(self.ledger)?;
            return Ok(found);
        }
        let place = self.each(|logical, region| {
            let entries = entries::parse(region, block_bytes)?;
            Ok(entries.iter().any(|entry| entry.inode != 0 && entry.name == name).then_some(logical).flatten())
        })?;
        let Some(logical) = place else { return Ok(None) };
        let (mut bytes, room) = (self.read(logical)?, self.room());
        let found = entries::remove(&mut bytes[..room], name, block_bytes)?;
        self.write_leaf(logical, &mut bytes)?;
        if !self.has_index() {
            self.shrink(logical)?;
        }
        Ok(found)
    }

    /// Gives the last block back when it is empty, and not the only one.
    fn shrink(&mut self, logical: u64) -> Result<()> {
        let (block_bytes, room, ratio) = (self.ledger.block_bytes(), self.room(), self.ledger.ratio());
        let is_last = logical > 0 && logical + 1 == self.blocks();
        let ends_run = self.layout.runs.last().is_some_and(|run| run.logical + run.blocks == logical + 1);
        let Some(physical) = self.physical(logical).filter(|_| is_last && ends_run) else { return Ok(()) };
        let bytes = self.read(logical)?;
        if entries::parse(&bytes[..room], block_bytes)?.iter().any(|entry| entry.inode != 0) {
            return Ok(());
        }
        let mut runs = self.layout.runs.clone();
        if let Some(last) = runs.last_mut() {
            last.blocks -= 1;
        }
        runs.retain(|run| run.blocks > 0);
        if !runs.iter().any(|run| run.logical + run.blocks > logical / ratio * ratio) {
            self.ledger.free_units(std::iter::once(Extent::new(physical, 1)))?;
            self.record.add_units(self.ledger, -1)?;
        }
        self.remap(&runs)?;
        self.record.set_bytes(self.ledger, logical * block_bytes as u64)?;
        self.record.store(self.ledger)
    }
}

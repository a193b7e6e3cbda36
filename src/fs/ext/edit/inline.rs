//! Directories and files whose content lies in the inode: feature `inline_data`.
//!
//! # Rules ("Inline Data")
//! - The first 60 bytes lie in `i_block`, the rest in the attribute `system.data` behind the record's fields, which is
//!   always there. A directory begins with its parent's number; then entries fill the rest of `i_block`, and others
//!   the attribute. There are none for `.` and `..`.
//! - Attributes inside an inode begin with a magic number, then entries: length of the name, its prefix, place of the
//!   value (counted from the first entry), 0 (or the inode that has it), length, hash, name. Four zero bytes end them.
//!   Values stand at the record's end. A hash of 0 is not compared ("Extended Attributes"; e2fsck).
//! - A directory that outgrows its inode gets a block as any other has, and `system.data` goes.

use std::ops::Range;

use super::super::blocks::Run;
use super::super::feature::incompat;
use super::super::field::{le16, le32};
use super::super::record::{OLD_BYTES, flag};
use super::directory::{DIRECTORY, Directory};
use super::entries::{self, New};
use super::inode::Record;
use super::ledger::{Ledger, put16, put32};
use crate::error::{Error, Result};
use crate::extent::ExtentSet;

const MAGIC: u32 = 0xea02_0000;
const ENTRY_BYTES: usize = 16;
/// `i_block`, and what of it is behind a directory's parent.
const BLOCK_FIELD: Range<usize> = 0x28..0x64;
const ENTRIES: Range<usize> = 0x2c..0x64;
/// The prefix `system.`.
const SYSTEM: u8 = 7;

/// An attribute inside a record: where its entry and its value lie.
struct Attribute {
    entry: Range<usize>,
    value: Range<usize>,
    is_data: bool,
}

/// The attributes inside a record, and where the first entry lies.
fn attributes(record: &Record) -> Result<(usize, Vec<Attribute>)> {
    let damaged = || Error::damaged(format!("the attributes inside inode {} are damaged", record.number));
    let raw = &record.raw;
    let start = OLD_BYTES + usize::from(le16(raw, OLD_BYTES));
    let first = start + 4;
    if raw.len() <= OLD_BYTES || first > raw.len() || le32(raw, start) != MAGIC {
        return Ok((first, Vec::new()));
    }
    let mut found = Vec::new();
    let mut at = first;
    while at + 4 <= raw.len() && le32(raw, at) != 0 {
        let head = raw.get(at..at + ENTRY_BYTES).ok_or_else(damaged)?;
        let end = at + (ENTRY_BYTES + usize::from(head[0])).next_multiple_of(4);
        let name = raw.get(at + ENTRY_BYTES..at + ENTRY_BYTES + usize::from(head[0])).ok_or_else(damaged)?;
        let (from, len) = (first + usize::from(le16(head, 2)), le32(head, 8) as usize);
        let in_other = le32(head, 4) != 0;
        let value = if in_other || len == 0 { 0..0 } else { from..from.saturating_add(len) };
        if value.end > raw.len() {
            return Err(damaged());
        }
        found.push(Attribute { entry: at..end, value, is_data: head[1] == SYSTEM && name == b"data" });
        at = end;
    }
    Ok((first, found))
}

/// Where inline content lies in the record: in `i_block`, and in the attribute.
pub(super) fn content(record: &Record) -> Result<[Range<usize>; 2]> {
    let (_, found) = attributes(record)?;
    let value = found.iter().find(|attribute| attribute.is_data).map(|attribute| attribute.value.clone());
    Ok([BLOCK_FIELD, value.unwrap_or(0..0)])
}

/// The regions of a directory's names.
pub(super) fn regions(record: &Record, ledger: &Ledger) -> Result<Vec<Range<usize>>> {
    let [_, value] = content(record)?;
    let bytes = record.bytes(ledger);
    if bytes != (BLOCK_FIELD.len() + value.len()) as u64 {
        return Err(Error::damaged(format!("directory (inode {}) has another length than its names", record.number)));
    }
    Ok([ENTRIES, value].into_iter().filter(|range| !range.is_empty()).collect())
}

/// After a value changed: an entry's hash is of the old one, and 0 means none.
pub(super) fn forget_hash(record: &mut Record) -> Result<()> {
    let (_, found) = attributes(record)?;
    if let Some(data) = found.iter().find(|attribute| attribute.is_data) {
        put32(&mut record.raw, data.entry.start + 12, 0);
    }
    Ok(())
}

/// Puts a name in; false when there is no room. The caller stores the record.
pub(super) fn insert(record: &mut Record, ledger: &Ledger, new: New<'_>) -> Result<bool> {
    for range in regions(record, ledger)? {
        if entries::insert(&mut record.raw[range], new, ledger.block_bytes())? {
            forget_hash(record)?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes a name out; the caller stores the record.
pub(super) fn remove(record: &mut Record, ledger: &Ledger, name: &[u8]) -> Result<Option<u32>> {
    for range in regions(record, ledger)? {
        if let Some(inode) = entries::remove(&mut record.raw[range], name, ledger.block_bytes())? {
            forget_hash(record)?;
            return Ok(Some(inode));
        }
    }
    Ok(None)
}

/// Gives a directory a block, and moves its names there.
pub(super) fn convert(directory: &mut Directory<'_>) -> Result<()> {
    let ledger = directory.ledger;
    let (block_bytes, room) = (ledger.block_bytes(), directory.room());
    let old = directory.record.raw.clone();
    let has_type = ledger.superblock.features.incompat(incompat::FILETYPE);
    let kind = if has_type { DIRECTORY } else { 0 };
    let parent = le32(&old, BLOCK_FIELD.start);
    let mut names: Vec<New<'_>> = vec![(directory.record.number, kind, b"."), (parent, kind, b"..")];
    for range in regions(&directory.record, ledger)? {
        let live = entries::parse(&old[range], block_bytes)?.into_iter().filter(|entry| entry.inode != 0);
        names.extend(live.map(|entry| (entry.inode, entry.kind, entry.name)));
    }
    let mut block = vec![0; block_bytes];
    if !entries::pack(&mut block[..room], &names, block_bytes) {
        return Err(Error::refused(format!("the names of directory {} do not fit a block", directory.title))
            .advise("Choose another directory"));
    }
    empty(&mut directory.record, ledger)?;
    let unit = ledger.allocate(1, &ExtentSet::new())?;
    directory.record.add_units(ledger, 1)?;
    directory.record.set_bytes(ledger, block_bytes as u64)?;
    directory.layout.nodes.clear();
    let physical = unit.first().copied().unwrap_or_default();
    directory.remap(&[Run { logical: 0, physical, blocks: 1, unwritten: false }])?;
    directory.write_leaf(0, &mut block)
}

/// Takes inline content out of a record: its map, of the volume's better kind, is empty afterwards.
pub(super) fn empty(record: &mut Record, ledger: &Ledger) -> Result<()> {
    remove_data(record)?;
    let has_extents = ledger.superblock.features.incompat(incompat::EXTENTS);
    record.set_flags(if has_extents { flag::EXTENTS } else { 0 }, flag::INLINE_DATA);
    record.block_field_mut().fill(0);
    Ok(())
}

/// Takes `system.data` out of a record's attributes, and puts the others together.
fn remove_data(record: &mut Record) -> Result<()> {
    let (first, found) = attributes(record)?;
    let old = record.raw.clone();
    let Some(area) = record.raw.get_mut(first - 4..) else { return Ok(()) };
    area.fill(0);
    let (mut at, mut end) = (first, old.len());
    for attribute in found.iter().filter(|attribute| !attribute.is_data) {
        let (entry, value) = (attribute.entry.clone(), attribute.value.clone());
        let len = entry.len();
        record.raw[at..at + len].copy_from_slice(&old[entry]);
        if !value.is_empty() {
            let from = end.checked_sub(value.len().next_multiple_of(4)).filter(|from| *from >= at + len + 4);
            let from =
                from.ok_or_else(|| Error::damaged(format!("the attributes inside inode {} overlap", record.number)))?;
            record.raw[from..from + value.len()].copy_from_slice(&old[value]);
            put16(&mut record.raw, at + 2, (from - first) as u16);
            end = from;
        }
        at += len;
    }
    if at > first {
        put32(&mut record.raw, first - 4, MAGIC);
    }
    Ok(())
}

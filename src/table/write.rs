//! What to write to put a partition table, or one entry of it, back. All of it is worked out as data: nothing here
//! writes.
//!
//! | module | what it knows |
//! |---|---|
//! | `draft` | whole sectors to be written, old and new; the device as it would be with them |
//! | `copy` | a table that is kept to be put back as a whole |
//! | `wanted` | a partition that should be named, and whether a table names it |
//! | `gpt` | both copies of a GPT for the disk at hand, and the protective MBR |
//! | `mbr` | sector 0: entries, boot code, CHS addresses |
//! | `logical` | links of the chain of logical partitions |
//! | `hex` | bytes as text |
//!
//! # The order of writes
//!
//! The writes are to be made one after the other in the order given, each flushed before the next: then a power cut
//! at any moment leaves a disk on which [`read`](super::read()) finds the old table or the new one.
//!
//! - **GPT**: the copy that does not count today is written first, its entries before its header; then the other one
//!   in the same way; sector 0 last. So one whole copy is there at any moment. The backup goes first, unless the
//!   primary is damaged and the backup is what counts. (UEFI specification 2.10, 5.3.2: the primary counts while it is
//!   valid, else the backup.)
//! - **MBR**: new links of the chain from the last one to the first, none of which counts before something points at
//!   it; then the sector that points at them. Headers of a GPT that the MBR replaces are cleared after sector 0, in
//!   which they stop to count.
//! - Where a whole chain of logical partitions is put back over a *different* one that is in use, a cut may leave
//!   logical partitions of either. Doing it again finishes it.
//!
//! # What is kept of the disk
//!
//! - **Boot code** in sector 0 (its first 440 bytes): that of the disk, when the sector is a whole MBR and the code is
//!   not blank; else the copy's. Boot code belongs to what lies behind it (a boot loader's second part in the sectors
//!   before the first partition), which is of the disk's today and in no copy. It is not needed to find a partition.
//! - **Sector size**: that of the table, not that of the device. A file does not know its sector size, and a disk in
//!   a USB frame may tell another one than the table was written for.

mod copy;
mod draft;
mod gpt;
mod hex;
mod logical;
mod mbr;
mod wanted;

pub use copy::{TableCopy, TablePart, capture, put_back};
pub use draft::{SectorWrite, after};
pub use hex::bytes_from_hex;
pub use wanted::{Told, WantedEntry, tells};

use self::draft::Draft;
use super::mbr::Mbr;
use super::read::{self, Copies};
use super::types::is_extended;
use super::{Entry, Health, Kind, Table};
use crate::device::{SharedDevice, read_array};
use crate::error::{Error, Result};
use crate::unit::{ByteLen, ByteOffset};

/// Works out how to make the disk's table name one partition again: in the table that is there, in its own slot or a
/// free one; or in a new table with this entry only, when there is none or it is damaged beyond use. A damaged half of
/// a GPT is put right with it. Nothing else that the table names is changed.
///
/// Empty when the table says so already and is whole.
///
/// # Errors
/// - `Refused`, with the numbers: the partition overlaps another, reaches past the disk or the usable sectors, all slots
///   are in use, the table is of another kind, the extended partition around it is gone, or the disk as a whole is a
///   volume.
/// - `Io`, when the disk cannot be read.
pub fn put_entry(device: &SharedDevice, wanted: &WantedEntry) -> Result<Vec<SectorWrite>> {
    if wanted.table == Kind::None {
        return Err(Error::refused(
            "the partition's record is of no partition table, so there is no entry to put back",
        ));
    }
    if is_extended(&wanted.type_id) {
        return Err(Error::refused("an extended partition is a frame around others and is not put back alone")
            .advise("Put back the whole partition table from its copy"));
    }
    let table = table_for(device, wanted)?;
    refuse_whole_volume(device, &table)?;
    check_place(device, wanted)?;
    let mut draft = Draft::new(device);
    let own = slot_to_repair(&table, wanted)?;
    match table.kind {
        Kind::Gpt if wanted.table == Kind::Gpt => gpt::put_entry(&mut draft, &table, wanted, own)?,
        Kind::Mbr if wanted.table == Kind::Mbr => mbr::put_entry(&mut draft, &table, wanted, own)?,
        Kind::Mbr if table.entries.is_empty() => gpt::put_first(&mut draft, wanted)?,
        Kind::None if wanted.table == Kind::Gpt => gpt::put_first(&mut draft, wanted)?,
        Kind::None => mbr::put_first(&mut draft, wanted)?,
        other => {
            return Err(Error::refused(format!(
                "partition {} stood in a partition table of kind {}, and the disk has one of kind {} today",
                wanted.number,
                wanted.table.name(),
                other.name()
            ))
            .advise("Put back the whole partition table from its copy, or restore into a partition that is there"));
        }
    }
    prove(&draft, &table, wanted, own)?;
    Ok(draft.into_writes())
}

/// Works out how to give a partition another type: a GUID, or `0x07` in an MBR. Empty when it has that type.
///
/// # Errors
/// - `Refused`: there is no such partition, the type is none of the table's kind, or means a frame or a table.
/// - `Io`, when the disk cannot be read.
pub fn set_type(device: &SharedDevice, number: u32, type_id: &str) -> Result<Vec<SectorWrite>> {
    let table = read::read(device)?;
    let Some(entry) = table.entries.iter().find(|entry| entry.number == number) else {
        return Err(Error::refused(format!("the disk's partition table names no partition {number}")));
    };
    if entry.is_extended() || is_extended(type_id) {
        return Err(Error::refused(format!("partition {number}: the type of an extended partition is not changed")));
    }
    let mut draft = Draft::new(device);
    match table.kind {
        Kind::Gpt => gpt::set_type(&mut draft, &table, entry, type_id)?,
        _ => mbr::set_type(&mut draft, &table, entry, type_id)?,
    }
    refuse_touching(&draft, &table.entries)?;
    Ok(draft.into_writes())
}

/// The disk's table. The sector size of an MBR without volumes cannot be told from the disk, nor that of a new one; the
/// record of a partition of that very table tells it.
fn table_for(device: &SharedDevice, wanted: &WantedEntry) -> Result<Table> {
    let table = read::read(device)?;
    let other = wanted.sector_bytes != table.sector_bytes && read::SECTOR_SIZES.contains(&wanted.sector_bytes);
    let silent = match table.kind {
        Kind::None => wanted.table == Kind::Mbr,
        Kind::Mbr => table.id == wanted.table_id || table.entries.is_empty(),
        Kind::Gpt => false,
    };
    if other && silent { read::read(&draft::posing(device, wanted.sector_bytes)) } else { Ok(table) }
}

/// A volume that takes up the whole disk would lose its boot record to a partition table.
fn refuse_whole_volume(device: &SharedDevice, table: &Table) -> Result<()> {
    if table.kind != Kind::None || device.len().0 < mbr::SECTOR as u64 {
        return Ok(());
    }
    let Some(volume) = read::own_volume(device, &read_array(device, ByteOffset::ZERO)?) else { return Ok(()) };
    Err(Error::refused(format!(
        "the disk as a whole is {volume}; a partition table would overwrite its beginning, and it could no longer be opened"
    ))
    .advise("If that volume is not wanted, clear the disk's first sectors, then try again"))
}

/// Refuses a partition without bytes, or one that the disk is too small for.
fn check_place(device: &SharedDevice, wanted: &WantedEntry) -> Result<()> {
    let fits = wanted.end().is_some_and(|end| end.0 <= device.len().0);
    if wanted.len > ByteLen::ZERO && fits {
        return Ok(());
    }
    Err(Error::refused(format!(
        "partition {} begins at byte {} and has {} bytes, but the disk has only {}",
        wanted.number,
        wanted.start.0,
        wanted.len.0,
        device.len().0
    )))
}

/// The first entry that shares bytes with `start..end`, frames left out; `own` is the entry's own slot.
fn overlapped<'a>(table: &'a Table, wanted: &WantedEntry, own: Option<u32>) -> Option<&'a Entry> {
    let end = wanted.end()?;
    let hits = |entry: &&Entry| entry.start < end && entry.end().is_none_or(|other| wanted.start < other);
    let mut others = table.entries.iter().filter(|entry| !entry.is_extended() && Some(entry.number) != own);
    others.find(|entry| entry.len > ByteLen::ZERO && hits(entry))
}

fn refuse_overlap(table: &Table, wanted: &WantedEntry, own: Option<u32>) -> Result<()> {
    let Some(entry) = overlapped(table, wanted, own) else { return Ok(()) };
    Err(Error::refused(format!(
        "partition {} (bytes {} to {}) overlaps partition {} of the disk's table (bytes {} to {})",
        wanted.number,
        wanted.start.0,
        wanted.start.0.saturating_add(wanted.len.0),
        entry.number,
        entry.start.0,
        entry.start.0.saturating_add(entry.len.0)
    ))
    .advise("If the disk was partitioned anew by mistake, put back the whole partition table from its copy"))
}

/// Where the wanted partition's entry belongs in the table that is there: the slot of the entry that it repairs, or
/// none for a free one.
///
/// An entry is repaired when it names the same place, or has the same number and the same beginning, or the same number
/// and the same id. The same id under another number at another place would make two partitions of one id.
fn slot_to_repair(table: &Table, wanted: &WantedEntry) -> Result<Option<u32>> {
    let same_place = |entry: &&Entry| entry.start == wanted.start && entry.len == wanted.len && !entry.is_extended();
    if let Some(entry) = table.entries.iter().find(same_place) {
        return Ok(Some(entry.number));
    }
    let same_start = |entry: &&Entry| entry.start == wanted.start && entry.number == wanted.number;
    if let Some(entry) = table.entries.iter().find(|entry| same_start(entry) && !entry.is_extended()) {
        return Ok(Some(entry.number));
    }
    let gpt = table.kind == Kind::Gpt && wanted.id.is_some();
    let Some(entry) = table.entries.iter().find(|entry| gpt && wanted.has_id(entry)) else { return Ok(None) };
    if entry.number == wanted.number {
        return Ok(Some(entry.number));
    }
    Err(Error::refused(format!(
        "partition {} has the id of the partition that is to be put back, but lies elsewhere: at byte {} with {} bytes, not \
         at byte {} with {}",
        entry.number, entry.start.0, entry.len.0, wanted.start.0, wanted.len.0
    ))
    .advise("It was moved or copied since; restore into that partition instead"))
}

/// Reads what the disk would be: it must name the wanted partition, and all that the table named before.
fn prove(draft: &Draft, before: &Table, wanted: &WantedEntry, own: Option<u32>) -> Result<()> {
    refuse_touching(draft, &before.entries)?;
    let sector_bytes = if wanted.table == Kind::Mbr { before.sector_bytes } else { draft.device().sector_bytes() };
    let after = read::read(&draft.after(sector_bytes))?;
    let named = matches!(tells(&after, wanted), Told::Same);
    let place = |entry: &Entry| (entry.start, entry.len);
    let kept = before.kind != after.kind
        || before.health == Health::Damaged
        || before
            .entries
            .iter()
            .all(|old| Some(old.number) == own || after.entries.iter().any(|new| place(new) == place(old)));
    if named && kept && after.health != Health::Damaged {
        return Ok(());
    }
    Err(Error::refused(format!(
        "partition {} cannot be put into this disk's partition table: the table contradicts itself ({})",
        wanted.number,
        if before.notes.is_empty() { "no reason known".into() } else { before.notes.join("; ") }
    ))
    .advise("Put back the whole partition table from its copy"))
}

/// Refuses to change a byte of a partition: only a table that contradicts itself has its own parts there.
fn refuse_touching(draft: &Draft, entries: &[Entry]) -> Result<()> {
    for write in draft.writes() {
        let differs = |(old, new): (&u8, &u8)| old != new;
        let bytes = || write.old.iter().zip(&write.new);
        let (Some(first), Some(last)) = (bytes().position(differs), bytes().rposition(differs)) else { continue };
        let (first, end) = (write.offset.0 + first as u64, write.offset.0 + last as u64 + 1);
        let mut volumes = entries.iter().filter(|entry| !entry.is_extended());
        if let Some(entry) = volumes.find(|e| e.start.0 < end && e.end().is_none_or(|last| first < last.0)) {
            return Err(Error::refused(format!(
                "the disk's partition table contradicts itself: the {} (byte {first}) lies in partition {}",
                write.what, entry.number
            ))
            .advise("Put back the whole partition table from its copy"));
        }
    }
    Ok(())
}

/// Sector 0, when it is a master boot record.
fn sector_zero(device: &SharedDevice) -> Result<Option<(Mbr, [u8; mbr::SECTOR])>> {
    let sector = read_array(device, ByteOffset::ZERO)?;
    Ok(Mbr::parse(&sector).map(|mbr| (mbr, sector)))
}

/// Both copies of the disk's GPT, as reading takes them.
fn copies(device: &SharedDevice) -> Result<Copies> {
    Ok(Copies::find(device, sector_zero(device)?.as_ref().map(|(mbr, _)| mbr)))
}

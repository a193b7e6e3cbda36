//! Sector 0: entries, boot code, CHS addresses.
//!
//! An entry's first and last sector are given as cylinder, head and sector, too: one byte head, one byte with the
//! sector (from 1) in bits 0 to 5 and the cylinder's high bits in 6 and 7, one byte cylinder. What lies past cylinder
//! 1023 is written as 1023/254/63 (Brouwer, "Partition types"); 255 heads and 63 sectors are what today's BIOSes and
//! tools take for every disk.

use uuid::Uuid;

pub(super) use super::super::mbr::SECTOR;
use super::super::mbr::{ENTRY_BYTES, FIRST_ENTRY, PROTECTIVE, is_used};
use super::super::types::{is_extended, type_byte};
use super::super::{Entry, Table};
use super::draft::Draft;
use super::wanted::WantedEntry;
use super::{logical, refuse_overlap, sector_zero};
use crate::error::{Error, Result};
use crate::unit::{ByteOffset, Lba};

/// Boot code ends where the disk signature begins.
pub(super) const CODE_BYTES: usize = 440;
/// Where the four entries stand.
pub(super) const ENTRY_PLACES: [usize; 4] = [FIRST_ENTRY, FIRST_ENTRY + 16, FIRST_ENTRY + 32, FIRST_ENTRY + 48];
const HEADS: u64 = 255;
const TRACK: u64 = 63;

/// A number of sectors in an entry's 32 bits; a larger one is written as all ones (UEFI specification 2.10, 5.2.3).
pub(super) fn count(sectors: u64) -> [u8; 4] {
    u32::try_from(sectors).unwrap_or(u32::MAX).to_le_bytes()
}

/// A sector's address as cylinder, head and sector.
fn chs(lba: u64) -> [u8; 3] {
    let cylinder = lba / (HEADS * TRACK);
    if cylinder > 1023 {
        return [254, 0xff, 0xff];
    }
    let (head, sector) = (lba / TRACK % HEADS, lba % TRACK + 1);
    [head as u8, sector as u8 | (cylinder >> 2) as u8 & 0xc0, cylinder as u8]
}

/// A new entry: `first` is the sector on the disk, `from` the same counted from where the entry counts.
pub(super) fn entry(kind: u8, active: bool, first: u64, from: u32, sectors: u32) -> [u8; ENTRY_BYTES] {
    let mut entry = [0; ENTRY_BYTES];
    entry[0] = if active { 0x80 } else { 0 };
    entry[1..4].copy_from_slice(&chs(first));
    entry[4] = kind;
    entry[5..8].copy_from_slice(&chs(first.saturating_add(u64::from(sectors)).saturating_sub(1)));
    entry[8..12].copy_from_slice(&from.to_le_bytes());
    entry[12..16].copy_from_slice(&sectors.to_le_bytes());
    entry
}

/// The entry that is wanted, counted from `base`. CHS addresses are those of the entry's own bytes, when these speak
/// of the same partition: they were made for the disk's geometry.
pub(super) fn wanted_entry(
    wanted: &WantedEntry,
    active: bool,
    base: Lba,
    sector_bytes: u32,
) -> Result<[u8; ENTRY_BYTES]> {
    let kind = usable_type(&wanted.type_id)?;
    let beyond = || {
        Error::refused(format!(
            "partition {} (byte {}, {} bytes) cannot stand in an MBR with sectors of {sector_bytes} bytes: it counts whole \
             sectors, up to 2^32",
            wanted.number, wanted.start.0, wanted.len.0
        ))
    };
    let (first, sectors) = wanted.sectors(sector_bytes).ok_or_else(beyond)?;
    let sectors = u32::try_from(sectors).map_err(|_| beyond())?;
    let from = first.checked_sub(base.0).and_then(|from| u32::try_from(from).ok()).filter(|from| *from > 0);
    let mut entry = entry(kind, active, first, from.ok_or_else(beyond)?, sectors);
    if let Ok(raw) = <[u8; ENTRY_BYTES]>::try_from(&wanted.raw[..])
        && (raw[4], &raw[12..16]) == (entry[4], &entry[12..16])
    {
        entry[1..4].copy_from_slice(&raw[1..4]);
        entry[5..8].copy_from_slice(&raw[5..8]);
    }
    Ok(entry)
}

/// Puts one entry into the MBR that is there, or into its chain of logical partitions; `own` is the entry that it
/// repairs.
pub(super) fn put_entry(draft: &mut Draft, table: &Table, wanted: &WantedEntry, own: Option<u32>) -> Result<()> {
    if matches!(super::tells(table, wanted), super::Told::Same) {
        return Ok(());
    }
    refuse_overlap(table, wanted, own)?;
    let Some((mbr, mut sector)) = sector_zero(draft.device())? else {
        return Err(Error::refused("the disk's first sector changed while it was looked at"));
    };
    // More than one active entry stops the boot code of most systems.
    let active = wanted.active && !table.entries.iter().any(|entry| entry.active && Some(entry.number) != own);
    if own.unwrap_or(wanted.number) > 4 {
        return logical::put_entry(draft, table, &mbr, (wanted, active), own);
    }
    if own.is_none() {
        refuse_frames(table, wanted)?;
    }
    let number = own.map_or_else(|| free_entry(&sector, wanted.number), Ok)?;
    let entry = wanted_entry(wanted, active, Lba(0), table.sector_bytes)?;
    let at = ENTRY_PLACES[(number as usize).clamp(1, 4) - 1];
    sector[at..at + ENTRY_BYTES].copy_from_slice(&entry);
    draft.put(ByteOffset::ZERO, &sector, format!("MBR entry {number}"))
}

/// A primary partition must not lie in an extended one.
fn refuse_frames(table: &Table, wanted: &WantedEntry) -> Result<()> {
    let end = wanted.end().unwrap_or(ByteOffset(u64::MAX));
    let mut frames = table.entries.iter().filter(|entry| entry.is_extended());
    let hit = frames.find(|frame| wanted.start < frame.end().unwrap_or(ByteOffset(u64::MAX)) && frame.start < end);
    let Some(frame) = hit else { return Ok(()) };
    Err(Error::refused(format!(
        "partition {} (bytes {} to {}) overlaps the extended partition {} of the disk's table (bytes {} to {})",
        wanted.number,
        wanted.start.0,
        end.0,
        frame.number,
        frame.start.0,
        frame.start.0.saturating_add(frame.len.0)
    ))
    .advise("Put back the whole partition table from its copy"))
}

/// The entry of its own number when that is free, else the lowest free one.
fn free_entry(sector: &[u8; SECTOR], number: u32) -> Result<u32> {
    let free = |number: &u32| (1..=4).contains(number) && !is_used(&sector[ENTRY_PLACES[*number as usize - 1]..][..16]);
    std::iter::once(number).chain(1..=4).find(free).ok_or_else(|| {
        Error::refused("all 4 entries of the partition table are in use; none is left for this partition")
            .advise("Remove a partition that is not needed, then try again")
    })
}

/// A new MBR that names this partition only, on a disk without a table.
pub(super) fn put_first(draft: &mut Draft, wanted: &WantedEntry) -> Result<()> {
    if wanted.number > 4 {
        return Err(logical::no_frame(wanted));
    }
    let known = super::read::SECTOR_SIZES.contains(&wanted.sector_bytes);
    let sector_bytes = if known { wanted.sector_bytes } else { draft.device().sector_bytes() };
    let mut sector = [0; SECTOR];
    sector[CODE_BYTES..CODE_BYTES + 4].copy_from_slice(&signature(wanted.table_id.as_deref()));
    let number = free_entry(&sector, wanted.number)?;
    let at = ENTRY_PLACES[number as usize - 1];
    sector[at..at + ENTRY_BYTES].copy_from_slice(&wanted_entry(wanted, wanted.active, Lba(0), sector_bytes)?);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    draft.put(ByteOffset::ZERO, &sector, format!("new MBR with entry {number}"))
}

/// A disk signature from its 8 hex digits, or a new one: Windows tells disks by it, and zero means none.
fn signature(id: Option<&str>) -> [u8; 4] {
    let known = id.and_then(|id| u32::from_str_radix(id, 16).ok());
    known.unwrap_or_else(|| Uuid::new_v4().as_fields().0.max(1)).to_le_bytes()
}

/// A protective MBR: one entry that covers the disk, so that systems that know no GPT take it for a full one (UEFI
/// specification 2.10, 5.2.3). The boot code and signature of a whole MBR that is there are kept.
pub(super) fn protective(today: Option<&[u8; SECTOR]>, last_lba: Lba) -> [u8; SECTOR] {
    let mut sector = [0; SECTOR];
    if let Some(today) = today {
        sector[..FIRST_ENTRY].copy_from_slice(&today[..FIRST_ENTRY]);
    }
    let entry = &mut sector[FIRST_ENTRY..FIRST_ENTRY + ENTRY_BYTES];
    entry[1..5].copy_from_slice(&[0x00, 0x02, 0x00, PROTECTIVE]);
    entry[5..9].copy_from_slice(&[0xff, 0xff, 0xff, 1]);
    entry[12..16].copy_from_slice(&count(last_lba.0));
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

/// The boot code that sector 0 shall have: see "What is kept of the disk" in [`super`].
pub(super) fn boot_code<'a>(today: Option<&'a [u8; SECTOR]>, copy: &'a [u8; SECTOR]) -> &'a [u8] {
    let whole = today.map(|sector| &sector[..CODE_BYTES]).filter(|code| code.iter().any(|byte| *byte != 0));
    whole.unwrap_or(&copy[..CODE_BYTES])
}

/// Gives a partition another type.
pub(super) fn set_type(draft: &mut Draft, table: &Table, entry: &Entry, type_id: &str) -> Result<()> {
    let kind = usable_type(type_id)?;
    let Some((mbr, mut sector)) = sector_zero(draft.device())? else {
        return Err(Error::refused("the disk's first sector is no MBR"));
    };
    if entry.number > 4 {
        return logical::set_type(draft, table, &mbr, entry, kind);
    }
    sector[ENTRY_PLACES[(entry.number as usize).clamp(1, 4) - 1] + 4] = kind;
    draft.put(ByteOffset::ZERO, &sector, format!("type of MBR entry {}", entry.number))
}

/// The type byte of a partition: none that marks an unused entry, a frame, or a GPT.
fn usable_type(type_id: &str) -> Result<u8> {
    let kind = type_byte(type_id).filter(|kind| *kind != 0 && *kind != PROTECTIVE && !is_extended(type_id));
    kind.ok_or_else(|| {
        Error::refused(format!("\"{type_id}\" is no partition type of an MBR (0x01 to 0xff, but no frame)"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_saturate_past_cylinder_1023() {
        assert_eq!(chs(0), [0, 1, 0]);
        assert_eq!(chs(2048), [32, 33, 0], "what sfdisk writes for a first partition");
        assert_eq!(chs(1024 * 255 * 63 - 1), [254, 0xff, 0xff]);
        assert_eq!(chs(1024 * 255 * 63), [254, 0xff, 0xff]);
        assert_eq!(chs(256 * 255 * 63), [0, 0x41, 0]);
        assert_eq!(chs(u64::MAX), [254, 0xff, 0xff]);
    }

    #[test]
    fn only_types_of_partitions_are_types() {
        for wrong in ["0x00", "0xee", "0x05", "0x0F", "0x0f", "0x5", "0x85"] {
            assert!(usable_type(wrong).is_err(), "{wrong}");
        }
    }
}

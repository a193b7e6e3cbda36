//! A GPT for the disk at hand: both copies of it, and the protective MBR.
//!
//! Source: UEFI specification 2.10, chapters 5.2.3 (protective MBR) and 5.3 (header, entries). The header's fields
//! are listed in [`super::super::gpt`]; of an entry:
//!
//! Offset | Size | Meaning
//! ---|---|---
//! 0 / 16 | 16 | type GUID / the partition's GUID
//! 32 / 40 | 8 | first / last sector
//! 48 | 8 | attributes
//! 56 | 72 | name, UTF-16

use uuid::Uuid;

use super::super::gpt::{Copy, ENTRY_BYTES, HEADER_BYTES, LEGACY_BOOT, SIGNATURE};
use super::super::mbr::is_used;
use super::super::read::Copies;
use super::super::{Health, Table};
use super::draft::Draft;
use super::wanted::WantedEntry;
use super::{Entry, copies, mbr, refuse_overlap, sector_zero};
use crate::error::{Error, Result};
use crate::unit::{ByteOffset, Lba};

/// Entries in a new table: 16 KiB of them, the least that the specification allows.
const NEW_ENTRIES: usize = 128;

/// A GPT as it shall stand on a disk.
#[derive(Clone, Debug)]
pub(super) struct Gpt {
    /// The header's bytes; places and checksums are filled in when it is written.
    header: Vec<u8>,
    array: Vec<u8>,
    entry_bytes: usize,
    sector_bytes: u32,
    first_usable: u64,
    last_usable: u64,
    /// Where the primary's entries stand.
    array_lba: Lba,
    /// Where the backup's header and its entries stand.
    backup_lba: Lba,
    backup_array_lba: Lba,
}

impl Gpt {
    /// The table that a whole copy holds. A primary knows where its entries are, but of its backup only the
    /// header's place; a backup knows of itself only.
    pub(super) fn of(copy: &Copy) -> Self {
        let is_primary = copy.own_lba() == Lba(1);
        let (first_usable, last_usable) = copy.usable_sectors();
        let mut gpt = Self {
            header: copy.header_bytes().to_vec(),
            array: copy.array().to_vec(),
            entry_bytes: copy.entry_bytes(),
            sector_bytes: copy.sector_bytes(),
            first_usable,
            last_usable,
            array_lba: if is_primary { copy.array_lba() } else { Lba(2) },
            backup_lba: if is_primary { copy.other_lba() } else { copy.own_lba() },
            backup_array_lba: copy.array_lba(),
        };
        if is_primary {
            gpt.backup_array_lba = Lba(gpt.backup_lba.0.saturating_sub(gpt.array_sectors()));
        }
        gpt
    }

    /// The disk's own table, with its backup where it is, if it is whole; else at the disk's end.
    fn of_disk(copies: &Copies) -> Option<Self> {
        let mut gpt = Self::of(copies.primary.as_ref().or(copies.backup.as_ref()).ok()?);
        match &copies.backup {
            Ok(backup) if copies.primary.is_err() || gpt.backup_lba == backup.own_lba() => {
                gpt.backup_lba = backup.own_lba();
                gpt.backup_array_lba = backup.array_lba();
            }
            _ => gpt.settle(copies.last_lba, None),
        }
        Some(gpt)
    }

    /// A table without entries, for a disk with this last sector.
    fn fresh(disk: Uuid, last_lba: Lba, sector_bytes: u32) -> Self {
        let array = vec![0; NEW_ENTRIES * ENTRY_BYTES];
        let mut header = vec![0; HEADER_BYTES];
        header[..8].copy_from_slice(SIGNATURE);
        header[8..12].copy_from_slice(&[0, 0, 1, 0]);
        header[12..16].copy_from_slice(&(HEADER_BYTES as u32).to_le_bytes());
        header[56..72].copy_from_slice(&disk.to_bytes_le());
        header[80..84].copy_from_slice(&(NEW_ENTRIES as u32).to_le_bytes());
        header[84..88].copy_from_slice(&(ENTRY_BYTES as u32).to_le_bytes());
        let mut gpt = Self {
            header,
            array,
            entry_bytes: ENTRY_BYTES,
            sector_bytes,
            first_usable: 0,
            last_usable: 0,
            array_lba: Lba(2),
            backup_lba: Lba(0),
            backup_array_lba: Lba(0),
        };
        gpt.first_usable = 2 + gpt.array_sectors();
        gpt.settle(last_lba, None);
        gpt
    }

    fn array_sectors(&self) -> u64 {
        (self.array.len() as u64).div_ceil(u64::from(self.sector_bytes.max(1)))
    }

    /// Puts the backup at the disk's end. The last usable sector is renewed when the end is another one than before,
    /// and lowered when the backup needs it. `kept` is where the backup's entries were, for a backup whose header stays.
    pub(super) fn settle(&mut self, last_lba: Lba, kept: Option<Lba>) {
        let sectors = self.array_sectors();
        let moved = self.backup_lba != last_lba;
        let before = Lba(last_lba.0.saturating_sub(sectors));
        let room = |at: &Lba| at.0 > self.last_usable && at.0 <= before.0;
        self.backup_array_lba = kept.filter(|at| !moved && room(at)).unwrap_or(before);
        self.backup_lba = last_lba;
        let reach = self.backup_array_lba.0.saturating_sub(1);
        self.last_usable = if moved { reach } else { self.last_usable.min(reach) };
    }

    /// Refuses a place that this table does not reach, with the numbers.
    fn check_usable(&self, number: u32, first: u64, sectors: u64) -> Result<()> {
        let last = first.saturating_add(sectors).saturating_sub(1);
        if first >= self.first_usable && last <= self.last_usable {
            return Ok(());
        }
        Err(Error::refused(format!(
            "partition {number} takes the sectors {first} to {last} of {} bytes, but on this disk partitions may use only \
             {} to {}",
            self.sector_bytes, self.first_usable, self.last_usable
        ))
        .advise("The disk is smaller than the one that the partition was on, or its table leaves other room"))
    }

    /// Refuses a table that contradicts itself or does not fit the disk: what it is made of must not lie in
    /// one of its partitions, and these must end before the backup.
    pub(super) fn check(&self, entries: &[Entry]) -> Result<()> {
        let unit = u64::from(self.sector_bytes);
        let sectors = self.array_sectors();
        let own_end = self.array_lba.0.saturating_add(sectors);
        let apart =
            own_end <= self.backup_array_lba.0 && self.backup_array_lba.0.saturating_add(sectors) <= self.backup_lba.0;
        if self.array_lba.0 < 2 || !apart || self.first_usable > self.last_usable {
            return Err(Error::refused(format!(
                "the disk is too small for the partition table: its entries need {sectors} sectors of {unit} bytes twice, \
                 and the disk's last sector is {}",
                self.backup_lba.0
            )));
        }
        for entry in entries {
            let (first, end) = (entry.start.0 / unit, entry.end().map_or(u64::MAX, |end| end.0.div_ceil(unit)));
            let free = first >= 2 && (first >= own_end || end <= self.array_lba.0);
            if !free {
                return Err(Error::refused(format!(
                    "the partition table itself (sectors up to {}) lies in partition {} (sectors {first} to {})",
                    own_end - 1,
                    entry.number,
                    end.saturating_sub(1)
                )));
            }
            if end > self.backup_array_lba.0 {
                return Err(Error::refused(format!(
                    "partition {} ends with sector {}, but the last one that partitions may use on this disk is {} (sectors of \
                     {unit} bytes)",
                    entry.number,
                    end.saturating_sub(1),
                    self.last_usable
                ))
                .advise("The disk is smaller than the one that the table was made for; take one that is as large"));
            }
        }
        Ok(())
    }

    /// A header for one copy: places and checksums filled in, up to the end of its sector.
    fn sealed(&self, own: Lba, other: Lba, array: Lba) -> Vec<u8> {
        let mut header = self.header.clone();
        let mut field = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        field(16, &[0; 4]);
        field(24, &own.0.to_le_bytes());
        field(32, &other.0.to_le_bytes());
        field(40, &self.first_usable.to_le_bytes());
        field(48, &self.last_usable.to_le_bytes());
        field(72, &array.0.to_le_bytes());
        field(88, &crc32fast::hash(&self.array).to_le_bytes());
        let crc = crc32fast::hash(&header);
        header[16..20].copy_from_slice(&crc.to_le_bytes());
        // The rest of the sector is reserved and has to be zero.
        header.resize(self.sector_bytes as usize, 0);
        header
    }

    /// The bytes of the primary: header and entries, with their places.
    pub(super) fn primary(&self) -> Result<[(ByteOffset, Vec<u8>); 2]> {
        let header = self.sealed(Lba(1), self.backup_lba, self.array_lba);
        Ok([(self.place(Lba(1))?, header), (self.place(self.array_lba)?, self.array.clone())])
    }

    /// Where the backup's entries stand.
    pub(super) fn backup_array_lba(&self) -> Lba {
        self.backup_array_lba
    }

    fn place(&self, lba: Lba) -> Result<ByteOffset> {
        lba.to_bytes(self.sector_bytes)
            .ok_or_else(|| Error::damaged(format!("the partition table speaks of sector {}, past any disk", lba.0)))
    }

    /// Adds the writes that put both copies and then sector 0 on the disk; see the order in [`super`].
    pub(super) fn write(&self, draft: &mut Draft, today: &Copies, sector: &[u8; mbr::SECTOR]) -> Result<()> {
        let [(header_at, header), (array_at, array)] = self.primary()?;
        let sealed = self.sealed(self.backup_lba, Lba(1), self.backup_array_lba);
        let (backup_at, backup_array_at) = (self.place(self.backup_lba)?, self.place(self.backup_array_lba)?);
        let primary_first = today.primary.is_err() && today.backup.is_ok();
        if primary_first {
            draft.put(array_at, &array, "GPT entries")?;
            draft.put(header_at, &header, "GPT header")?;
        }
        draft.put(backup_array_at, &array, "backup GPT entries")?;
        draft.put(backup_at, &sealed, "backup GPT header")?;
        if !primary_first {
            draft.put(array_at, &array, "GPT entries")?;
            draft.put(header_at, &header, "GPT header")?;
        }
        draft.put(ByteOffset::ZERO, sector, "protective MBR")
    }

    /// Writes the disk's own table after a change. A missing protective MBR is made anew; a hybrid one stays.
    fn renew(&self, draft: &mut Draft, table: &Table, copies: &Copies) -> Result<()> {
        self.check(&table.entries)?;
        let sector = match sector_zero(draft.device())? {
            Some((mbr, sector)) if mbr.is_protective() => sector,
            today => mbr::protective(today.as_ref().map(|(_, sector)| sector), copies.last_lba),
        };
        self.write(draft, copies, &sector)
    }

    /// The slots' bytes; the first one is number 1.
    fn slots(&self) -> impl Iterator<Item = &[u8]> {
        self.array.chunks_exact(self.entry_bytes)
    }

    fn is_free(&self, number: u32) -> bool {
        let slot = (number as usize).checked_sub(1).and_then(|at| self.slots().nth(at));
        slot.is_some_and(|slot| slot[..16] == [0; 16])
    }

    /// The slot for an entry: its own number's when that is free, else the lowest free one.
    fn free_slot(&self, number: u32) -> Result<u32> {
        let count = (self.array.len() / self.entry_bytes) as u32;
        let mut slots = std::iter::once(number).chain(1..=count);
        slots.find(|slot| self.is_free(*slot)).ok_or_else(|| {
            Error::refused(format!(
                "all {count} entries of the partition table are in use; none is left for this partition"
            ))
            .advise("Remove a partition that is not needed, then try again")
        })
    }

    /// Writes an entry into its slot: place, type and id from what is wanted; the rest (attributes, name) from the
    /// entry's own bytes when there are any, else from the words.
    fn fill(&mut self, number: u32, wanted: &WantedEntry, first: u64, sectors: u64) -> Result<()> {
        let kind = type_guid(&wanted.type_id)?;
        let mut raw = wanted.raw.clone();
        let known = raw.len() >= ENTRY_BYTES;
        raw.resize(self.entry_bytes, 0);
        if !known {
            raw[48..].fill(0);
            raw[48..56].copy_from_slice(&(if wanted.active { LEGACY_BOOT } else { 0 }).to_le_bytes());
            let units = wanted.name.as_deref().unwrap_or_default().encode_utf16().take(36);
            for (unit, at) in units.zip((56..).step_by(2)) {
                raw[at..at + 2].copy_from_slice(&unit.to_le_bytes());
            }
        }
        raw[..16].copy_from_slice(&kind.to_bytes_le());
        raw[16..32].copy_from_slice(&wanted.guid().unwrap_or_else(Uuid::new_v4).to_bytes_le());
        raw[32..40].copy_from_slice(&first.to_le_bytes());
        raw[40..48].copy_from_slice(&first.saturating_add(sectors).saturating_sub(1).to_le_bytes());
        let at = (number as usize).saturating_sub(1) * self.entry_bytes;
        if let Some(slot) = self.array.get_mut(at..at + self.entry_bytes) {
            slot.copy_from_slice(&raw);
        }
        Ok(())
    }
}

/// Puts one entry into the GPT that is there; `own` is the slot that it repairs.
pub(super) fn put_entry(draft: &mut Draft, table: &Table, wanted: &WantedEntry, own: Option<u32>) -> Result<()> {
    let copies = copies(draft.device())?;
    let Some(mut gpt) = Gpt::of_disk(&copies) else { return put_first(draft, wanted) };
    if table.health == Health::Damaged {
        return Err(Error::refused(format!("the disk's partition table cannot be used: {}", table.notes.join("; ")))
            .advise("Put back the whole partition table from its copy"));
    }
    refuse_overlap(table, wanted, own)?;
    let named = matches!(super::tells(table, wanted), super::Told::Same);
    if !named {
        let (first, sectors) = whole_sectors(wanted, gpt.sector_bytes)?;
        if gpt.check_usable(wanted.number, first, sectors).is_err() {
            // The disk may have grown since the table was made: its end is where it is today.
            gpt.settle(copies.last_lba, Some(gpt.backup_array_lba));
        }
        gpt.check_usable(wanted.number, first, sectors)?;
        let number = own.map_or_else(|| gpt.free_slot(wanted.number), Ok)?;
        gpt.fill(number, wanted, first, sectors)?;
    }
    gpt.renew(draft, table, &copies)
}

/// A new GPT that names this partition only, on a disk without a table or with one that is damaged beyond use.
pub(super) fn put_first(draft: &mut Draft, wanted: &WantedEntry) -> Result<()> {
    let device = draft.device();
    let known = super::read::SECTOR_SIZES.contains(&wanted.sector_bytes);
    let sector_bytes = if known { wanted.sector_bytes } else { device.sector_bytes() };
    let last_lba = Lba((device.len().0 / u64::from(sector_bytes.max(1))).saturating_sub(1));
    let disk = wanted.table_id.as_deref().and_then(|id| Uuid::parse_str(id).ok());
    let mut gpt = Gpt::fresh(disk.unwrap_or_else(Uuid::new_v4), last_lba, sector_bytes);
    gpt.check(&[])?;
    let (first, sectors) = whole_sectors(wanted, sector_bytes)?;
    gpt.check_usable(wanted.number, first, sectors)?;
    let number = gpt.free_slot(wanted.number)?;
    gpt.fill(number, wanted, first, sectors)?;
    let today = sector_zero(device)?;
    let sector = mbr::protective(today.as_ref().map(|(_, sector)| sector), last_lba);
    gpt.write(draft, &copies(device)?, &sector)
}

/// Gives a partition another type, in both copies.
pub(super) fn set_type(draft: &mut Draft, table: &Table, entry: &Entry, type_id: &str) -> Result<()> {
    let kind = type_guid(type_id)?;
    let copies = copies(draft.device())?;
    let gpt = Gpt::of_disk(&copies).filter(|_| table.health != Health::Damaged);
    let Some(mut gpt) = gpt else {
        return Err(Error::refused("the disk's partition table is damaged; no type can be changed in it"));
    };
    let at = (entry.number as usize).saturating_sub(1) * gpt.entry_bytes;
    if let Some(field) = gpt.array.get_mut(at..at + 16) {
        field.copy_from_slice(&kind.to_bytes_le());
    }
    gpt.renew(draft, table, &copies)
}

/// The protective MBR of a table that is put back on this disk: boot code of the disk, the rest of the copy. The entry
/// that covered the whole old disk covers the whole new one.
pub(super) fn renewed(copy: &[u8; mbr::SECTOR], code: &[u8], old_last: Lba, last_lba: Lba) -> [u8; mbr::SECTOR] {
    let mut sector = *copy;
    sector[..mbr::CODE_BYTES].copy_from_slice(code);
    for at in mbr::ENTRY_PLACES {
        let entry = &mut sector[at..at + 16];
        let covers = entry[8..12] == [1, 0, 0, 0] && entry[12..16] == mbr::count(old_last.0);
        if is_used(entry) && entry[4] == super::super::mbr::PROTECTIVE && covers {
            entry[12..16].copy_from_slice(&mbr::count(last_lba.0));
        }
    }
    sector
}

fn whole_sectors(wanted: &WantedEntry, sector_bytes: u32) -> Result<(u64, u64)> {
    wanted.sectors(sector_bytes).ok_or_else(|| {
        Error::refused(format!(
            "partition {} (byte {}, {} bytes) does not begin and end with a sector of the table, which has {sector_bytes} bytes",
            wanted.number, wanted.start.0, wanted.len.0
        ))
    })
}

fn type_guid(type_id: &str) -> Result<Uuid> {
    let guid = Uuid::parse_str(type_id).ok().filter(|guid| !guid.is_nil());
    guid.ok_or_else(|| {
        Error::refused(format!("\"{type_id}\" is no partition type of a GPT (a GUID that is not all zeros)"))
    })
}

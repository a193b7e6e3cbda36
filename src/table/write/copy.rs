//! A disk's partition table, kept to be put back as a whole.

use serde::{Deserialize, Serialize};

use super::super::gpt::{self as read_gpt, MAX_ARRAY_BYTES, SIGNATURE};
use super::super::mbr::{MAX_LINKS, Mbr};
use super::super::read::{self, Copies};
use super::super::{Entry, Health, Kind, Table};
use super::draft::{Draft, SectorWrite, made_of};
use super::gpt::{Gpt, renewed};
use super::{copies, hex, mbr, refuse_whole_volume, sector_zero};
use crate::bytes::u64_at;
use crate::device::{SharedDevice, read_array, read_vec};
use crate::error::{Error, Result};
use crate::unit::{ByteLen, ByteOffset, Lba};

/// The bytes that make up a partition table, kept to be put back by [`put_back`].
///
/// Of a GPT: sector 0, the primary header and its entries; the backup follows from them. Of an MBR: sector 0 and each
/// link of the chain of logical partitions. Boot code in sector 0 is kept with it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TableCopy {
    /// Which kind of table.
    pub kind: Kind,
    /// The disk's GUID, or signature.
    pub id: Option<String>,
    /// The sector size the table is written for.
    pub sector_bytes: u32,
    /// The length of the disk it is of.
    pub disk_bytes: ByteLen,
    /// GPT: the sector at which the backup's entries stood, when they did not end right before its header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_entries_lba: Option<Lba>,
    /// The bytes, by place. In links only the first 512 bytes of a sector count.
    pub parts: Vec<TablePart>,
}

/// Bytes of a table, and where on the disk they stood.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TablePart {
    /// Where on the disk.
    pub offset: ByteOffset,
    /// The bytes, without the zeros at their end; in hex where this is written as text.
    #[serde(with = "hex")]
    pub bytes: Vec<u8>,
}

impl TablePart {
    fn new(offset: ByteOffset, bytes: &[u8]) -> Self {
        let len = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        Self { offset, bytes: bytes[..len].to_vec() }
    }
}

/// Keeps the disk's partition table. `None` where there is none, and where it is damaged beyond use: there is then
/// nothing that could be put back.
///
/// # Errors
/// When the disk cannot be read.
pub fn capture(device: &SharedDevice) -> Result<Option<TableCopy>> {
    let table = read::read(device)?;
    let usable = table.kind != Kind::None && table.health != Health::Damaged;
    if !usable {
        return Ok(None);
    }
    let sector: [u8; mbr::SECTOR] = read_array(device, ByteOffset::ZERO)?;
    let mut copy = TableCopy {
        kind: table.kind,
        id: table.id,
        sector_bytes: table.sector_bytes,
        disk_bytes: device.len(),
        backup_entries_lba: None,
        parts: vec![TablePart::new(ByteOffset::ZERO, &sector)],
    };
    if copy.kind == Kind::Mbr {
        for link in Mbr::parse(&sector).iter().flat_map(|mbr| mbr.links(device, table.sector_bytes)) {
            let Some(place) = link.at.to_bytes(table.sector_bytes) else { continue };
            copy.parts.push(TablePart::new(place, &link.sector));
        }
        return Ok(Some(copy));
    }
    let copies = copies(device)?;
    let Some(gpt) = copies.primary.as_ref().or(copies.backup.as_ref()).ok().map(Gpt::of) else { return Ok(None) };
    copy.parts.extend(gpt.primary()?.iter().map(|(place, bytes)| TablePart::new(*place, bytes)));
    copy.backup_entries_lba =
        copies.backup.ok().map(|backup| backup.array_lba()).filter(|at| *at != gpt.backup_array_lba());
    Ok(Some(copy))
}

/// Works out how to put a whole table back on this disk. Empty when the disk's table says so already.
///
/// A GPT's backup goes to the end of *this* disk, which may have another length than the one the copy is of; the last
/// usable sector and the protective MBR are renewed then. What else is kept of the disk, and the order of the writes:
/// see the module `table::write`.
///
/// # Errors
/// - `Refused`, with the numbers: a partition does not fit this disk, or the disk as a whole is a volume.
/// - `Corrupt`: the copy contradicts itself.
/// - `Io`, when the disk cannot be read.
pub fn put_back(device: &SharedDevice, copy: &TableCopy) -> Result<Vec<SectorWrite>> {
    let (kept, table) = copy.open()?;
    let today = read::read(device)?;
    refuse_whole_volume(device, &today)?;
    refuse_beyond(device, &table.entries)?;
    let mut draft = Draft::new(device);
    match copy.kind {
        Kind::Gpt => put_gpt(&mut draft, copy, &kept, &table)?,
        _ => put_mbr(&mut draft, copy, &kept, &table, today.kind)?,
    }
    let after = read::read(&draft.after(copy.sector_bytes))?;
    let same = after.kind == table.kind && after.id == table.id && after.entries == table.entries;
    if !same {
        return Err(broken("it does not read as the same table when it is put back"));
    }
    Ok(draft.into_writes())
}

impl TableCopy {
    /// The table that the copy holds.
    ///
    /// # Errors
    /// `Corrupt`, when the copy contradicts itself.
    pub fn table(&self) -> Result<Table> {
        self.open().map(|(_, table)| table)
    }

    /// The copy as a disk with nothing else on it, and what reading says of it: so a copy, which may be a stranger's,
    /// is believed no more than a disk is.
    fn open(&self) -> Result<(SharedDevice, Table)> {
        if !read::SECTOR_SIZES.contains(&self.sector_bytes) {
            return Err(broken(format!("it claims sectors of {} bytes", self.sector_bytes)));
        }
        let bytes: u64 = self.parts.iter().map(|part| part.bytes.len() as u64).sum();
        if self.parts.len() > MAX_LINKS + 4 || bytes > 2 * MAX_ARRAY_BYTES {
            return Err(broken(format!("it claims {} parts with {bytes} bytes", self.parts.len())));
        }
        let parts: Vec<_> = self.parts.iter().map(|part| (part.offset, &part.bytes[..])).collect();
        let device = made_of(&parts, self.disk_bytes, self.sector_bytes);
        let table = read::read(&device)?;
        let whole = table.kind == self.kind
            && table.kind != Kind::None
            && table.health != Health::Damaged
            && table.sector_bytes == self.sector_bytes;
        if !whole {
            return Err(broken(format!("it holds no {} that can be used", self.kind.name())));
        }
        Ok((device, table))
    }
}

fn broken(reason: impl std::fmt::Display) -> Error {
    Error::damaged(format!("the copy of the partition table is damaged: {reason}"))
        .advise("Take another copy of it, or put back the partition's entry alone")
}

/// Refuses partitions that reach past the disk, with the numbers.
fn refuse_beyond(device: &SharedDevice, entries: &[Entry]) -> Result<()> {
    let past = |entry: &&Entry| entry.end().is_none_or(|end| end.0 > device.len().0);
    let Some(entry) = entries.iter().find(past) else { return Ok(()) };
    Err(Error::refused(format!(
        "partition {} begins at byte {} and has {} bytes, but the disk has only {}",
        entry.number,
        entry.start.0,
        entry.len.0,
        device.len().0
    ))
    .advise("The disk is smaller than the one that the table was made for; take one that is as large"))
}

fn put_gpt(draft: &mut Draft, copy: &TableCopy, kept: &SharedDevice, table: &Table) -> Result<()> {
    let device = draft.device();
    let primary =
        read_gpt::Copy::read(kept, Lba(1), copy.sector_bytes).map_err(|_| broken("its header is not whole"))?;
    let mut gpt = Gpt::of(&primary);
    let last_lba = Lba((device.len().0 / u64::from(copy.sector_bytes)).saturating_sub(1));
    gpt.settle(last_lba, copy.backup_entries_lba);
    gpt.check(&table.entries)?;
    let old: [u8; mbr::SECTOR] = read_array(kept, ByteOffset::ZERO)?;
    let today = sector_zero(device)?;
    let today = today.as_ref().map(|(_, sector)| sector);
    let sector = if Mbr::parse(&old).is_some_and(|mbr| mbr.is_protective()) {
        renewed(&old, mbr::boot_code(today, &old), primary.other_lba(), last_lba)
    } else {
        mbr::protective(today, last_lba)
    };
    gpt.write(draft, &copies(device)?, &sector)
}

fn put_mbr(draft: &mut Draft, copy: &TableCopy, kept: &SharedDevice, table: &Table, today: Kind) -> Result<()> {
    let old: [u8; mbr::SECTOR] = read_array(kept, ByteOffset::ZERO)?;
    let Some(record) = Mbr::parse(&old) else { return Err(broken("its sector 0 is no MBR")) };
    let links = record.links(kept, copy.sector_bytes);
    for link in links.iter().rev() {
        let place = link.at.to_bytes(copy.sector_bytes).ok_or_else(|| broken("a link lies past any disk"))?;
        let end = place.0.saturating_add(mbr::SECTOR as u64);
        let mut volumes = table.entries.iter().filter(|entry| !entry.is_extended());
        if volumes.any(|entry| entry.start.0 < end && entry.end().is_none_or(|other| place < other)) {
            return Err(broken(format!("the link at sector {} lies in a partition", link.at.0)));
        }
        draft.put(place, &link.sector, format!("link at sector {} of the chain of logical partitions", link.at.0))?;
    }
    let mut sector = old;
    let today_sector = sector_zero(draft.device())?;
    sector[..mbr::CODE_BYTES].copy_from_slice(mbr::boot_code(today_sector.as_ref().map(|(_, sector)| sector), &old));
    draft.put(ByteOffset::ZERO, &sector, "MBR")?;
    if today == Kind::Gpt { clear_gpt(draft, table) } else { Ok(()) }
}

/// Clears the headers of a GPT that an MBR has replaced, where they lie in none of its partitions: other systems may
/// take them for a table that counts.
fn clear_gpt(draft: &mut Draft, table: &Table) -> Result<()> {
    let found: Copies = copies(draft.device())?;
    for (lba, what) in [(Lba(1), "header of the GPT that was replaced"), (found.backup_lba, "its backup header")] {
        let Some(place) = lba.to_bytes(found.sector_bytes) else { continue };
        let Ok(bytes) = read_vec(draft.device(), place, found.sector_bytes as usize) else { continue };
        let end = place.0.saturating_add(u64::from(found.sector_bytes));
        let free =
            !table.entries.iter().any(|entry| entry.start.0 < end && entry.end().is_none_or(|last| place < last));
        if bytes.starts_with(SIGNATURE) && u64_at(&bytes, 24) == Some(lba.0) && free {
            draft.put(place, &vec![0; bytes.len()], what)?;
        }
    }
    Ok(())
}
